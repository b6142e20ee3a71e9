//! The record of a call, row for row: H-062 … H-064 and every other way a call can go.

use std::time::Duration;

use crate::desk::{self, Caller, Desk, header, id};
use contract::{
    command::{Command, Outcome},
    journal::{Direction, Entry, EventKind, Fact, ParticipantKind, ParticipantRole},
};

/// The rows of the source document: `event attempt queue participant`.
fn rows(journal: &[Entry]) -> Vec<String> {
    let row = |entry: &Entry| match &entry.fact {
        Fact::Event(event) => {
            let participant = event.participant.map_or("null".to_owned(), |no| format!("cp{no}"));
            Some(format!("{} {} {} {participant}", event.kind.as_str(), event.attempt, event.queue_count))
        }
        _ => None,
    };
    journal.iter().filter_map(row).collect()
}

/// The caller's leg, the winner's and the loser's.
#[track_caller]
fn check_legs(desk: &Desk) {
    let mut legs = desk.legs();
    legs.sort_by_key(|leg| leg.no);
    let told: Vec<_> = legs
        .iter()
        .map(|leg| {
            (leg.no, leg.participant, leg.transport.as_str(), leg.answered_at.is_some(), leg.sip_status)
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, Some(2), "udp", true, Some(200)),
            (2, Some(3), "udp", true, Some(200)),
            (3, None, "udp", false, Some(487)),
        ]
    );
    assert_eq!(desk.qualities().len(), 2, "of the two that talked");
}

