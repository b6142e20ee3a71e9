//! What is turned away when messages wait too long, and what never is (RFC 7339, RFC 3261 §21.5.4).

use std::time::Duration;

use calls::{Counts, Notice};

use crate::desk::{Caller, DOMAIN, Desk, Phone, header};

const LONG: Duration = Duration::from_millis(50);

/// Makes the switch see that it does not keep up: nothing it gets has not waited.
fn overload(desk: &mut Desk) {
    let stranger = Phone::new("1001", "203.0.113.1:5060");
    for cseq in 1..=30 {
        desk.late(&stranger, &stranger.register(cseq, "", ""), LONG);
        desk.wait(Duration::from_millis(10));
    }
    desk.sent.retain(|(flow, _)| flow.remote != stranger.flow.remote);
    desk.notices.clear();
}

#[test]
fn rfc_3261_21_5_4_new_work_is_refused_statelessly_and_told_when_to_come_back() {
    let mut desk = Desk::new();
    overload(&mut desk);
    let sari = Phone::new("1001", "198.51.100.1:5060");
    let caller = Caller::new(&sari, "1002");
    desk.late(&sari, &caller.invite(Some(&sari.sdp()), ""), LONG);
    let refusal = desk.expect(&sari, "SIP/2.0 503");
    let secs: u32 = header(&refusal, "Retry-After").unwrap().parse().unwrap();
    assert!((5..=10).contains(&secs), "{secs}");
    desk.late(&sari, &caller.ack_refusal(&refusal), LONG);
    desk.silent(&sari);
    assert_eq!(desk.notices, [Notice::Shed, Notice::ShedAcked], "its ACK is known");
    for method in ["OPTIONS", "SUBSCRIBE", "MESSAGE", "REGISTER"] {
        desk.late(&sari, &sari.register(50, "", "").replace("REGISTER", method), LONG);
        desk.expect(&sari, "SIP/2.0 503");
    }
    let counts = desk.board.counts();
    assert_eq!(Counts { stock: 0, ..counts }, Counts::default());
}

/// Found by fuzzing: it was told to come back, and would have been refused then.
#[test]
fn what_is_malformed_is_told_so_and_not_to_come_back() {
    let mut desk = Desk::new();
    overload(&mut desk);
    let sari = Phone::new("1001", "198.51.100.1:5060");
    desk.late(&sari, &sari.register(1, "", "").replace("Max-Forwards: 70", "Max-Forwards: many"), LONG);
    let refusal = desk.expect(&sari, "SIP/2.0 400");
    assert_eq!(header(&refusal, "Retry-After"), None);
    assert!(!desk.notices.contains(&Notice::Shed), "{:?}", desk.notices);
}

#[test]
fn the_refused_come_back_at_different_times() {
    let mut desk = Desk::new();
    overload(&mut desk);
    let mut told = std::collections::BTreeSet::new();
    for port in 1..=60 {
        let phone = Phone::new("1001", &format!("198.51.100.1:{}", 5_000 + port));
        desk.late(&phone, &phone.register(1, "", ""), LONG);
        told.insert(header(&desk.expect(&phone, "SIP/2.0 503"), "Retry-After").unwrap());
    }
    assert_eq!(told.len(), 6, "{told:?}");
}

/// A repeat that got in after the pressure would open a call nobody is in: its sender has the 503.
#[test]
fn a_repeat_of_a_refused_invite_is_refused_when_the_pressure_is_gone() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let mut caller = Caller::new(&sari, "1002");
    desk.from(&sari, &caller.invite(Some(&sari.sdp()), ""));
    let challenge = desk.expect(&sari, "SIP/2.0 401");
    desk.from(&sari, &caller.ack_refusal(&challenge));
    overload(&mut desk);
    caller.cseq = 2;
    let invite = caller.invite(Some(&sari.sdp()), &sari.authorization(&challenge, "INVITE", &caller.uri()));
    desk.late(&sari, &invite, LONG);
    let refusal = desk.expect(&sari, "SIP/2.0 503");
    desk.wait(Duration::from_secs(5));
    desk.from(&sari, &invite);
    let again = desk.expect(&sari, "SIP/2.0 503");
    assert_eq!(refusal.view().first(sip::HeaderName::To), again.view().first(sip::HeaderName::To));
    assert_eq!(header(&refusal, "Retry-After"), header(&again, "Retry-After"));
    desk.silent(&budi);
    assert_eq!(desk.board.counts().calls, 0);
}

