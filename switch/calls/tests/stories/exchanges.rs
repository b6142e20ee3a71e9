//! Offers that cross, fail or come to nothing halfway: afterwards both sides know the same (the table in `settle`).

use std::time::Duration;

use crate::desk::{
    Caller, Desk, Phone, body,
    sound::{audio, direction, media_of},
};
use sip::OwnedMessage;

/// Sari and Budi talk.
struct Talk {
    desk: Desk,
    caller: Caller,
    sari: Phone,
    budi: Phone,
    invite: OwnedMessage,
}

impl Talk {
    fn new() -> Self {
        let mut desk = Desk::new();
        let [sari, budi] = desk.two();
        let (caller, invite) = desk.talk(&sari, &budi, "1002");
        Self { desk, caller, sari, budi, invite }
    }

    /// Sari asks; what Budi gets.
    fn ask(&mut self, sdp: Option<&str>) -> (String, OwnedMessage) {
        let reinvite = self.caller.request("INVITE", "", sdp);
        self.desk.from(&self.sari, &reinvite);
        self.desk.expect(&self.sari, "SIP/2.0 100");
        (reinvite, self.desk.expect(&self.budi, "INVITE"))
    }

    fn cancel(&mut self, reinvite: &str) {
        let head = reinvite.split("Content-").next().unwrap().replace("INVITE", "CANCEL");
        self.desk.from(&self.sari, &format!("{head}Content-Length: 0\r\n\r\n"));
        self.desk.expect(&self.sari, "SIP/2.0 200");
        self.desk.expect(&self.sari, "SIP/2.0 487");
    }

    /// Budi is offered what Sari has said before, and takes it.
    fn expect_settling_of_budi(&mut self) {
        let settling = self.desk.expect(&self.budi, "INVITE");
        assert_eq!(direction(&settling), "sendrecv");
        assert_eq!(audio(&settling), "192.0.2.20:20002");
        self.desk.from(&self.budi, &self.budi.respond(&settling, 200, Some(&self.budi.sdp())));
        self.desk.expect(&self.budi, "ACK");
        self.end();
    }

    /// Everybody knows the same: both are heard, and the next offer goes through.
    fn end(&mut self) {
        for lease in [0, 1] {
            let media = media_of(&self.desk, lease);
            assert!(media.sends && media.receives, "{media:?}");
        }
        assert_eq!(self.desk.events(), ["created", "ringing", "answered(3)"]);
        let hold = self.sari.sdp_with("inactive");
        self.ask(Some(&hold));
        let bye = self.caller.request("BYE", "", None);
        self.desk.from(&self.sari, &bye);
        self.desk.quiet();
    }
}

#[test]
fn a_re_invite_that_is_accepted_after_it_was_taken_back() {
    let mut talk = Talk::new();
    let hold = talk.sari.sdp_with("sendonly");
    let (reinvite, passed) = talk.ask(Some(&hold));
    talk.desk.from(&talk.budi, &talk.budi.respond(&passed, 100, None));
    talk.cancel(&reinvite);
    talk.desk.expect(&talk.budi, "CANCEL");
    let held = talk.budi.sdp_with("recvonly");
    talk.desk.from(&talk.budi, &talk.budi.respond(&passed, 200, Some(&held)));
    talk.desk.expect(&talk.budi, "ACK");
    talk.expect_settling_of_budi();
}

#[test]
fn a_re_invite_whose_answer_is_none() {
    let mut talk = Talk::new();
    let hold = talk.sari.sdp_with("sendonly");
    let (_, passed) = talk.ask(Some(&hold));
    let odd = talk.budi.sdp().replace("m=audio", "m=video");
    talk.desk.from(&talk.budi, &talk.budi.respond(&passed, 200, Some(&odd)));
    talk.desk.expect(&talk.budi, "ACK");
    let refusal = talk.desk.expect(&talk.sari, "SIP/2.0 488");
    talk.desk.from(&talk.sari, &talk.caller.ack_refusal(&refusal));
    talk.expect_settling_of_budi();
}

