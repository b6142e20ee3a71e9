//! Calls that the switch takes itself: the echo test.

use std::time::Duration;

use crate::desk::{
    Caller, Desk, Phone, header,
    sound::{audio, direction, formats, heard, voice},
};
use contract::command::{Command, Outcome};

/// A key that Sari tells by INFO.
fn info(caller: &mut Caller, kind: &str, body: &str) -> String {
    caller.request("INFO", &format!("Content-Type: application/{kind}\r\n"), Some(body))
}

/// Sari has dialled the echo test and has its answer.
fn echo(desk: &mut Desk, sari: &Phone) -> Caller {
    let mut caller = desk.dial(sari, "*43", Some(&sari.sdp()));
    let ok = desk.expect(sari, "SIP/2.0 200");
    assert_eq!(
        (formats(&ok).as_str(), direction(&ok).as_str(), audio(&ok).as_str()),
        ("0", "sendrecv", "192.0.2.20:20000")
    );
    let ack = caller.ack(&ok, None);
    desk.from(sari, &ack);
    caller
}

#[test]
fn the_echo_test_introduces_itself_and_then_echoes() {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let mut caller = echo(&mut desk, &sari);
    assert_eq!((voice(&desk, 0).as_str(), heard(&desk, 0).as_str()), ("Pcmu 0/0", "id/echo-intro"));
    desk.played(0);
    assert_eq!(heard(&desk, 0), "echo");
    // Nobody rang and nobody is a recipient.
    assert_eq!(desk.events(), ["created", "answered"]);
    assert_eq!(desk.detail("answered"), "echo/-");
    assert_eq!(desk.participants().len(), 1);
    desk.goes(&mut caller);
    assert_eq!(desk.events(), ["created", "answered", "ended"]);
    assert_eq!(desk.detail("ended"), "caller_hung_up/-");
    desk.rest();
    let legs: Vec<_> = desk.legs().iter().map(|leg| (leg.no, leg.participant, leg.sip_status)).collect();
    assert_eq!(legs, [(1, Some(1), Some(200))]);
    assert_eq!(desk.qualities().len(), 1);
}

/// The one who tries a phone hears which digit the switch has understood, by whichever way the phone tells it.
#[test]
fn the_echo_test_says_the_digits_that_are_pressed() {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let mut caller = echo(&mut desk, &sari);
    assert!(desk.is_listened_to(0));
    // In the middle of the introduction.
    desk.press(0, "5");
    assert_eq!(heard(&desk, 0), "id/digits/5");
    desk.played(0);
    assert_eq!(heard(&desk, 0), "echo");
    desk.press(0, "#");
    assert_eq!(heard(&desk, 0), "echo", "there is no word for it");
    // A phone that tells each key by two ways has pressed it once.
    desk.from(&sari, &info(&mut caller, "dtmf-relay", "Signal=7\r\nDuration=160\r\n"));
    desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(heard(&desk, 0), "echo");
    desk.press(0, "0");
    assert_eq!(heard(&desk, 0), "id/digits/0");
    assert_eq!(desk.events(), ["created", "answered"]);
    desk.goes(&mut caller);
    // One that comes too late is nobody's.
    desk.press(0, "1");
    desk.rest();
}

#[test]
fn keys_told_by_info_are_keys_and_what_cannot_be_read_is_refused() {
    let mut desk = Desk::mortal();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let mut caller = echo(&mut desk, &sari);
    for (kind, body, status, then) in [
        ("dtmf-relay", "Signal=7\r\nDuration=160\r\n", 200, "id/digits/7"),
        ("dtmf", "3", 200, "id/digits/3"),
        ("dtmf-relay", "Duration=160\r\n", 400, "id/digits/3"),
        ("media_control+xml", "<x/>", 200, "id/digits/3"),
    ] {
        desk.from(&sari, &info(&mut caller, kind, body));
        desk.expect(&sari, &format!("SIP/2.0 {status}"));
        assert_eq!(heard(&desk, 0), then, "{kind} {body}");
    }
    // The next life knows by which way this phone tells them.
    desk.die();
    desk.press(0, "9");
    assert_eq!(heard(&desk, 0), "id/digits/3");
    desk.played(0);
    assert!(desk.is_listened_to(0), "a relay that had not heard of it has now");
    desk.goes(&mut caller);
    desk.quiet();
}

#[test]
fn a_caller_without_an_offer_gets_one_of_ours() {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    for is_answered in [true, false] {
        let mut caller = desk.dial(&sari, "*43", None);
        let ok = desk.expect(&sari, "SIP/2.0 200");
        assert_eq!(formats(&ok), "0 101 111 9 8 96");
        let answer = sari.sdp_of(8);
        let ack = caller.ack(&ok, is_answered.then_some(answer.as_str()));
        desk.from(&sari, &ack);
        let lease = if is_answered { 0 } else { 1 };
        if is_answered {
            assert_eq!(
                (voice(&desk, lease).as_str(), heard(&desk, lease).as_str()),
                ("Pcma 8/8", "id/echo-intro")
            );
            desk.goes(&mut caller);
        } else {
            let bye = desk.expect(&sari, "BYE");
            desk.from(&sari, &sari.respond(&bye, 200, None));
            assert_eq!(desk.detail("ended"), "media_refused/-");
        }
        desk.rest();
    }
}

