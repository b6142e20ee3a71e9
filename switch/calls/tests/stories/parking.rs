//! Calls that are parked: sent to a number where they wait with music until somebody dials it, wherever that is.

use std::time::Duration;

use calls::{Input, SwitchboardConfig};
use contract::{
    availability::Person,
    command::{Command, Outcome},
    id::{OrgId, UserId},
};
use sip::OwnedMessage;
use streams::media::MediaEvent;

use crate::{
    codecs::transcoding,
    desk::{
        Caller, DOMAIN, Desk, Phone,
        asking::lamps,
        body, header, id, lease,
        sound::{direction, formats, heard, is_joined, media_of},
    },
};

const MUSIC: &str = "*music/default";

/// Sari (lease 0) has called Budi (lease 1); Citra has a phone.
struct Scene {
    desk: Desk,
    sari: Phone,
    budi: Phone,
    citra: Phone,
    caller: Caller,
    to_budi: OwnedMessage,
}

impl Scene {
    fn talking() -> Self {
        let mut desk = Desk::mortal_with(SwitchboardConfig { hold_music: true, ..transcoding() });
        let [sari, budi] = desk.two();
        let citra = desk.phone("1003", "198.51.100.3:5060");
        let (caller, to_budi) = desk.talk(&sari, &budi, "1002");
        Self { desk, sari, budi, citra, caller, to_budi }
    }

    /// Budi sends Sari to a number.
    #[track_caller]
    fn budi_refers(&mut self, number: &str) {
        let refer_to = format!("Refer-To: <sip:{number}@{DOMAIN}>\r\nRefer-Sub: false\r\n");
        let refer = self.budi.request("REFER", 1, &self.to_budi, &refer_to, None);
        self.desk.from(&self.budi, &refer);
        self.desk.expect(&self.budi, "SIP/2.0 202");
    }

    /// Budi is told where the call is, and let go.
    #[track_caller]
    fn is_parked_at(&mut self, slot: &str) {
        let message = self.desk.expect(&self.budi, "MESSAGE");
        assert_eq!(body(&message), format!("Panggilan diparkir di {slot}."));
        self.desk.from(&self.budi, &self.budi.respond(&message, 200, None));
        let bye = self.desk.expect(&self.budi, "BYE");
        self.desk.from(&self.budi, &self.budi.respond(&bye, 200, None));
        assert_eq!(heard(&self.desk, 0), MUSIC);
        self.desk.silent(&self.sari);
    }

    fn parked() -> Self {
        let mut scene = Self::talking();
        scene.budi_refers("700");
        scene.is_parked_at("701");
        scene
    }

    /// Citra dials a slot and has the call, on this lease; both are told who they talk to.
    #[track_caller]
    fn citra_takes_it(&mut self, number: &str, lease: u32) -> Caller {
        let mut relief = self.desk.dial(&self.citra, number, Some(&self.citra.sdp()));
        let ok = self.desk.expect(&self.citra, "SIP/2.0 200");
        let ack = relief.ack(&ok, None);
        self.desk.from(&self.citra, &ack);
        let reinvite = self.desk.expect(&self.sari, "INVITE");
        assert_eq!(direction(&reinvite), "sendrecv");
        assert!(header(&reinvite, "P-Asserted-Identity").unwrap().contains("sip:1003@"));
        let ok = self.caller.respond(&reinvite, 200, Some(&self.sari.sdp()));
        self.desk.from(&self.sari, &ok);
        self.desk.expect(&self.sari, "ACK");
        let reinvite = self.desk.expect(&self.citra, "INVITE");
        assert!(header(&reinvite, "P-Asserted-Identity").unwrap().contains("sip:1001@"));
        let ok = relief.respond(&reinvite, 200, Some(&self.citra.sdp()));
        self.desk.from(&self.citra, &ok);
        self.desk.expect(&self.citra, "ACK");
        assert!(is_joined(&self.desk, 0, lease));
        assert_eq!(heard(&self.desk, 0), "");
        relief
    }

