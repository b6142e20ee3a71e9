//! Whoever has two calls puts the two others in touch (RFC 5589 §7): the right two hear each other, are told so, and nothing
//! of it is written twice. H-034, H-035, H-060.

use std::collections::BTreeMap;

use calls::SwitchboardConfig;
use contract::{
    command::{Outcome, RecordingOrder},
    id::CallId,
    journal::Fact,
};
use sip::OwnedMessage;
use streams::media::{LeaseId, Side};

use crate::{
    codecs::transcoding,
    desk::{
        Caller, DOMAIN, Desk, Phone, body, header,
        sound::{direction, heard, is_joined},
    },
    recording::{order, tapped, words},
};

const MUSIC: &str = "*music/default";

/// Sari (lease 0) has called Budi (lease 1), who asks Citra (lease 3) from another line (lease 2).
struct Scene {
    desk: Desk,
    sari: Phone,
    budi: Phone,
    citra: Phone,
    caller: Caller,
    /// Sari's call, as Budi knows it.
    to_budi: OwnedMessage,
    /// Budi's call to Citra.
    asking: Caller,
    /// The same, as Citra knows it.
    to_citra: OwnedMessage,
    cseq: u32,
}

/// The name of a dialog as a phone writes it into a Refer-To.
pub fn replaces(call_id: &str, to_tag: &str, from_tag: &str) -> String {
    format!("Replaces={call_id}%3Bto-tag%3D{to_tag}%3Bfrom-tag%3D{from_tag}")
}

fn tag(message: &OwnedMessage, name: &str) -> String {
    header(message, name).unwrap().split(";tag=").nth(1).unwrap().to_owned()
}

impl Scene {
    fn consulting() -> Self {
        Self::with(Desk::with(SwitchboardConfig { hold_music: true, ..transcoding() }, 32), true)
    }

    /// Citra's phone rings, or she talks.
    fn with(mut desk: Desk, answers: bool) -> Self {
        let [sari, budi] = desk.two();
        let citra = desk.phone("1003", "198.51.100.3:5060");
        let (caller, to_budi) = desk.talk(&sari, &budi, "1002");
        desk.wait(std::time::Duration::from_secs(5));
        let (asking, to_citra) = if answers {
            desk.talk(&budi, &citra, "1003")
        } else {
            let mut asking = desk.dial(&budi, "1003", Some(&budi.sdp()));
            let invite = desk.expect(&citra, "INVITE");
            desk.from(&citra, &citra.respond(&invite, 180, None));
            asking.join(&desk.expect(&budi, "SIP/2.0 180"));
            (asking, invite)
        };
        Self { desk, sari, budi, citra, caller, to_budi, asking, to_citra, cseq: 0 }
    }

    fn budi_asks(&mut self, method: &str, headers: &str, sdp: Option<&str>) {
        self.cseq += 1;
        let request = self.budi.request(method, self.cseq, &self.to_budi, headers, sdp);
        self.desk.from(&self.budi, &request);
    }

    /// In Sari's call Budi sends her to his other one.
    fn budi_refers_sari(&mut self) {
        let other = replaces(&self.asking.call_id, &self.asking.to_tag(), "c");
        self.budi_asks("REFER", &format!("Refer-To: <sip:1003@{DOMAIN}?{other}>\r\n"), None);
    }

    #[track_caller]
    fn budi_is_told(&mut self, fragment: &str) {
        let notify = self.desk.expect(&self.budi, "NOTIFY");
        assert_eq!(body(&notify), format!("SIP/2.0 {fragment}\r\n"));
        self.desk.from(&self.budi, &self.budi.respond(&notify, 200, None));
    }

    #[track_caller]
    fn budi_is_let_go(&mut self, times: usize) {
        for _ in 0..times {
            let bye = self.desk.expect(&self.budi, "BYE");
            self.desk.from(&self.budi, &self.budi.respond(&bye, 200, None));
        }
    }