#[test]
fn h_062_to_h_064_a_call_is_rung_answered_and_ended() {
    let mut desk = Desk::new();
    let [sari, budi, citra] =
        [("1001", "198.51.100.1:5060"), ("1002", "198.51.100.2:5060"), ("1003", "198.51.100.3:5060")]
            .map(|(user, address)| desk.phone(user, address));
    let mut caller = desk.dial(&sari, "100", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE sip:1002@198.51.100.2:5060");
    let other = desk.expect(&citra, "INVITE sip:1003@198.51.100.3:5060");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.from(&citra, &citra.respond(&other, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    desk.silent(&sari);
    // H-062
    assert_eq!(rows(&desk.journal), ["created 1 0 null", "ringing 1 0 null"]);
    let Fact::Call(call) = &desk.journal[0].fact else { panic!("the call comes first") };
    assert_eq!((call.direction, call.dialled.as_str()), (Direction::Internal, "100"));
    let participants = desk.participants();
    let told: Vec<_> = participants.iter().map(|one| (one.no, one.role, one.kind, one.reference)).collect();
    assert_eq!(
        told,
        [
            (1, ParticipantRole::Host, ParticipantKind::Extension, id(21)),
            (2, ParticipantRole::Caller, ParticipantKind::User, id(11)),
        ]
    );
    // H-063
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let cancel = desk.expect(&citra, "CANCEL");
    let reason = header(&cancel, "Reason").unwrap();
    assert_eq!(reason, "SIP;cause=200;text=\"Call completed elsewhere\"");
    desk.from(&citra, &citra.respond(&cancel, 200, None));
    desk.from(&citra, &citra.respond(&other, 487, None));
    desk.expect(&citra, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    let recipient = desk.participants().pop().unwrap();
    assert_eq!(
        (recipient.no, recipient.role, recipient.kind, recipient.reference),
        (3, ParticipantRole::Recipient, ParticipantKind::User, id(12))
    );
    assert_eq!(desk.live.values().next().unwrap().state, EventKind::Answered);
    // H-064
    desk.hang_up(&mut caller, &budi);
    assert_eq!(
        rows(&desk.journal),
        ["created 1 0 null", "ringing 1 0 null", "answered 1 0 cp3", "ended 1 0 null"]
    );
    assert_eq!(desk.detail("ended"), "caller_hung_up/-");
    desk.rest();
    check_legs(&desk);
}

#[test]
fn nobody_registered_is_unreachable() {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let refusal = desk.expect(&sari, "SIP/2.0 480");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.events(), ["created", "failed", "ended"]);
    assert_eq!((desk.detail("failed"), desk.detail("ended")), ("unreachable/-".into(), "-/480".into()));
    desk.rest();
}

#[test]
fn refusals_of_the_plan_are_calls_too() {
    for (number, status, reason, participants) in [
        ("9999", "404", "unknown_number", 1),
        ("200", "480", "inactive", 2),
        ("300", "480", "no_staff", 2),
        ("1001", "486", "self_call", 2),
    ] {
        let mut desk = Desk::new();
        let sari = desk.phone("1001", "198.51.100.1:5060");
        let caller = desk.dial(&sari, number, Some(&sari.sdp()));
        let refusal = desk.expect(&sari, &format!("SIP/2.0 {status}"));
        desk.from(&sari, &caller.ack_refusal(&refusal));
        assert_eq!(desk.events(), ["created", "failed", "ended"]);
        assert_eq!(desk.detail("failed"), format!("{reason}/{status}"));
        assert_eq!(desk.participants().len(), participants, "{number}");
        assert_eq!(desk.participants().last().unwrap().role, ParticipantRole::Caller);
        assert!(desk.media.is_empty(), "no port is spent on {number}");
        desk.rest();
    }
}

/// One device of Budi's answers `status` after 180; what the caller gets and what is written.
fn check_refusal(status: u16, to_caller: &str, events: &[&str], reason: Option<(&str, &str)>) {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    desk.from(&budi, &budi.respond(&invite, status, None));
    desk.expect(&budi, "ACK");
    let refusal = desk.expect(&sari, to_caller);
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.events(), events, "{status}");
    if let Some((event, detail)) = reason {
        assert_eq!(desk.detail(event), detail, "{status}");
    }
    desk.rest();
}

#[test]
fn a_device_refuses() {
    check_refusal(
        603,
        "SIP/2.0 603",
        &["created", "ringing", "rejected(3)", "ended"],
        Some(("rejected", "-/603")),
    );
    check_refusal(486, "SIP/2.0 486", &["created", "ringing", "busy", "ended"], Some(("busy", "busy/486")));
    check_refusal(600, "SIP/2.0 486", &["created", "ringing", "busy", "ended"], None);
    check_refusal(
        480,
        "SIP/2.0 480",
        &["created", "ringing", "failed", "ended"],
        Some(("failed", "unreachable/480")),
    );
    check_refusal(
        488,
        "SIP/2.0 488",
        &["created", "ringing", "failed", "ended"],
        Some(("failed", "media_refused/488")),
    );
    check_refusal(
        500,
        "SIP/2.0 480",
        &["created", "ringing", "failed", "ended"],
        Some(("failed", "refused/500")),
    );
    check_refusal(408, "SIP/2.0 480", &["created", "ringing", "timeout", "missed", "ended"], None);
}

#[test]
fn a_person_who_declines_stops_their_other_devices_and_nobody_elses() {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    let budi = desk.phone("1002", "198.51.100.2:5060");
    let mobile = desk.phone("1002-mobile", "198.51.100.22:5060");
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let caller = desk.dial(&sari, "100", Some(&sari.sdp()));
    let invites = [&budi, &mobile, &citra].map(|phone| desk.expect(phone, "INVITE"));
    for (phone, invite) in [&budi, &mobile, &citra].into_iter().zip(&invites) {
        desk.from(phone, &phone.respond(invite, 180, None));
    }
    desk.expect(&sari, "SIP/2.0 180");
    desk.from(&budi, &budi.respond(&invites[0], 603, None));
    desk.expect(&budi, "ACK");
    let cancel = desk.expect(&mobile, "CANCEL");
    desk.from(&mobile, &mobile.respond(&cancel, 200, None));
    desk.from(&mobile, &mobile.respond(&invites[1], 487, None));
    desk.expect(&mobile, "ACK");
    desk.silent(&citra);
    desk.silent(&sari);
    desk.from(&citra, &citra.respond(&invites[2], 486, None));
    desk.expect(&citra, "ACK");
    // Busy beats rejected.
    let refusal = desk.expect(&sari, "SIP/2.0 486");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.events(), ["created", "ringing", "rejected(3)", "busy", "ended"]);
    assert_eq!(desk.participants()[2].reference, id(12));
    desk.rest();
}

#[test]
fn h_052_the_ring_timeout_ends_it() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    desk.wait(Duration::from_millis(59_900));
    desk.silent(&sari);
    desk.wait(Duration::from_millis(200));
    let cancel = desk.expect(&budi, "CANCEL");
    desk.from(&budi, &budi.respond(&cancel, 200, None));
    desk.from(&budi, &budi.respond(&invite, 487, None));
    desk.expect(&budi, "ACK");
    let refusal = desk.expect(&sari, "SIP/2.0 480");
    assert_eq!(header(&refusal, "Reason").unwrap(), "Q.850;cause=19;text=\"No answer from user\"");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.events(), ["created", "ringing", "timeout", "missed", "ended"]);
    desk.rest();
}

#[test]
fn the_caller_gives_up() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    desk.from(&sari, &caller.cancel("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"));
    desk.expect(&sari, "SIP/2.0 200");
    let refusal = desk.expect(&sari, "SIP/2.0 487");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    let cancel = desk.expect(&budi, "CANCEL");
    assert!(header(&cancel, "Reason").unwrap().contains("completed elsewhere"), "the reason is passed on");
    desk.from(&budi, &budi.respond(&cancel, 200, None));
    desk.from(&budi, &budi.respond(&invite, 487, None));
    desk.expect(&budi, "ACK");
    assert_eq!(desk.events(), ["created", "ringing", "canceled", "ended"]);
    assert_eq!(desk.detail("ended"), "-/487");
    desk.rest();
}