    /// Sari's phone asks for something, and is answered by the switch alone.
    #[track_caller]
    fn sari_asks(&mut self, method: &str, sdp: Option<&str>) -> OwnedMessage {
        let request = self.caller.request(method, "", sdp);
        self.desk.from(&self.sari, &request);
        if method == "INVITE" {
            self.desk.expect(&self.sari, "SIP/2.0 100");
        }
        self.desk.expect(&self.sari, "SIP/2.0 200")
    }

    /// The time is over: Budi's phone rings, as a call of Sari's.
    #[track_caller]
    fn comes_back(&mut self) -> OwnedMessage {
        self.desk.wait(Duration::from_secs(90));
        let invite = self.desk.expect(&self.budi, "INVITE");
        assert!(header(&invite, "From").unwrap().contains("sip:1001@"));
        self.desk.from(&self.budi, &self.budi.respond(&invite, 180, None));
        invite
    }
}

#[test]
fn a_parked_call_is_taken_where_it_is_dialled() {
    let mut scene = Scene::parked();
    let before = ["created", "ringing", "answered(3)", "transfer(3)"];
    assert_eq!(scene.desk.events(), before);
    assert_eq!(scene.desk.number_of("transfer").as_deref(), Some("701"));
    scene.citra_takes_it("701", 2);
    let citra = scene.citra.clone();
    scene.desk.hang_up(&mut scene.caller, &citra);
    assert_eq!(scene.desk.events(), [&before[..], &["transfer_answered(4)", "ended"]].concat());
    scene.desk.rest();
}

#[test]
fn without_a_slot_the_first_one_is_parked_and_the_oldest_taken() {
    let mut scene = Scene::parked();
    scene.desk.wait(Duration::from_secs(1));
    let dewi = scene.desk.phone("u0", "198.51.100.4:5060");
    let (mut second, to_budi) = scene.desk.talk(&dewi, &scene.budi, "1002");
    let refer = format!("Refer-To: <sip:700@{DOMAIN}>\r\nRefer-Sub: false\r\n");
    let refer = scene.budi.request("REFER", 2, &to_budi, &refer, None);
    scene.desk.from(&scene.budi, &refer);
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    assert_eq!(body(&scene.desk.expect(&scene.budi, "MESSAGE")), "Panggilan diparkir di 702.");
    scene.desk.expect(&scene.budi, "BYE");
    scene.citra_takes_it("700", 4);
    scene.desk.goes(&mut second);
    assert_eq!(scene.desk.live.len(), 1, "the other one has been let go");
}

#[test]
fn where_one_is_parked_another_is_not() {
    let mut scene = Scene::parked();
    let parked = *scene.desk.live.keys().next().unwrap();
    let dewi = scene.desk.phone("u0", "198.51.100.4:5060");
    scene.desk.talk(&dewi, &scene.budi, "1002");
    let call = *scene.desk.live.keys().find(|call| **call != parked).unwrap();
    let mut order = |to: &str| {
        scene.desk.tell(calls::Input::Command(Command::Transfer { call, leg: None, to: to.into() }));
        scene.desk.outcomes.pop()
    };
    assert_eq!(order("701"), Some(Outcome::NotThere));
    assert_eq!(order("703"), Some(Outcome::Done));
    assert_eq!(body(&scene.desk.expect(&scene.budi, "MESSAGE")), "Panggilan diparkir di 703.");
}

#[test]
fn whoever_dials_where_nothing_is_parked_is_told_so() {
    let mut desk = Desk::new();
    let [sari, _] = desk.two();
    desk.dial(&sari, "705", Some(&sari.sdp()));
    let refusal = desk.expect(&sari, "SIP/2.0 480");
    assert!(header(&refusal, "Warning").is_none_or(|text| !text.contains("unknown")));
    assert_eq!(desk.detail("failed"), "nothing_parked/480");
}