    /// Somebody is told that they talk to somebody else now.
    #[track_caller]
    fn is_told(&mut self, phone: &Phone, name: Option<&str>) {
        let reinvite = self.desk.expect(phone, "INVITE");
        assert_eq!(direction(&reinvite), "sendrecv");
        assert_eq!(header(&reinvite, "P-Asserted-Identity").as_deref(), name);
        let lines = body(&reinvite).lines().filter(|line| line.starts_with("m=")).count();
        let sdp = if lines == 2 { phone.sdp() + "m=video 0 RTP/AVP 96\r\n" } else { phone.sdp() };
        self.desk.from(phone, &phone.respond(&reinvite, 200, Some(&sdp)));
        self.desk.expect(phone, "ACK");
    }

    #[track_caller]
    fn are_introduced(&mut self) {
        let (sari, citra) = (self.sari.clone(), self.citra.clone());
        self.is_told(&sari, Some("\"Citra\" <sip:1003@demo.sambung.test>"));
        self.is_told(&citra, Some("\"Sari\" <sip:1001@demo.sambung.test>"));
    }

    /// Sari hangs up; the events of her call and of the consultation.
    #[track_caller]
    fn ends(mut self, of_call: &[&str], of_consultation: &[&str]) {
        self.desk.hang_up(&mut self.caller, &self.citra);
        let written = events_of_each(&self.desk);
        assert_eq!(written, [of_call, of_consultation]);
        self.desk.rest();
    }
}

/// The events of each call, the oldest call first.
fn events_of_each(desk: &Desk) -> Vec<Vec<String>> {
    let mut calls: BTreeMap<CallId, Vec<String>> = BTreeMap::new();
    for entry in &desk.journal {
        if let Fact::Event(event) = &entry.fact {
            let who = event.participant.map(|no| format!("({no})")).unwrap_or_default();
            calls.entry(entry.call.unwrap()).or_default().push(format!("{}{who}", event.kind.as_str()));
        }
    }
    calls.into_values().collect()
}

const PUT_THROUGH: [&str; 8] = [
    "created",
    "ringing",
    "answered(3)",
    "transfer_consulting(3)",
    "transfer_connecting(3)",
    "transfer_completed(4)",
    "transfer_attended(3)",
    "ended",
];
const CONSULTED: [&str; 4] = ["created", "ringing", "answered(3)", "ended"];

#[test]
fn whoever_asked_first_puts_the_caller_through() {
    let mut scene = Scene::consulting();
    scene.budi_refers_sari();
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("200 OK");
    scene.budi_is_let_go(2);
    scene.are_introduced();
    assert!(is_joined(&scene.desk, 0, 3));
    // Each record names the other call.
    let ids: Vec<CallId> = scene.desk.journal.iter().filter_map(|entry| entry.call).collect();
    let linked: Vec<(CallId, CallId)> = scene
        .desk
        .journal
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::Event(event) => Some((entry.call?, event.detail.call?)),
            _ => None,
        })
        .collect();
    let (first, second) = (*ids.iter().min().unwrap(), *ids.iter().max().unwrap());
    assert_eq!(linked, [(first, second), (second, first)]);
    assert_eq!(scene.desk.number_of("transfer_consulting").as_deref(), Some("1003"));
    assert_eq!(scene.desk.detail("ended"), "transferred/-");
    scene.ends(&PUT_THROUGH, &CONSULTED);
}

/// Phones differ in which of the two they speak to; the caller's call goes on.
#[test]
fn a_refer_to_the_one_who_was_asked_does_the_same() {
    let mut scene = Scene::consulting();
    let budi = scene.budi.clone();
    let tags = (tag(&scene.to_budi, "From"), format!("1002{}", budi.flow.remote.port()));
    let first = replaces(&header(&scene.to_budi, "Call-ID").unwrap(), &tags.0, &tags.1);
    let refer = scene.asking.request("REFER", &format!("Refer-To: <sip:1001@{DOMAIN}?{first}>\r\n"), None);
    scene.desk.from(&budi, &refer);
    scene.desk.expect(&budi, "SIP/2.0 202");
    scene.budi_is_told("200 OK");
    scene.budi_is_let_go(2);
    scene.are_introduced();
    assert!(is_joined(&scene.desk, 0, 3));
    scene.ends(&PUT_THROUGH, &CONSULTED);
}

