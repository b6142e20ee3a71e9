//! Who gets in and what everybody else is told, without anything being kept of them (DESIGN D8).

use std::time::Duration;

use crate::desk::{Caller, DOMAIN, Desk, Phone, header, id};
use calls::{Counts, Input, Limits, Notice, Offence, SecurityEvent, SwitchboardConfig};
use contract::id::OrgId;
use sip::{HeaderName, digest::Algorithm};

fn is_untouched(desk: &Desk) -> bool {
    let counts = Counts { stock: 0, ..desk.board.counts() };
    counts == Counts::default() && desk.board.deadline().is_none() && desk.journal.is_empty()
}

#[test]
fn strangers_are_challenged_and_forgotten() {
    let mut desk = Desk::new();
    let sari = Phone::new("1001", "198.51.100.1:5060");
    desk.from(&sari, &sari.register(1, "Contact: <sip:1001@a>\r\n", ""));
    let challenge = desk.expect(&sari, "SIP/2.0 401");
    assert!(header(&challenge, "WWW-Authenticate").unwrap().contains("realm=\"demo.sambung.test\""));
    assert!(is_untouched(&desk), "{:?}", desk.board.counts());
    let caller = Caller::new(&sari, "1002");
    desk.from(&sari, &caller.invite(Some(&sari.sdp()), ""));
    let challenge = desk.expect(&sari, "SIP/2.0 401");
    desk.from(&sari, &caller.ack_refusal(&challenge));
    assert!(is_untouched(&desk), "{:?}", desk.board.counts());
    assert_eq!(desk.notices, [Notice::Challenged, Notice::Challenged]);
}

#[test]
fn a_wrong_password_and_an_unknown_user_look_the_same() {
    let told = |user: &str| {
        let mut desk = Desk::new();
        let phone = Phone::new(user, "198.51.100.1:5060");
        desk.from(&phone, &phone.register(1, "", ""));
        let challenge = desk.expect(&phone, "SIP/2.0 401");
        let authorization =
            phone.authorization_with(&challenge, "REGISTER", &format!("sip:{DOMAIN}"), "guess");
        desk.from(&phone, &phone.register(2, "Contact: <sip:x@a>\r\n", &authorization));
        let again = desk.expect(&phone, "SIP/2.0 401");
        assert!(is_untouched(&desk));
        let (source, org) = (phone.flow.remote.ip(), Some(OrgId(id(1))));
        let event = SecurityEvent { what: Offence::WrongPassword, source, org };
        assert_eq!(desk.notices, [Notice::Challenged, Notice::Security(event)]);
        header(&again, "WWW-Authenticate").unwrap()
    };
    assert_eq!(told("1001"), told("9999"));
    assert!(!told("1001").contains("stale"));
}

#[test]
fn an_old_nonce_is_stale_whatever_the_password() {
    let mut desk = Desk::new();
    let sari = Phone::new("1001", "198.51.100.1:5060");
    desk.from(&sari, &sari.register(1, "", ""));
    let challenge = desk.expect(&sari, "SIP/2.0 401");
    desk.wait(Duration::from_secs(121));
    for password in ["secret", "guess"] {
        let authorization =
            sari.authorization_with(&challenge, "REGISTER", &format!("sip:{DOMAIN}"), password);
        desk.from(&sari, &sari.register(2, "", &authorization));
        let again = desk.expect(&sari, "SIP/2.0 401");
        assert!(header(&again, "WWW-Authenticate").unwrap().contains("stale=true"));
    }
    assert_eq!(desk.notices, [Notice::Challenged; 3], "nobody has tried a password yet");
}

#[test]
fn rfc_8760_both_algorithms_are_offered_in_order_when_asked_for() {
    let digest_algorithms = vec![Algorithm::Sha256, Algorithm::Md5];
    let mut desk = Desk::with(SwitchboardConfig { digest_algorithms, ..SwitchboardConfig::default() }, 4);
    let sari = Phone::new("1001", "198.51.100.1:5060");
    desk.from(&sari, &sari.register(1, "", ""));
    let challenge = desk.expect(&sari, "SIP/2.0 401");
    let offered: Vec<bool> = challenge
        .view()
        .values(HeaderName::WwwAuthenticate)
        .map(|value| value.contains("algorithm=SHA-256"))
        .collect();
    assert_eq!(offered, [true, false]);
    // The phone of these stories answers the first.
    assert_eq!(desk.register(&sari, 3).view().status(), Some(200));
}

#[test]
fn a_caller_may_not_call_under_another_name() {
    let mut desk = Desk::new();
    let sari = Phone::new("1001", "198.51.100.1:5060");
    let mut caller = Caller::new(&sari, "1002");
    caller.from = format!("<sip:1002@{DOMAIN}>");
    desk.dial_as(caller, "", None);
    desk.expect(&sari, "SIP/2.0 403");
    assert!(is_untouched(&desk));
}