#[test]
fn nobody_takes_it_and_it_rings_where_it_came_from() {
    let mut scene = Scene::parked();
    let invite = scene.comes_back();
    scene.desk.from(&scene.budi, &scene.budi.respond(&invite, 200, Some(&scene.budi.sdp())));
    scene.desk.expect(&scene.budi, "ACK");
    let reinvite = scene.desk.expect(&scene.sari, "INVITE");
    let ok = scene.caller.respond(&reinvite, 200, Some(&scene.sari.sdp()));
    scene.desk.from(&scene.sari, &ok);
    scene.desk.expect(&scene.sari, "ACK");
    assert_eq!(heard(&scene.desk, 0), "");
    let budi = scene.budi.clone();
    scene.desk.hang_up(&mut scene.caller, &budi);
    assert_eq!(
        scene.desk.events()[3..],
        [
            "transfer(3)",
            "transfer_no_answer",
            "transfer(3)",
            "transfer_ringing",
            "transfer_answered(3)",
            "ended"
        ]
    );
    scene.desk.rest();
}

#[test]
fn who_does_not_want_it_back_leaves_it_where_it_is() {
    let mut scene = Scene::parked();
    for _ in 0..2 {
        let invite = scene.comes_back();
        scene.desk.from(&scene.budi, &scene.budi.respond(&invite, 486, None));
        scene.desk.expect(&scene.budi, "ACK");
        assert_eq!(heard(&scene.desk, 0), MUSIC);
    }
    scene.citra_takes_it("701", 4);
}

/// It is theirs, and nobody else has it (decision 0046).
#[test]
fn it_comes_back_to_one_who_does_not_want_to_be_disturbed() {
    let mut scene = Scene::parked();
    let (org, person) = (OrgId(id(1)), Person::User(UserId(id(12))));
    scene.desk.tell(Input::Command(Command::DoNotDisturb { org, person, is_on: true }));
    assert_eq!(scene.desk.outcomes.pop(), Some(Outcome::Done));
    let invite = scene.comes_back();
    scene.desk.from(&scene.budi, &scene.budi.respond(&invite, 486, None));
    scene.desk.expect(&scene.budi, "ACK");
    scene.desk.goes(&mut scene.caller);
    scene.desk.rest();
}

#[test]
fn it_is_taken_while_it_rings_where_it_came_from() {
    let mut scene = Scene::parked();
    let invite = scene.comes_back();
    let mut relief = scene.desk.dial(&scene.citra, "701", Some(&scene.citra.sdp()));
    let cancel = scene.desk.expect(&scene.budi, "CANCEL");
    assert!(header(&cancel, "Reason").unwrap().contains("Call completed elsewhere"));
    scene.desk.from(&scene.budi, &scene.budi.respond(&cancel, 200, None));
    scene.desk.from(&scene.budi, &scene.budi.respond(&invite, 487, None));
    scene.desk.expect(&scene.budi, "ACK");
    let ok = scene.desk.expect(&scene.citra, "SIP/2.0 200");
    let ack = relief.ack(&ok, None);
    scene.desk.from(&scene.citra, &ack);
    assert_eq!(scene.desk.detail("transfer_answered"), "-/-");
}

#[test]
fn the_one_who_waits_hangs_up() {
    let mut scene = Scene::parked();
    scene.desk.goes(&mut scene.caller);
    assert_eq!(scene.desk.events()[3..], ["transfer(3)", "transfer_canceled(2)", "ended"]);
    scene.desk.rest();
}