#[test]
fn nobody_is_on_hold_any_more_and_the_music_ends() {
    let mut scene = Scene::consulting();
    scene.budi_asks("INVITE", "", Some(&scene.budi.sdp_with("sendonly")));
    scene.desk.expect(&scene.budi, "SIP/2.0 100");
    scene.desk.expect(&scene.budi, "SIP/2.0 200");
    let ack = scene.budi.request("ACK", scene.cseq, &scene.to_budi, "", None);
    scene.desk.from(&scene.budi, &ack);
    let hold = scene.asking.request("INVITE", "", Some(&scene.budi.sdp_with("sendonly")));
    scene.desk.from(&scene.budi, &hold);
    scene.desk.expect(&scene.budi, "SIP/2.0 100");
    let ok = scene.desk.expect(&scene.budi, "SIP/2.0 200");
    let ack = scene.asking.ack(&ok, None);
    scene.desk.from(&scene.budi, &ack);
    assert_eq!((heard(&scene.desk, 0), heard(&scene.desk, 3)), (MUSIC.into(), MUSIC.into()));
    scene.budi_refers_sari();
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("200 OK");
    scene.budi_is_let_go(2);
    assert_eq!((heard(&scene.desk, 0), heard(&scene.desk, 3)), (String::new(), String::new()));
    scene.are_introduced();
    let mut of_call: Vec<&str> = PUT_THROUGH.into();
    of_call.insert(3, "hold(3)");
    scene.ends(&of_call, &["created", "ringing", "answered(3)", "hold(2)", "ended"]);
}

#[test]
fn a_consultation_that_still_rings_is_taken_over() {
    let desk = Desk::with(SwitchboardConfig { hold_music: true, ..transcoding() }, 32);
    let mut scene = Scene::with(desk, false);
    scene.budi_refers_sari();
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("180 Ringing");
    let over = scene.desk.expect(&scene.budi, "SIP/2.0 487");
    assert_eq!(header(&over, "Reason").unwrap(), "SIP;cause=200;text=\"Call completed elsewhere\"");
    scene.desk.from(&scene.budi, &scene.asking.ack_refusal(&over));
    assert_eq!(heard(&scene.desk, 0), MUSIC);
    scene.desk.from(&scene.citra, &scene.citra.respond(&scene.to_citra, 200, Some(&scene.citra.sdp())));
    scene.desk.expect(&scene.citra, "ACK");
    scene.budi_is_told("200 OK");
    scene.budi_is_let_go(1);
    scene.are_introduced();
    assert!(is_joined(&scene.desk, 0, 3));
    assert_eq!(heard(&scene.desk, 0), "");
    scene.ends(
        &[
            "created",
            "ringing",
            "answered(3)",
            "transfer(3)",
            "transfer_ringing",
            "transfer_answered(4)",
            "ended",
        ],
        &["created", "ringing", "canceled", "ended"],
    );
}

#[test]
fn a_consultation_that_is_declined_leaves_the_caller_with_the_transferor() {
    let mut scene = Scene::with(Desk::with(transcoding(), 32), false);
    scene.budi_refers_sari();
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("180 Ringing");
    let over = scene.desk.expect(&scene.budi, "SIP/2.0 487");
    scene.desk.from(&scene.budi, &scene.asking.ack_refusal(&over));
    scene.desk.from(&scene.citra, &scene.citra.respond(&scene.to_citra, 486, None));
    scene.desk.expect(&scene.citra, "ACK");
    scene.budi_is_told("486 Busy Here");
    scene.desk.hang_up(&mut scene.caller, &scene.budi);
    let of_call =
        ["created", "ringing", "answered(3)", "transfer(3)", "transfer_ringing", "transfer_busy", "ended"];
    let of_consultation = ["created", "ringing", "canceled", "ended"];
    assert_eq!(events_of_each(&scene.desk), [&of_call[..], &of_consultation[..]]);
    scene.desk.rest();
}