#[test]
fn an_answer_that_crosses_the_callers_cancel_is_ended() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    desk.from(&sari, &caller.cancel(""));
    desk.expect(&sari, "SIP/2.0 200");
    let refusal = desk.expect(&sari, "SIP/2.0 487");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    let cancel = desk.expect(&budi, "CANCEL");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.from(&budi, &budi.respond(&cancel, 481, None));
    desk.expect(&budi, "ACK");
    let bye = desk.expect(&budi, "BYE");
    desk.from(&budi, &budi.respond(&bye, 200, None));
    assert_eq!(desk.events(), ["created", "ringing", "canceled", "ended"]);
    desk.rest();
}

#[test]
fn the_callee_hangs_up() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (_, invite) = desk.talk(&sari, &budi, "1002");
    desk.from(&budi, &budi.request("BYE", 1, &invite, "Reason: Q.850;cause=16\r\n", None));
    desk.expect(&budi, "SIP/2.0 200");
    let bye = desk.expect(&sari, "BYE");
    assert_eq!(header(&bye, "Reason").unwrap(), "Q.850;cause=16");
    desk.from(&sari, &sari.respond(&bye, 200, None));
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "ended"]);
    assert_eq!(desk.detail("ended"), "callee_hung_up/-");
    desk.rest();
}

#[test]
fn both_hang_up_at_once_and_it_ends_once() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (mut caller, invite) = desk.talk(&sari, &budi, "1002");
    let bye = caller.request("BYE", "", None);
    desk.from(&sari, &bye);
    desk.from(&budi, &budi.request("BYE", 1, &invite, "", None));
    desk.expect(&sari, "SIP/2.0 200");
    let bye = desk.expect(&budi, "BYE");
    desk.expect(&budi, "SIP/2.0 200");
    desk.from(&budi, &budi.respond(&bye, 200, None));
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "ended"]);
    desk.rest();
}

#[test]
fn an_ack_that_never_comes_ends_an_answered_call() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    desk.wait(Duration::from_secs(33));
    let bye = desk.expect(&budi, "BYE");
    desk.from(&budi, &budi.respond(&bye, 200, None));
    assert_eq!(desk.events(), ["created", "answered(3)", "ended"]);
    assert_eq!(desk.detail("ended"), "ack_missing/-");
    desk.quiet();
}

#[test]
fn a_phone_that_does_not_exist_any_more_is_unreachable() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    desk.dial(&sari, "1002", Some(&sari.sdp()));
    desk.expect(&budi, "INVITE");
    desk.wait(Duration::from_secs(33));
    assert_eq!(desk.events(), ["created", "failed", "ended"]);
    assert_eq!(desk.detail("failed"), "unreachable/408");
    desk.expect(&budi, "INVITE");
    desk.quiet();
}

#[test]
fn the_operator_ends_calls_before_and_after_the_answer() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    desk.talk(&sari, &budi, "1002");
    let call = *desk.live.keys().next().unwrap();
    desk.tell(calls::Input::Command(Command::HangUp { call }));
    for phone in [&sari, &budi] {
        let bye = desk.expect(phone, "BYE");
        desk.from(phone, &phone.respond(&bye, 200, None));
    }
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "ended"]);
    assert_eq!(desk.detail("ended"), "operator/-");
    desk.tell(calls::Input::Command(Command::HangUp { call }));
    assert_eq!(desk.outcomes, [Outcome::Done, Outcome::UnknownCall]);
    desk.rest();

    desk.journal.clear();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    let call = *desk.live.keys().next().unwrap();
    desk.tell(calls::Input::Command(Command::HangUp { call }));
    let cancel = desk.expect(&budi, "CANCEL");
    desk.from(&budi, &budi.respond(&cancel, 200, None));
    desk.from(&budi, &budi.respond(&invite, 487, None));
    desk.expect(&budi, "ACK");
    let refusal = desk.expect(&sari, "SIP/2.0 487");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.events(), ["created", "ringing", "canceled", "ended"]);
    assert_eq!(desk.detail("canceled"), "operator/-");
    desk.rest();
}

#[test]
fn a_repeated_invite_is_no_second_call() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let mut caller = Caller::new(&sari, "1002");
    desk.from(&sari, &caller.invite(Some(&sari.sdp()), ""));
    let challenge = desk.expect(&sari, "SIP/2.0 401");
    let authorization = sari.authorization(&challenge, "INVITE", &caller.uri());
    caller.cseq = 2;
    let text = caller.invite(Some(&sari.sdp()), &authorization);
    desk.from(&sari, &text);
    desk.expect(&sari, "SIP/2.0 100");
    desk.from(&sari, &text);
    desk.expect(&sari, "SIP/2.0 100");
    assert_eq!(desk.board.counts().calls, 1);
    desk.expect(&budi, "INVITE");
    desk.silent(&budi);
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
    assert_eq!(desk.events(), ["created", "canceled", "ended"]);
}

#[test]
fn a_call_keeps_the_plan_it_started_with() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    let mut rows = desk::rows();
    rows.organisations[0].accounts.retain(|account| account.username != "1002");
    desk.tell(calls::Input::Plan(desk::plan(&rows)));
    assert_eq!(desk.bindings.len(), 1, "the contact of an account that is gone is gone");
    assert_eq!(desk.board.counts().calls, 1);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}