#[test]
fn a_re_invite_that_is_accepted_after_it_was_given_up() {
    let mut talk = Talk::new();
    let hold = talk.sari.sdp_with("sendonly");
    let (_, passed) = talk.ask(Some(&hold));
    talk.desk.from(&talk.budi, &talk.budi.respond(&passed, 180, None));
    talk.desk.wait(Duration::from_secs(64));
    let refusal = talk.desk.expect(&talk.sari, "SIP/2.0 504");
    talk.desk.from(&talk.sari, &talk.caller.ack_refusal(&refusal));
    talk.desk.expect(&talk.budi, "CANCEL");
    let held = talk.budi.sdp_with("recvonly");
    talk.desk.from(&talk.budi, &talk.budi.respond(&passed, 200, Some(&held)));
    talk.desk.expect(&talk.budi, "ACK");
    talk.expect_settling_of_budi();
}

#[test]
fn rfc_3261_13_2_2_4_an_offer_that_the_asker_no_longer_wants_is_answered_all_the_same() {
    let mut talk = Talk::new();
    let (reinvite, passed) = talk.ask(None);
    talk.desk.from(&talk.budi, &talk.budi.respond(&passed, 100, None));
    talk.cancel(&reinvite);
    talk.desk.expect(&talk.budi, "CANCEL");
    let moved = talk.budi.sdp().replace("15060", "25060");
    talk.desk.from(&talk.budi, &talk.budi.respond(&passed, 200, Some(&moved)));
    let ack = talk.desk.expect(&talk.budi, "ACK");
    assert_eq!((direction(&ack), audio(&ack)), ("sendrecv".into(), "192.0.2.20:20002".into()));
    assert_eq!(media_of(&talk.desk, 1).remote, Some("198.51.100.2:25060".parse().unwrap()));
    // Sari is told what Budi has offered.
    let settling = talk.desk.expect(&talk.sari, "INVITE");
    talk.desk.from(&talk.sari, &talk.sari.respond(&settling, 200, Some(&talk.sari.sdp())));
    talk.desk.expect(&talk.sari, "ACK");
    talk.end();
}

#[test]
fn an_offer_whose_ack_brings_no_answer_is_answered_with_what_the_asker_has_said() {
    for sdp in [None, Some("v=0\r\n")] {
        let mut talk = Talk::new();
        let (_, passed) = talk.ask(None);
        let more = talk.budi.sdp() + "m=video 30000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
        talk.desk.from(&talk.budi, &talk.budi.respond(&passed, 200, Some(&more)));
        let ok = talk.desk.expect(&talk.sari, "SIP/2.0 200");
        let ack = talk.caller.ack(&ok, sdp);
        talk.desk.from(&talk.sari, &ack);
        let ack = talk.desk.expect(&talk.budi, "ACK");
        assert!(body(&ack).contains("m=video 0 "), "{}", body(&ack));
        assert_eq!(audio(&ack), "192.0.2.20:20002");
        let settling = talk.desk.expect(&talk.sari, "INVITE");
        let answer = talk.sari.sdp() + "m=video 0 RTP/AVP 96\r\n";
        talk.desk.from(&talk.sari, &talk.sari.respond(&settling, 200, Some(&answer)));
        talk.desk.expect(&talk.sari, "ACK");
        talk.end();
    }
}