#[test]
fn nobody_puts_through_a_call_that_is_not_theirs() {
    let mut scene = Scene::consulting();
    // Sari, who has heard of it, names Budi's consultation.
    let other = replaces(&scene.asking.call_id, &scene.asking.to_tag(), "c");
    for name in [other.replace("from-tag%3Dc", "from-tag%3Dd"), other, replaces("none", "a", "b")] {
        let refer = format!("Refer-To: <sip:1003@{DOMAIN}?{name}>\r\n");
        let refer = scene.caller.request("REFER", &refer, None);
        scene.desk.from(&scene.sari, &refer);
        let refusal = scene.desk.expect(&scene.sari, "SIP/2.0 480");
        assert_eq!(header(&refusal, "Warning").unwrap(), "399 sambung \"transfer refused: no_such_call\"");
    }
    // Nor is a call its own consultation.
    let own = replaces(&scene.caller.call_id, &scene.caller.to_tag(), "c");
    let refer = scene.caller.request("REFER", &format!("Refer-To: <sip:1002@{DOMAIN}?{own}>\r\n"), None);
    scene.desk.from(&scene.sari, &refer);
    scene.desk.expect(&scene.sari, "SIP/2.0 480");
    let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
    scene.desk.hang_up(&mut scene.caller, &budi);
    scene.desk.hang_up(&mut scene.asking, &citra);
    scene.desk.rest();
}

/// It is for the device at the other end, whatever it names.
#[test]
fn an_info_that_names_another_call_puts_nobody_through() {
    let mut scene = Scene::consulting();
    let other = replaces(&scene.asking.call_id, &scene.asking.to_tag(), "c");
    scene.budi_asks("INFO", &format!("Refer-To: <sip:1003@{DOMAIN}?{other}>\r\n"), None);
    let passed_on = scene.desk.expect(&scene.sari, "INFO");
    scene.desk.from(&scene.sari, &scene.caller.respond(&passed_on, 200, None));
    scene.desk.expect(&scene.budi, "SIP/2.0 200");
    let (budi, citra) = (scene.budi.clone(), scene.citra.clone());
    scene.desk.hang_up(&mut scene.caller, &budi);
    scene.desk.hang_up(&mut scene.asking, &citra);
    scene.desk.rest();
}

#[test]
fn while_something_is_being_agreed_on_nobody_is_put_through() {
    let mut scene = Scene::consulting();
    let offer = scene.sari.sdp_speaking(&[(0, "PCMU/8000"), (96, "opus/48000/2")], "sendrecv");
    let reinvite = scene.caller.request("INVITE", "", Some(&offer));
    scene.desk.from(&scene.sari, &reinvite);
    scene.desk.expect(&scene.sari, "SIP/2.0 100");
    let passed_on = scene.desk.expect(&scene.budi, "INVITE");
    scene.budi_refers_sari();
    scene.desk.expect(&scene.budi, "SIP/2.0 491");
    scene.desk.from(&scene.budi, &scene.budi.respond(&passed_on, 200, Some(&scene.budi.sdp())));
    scene.desk.expect(&scene.budi, "ACK");
    let ok = scene.desk.expect(&scene.sari, "SIP/2.0 200");
    let ack = scene.caller.ack(&ok, None);
    scene.desk.from(&scene.sari, &ack);
    scene.budi_refers_sari();
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("200 OK");
    scene.budi_is_let_go(2);
    scene.are_introduced();
    scene.ends(&PUT_THROUGH, &CONSULTED);
}

