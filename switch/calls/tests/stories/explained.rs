//! What callers hear who cannot be connected, and that nothing else is otherwise than without it.

use std::time::Duration;

use crate::desk::{
    Caller, Desk, body, header,
    sound::{formats, heard, voice},
};
use calls::SwitchboardConfig;
use contract::command::Command;

fn desk() -> Desk {
    Desk::with(SwitchboardConfig { announcements: true, ..SwitchboardConfig::default() }, 32)
}

/// The caller is told our ports and hears this; then it has the final answer.
#[track_caller]
fn hears(desk: &mut Desk, caller: &Caller, sound: &str, status: u16) {
    let sari = caller.phone.clone();
    let progress = desk.expect(&sari, "SIP/2.0 183");
    assert_eq!((formats(&progress).as_str(), voice(desk, 0).as_str()), ("0", "Pcmu 0/0"));
    assert_eq!(heard(desk, 0), sound);
    desk.silent(&sari);
    assert_ne!(desk.events().last().unwrap(), "ended");
    desk.played(0);
    let refusal = desk.expect(&sari, &format!("SIP/2.0 {status}"));
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.events().last().unwrap(), "ended");
    assert_eq!(desk.detail("ended"), format!("-/{status}"));
}

#[test]
fn a_number_that_leads_nowhere_is_explained() {
    for (number, status, reason, sound) in [
        ("9999", 404, "unknown_number", "id/number-unknown"),
        ("200", 480, "inactive", "id/not-available"),
        ("300", 480, "no_staff", "id/not-available"),
        ("1001", 486, "self_call", "id/busy"),
    ] {
        let mut desk = desk();
        let sari = desk.phone("1001", "198.51.100.1:5060");
        let caller = desk.dial(&sari, number, Some(&sari.sdp()));
        assert_eq!(desk.events(), ["created", "failed"], "the fact is written when it is one");
        hears(&mut desk, &caller, sound, status);
        assert_eq!(desk.events(), ["created", "failed", "ended"]);
        assert_eq!(desk.detail("failed"), format!("{reason}/{status}"));
        desk.rest();
        let legs: Vec<_> = desk.legs().iter().map(|leg| (leg.answered_at, leg.sip_status)).collect();
        assert_eq!(legs, [(None, Some(status))], "nothing was answered, so nothing is billed");
    }
}

#[test]
fn devices_that_do_not_answer_are_explained() {
    for (answer, status, sound, event) in [
        (486, 486, "id/busy", "busy"),
        (603, 603, "id/not-available", "rejected(3)"),
        (480, 480, "id/not-available", "failed"),
        (488, 488, "id/call-failed", "failed"),
    ] {
        let mut desk = desk();
        let [sari, budi] = desk.two();
        let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
        let invite = desk.expect(&budi, "INVITE");
        desk.from(&budi, &budi.respond(&invite, answer, None));
        desk.expect(&budi, "ACK");
        hears(&mut desk, &caller, sound, status);
        assert_eq!(desk.events(), ["created", event, "ended"]);
        desk.rest();
    }
    let mut desk = desk();
    let [sari, budi] = desk.two();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    desk.wait(Duration::from_secs(60));
    desk.expect(&budi, "CANCEL");
    hears(&mut desk, &caller, "id/not-available", 480);
    assert_eq!(desk.events(), ["created", "ringing", "timeout", "missed", "ended"]);
    desk.quiet();
}

#[test]
fn who_has_heard_a_device_hears_it_there() {
    let mut desk = desk();
    let [sari, budi] = desk.two();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 183, Some(&budi.sdp_of(8))));
    assert_eq!(formats(&desk.expect(&sari, "SIP/2.0 183")), "8");
    desk.from(&budi, &budi.respond(&invite, 486, None));
    desk.expect(&budi, "ACK");
    desk.silent(&sari);
    assert_eq!((voice(&desk, 0).as_str(), heard(&desk, 0).as_str()), ("Pcma 8/8", "id/busy"));
    desk.played(0);
    let refusal = desk.expect(&sari, "SIP/2.0 486");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.rest();
}

#[test]
fn who_gives_up_meanwhile_is_let_go() {
    let mut desk = desk();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let caller = desk.dial(&sari, "9999", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 183");
    desk.from(&sari, &caller.cancel(""));
    desk.expect(&sari, "SIP/2.0 200");
    let refusal = desk.expect(&sari, "SIP/2.0 487");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.events(), ["created", "failed", "ended"]);
    assert_eq!(desk.detail("ended"), "-/487");
    desk.rest();
}

#[test]
fn a_relay_that_never_ends_a_sound_and_an_operator_who_does_bring_the_final_answer() {
    for by_operator in [true, false] {
        let mut desk = desk();
        let sari = desk.phone("1001", "198.51.100.1:5060");
        let caller = desk.dial(&sari, "9999", Some(&sari.sdp()));
        desk.expect(&sari, "SIP/2.0 183");
        if by_operator {
            let call = *desk.live.keys().next().unwrap();
            desk.tell(calls::Input::Command(Command::HangUp { call }));
        } else {
            desk.wait(Duration::from_secs(15));
        }
        let refusal = desk.expect(&sari, "SIP/2.0 404");
        desk.from(&sari, &caller.ack_refusal(&refusal));
        desk.rest();
    }
}

#[test]
fn who_made_no_offer_or_speaks_nothing_that_we_speak_or_is_no_person_is_refused_at_once() {
    let mut desk = desk();
    let [sari, gate] = [("1001", "198.51.100.1:5060"), ("u0", "198.51.100.9:5060")]
        .map(|(user, address)| desk.phone(user, address));
    let g729 = sari.sdp_speaking(&[(18, "G729/8000")], "sendrecv");
    for (phone, offer) in [(&sari, None), (&sari, Some(g729)), (&gate, Some(gate.sdp()))] {
        let mut caller = Caller::new(phone, "9999");
        caller.call_id.push_str(&offer.as_ref().map_or(0, String::len).to_string());
        let caller = desk.dial_as(caller, "", offer.as_deref());
        desk.expect(phone, "SIP/2.0 100");
        let refusal = desk.expect(phone, "SIP/2.0 404");
        desk.from(phone, &caller.ack_refusal(&refusal));
        desk.rest();
    }
}

#[test]
fn rfc_3262_it_is_told_reliably_to_who_can() {
    let mut desk = desk();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let mut caller = desk.dial_with(&sari, "9999", "Supported: 100rel\r\n", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 100");
    let progress = desk.expect(&sari, "SIP/2.0 183");
    let rseq = header(&progress, "RSeq").expect("it is reliable");
    assert!(!body(&progress).is_empty());
    let invite_cseq = caller.cseq;
    caller.join(&progress);
    let prack = caller.request("PRACK", &format!("RAck: {rseq} {invite_cseq} INVITE\r\n"), None);
    desk.from(&sari, &prack);
    desk.expect(&sari, "SIP/2.0 200");
    desk.played(0);
    desk.expect(&sari, "SIP/2.0 404");
    desk.quiet();
}

#[test]
fn an_explanation_outlives_the_process() {
    let mut desk =
        Desk::mortal_with(SwitchboardConfig { announcements: true, ..SwitchboardConfig::default() });
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let caller = desk.dial(&sari, "9999", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 183");
    desk.die();
    desk.played(0);
    let refusal = desk.expect(&sari, "SIP/2.0 404");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.events(), ["created", "failed", "ended"]);
    desk.quiet();
}
