//! A call that one of its sides sends on: whoever hangs up, declines or thinks better of it, nobody is left with nobody.
//! HX-18, H-034, H-060.

use std::time::Duration;

use calls::SwitchboardConfig;
use contract::{
    availability::Person,
    command::{Command, Outcome, RecordingOrder},
    id::{CallId, OrgId, RuleId, UserId},
    journal::ParticipantRole,
    live::LegStage,
    rules::{Action, Condition, Rule, Span, Timescope, Window},
};
use sip::OwnedMessage;
use streams::media::{LeaseId, Side};

use crate::{
    codecs::transcoding,
    desk::{
        Caller, DOMAIN, Desk, Phone,
        asking::lamps,
        body, header, id, plan, rows,
        sound::{direction, heard, is_joined},
    },
    recording::{order, tapped, words},
    redirects::moved,
};

const MUSIC: &str = "*music/default";
const RING: Duration = Duration::from_secs(60);

/// Sari (lease 0) has called Budi (lease 1), who sends her on to Citra (lease 2).
pub(crate) struct Scene {
    pub(crate) desk: Desk,
    pub(crate) sari: Phone,
    pub(crate) budi: Phone,
    pub(crate) citra: Phone,
    pub(crate) caller: Caller,
    /// Sari's call, as Budi knows it.
    to_budi: OwnedMessage,
    cseq: u32,
}

impl Scene {
    fn talking() -> Self {
        Self::with(Desk::with(SwitchboardConfig { hold_music: true, ..transcoding() }, 32))
    }

    pub(crate) fn with(mut desk: Desk) -> Self {
        let [sari, budi] = desk.two();
        let citra = desk.phone("1003", "198.51.100.3:5060");
        let (caller, to_budi) = desk.talk(&sari, &budi, "1002");
        Self { desk, sari, budi, citra, caller, to_budi, cseq: 0 }
    }

    pub(crate) fn budi_asks(&mut self, method: &str, headers: &str, sdp: Option<&str>) {
        self.cseq += 1;
        let request = self.budi.request(method, self.cseq, &self.to_budi, headers, sdp);
        self.desk.from(&self.budi, &request);
    }

    fn budi_refers(&mut self, number: &str) {
        self.budi_asks("REFER", &format!("Refer-To: <sip:{number}@{DOMAIN}>\r\n"), None);
    }

    /// What comes of an order to send the side on that is not on this leg.
    fn orders(&mut self, leg: Option<u16>, to: &str) -> Outcome {
        let call = *self.desk.live.keys().next().expect("a call is up");
        self.desk.tell(calls::Input::Command(Command::Transfer { call, leg, to: to.into() }));
        self.desk.outcomes.pop().expect("an outcome")
    }

    /// Budi is told how far it is, and says that he has heard it.
    #[track_caller]
    fn budi_is_told(&mut self, fragment: &str, state: &str) {
        let notify = self.desk.expect(&self.budi, "NOTIFY");
        assert_eq!(body(&notify), format!("SIP/2.0 {fragment}\r\n"));
        let told = header(&notify, "Subscription-State").unwrap();
        assert!(told.starts_with(state), "{told}");
        assert!(header(&notify, "Event").unwrap().starts_with("refer;id="));
        assert_eq!(header(&notify, "Content-Type").as_deref(), Some("message/sipfrag;version=2.0"));
        self.desk.from(&self.budi, &self.budi.respond(&notify, 200, None));
    }

    /// Up to Citra's phone being asked.
    #[track_caller]
    fn sent_on() -> (Self, OwnedMessage) {
        let mut scene = Self::talking();
        scene.budi_refers("1003");
        scene.desk.expect(&scene.budi, "SIP/2.0 202");
        scene.budi_is_told("100 Trying", "active");
        let invite = scene.desk.expect(&scene.citra, "INVITE");
        assert_eq!(heard(&scene.desk, 0), MUSIC);
        (scene, invite)
    }

    #[track_caller]
    fn citra_rings(&mut self, invite: &OwnedMessage) {
        self.desk.from(&self.citra, &self.citra.respond(invite, 180, None));
        self.budi_is_told("180 Ringing", "active");
    }

    #[track_caller]
    fn citra_refuses(&mut self, invite: &OwnedMessage, status: u16) {
        self.desk.from(&self.citra, &self.citra.respond(invite, status, None));
        self.desk.expect(&self.citra, "ACK");
    }