/// RFC 3264 §8: a phone's lines stay as many as they are.
#[test]
fn who_had_video_with_the_first_keeps_the_line_without_it() {
    let mut desk = Desk::with(transcoding(), 32);
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let video = |phone: &Phone| phone.sdp() + "m=video 40000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n";
    let mut caller = desk.dial(&sari, "1002", Some(&video(&sari)));
    let to_budi = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&to_budi, 200, Some(&video(&budi))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    let (asking, to_citra) = desk.talk(&budi, &citra, "1003");
    let mut scene = Scene { desk, sari, budi, citra, caller, to_budi, asking, to_citra, cseq: 0 };
    scene.budi_refers_sari();
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("200 OK");
    scene.budi_is_let_go(2);
    let reinvite = scene.desk.sent.iter().find(|(flow, _)| *flow == scene.sari.flow).unwrap();
    assert!(body(&reinvite.1).contains("m=video 0 "), "{}", body(&reinvite.1));
    scene.are_introduced();
    // Audio: Sari's first line with Citra's only one.
    assert!(is_joined(&scene.desk, 0, 5));
    scene.desk.hang_up(&mut scene.caller, &scene.citra);
    scene.desk.rest();
}

#[test]
fn a_recording_of_the_call_goes_on_with_who_is_there_and_that_of_the_consultation_ends() {
    let mut scene = Scene::consulting();
    assert_eq!(order(&mut scene.desk, RecordingOrder::Start), Outcome::Done);
    let second = *scene.desk.live.keys().next_back().unwrap();
    let start = calls::Command::Record { call: second, order: RecordingOrder::Start };
    scene.desk.tell(calls::Input::Command(start));
    scene.budi_refers_sari();
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    assert_eq!(tapped(&scene.desk), [(LeaseId(0), Side::Left), (LeaseId(3), Side::Right)]);
    assert_eq!(words(&scene.desk), ["1 started command", "1 started command", "2 stopped call_ended"]);
    scene.budi_is_told("200 OK");
    scene.budi_is_let_go(2);
    scene.are_introduced();
    scene.ends(&PUT_THROUGH, &CONSULTED);
}

#[test]
fn who_was_put_through_stays_so_in_the_next_life() {
    let mut scene = Scene::with(Desk::mortal_with(transcoding()), true);
    scene.budi_refers_sari();
    scene.desk.expect(&scene.budi, "SIP/2.0 202");
    scene.budi_is_told("200 OK");
    scene.budi_is_let_go(2);
    scene.are_introduced();
    assert_eq!(scene.desk.images.len(), 1, "the consultation is gone");
    scene.desk.die();
    scene.desk.hang_up(&mut scene.caller, &scene.citra);
    assert_eq!(scene.desk.board.counts().calls, 0);
}

/// H-035: without a phone that knows how.
#[test]
fn an_order_puts_the_two_others_through() {
    let mut scene = Scene::consulting();
    let calls: Vec<CallId> = scene.desk.live.keys().copied().collect();
    let connect = |call, other| calls::Input::Command(calls::Command::Connect { call, other });
    scene.desk.tell(connect(calls[0], calls[0]));
    assert_eq!(scene.desk.outcomes.pop(), Some(Outcome::UnknownCall));
    scene.desk.tell(connect(calls[1], calls[0]));
    assert_eq!(scene.desk.outcomes.pop(), Some(Outcome::Done));
    scene.budi_is_let_go(2);
    scene.are_introduced();
    scene.desk.tell(connect(calls[1], calls[0]));
    assert_eq!(scene.desk.outcomes.pop(), Some(Outcome::UnknownCall));
    scene.ends(&PUT_THROUGH, &CONSULTED);
}

#[test]
fn an_order_of_two_calls_without_anybody_in_both_is_refused() {
    let mut desk = Desk::with(transcoding(), 32);
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let bare = desk.phone("u0", "198.51.100.4:5060");
    let (mut one, _) = desk.talk(&sari, &budi, "1002");
    let (mut other, _) = desk.talk(&bare, &citra, "1003");
    let calls: Vec<CallId> = desk.live.keys().copied().collect();
    desk.tell(calls::Input::Command(calls::Command::Connect { call: calls[0], other: calls[1] }));
    assert_eq!(desk.outcomes.pop(), Some(Outcome::NotThere));
    desk.hang_up(&mut one, &budi);
    desk.hang_up(&mut other, &citra);
    desk.rest();
}