#[test]
fn addresses_of_the_switch_stand_for_the_default_organisation_and_foreign_names_for_nobody() {
    for (host, status) in [
        ("192.0.2.1", "SIP/2.0 401"),
        ("192.0.2.1:5060", "SIP/2.0 401"),
        ("[2001:db8::1]", "SIP/2.0 401"),
        ("localhost", "SIP/2.0 401"),
        ("DEMO.sambung.test", "SIP/2.0 401"),
        ("elsewhere.example", "SIP/2.0 404"),
    ] {
        let mut desk = Desk::new();
        let sari = Phone::new("1001", "198.51.100.1:5060");
        let text = sari.register(1, "", "");
        desk.from(&sari, &text.replace("REGISTER sip:demo.sambung.test", &format!("REGISTER sip:{host}")));
        desk.expect(&sari, status);
        assert!(is_untouched(&desk), "{host}");
    }
}

#[test]
fn a_phone_that_only_knows_an_address_can_register_and_call() {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let mut caller = Caller::new(&sari, "1002");
    caller.from = "<sip:1001@192.0.2.1>".into();
    desk.dial_as(caller, "", None);
    desk.expect(&sari, "SIP/2.0 100");
    desk.expect(&sari, "SIP/2.0 480");
    assert_eq!(desk.detail("failed"), "unreachable/-");
}

#[test]
fn options_are_answered_without_a_question() {
    let mut desk = Desk::new();
    let sari = Phone::new("1001", "198.51.100.1:5060");
    let text = sari.register(1, "", "").replace("REGISTER", "OPTIONS");
    desk.from(&sari, &text);
    let answer = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(
        header(&answer, "Allow").unwrap(),
        "INVITE, ACK, BYE, CANCEL, PRACK, UPDATE, OPTIONS, REGISTER, INFO, MESSAGE, SUBSCRIBE, REFER"
    );
    assert_eq!(header(&answer, "Accept").unwrap(), "application/sdp");
    assert!(is_untouched(&desk));
}

#[test]
fn other_methods_are_not_allowed() {
    for (method, status) in [("PUBLISH", 405), ("REFER", 405), ("NOTIFY", 405)] {
        let mut desk = Desk::new();
        let sari = Phone::new("1001", "198.51.100.1:5060");
        desk.from(&sari, &sari.register(1, "", "").replace("REGISTER", method));
        let answer = desk.expect(&sari, "SIP/2.0 4");
        assert_eq!(
            (answer.view().status(), header(&answer, "Allow").is_some()),
            (Some(status), true),
            "{method}"
        );
        assert!(is_untouched(&desk));
    }
}

#[test]
fn overload_is_told_before_anybody_is_asked_who_they_are() {
    let limits = Limits { calls_max: 0, ..Limits::default() };
    let mut full = Desk::with(SwitchboardConfig { limits, ..SwitchboardConfig::default() }, 4);
    let mut pressed = Desk::new();
    pressed.tell(Input::JournalPressure(true));
    for (desk, notice) in [(&mut full, Notice::CallsFull), (&mut pressed, Notice::JournalPressure)] {
        let sari = Phone::new("1001", "198.51.100.1:5060");
        let caller = Caller::new(&sari, "1002");
        desk.from(&sari, &caller.invite(Some(&sari.sdp()), ""));
        let answer = desk.expect(&sari, "SIP/2.0 503");
        assert_eq!(header(&answer, "Retry-After").unwrap(), "5");
        assert_eq!(desk.notices, [notice]);
        assert!(is_untouched(desk));
    }
    pressed.tell(Input::JournalPressure(false));
    let sari = Phone::new("1001", "198.51.100.1:5060");
    pressed.from(&sari, &Caller::new(&sari, "1002").invite(None, ""));
    pressed.expect(&sari, "SIP/2.0 401");
}

#[test]
fn devices_beyond_the_limit_do_not_ring() {
    let limits = Limits { legs_per_call_max: 1, ..Limits::default() };
    let mut desk = Desk::with(SwitchboardConfig { limits, ..SwitchboardConfig::default() }, 8);
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let budi = desk.phone("1002", "198.51.100.2:5060");
    let mobile = desk.phone("1002-mobile", "198.51.100.22:5060");
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    desk.expect(&budi, "INVITE");
    desk.silent(&mobile);
    assert!(desk.notices.contains(&Notice::LegsLeftOut(1)));
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
}

#[test]
fn garbage_is_counted_and_forgotten() {
    let mut desk = Desk::new();
    let sari = Phone::new("1001", "198.51.100.1:5060");
    for text in ["", "\r\n\r\n", "hello", "INVITE sip:x SIP/2.0\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n"] {
        desk.from(&sari, text);
    }
    desk.sent.clear();
    assert!(is_untouched(&desk));
}