    /// Sari is told where she is now, and hears who answered.
    #[track_caller]
    fn sari_is_moved(&mut self) {
        let reinvite = self.desk.expect(&self.sari, "INVITE");
        assert_eq!(direction(&reinvite), "sendrecv");
        let ok = self.caller.respond(&reinvite, 200, Some(&self.sari.sdp()));
        self.desk.from(&self.sari, &ok);
        self.desk.expect(&self.sari, "ACK");
    }

    #[track_caller]
    fn budi_is_let_go(&mut self) {
        let bye = self.desk.expect(&self.budi, "BYE");
        self.desk.from(&self.budi, &self.budi.respond(&bye, 200, None));
    }

    fn budi_hangs_up(&mut self) {
        self.budi_asks("BYE", "", None);
        self.desk.expect(&self.budi, "SIP/2.0 200");
    }

    /// Sari and whoever has this phone end it.
    #[track_caller]
    fn ends_with(mut self, phone: &Phone, events: &[&str]) {
        self.desk.hang_up(&mut self.caller, phone);
        assert_eq!(self.desk.events(), events);
        self.desk.rest();
    }
}

#[test]
fn the_callee_sends_the_caller_on() {
    let (mut scene, invite) = Scene::sent_on();
    // As a call of Sari's, and by whom it was sent on (RFC 3892).
    assert!(header(&invite, "From").unwrap().contains("sip:1001@"));
    assert_eq!(header(&invite, "Referred-By").unwrap(), format!("<sip:1002@{DOMAIN}>"));
    scene.citra_rings(&invite);
    scene.desk.from(&scene.citra, &scene.citra.respond(&invite, 200, Some(&scene.citra.sdp())));
    scene.desk.expect(&scene.citra, "ACK");
    scene.budi_is_told("200 OK", "terminated;reason=noresource");
    scene.budi_is_let_go();
    scene.sari_is_moved();
    assert!(is_joined(&scene.desk, 0, 2));
    assert_eq!(heard(&scene.desk, 0), "");
    let roles: Vec<ParticipantRole> = scene.desk.participants().iter().map(|one| one.role).collect();
    use ParticipantRole::{Caller, Host, Recipient};
    assert_eq!(roles, [Host, Caller, Recipient, Recipient]);
    assert_eq!(scene.desk.number_of("transfer").as_deref(), Some("1003"));
    let citra = scene.citra.clone();
    scene.ends_with(
        &citra,
        &[
            "created",
            "ringing",
            "answered(3)",
            "transfer(3)",
            "transfer_ringing",
            "transfer_answered(4)",
            "ended",
        ],
    );
}