#[test]
fn rfc_3261_14_1_what_meets_an_offer_of_its_own_is_told_again_later() {
    let mut talk = Talk::new();
    let hold = talk.sari.sdp_with("sendonly");
    let (_, passed) = talk.ask(Some(&hold));
    let odd = talk.budi.sdp().replace("m=audio", "m=video");
    talk.desk.from(&talk.budi, &talk.budi.respond(&passed, 200, Some(&odd)));
    talk.desk.expect(&talk.budi, "ACK");
    let refusal = talk.desk.expect(&talk.sari, "SIP/2.0 488");
    talk.desk.from(&talk.sari, &talk.caller.ack_refusal(&refusal));
    let settling = talk.desk.expect(&talk.budi, "INVITE");
    talk.desk.from(&talk.budi, &talk.budi.respond(&settling, 491, None));
    talk.desk.expect(&talk.budi, "ACK");
    talk.desk.wait(Duration::from_millis(490));
    talk.desk.silent(&talk.budi);
    for _ in 0..36 {
        if talk.desk.sent.is_empty() {
            talk.desk.wait(Duration::from_millis(100));
        }
    }
    talk.expect_settling_of_budi();
}

#[test]
fn rfc_4028_7_4_an_offer_that_changes_nothing_disturbs_neither_the_other_side_nor_a_hold() {
    let mut talk = Talk::new();
    // Budi holds; Sari's refreshes are answered with that.
    let hold = talk.budi.request("INVITE", 1, &talk.invite, "", Some(&talk.budi.sdp_with("sendonly")));
    talk.desk.from(&talk.budi, &hold);
    talk.desk.expect(&talk.budi, "SIP/2.0 100");
    let passed = talk.desk.expect(&talk.sari, "INVITE");
    let held = talk.sari.sdp_with("recvonly");
    talk.desk.from(&talk.sari, &talk.sari.respond(&passed, 200, Some(&held)));
    talk.desk.expect(&talk.sari, "ACK");
    talk.desk.expect(&talk.budi, "SIP/2.0 200");
    talk.desk.from(&talk.budi, &talk.budi.request("ACK", 1, &talk.invite, "", None));
    let events = talk.desk.events();
    // The version in the o= line may go up although nothing else changes.
    for sdp in [held.clone(), held.replace("o=- 1 1", "o=- 1 2")] {
        let refresh = talk.caller.request("INVITE", "", Some(&sdp));
        talk.desk.from(&talk.sari, &refresh);
        talk.desk.expect(&talk.sari, "SIP/2.0 100");
        let ok = talk.desk.expect(&talk.sari, "SIP/2.0 200");
        assert_eq!((direction(&ok), audio(&ok)), ("sendonly".into(), "192.0.2.20:20000".into()));
        let ack = talk.caller.ack(&ok, None);
        talk.desk.from(&talk.sari, &ack);
        talk.desk.silent(&talk.budi);
    }
    assert_eq!(talk.desk.events(), events);
    talk.desk.hang_up(&mut talk.caller, &talk.budi);
    talk.desk.rest();
}

#[test]
fn a_hold_that_is_offered_because_the_other_side_has_asked_for_an_offer_is_a_hold() {
    let mut talk = Talk::new();
    let held = talk.budi.sdp_with("sendonly");
    let (_, asked) = talk.ask(None);
    talk.desk.from(&talk.budi, &talk.budi.respond(&asked, 200, Some(&held)));
    let ok = talk.desk.expect(&talk.sari, "SIP/2.0 200");
    let ack = talk.caller.ack(&ok, Some(&talk.sari.sdp_with("recvonly")));
    talk.desk.from(&talk.sari, &ack);
    talk.desk.expect(&talk.budi, "ACK");
    assert_eq!(talk.desk.events(), ["created", "ringing", "answered(3)", "hold(3)"]);
    // Its own offer of the same says nothing new.
    talk.desk.from(&talk.budi, &talk.budi.request("INVITE", 1, &talk.invite, "", Some(&held)));
    talk.desk.expect(&talk.budi, "SIP/2.0 100");
    talk.desk.expect(&talk.budi, "SIP/2.0 200");
    talk.desk.from(&talk.budi, &talk.budi.request("ACK", 1, &talk.invite, "", None));
    talk.desk.silent(&talk.sari);
    assert_eq!(talk.desk.events().last().unwrap(), "hold(3)");
    talk.desk.hang_up(&mut talk.caller, &talk.budi);
    talk.desk.quiet();
}