#[test]
fn what_nobody_here_speaks_is_refused() {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    for offer in [sari.sdp_speaking(&[(18, "G729/8000")], "sendrecv"), "not a description".into()] {
        let caller = desk.dial(&sari, "*43", Some(&offer));
        let refusal = desk.expect(&sari, "SIP/2.0 488");
        desk.from(&sari, &caller.ack_refusal(&refusal));
        assert_eq!(desk.events().last().unwrap(), "ended");
        assert_eq!(desk.detail("failed"), "media_refused/488");
        desk.rest();
    }
}

#[test]
fn hold_refresh_and_a_request_for_an_offer_are_answered_by_the_switch() {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let mut caller = echo(&mut desk, &sari);
    desk.played(0);
    for (said, answered, event) in [
        ("sendonly", "recvonly", "hold(1)"),
        ("sendonly", "recvonly", "hold(1)"),
        ("sendrecv", "sendrecv", "unhold(1)"),
    ] {
        desk.from(&sari, &caller.request("INVITE", "", Some(&sari.sdp_with(said))));
        desk.expect(&sari, "SIP/2.0 100");
        let ok = desk.expect(&sari, "SIP/2.0 200");
        assert_eq!(direction(&ok), answered);
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
        assert_eq!(desk.events().last().unwrap(), event);
    }
    assert_eq!(heard(&desk, 0), "echo", "it goes on");
    desk.from(&sari, &caller.request("INVITE", "", None));
    desk.expect(&sari, "SIP/2.0 100");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(formats(&ok), "0", "what is agreed");
    // While our offer waits for its answer there is no other.
    desk.from(&sari, &caller.request("UPDATE", "", Some(&sari.sdp())));
    desk.expect(&sari, "SIP/2.0 491");
    caller.cseq -= 1;
    let ack = caller.ack(&ok, Some(&sari.sdp_of(0)));
    desk.from(&sari, &ack);
    caller.cseq += 1;
    desk.from(
        &sari,
        &caller.request("INFO", "Content-Type: application/dtmf-relay\r\n", Some("Signal=5\r\n")),
    );
    desk.expect(&sari, "SIP/2.0 200");
    desk.from(&sari, &caller.request("MESSAGE", "Content-Type: text/plain\r\n", Some("hello")));
    desk.expect(&sari, "SIP/2.0 405");
    assert_eq!(desk.events(), ["created", "answered", "hold(1)", "unhold(1)"]);
    desk.goes(&mut caller);
    desk.rest();
}

#[test]
fn a_forgotten_echo_ends_and_so_does_one_that_is_never_acknowledged() {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let _ = echo(&mut desk, &sari);
    desk.wait(Duration::from_secs(600));
    let bye = desk.expect(&sari, "BYE");
    desk.from(&sari, &sari.respond(&bye, 200, None));
    assert_eq!(desk.detail("ended"), "time_limit/-");
    desk.rest();

    let _ = desk.dial(&sari, "*43", Some(&sari.sdp()));
    desk.wait(Duration::from_secs(50));
    assert_eq!(desk.detail("ended"), "ack_missing/-");
    desk.quiet();
}

#[test]
fn an_operator_ends_it() {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let _ = echo(&mut desk, &sari);
    let call = *desk.live.keys().next().unwrap();
    desk.tell(calls::Input::Command(Command::HangUp { call }));
    assert_eq!(desk.outcomes, [Outcome::Done]);
    let bye = desk.expect(&sari, "BYE");
    desk.from(&sari, &sari.respond(&bye, 200, None));
    assert_eq!(desk.detail("ended"), "operator/-");
    desk.rest();
}

#[test]
fn an_echo_outlives_the_process() {
    let mut desk = Desk::mortal();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let mut caller = echo(&mut desk, &sari);
    desk.die();
    // The relay has gone on with the introduction.
    desk.played(0);
    assert_eq!(heard(&desk, 0), "echo");
    desk.die();
    let before = desk.media.len();
    // This time it has not heard of the echo.
    desk.played(0);
    assert_eq!((desk.media.len(), heard(&desk, 0).as_str()), (before + 2, "echo"));
    desk.goes(&mut caller);
    desk.quiet();
}

#[test]
fn ports_that_have_run_out_are_a_503() {
    let mut desk = Desk::with(calls::SwitchboardConfig::default(), 1);
    let [sari, budi] = desk.two();
    let mut caller = echo(&mut desk, &sari);
    let second = Caller::new(&budi, "*43");
    desk.from(&budi, &second.invite(Some(&budi.sdp()), ""));
    let refusal = desk.expect(&budi, "SIP/2.0 503");
    assert!(header(&refusal, "Retry-After").is_some());
    desk.from(&budi, &second.ack_refusal(&refusal));
    desk.goes(&mut caller);
    desk.quiet();
}