#[test]
fn the_caller_sends_the_callee_on() {
    let config = SwitchboardConfig { hold_music: true, ..transcoding() };
    let mut desk = Desk::with(config, 32);
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let (mut caller, to_budi) = desk.talk(&sari, &budi, "1002");
    let refer = caller.request(
        "REFER",
        &format!("Refer-To: \"Citra\" <sip:1003@{DOMAIN}>\r\nRefer-Sub: false\r\n"),
        None,
    );
    desk.from(&sari, &refer);
    // RFC 4488: nothing more is told to who does not want it.
    let accepted = desk.expect(&sari, "SIP/2.0 202");
    assert_eq!(header(&accepted, "Refer-Sub").as_deref(), Some("false"));
    let invite = desk.expect(&citra, "INVITE");
    assert!(header(&invite, "From").unwrap().contains("sip:1002@"));
    assert_eq!(heard(&desk, 1), MUSIC);
    desk.from(&citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
    desk.expect(&citra, "ACK");
    let bye = desk.expect(&sari, "BYE");
    desk.from(&sari, &sari.respond(&bye, 200, None));
    let reinvite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&reinvite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    assert!(is_joined(&desk, 2, 1) || is_joined(&desk, 1, 2));
    desk.from(&budi, &budi.request("BYE", 1, &to_budi, "", None));
    desk.expect(&budi, "SIP/2.0 200");
    let bye = desk.expect(&citra, "BYE");
    desk.from(&citra, &citra.respond(&bye, 200, None));
    assert_eq!(desk.events()[3..], ["transfer(2)", "transfer_answered(4)", "ended"]);
    desk.rest();
}

#[test]
fn whoever_sent_a_call_on_that_nobody_takes_has_it_again() {
    for (status, told, event) in [
        (486, "486 Busy Here", "transfer_busy"),
        (603, "603 Decline", "transfer_busy"),
        (404, "480 Temporarily Unavailable", "transfer_failed"),
    ] {
        let (mut scene, invite) = Scene::sent_on();
        scene.citra_refuses(&invite, status);
        scene.budi_is_told(told, "terminated");
        assert_eq!(heard(&scene.desk, 0), "");
        assert!(scene.desk.events().contains(&event.to_owned()), "{status}: {:?}", scene.desk.events());
        scene.desk.silent(&scene.sari);
        let budi = scene.budi.clone();
        scene.desk.hang_up(&mut scene.caller, &budi);
        scene.desk.rest();
    }
}

#[test]
fn nobody_answers_and_the_call_is_as_it_was_held_or_not() {
    let mut scene = Scene::talking();
    let held = scene.budi.sdp_with("sendonly");
    scene.budi_asks("INVITE", "", Some(&held));
    scene.desk.expect(&scene.budi, "SIP/2.0 100");
    scene.desk.expect(&scene.budi, "SIP/2.0 200");
    let ack = scene.budi.request("ACK", scene.cseq, &scene.to_budi, "", None);
    scene.desk.from(&scene.budi, &ack);
    scene.budi_refers("1003");
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("100 Trying", "active");
    let invite = scene.desk.expect(&scene.citra, "INVITE");
    assert_eq!(direction(&invite), "sendrecv");
    scene.citra_rings(&invite);
    scene.desk.wait(RING);
    let cancel = scene.desk.expect(&scene.citra, "CANCEL");
    scene.desk.from(&scene.citra, &scene.citra.respond(&cancel, 200, None));
    scene.desk.from(&scene.citra, &scene.citra.respond(&invite, 487, None));
    scene.desk.expect(&scene.citra, "ACK");
    scene.budi_is_told("480 Temporarily Unavailable", "terminated");
    assert_eq!(heard(&scene.desk, 0), MUSIC);
    let budi = scene.budi.clone();
    let events = ["hold(3)", "transfer(3)", "transfer_ringing", "transfer_no_answer", "ended"];
    scene.ends_with(&budi, &[&["created", "ringing", "answered(3)"], &events[..]].concat());
}

#[test]
fn a_call_whose_transferor_has_hung_up_comes_back_to_them() {
    let (mut scene, invite) = Scene::sent_on();
    scene.budi_hangs_up();
    scene.desk.silent(&scene.sari);
    scene.citra_refuses(&invite, 486);
    let back = scene.desk.expect(&scene.budi, "INVITE");
    assert!(header(&back, "From").unwrap().contains("sip:1001@"));
    assert_eq!(header(&back, "Referred-By"), None);
    assert_eq!(heard(&scene.desk, 0), MUSIC);
    scene.desk.from(&scene.budi, &scene.budi.respond(&back, 180, None));
    scene.desk.from(&scene.budi, &scene.budi.respond(&back, 200, Some(&scene.budi.sdp())));
    scene.desk.expect(&scene.budi, "ACK");
    scene.sari_is_moved();
    assert_eq!(scene.desk.participants().len(), 3);
    assert_eq!(scene.desk.detail("transfer"), "returned/-");
    let budi = scene.budi.clone();
    let events =
        ["transfer(3)", "transfer_busy", "transfer(3)", "transfer_ringing", "transfer_answered(3)", "ended"];
    scene.ends_with(&budi, &[&["created", "ringing", "answered(3)"], &events[..]].concat());
}

#[test]
fn a_call_that_nobody_wants_back_ends() {
    let (mut scene, invite) = Scene::sent_on();
    scene.budi_hangs_up();
    scene.citra_refuses(&invite, 486);
    let back = scene.desk.expect(&scene.budi, "INVITE");
    scene.desk.from(&scene.budi, &scene.budi.respond(&back, 486, None));
    scene.desk.expect(&scene.budi, "ACK");
    let bye = scene.desk.expect(&scene.sari, "BYE");
    scene.desk.from(&scene.sari, &scene.caller.respond(&bye, 200, None));
    assert_eq!(scene.desk.detail("ended"), "transfer_failed/-");
    scene.desk.rest();
}

/// A bug: who had sent a call on in vain is rung whatever they have turned on, and so was whom their phone sent it to.
#[test]
fn a_call_that_comes_back_disturbs_nobody_else() {
    let mut scene = Scene::talking();
    let bare = scene.desk.phone("u0", "198.51.100.4:5060");
    let person = Person::User(UserId(id(13)));
    let order = Command::DoNotDisturb { org: OrgId(id(1)), person, is_on: true };
    scene.desk.tell(calls::Input::Command(order));
    assert_eq!(scene.desk.outcomes.pop(), Some(Outcome::Done));
    scene.budi_refers("u0");
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("100 Trying", "active");
    let invite = scene.desk.expect(&bare, "INVITE");
    scene.budi_hangs_up();
    scene.desk.from(&bare, &bare.respond(&invite, 486, None));
    scene.desk.expect(&bare, "ACK");
    let back = scene.desk.expect(&scene.budi, "INVITE");
    let contact = format!("<sip:1003@{DOMAIN}>");
    scene.desk.from(&scene.budi, &moved(&scene.budi, &back, 302, &contact));
    scene.desk.expect(&scene.budi, "ACK");
    scene.desk.silent(&scene.citra);
    let bye = scene.desk.expect(&scene.sari, "BYE");
    scene.desk.from(&scene.sari, &scene.caller.respond(&bye, 200, None));
    assert_eq!(scene.desk.detail("ended"), "transfer_failed/-");
    scene.desk.rest();
}

#[test]
fn the_one_who_waits_hangs_up() {
    let (mut scene, invite) = Scene::sent_on();
    scene.citra_rings(&invite);
    scene.desk.goes(&mut scene.caller);
    let cancel = scene.desk.expect(&scene.citra, "CANCEL");
    scene.desk.from(&scene.citra, &scene.citra.respond(&cancel, 200, None));
    scene.desk.from(&scene.citra, &scene.citra.respond(&invite, 487, None));
    scene.desk.expect(&scene.citra, "ACK");
    scene.budi_is_told("487 Request Terminated", "terminated");
    scene.budi_is_let_go();
    assert_eq!(
        scene.desk.events()[3..],
        ["transfer(3)", "transfer_ringing", "transfer_canceled(2)", "ended"]
    );
    assert_eq!(scene.desk.detail("ended"), "caller_hung_up/-");
    scene.desk.rest();
}

#[test]
fn the_transferor_takes_the_call_back_while_it_rings() {
    let (mut scene, invite) = Scene::sent_on();
    scene.citra_rings(&invite);
    // A refresh changes nothing, whoever sends it.
    let same = scene.budi.sdp();
    scene.budi_asks("INVITE", "", Some(&same));
    scene.desk.expect(&scene.budi, "SIP/2.0 100");
    scene.desk.expect(&scene.budi, "SIP/2.0 200");
    let ack = scene.budi.request("ACK", scene.cseq, &scene.to_budi, "", None);
    scene.desk.from(&scene.budi, &ack);
    let again = scene.caller.request("INVITE", "", Some(&scene.sari.sdp()));
    scene.desk.from(&scene.sari, &again);
    scene.desk.expect(&scene.sari, "SIP/2.0 100");
    let ok = scene.desk.expect(&scene.sari, "SIP/2.0 200");
    let ack = scene.caller.ack(&ok, None);
    scene.desk.from(&scene.sari, &ack);
    scene.desk.silent(&scene.citra);
    // What is new is not passed on while it rings.
    let other = scene.caller.request("INVITE", "", Some(&scene.sari.sdp_with("recvonly")));
    scene.desk.from(&scene.sari, &other);
    scene.desk.expect(&scene.sari, "SIP/2.0 100");
    let refusal = scene.desk.expect(&scene.sari, "SIP/2.0 491");
    scene.desk.from(&scene.sari, &scene.caller.ack_refusal(&refusal));
    let audible = scene.budi.sdp().replace("s=-", "s=again");
    scene.budi_asks("INVITE", "", Some(&audible));
    scene.desk.expect(&scene.budi, "SIP/2.0 100");
    let cancel = scene.desk.expect(&scene.citra, "CANCEL");
    scene.desk.from(&scene.citra, &scene.citra.respond(&cancel, 200, None));
    scene.desk.from(&scene.citra, &scene.citra.respond(&invite, 487, None));
    scene.desk.expect(&scene.citra, "ACK");
    scene.budi_is_told("487 Request Terminated", "terminated");
    assert_eq!(heard(&scene.desk, 0), "");
    // It is an ordinary exchange with Sari now.
    let passed = scene.desk.expect(&scene.sari, "INVITE");
    scene.desk.from(&scene.sari, &scene.caller.respond(&passed, 200, Some(&scene.sari.sdp())));
    scene.desk.expect(&scene.sari, "ACK");
    scene.desk.expect(&scene.budi, "SIP/2.0 200");
    let ack = scene.budi.request("ACK", scene.cseq, &scene.to_budi, "", None);
    scene.desk.from(&scene.budi, &ack);
    let budi = scene.budi.clone();
    scene.ends_with(
        &budi,
        &[
            "created",
            "ringing",
            "answered(3)",
            "transfer(3)",
            "transfer_ringing",
            "transfer_canceled(3)",
            "ended",
        ],
    );
}

/// A phone that no longer cares how it goes is not a call that is over (RFC 5057 §5.1).
#[test]
fn a_transferor_that_refuses_to_be_told_stays_in_the_call() {
    let mut scene = Scene::talking();
    scene.budi_refers("1003");
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    let notify = scene.desk.expect(&scene.budi, "NOTIFY");
    scene.desk.from(&scene.budi, &scene.budi.respond(&notify, 481, None));
    let invite = scene.desk.expect(&scene.citra, "INVITE");
    scene.citra_refuses(&invite, 486);
    scene.budi_is_told("486 Busy Here", "terminated");
    let budi = scene.budi.clone();
    scene.ends_with(&budi, &["created", "ringing", "answered(3)", "transfer(3)", "transfer_busy", "ended"]);
}

#[test]
fn where_a_call_cannot_go_it_is_not_sent() {
    let mut scene = Scene::talking();
    let mut rows = rows();
    // The clock of the desk stands at a Friday.
    rows.organisations[0].extensions[0].hours = vec![Window { day: 6, span: Span { start: 480, end: 1020 } }];
    rows.revision = 2;
    scene.desk.tell(calls::Input::Plan(plan(&rows)));
    for (refer_to, status, reason) in [
        ("", 400, None),
        ("Refer-To: nonsense\r\n", 400, None),
        ("Refer-To: <sip:1003@elsewhere.example>\r\n", 404, None),
        ("Refer-To: <sip:999@demo.sambung.test>\r\n", 404, Some("unknown_number")),
        ("Refer-To: <sip:1001@demo.sambung.test>\r\n", 486, Some("self_call")),
        ("Refer-To: <sip:200@demo.sambung.test>\r\n", 480, Some("inactive")),
        ("Refer-To: <sip:100@demo.sambung.test>\r\n", 480, Some("closed")),
        ("Refer-To: <sip:*43@demo.sambung.test>\r\n", 480, Some("not_a_target")),
        ("Refer-To: <sip:1003@demo.sambung.test;method=BYE>\r\n", 501, None),
        (
            "Refer-To: <sip:1003@demo.sambung.test?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\r\n",
            480,
            Some("no_such_call"),
        ),
        ("Refer-To: <sip:1003@demo.sambung.test?Replaces=nonsense>\r\n", 501, None),
    ] {
        scene.budi_asks("REFER", refer_to, None);
        let refusal = scene.desk.expect(&scene.budi, &format!("SIP/2.0 {status}"));
        let warning = header(&refusal, "Warning");
        let wanted = reason.map(|reason| format!("399 sambung \"transfer refused: {reason}\""));
        assert_eq!(warning, wanted, "{refer_to}");
        scene.desk.silent(&scene.citra);
    }
    let budi = scene.budi.clone();
    scene.ends_with(&budi, &["created", "ringing", "answered(3)", "ended"]);
}

/// RFC 3323: who did not want to be named to Budi is not named to Citra.
#[test]
fn an_anonymous_caller_stays_anonymous() {
    let config = SwitchboardConfig { hold_music: true, ..transcoding() };
    let mut desk = Desk::with(config, 32);
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let mut caller = desk.dial_with(&sari, "1002", "Privacy: id\r\n", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 100");
    let to_budi = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&to_budi, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.from(
        &budi,
        &budi.request("REFER", 1, &to_budi, &format!("Refer-To: <sip:1003@{DOMAIN}>\r\n"), None),
    );
    desk.expect(&budi, "SIP/2.0 202");
    desk.expect(&budi, "NOTIFY");
    let invite = desk.expect(&citra, "INVITE");
    assert!(header(&invite, "From").unwrap().contains("anonymous.invalid"));
    for (_, _, value) in invite.view().headers() {
        assert!(!value.contains("1001"), "{value}");
    }
    let bye = caller.request("BYE", "", None);
    desk.from(&sari, &bye);
    desk.quiet();
}

#[test]
fn a_transfer_outlives_the_process() {
    let config = SwitchboardConfig { hold_music: true, ..transcoding() };
    let mut desk = Desk::mortal_with(config);
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let (mut caller, to_budi) = desk.talk(&sari, &budi, "1002");
    desk.from(
        &budi,
        &budi.request("REFER", 1, &to_budi, &format!("Refer-To: <sip:1003@{DOMAIN}>\r\n"), None),
    );
    desk.expect(&budi, "SIP/2.0 202");
    let notify = desk.expect(&budi, "NOTIFY");
    desk.from(&budi, &budi.respond(&notify, 200, None));
    let invite = desk.expect(&citra, "INVITE");
    desk.die();
    desk.from(&citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
    desk.expect(&citra, "ACK");
    let notify = desk.expect(&budi, "NOTIFY");
    assert_eq!(body(&notify), "SIP/2.0 200 OK\r\n");
    desk.from(&budi, &budi.respond(&notify, 200, None));
    let bye = desk.expect(&budi, "BYE");
    desk.from(&budi, &budi.respond(&bye, 200, None));
    let reinvite = desk.expect(&sari, "INVITE");
    desk.from(&sari, &caller.respond(&reinvite, 200, Some(&sari.sdp())));
    desk.expect(&sari, "ACK");
    desk.hang_up(&mut caller, &citra);
    assert_eq!(desk.events()[3..], ["transfer(3)", "transfer_answered(4)", "ended"]);
    desk.rest();
}

/// One recording, whoever is at its ends, and nothing of what the transferor says after it has asked.
#[test]
fn a_recording_goes_on_through_a_transfer_with_the_target_in_the_transferor_s_place() {
    let mut scene = Scene::talking();
    order(&mut scene.desk, RecordingOrder::Start);
    let (sari, budi, citra) = (LeaseId(0), LeaseId(1), LeaseId(2));
    assert_eq!(tapped(&scene.desk), [(sari, Side::Left), (budi, Side::Right)]);
    scene.budi_refers("1003");
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("100 Trying", "active");
    assert_eq!(tapped(&scene.desk), [(sari, Side::Left)]);
    let invite = scene.desk.expect(&scene.citra, "INVITE");
    scene.desk.from(&scene.citra, &scene.citra.respond(&invite, 200, Some(&scene.citra.sdp())));
    scene.desk.expect(&scene.citra, "ACK");
    assert_eq!(tapped(&scene.desk), [(sari, Side::Left), (citra, Side::Right)]);
    scene.budi_is_told("200 OK", "terminated");
    scene.budi_is_let_go();
    scene.sari_is_moved();
    let citra = scene.citra.clone();
    scene.desk.hang_up(&mut scene.caller, &citra);
    assert_eq!(words(&scene.desk), ["1 started command", "2 stopped call_ended"]);
    scene.desk.rest();
}

#[test]
fn who_was_put_on_hold_without_music_is_offered_and_heard_in_both_directions() {
    let mut scene = Scene::with(Desk::with(SwitchboardConfig { hold_music: false, ..transcoding() }, 32));
    let held = scene.budi.sdp_with("sendonly");
    scene.budi_asks("INVITE", "", Some(&held));
    scene.desk.expect(&scene.budi, "SIP/2.0 100");
    let passed = scene.desk.expect(&scene.sari, "INVITE");
    let ok = scene.caller.respond(&passed, 200, Some(&scene.sari.sdp_with("recvonly")));
    scene.desk.from(&scene.sari, &ok);
    scene.desk.expect(&scene.sari, "ACK");
    scene.desk.expect(&scene.budi, "SIP/2.0 200");
    let ack = scene.budi.request("ACK", scene.cseq, &scene.to_budi, "", None);
    scene.desk.from(&scene.budi, &ack);
    scene.budi_refers("1003");
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("100 Trying", "active");
    assert_eq!(heard(&scene.desk, 0), "", "nobody wants music here");
    let invite = scene.desk.expect(&scene.citra, "INVITE");
    assert_eq!(direction(&invite), "sendrecv");
    scene.desk.from(&scene.citra, &scene.citra.respond(&invite, 200, Some(&scene.citra.sdp())));
    scene.desk.expect(&scene.citra, "ACK");
    scene.budi_is_told("200 OK", "terminated");
    scene.budi_is_let_go();
    scene.sari_is_moved();
    let citra = scene.citra.clone();
    scene.desk.hang_up(&mut scene.caller, &citra);
    scene.desk.rest();
}

/// RFC 4235, and what `sambung calls` shows: who waits and the transferor talk, the target rings.
#[test]
fn a_transfer_is_seen_by_those_who_watch_and_ended_by_an_operator() {
    let mut scene = Scene::talking();
    let watcher = scene.desk.phone("u0", "198.51.100.4:5060");
    let (_, first) = scene.desk.watch(&watcher, "1003", "dialog");
    assert!(lamps(&first).is_empty());
    scene.budi_refers("1003");
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("100 Trying", "active");
    assert_eq!(lamps(&scene.desk.notified(&watcher).1), ["recipient trying"]);
    let invite = scene.desk.expect(&scene.citra, "INVITE");
    scene.citra_rings(&invite);
    assert_eq!(lamps(&scene.desk.notified(&watcher).1), ["recipient early"]);
    let (_, own) = scene.desk.watch(&watcher, "1001", "dialog;id=2");
    assert_eq!(lamps(&own), ["initiator confirmed"]);
    let call = *scene.desk.live.keys().next().unwrap();
    let stages: Vec<LegStage> = scene.desk.board.live_legs(call).iter().map(|leg| leg.stage).collect();
    assert_eq!(stages, [LegStage::Answered, LegStage::Answered, LegStage::Ringing]);
    scene.desk.tell(calls::Input::Command(Command::HangUp { call }));
    scene.desk.expect(&scene.citra, "CANCEL");
    scene.budi_is_told("487 Request Terminated", "terminated");
    scene.budi_is_let_go();
    let bye = scene.desk.expect(&scene.sari, "BYE");
    scene.desk.from(&scene.sari, &scene.caller.respond(&bye, 200, None));
    assert_eq!(scene.desk.events()[3..], ["transfer(3)", "transfer_ringing", "transfer_canceled", "ended"]);
    assert_eq!(scene.desk.detail("ended"), "operator/-");
    scene.desk.quiet();
}

/// A re-INVITE that was given up is open until its phone says no: what it says then would find nobody to acknowledge it.
#[test]
fn who_has_still_to_refuse_what_was_given_up_is_not_sent_on() {
    let mut scene = Scene::talking();
    let offer = scene.sari.sdp_speaking(&[(0, "PCMU/8000"), (96, "opus/48000/2")], "sendrecv");
    let reinvite = scene.caller.request("INVITE", "", Some(&offer));
    scene.desk.from(&scene.sari, &reinvite);
    scene.desk.expect(&scene.sari, "SIP/2.0 100");
    let asked = scene.desk.expect(&scene.budi, "INVITE");
    scene.desk.from(&scene.budi, &scene.budi.respond(&asked, 180, None));
    scene.desk.wait(scene.desk.config.timeouts.exchange);
    let refusal = scene.desk.expect(&scene.sari, "SIP/2.0 504");
    scene.desk.from(&scene.sari, &scene.caller.ack_refusal(&refusal));
    let cancel = scene.desk.expect(&scene.budi, "CANCEL");
    scene.budi_refers("1003");
    scene.desk.expect(&scene.budi, "SIP/2.0 491");
    scene.desk.from(&scene.budi, &scene.budi.respond(&cancel, 200, None));
    scene.desk.from(&scene.budi, &scene.budi.respond(&asked, 487, None));
    scene.desk.expect(&scene.budi, "ACK");
    scene.budi_refers("1003");
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("100 Trying", "active");
    let invite = scene.desk.expect(&scene.citra, "INVITE");
    scene.citra_refuses(&invite, 486);
    scene.budi_is_told("486 Busy Here", "terminated");
    let budi = scene.budi.clone();
    scene.ends_with(&budi, &["created", "ringing", "answered(3)", "transfer(3)", "transfer_busy", "ended"]);
}

#[test]
fn a_target_s_rule_for_everybody_sends_a_transferred_call_on_too() {
    let mut scene = Scene::talking();
    let mut rows = rows();
    rows.organisations[0].extensions[0].rules = vec![Rule {
        id: RuleId(id(1)),
        position: 1,
        is_enabled: true,
        timescope: Timescope::Any,
        condition: Condition::Always,
        action: Action::ForwardStaff(UserId(id(13))),
    }];
    rows.revision = 2;
    scene.desk.tell(calls::Input::Plan(plan(&rows)));
    scene.budi_refers("100");
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("100 Trying", "active");
    let invite = scene.desk.expect(&scene.citra, "INVITE");
    assert!(header(&invite, "Diversion").unwrap().starts_with("<sip:100@"));
    assert_eq!(scene.desk.number_of("transfer").as_deref(), Some("100"));
    assert_eq!(scene.desk.number_of("forward").as_deref(), Some("1003"));
    scene.citra_refuses(&invite, 486);
    scene.budi_is_told("486 Busy Here", "terminated");
    let budi = scene.budi.clone();
    scene.ends_with(
        &budi,
        &["created", "ringing", "answered(3)", "transfer(3)", "forward", "transfer_busy", "ended"],
    );
}

/// H-033: as if Budi had done so, and nobody is told but who talks to somebody else.
#[test]
fn an_order_sends_the_caller_on() {
    let mut scene = Scene::talking();
    assert_eq!(scene.orders(None, "1003"), Outcome::Done);
    let invite = scene.desk.expect(&scene.citra, "INVITE");
    assert_eq!(header(&invite, "Referred-By").unwrap(), format!("<sip:1002@{DOMAIN}>"));
    assert_eq!(heard(&scene.desk, 0), MUSIC);
    assert_eq!(scene.orders(None, "1003"), Outcome::NotNow, "it is on its way");
    scene.desk.from(&scene.citra, &scene.citra.respond(&invite, 200, Some(&scene.citra.sdp())));
    scene.desk.expect(&scene.citra, "ACK");
    scene.budi_is_let_go();
    scene.sari_is_moved();
    let citra = scene.citra.clone();
    scene.ends_with(
        &citra,
        &["created", "ringing", "answered(3)", "transfer(3)", "transfer_answered(4)", "ended"],
    );
}

#[test]
fn an_order_names_the_leg_that_stays_behind() {
    let mut scene = Scene::talking();
    assert_eq!(scene.orders(Some(9), "1003"), Outcome::NotThere);
    assert_eq!(scene.orders(Some(1), "1003"), Outcome::Done);
    let invite = scene.desk.expect(&scene.citra, "INVITE");
    assert!(header(&invite, "From").unwrap().contains("sip:1002@"));
    scene.citra_refuses(&invite, 486);
    let budi = scene.budi.clone();
    scene.ends_with(&budi, &["created", "ringing", "answered(3)", "transfer(2)", "transfer_busy", "ended"]);
}

#[test]
fn an_order_that_leads_nowhere_changes_nothing() {
    let mut scene = Scene::talking();
    for (number, outcome) in [
        ("999", Outcome::UnknownNumber),
        ("1001", Outcome::NotThere),
        ("200", Outcome::NotThere),
        ("300", Outcome::NotThere),
        ("*43", Outcome::NotThere),
    ] {
        assert_eq!(scene.orders(None, number), outcome, "{number}");
    }
    let nobody = Command::Transfer { call: CallId(id(9)), leg: None, to: "1003".into() };
    scene.desk.tell(calls::Input::Command(nobody));
    assert_eq!(scene.desk.outcomes.pop(), Some(Outcome::UnknownCall));
    let budi = scene.budi.clone();
    scene.ends_with(&budi, &["created", "ringing", "answered(3)", "ended"]);
}