/// Each of these was a 491 as long as the call was parked, which is without an end.
#[test]
fn whoever_waits_in_a_slot_may_move_hold_and_ask_for_an_offer() {
    let mut scene = Scene::parked();
    let (waits, hold) = (scene.sari.sdp(), scene.sari.sdp_with("sendonly"));
    let moved = waits.replace("c=IN IP4 198.51.100.1", "c=IN IP4 198.51.100.77");
    for (said, answered, address) in [
        (&moved, "sendrecv", "198.51.100.77"),
        (&hold, "recvonly", "198.51.100.1"),
        (&waits, "sendrecv", "198.51.100.1"),
    ] {
        let ok = scene.sari_asks("INVITE", Some(said));
        assert_eq!(direction(&ok), answered);
        let ack = scene.caller.ack(&ok, None);
        scene.desk.from(&scene.sari, &ack);
        assert_eq!(media_of(&scene.desk, 0).remote.unwrap().ip().to_string(), address);
    }
    assert_eq!(scene.desk.events()[4..], ["hold(2)", "unhold(2)"]);
    let ok = scene.sari_asks("INVITE", None);
    assert_eq!(formats(&ok), "0", "what is agreed");
    // While our offer waits for its answer there is no other.
    let update = scene.caller.request("UPDATE", "", Some(&waits));
    scene.desk.from(&scene.sari, &update);
    scene.desk.expect(&scene.sari, "SIP/2.0 491");
    scene.caller.cseq -= 1;
    let ack = scene.caller.ack(&ok, Some(&scene.sari.sdp_of(0)));
    scene.desk.from(&scene.sari, &ack);
    scene.caller.cseq += 1;
    let ok = scene.sari_asks("UPDATE", Some(&scene.sari.sdp_of(8)));
    assert_eq!((formats(&ok).as_str(), heard(&scene.desk, 0).as_str()), ("8", MUSIC));
    // What it speaks now is what its transferor is offered.
    let invite = scene.comes_back();
    assert!(formats(&invite).starts_with("8 "), "{}", formats(&invite));
    scene.desk.from(&scene.budi, &scene.budi.respond(&invite, 486, None));
    scene.desk.expect(&scene.budi, "ACK");
    scene.citra_takes_it("701", 3);
}

#[test]
fn the_lamp_of_a_slot_is_lit_while_a_call_waits_there() {
    let mut scene = Scene::talking();
    let (_, dark) = scene.desk.watch(&scene.citra, "701", "dialog");
    assert_eq!(lamps(&dark), Vec::<String>::new());
    scene.budi_refers("701");
    scene.is_parked_at("701");
    scene.desk.wait(Duration::from_millis(500));
    let (_, lit) = scene.desk.notified(&scene.citra);
    assert_eq!(lamps(&lit).len(), 1, "{lit}");
    assert!(lit.contains("<state>confirmed</state>"), "{lit}");
}

#[test]
fn a_parked_call_outlives_the_process() {
    let mut scene = Scene::parked();
    scene.desk.die();
    scene.desk.tell(calls::Input::Media(MediaEvent::Stock([lease(9)].into())));
    scene.citra_takes_it("701", 9);
    let citra = scene.citra.clone();
    scene.desk.hang_up(&mut scene.caller, &citra);
    assert_eq!(scene.desk.events()[3..], ["transfer(3)", "transfer_answered(4)", "ended"]);
}

/// A bug: whatever its phone said ended a hold that somebody had ordered in its name.
#[test]
fn an_ordered_hold_of_whoever_is_parked_is_not_ended_by_what_its_phone_says() {
    let mut scene = Scene::talking();
    let call = *scene.desk.live.keys().next().unwrap();
    scene.desk.tell(Input::Command(Command::Hold { call, leg: Some(1), is_on: true }));
    assert_eq!(scene.desk.outcomes.pop(), Some(Outcome::Done));
    scene.budi_refers("700");
    scene.is_parked_at("701");
    let sdp = scene.sari.sdp();
    let ok = scene.sari_asks("INVITE", Some(&sdp));
    let ack = scene.caller.ack(&ok, None);
    scene.desk.from(&scene.sari, &ack);
    assert_eq!(scene.desk.events()[3..], ["hold(2)", "transfer(3)"]);
    let bye = scene.caller.request("BYE", "", None);
    scene.desk.from(&scene.sari, &bye);
    scene.desk.expect(&scene.sari, "SIP/2.0 200");
    scene.desk.rest();
}