#[test]
fn what_has_begun_goes_on() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    overload(&mut desk);
    desk.late(&sari, &caller.request("BYE", "", None), LONG);
    desk.expect(&sari, "SIP/2.0 200");
    let bye = desk.expect(&budi, "BYE");
    desk.late(&budi, &budi.respond(&bye, 200, None), LONG);
    assert_eq!(desk.board.counts().calls, 0);
    assert!(!desk.notices.contains(&Notice::Shed), "{:?}", desk.notices);
}

#[test]
fn a_repeat_of_an_invite_that_is_ringing_is_not_refused() {
    let mut desk = Desk::new();
    let [sari, _] = desk.two();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    desk.sent.clear();
    overload(&mut desk);
    let authorization = "Authorization: Digest username=\"1001\"\r\n";
    desk.late(&sari, &caller.invite(Some(&sari.sdp()), authorization), LONG);
    desk.expect(&sari, "SIP/2.0 1");
    desk.late(&sari, &caller.cancel(""), LONG);
    desk.expect(&sari, "SIP/2.0 200");
}

#[test]
fn emergency_calls_are_never_refused() {
    let mut desk = Desk::new();
    overload(&mut desk);
    let sari = Phone::new("1001", "198.51.100.1:5060");
    for target in [
        "sip:112@demo.sambung.test",
        "sip:110@192.0.2.1",
        "tel:119",
        "urn:service:sos.fire",
        "URN:SERVICE:SOS",
    ] {
        let caller = Caller::new(&sari, "112");
        let text = caller.invite(None, "").replacen(&caller.uri(), target, 1);
        desk.late(&sari, &text, LONG);
        let (_, answer) = desk.sent.pop().unwrap();
        assert_ne!(answer.view().status(), Some(503), "{target}");
    }
    let caller = Caller::new(&sari, "112");
    let text = caller.invite(None, "").replacen(&caller.uri(), "sip:112@elsewhere.example", 1);
    desk.late(&sari, &text, LONG);
    desk.expect(&sari, "SIP/2.0 503");
}

#[test]
fn phones_that_are_known_get_in_when_strangers_do_not() {
    let mut desk = Desk::new();
    let known = desk.phone("1001", "198.51.100.1:5060");
    overload(&mut desk);
    // Between what is put up with for strangers and for the known.
    let wait = Duration::from_micros(1_800);
    desk.late(&known, &known.register(7, "", ""), wait);
    desk.expect(&known, "SIP/2.0 401");
    desk.late(&known, &Caller::new(&known, "1002").invite(None, ""), wait);
    desk.expect(&known, "SIP/2.0 401");
    let stranger = Phone::new("1002", "203.0.113.2:5060");
    desk.late(&stranger, &stranger.register(7, "", ""), wait);
    desk.expect(&stranger, "SIP/2.0 503");
    let authorization = format!("Authorization: Digest username=\"1002\", realm=\"{DOMAIN}\"\r\n");
    desk.late(&stranger, &stranger.register(8, "", &authorization), wait);
    desk.expect(&stranger, "SIP/2.0 401");
}

#[test]
fn it_is_over_as_soon_as_nothing_waits() {
    let mut desk = Desk::new();
    overload(&mut desk);
    let sari = Phone::new("1001", "198.51.100.1:5060");
    desk.from(&sari, &Caller::new(&sari, "1002").invite(None, ""));
    desk.expect(&sari, "SIP/2.0 401");
    desk.wait(Duration::from_secs(2));
    desk.from(&sari, &sari.register(1, "", ""));
    desk.expect(&sari, "SIP/2.0 401");
    // A single late message is no overload any more.
    desk.late(&sari, &sari.register(2, "", ""), LONG);
    desk.expect(&sari, "SIP/2.0 401");
}
