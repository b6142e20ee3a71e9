//! RFC 3261 13: opening a session, and the ACK. RFC 3261 17 and RFC 6026: what repeats, and until when.

use std::time::Duration;

use sip::{Body, EndedBy, Event, HeaderName, Input, Provisional, Reply, Transport};

use crate::world::*;

#[test]
fn section_13_a_call_is_made_answered_and_ended() {
    let mut world = World::new();
    world.invite(A, B);
    world.run(HOP);
    assert_eq!(world.heard(B), ["Request INVITE"]);
    world.accept_invite(B);
    world.ring(B);
    world.run(HOP);
    assert_eq!(world.heard(A), ["Progress 180"]);
    world.answer(B);
    world.run(HOP);
    assert_eq!(world.heard(A), ["Answered answer"]);
    world.ack(A);
    world.run(HOP);
    assert_eq!(world.heard(B), ["Acked"]);
    world.hang_up(A);
    assert_eq!(world.heard(A), ["Ended Us"]);
    world.run_ms(20);
    assert_eq!(world.heard(B), ["Ended Peer"]);
    let steps =
        ["A->B INVITE", "B->A 100 INVITE", "B->A 180 INVITE", "B->A 200 INVITE", "A->B ACK", "A->B BYE"];
    assert_eq!(world.steps(), [&steps[..], &["B->A 200 BYE"]].concat());
    world.assert_gone();
    assert!(world.heard(A).is_empty() && world.heard(B).is_empty());
}

#[test]
fn section_13_the_same_call_over_a_stream_repeats_nothing_and_leaves_sooner() {
    let mut world = World::over(Transport::Tcp).call().talk();
    world.hang_up(B);
    world.run_ms(20);
    assert_eq!(world.steps(), ["B->A BYE", "A->B 200 BYE"]);
    assert_eq!(world.counts(A).sessions + world.counts(B).sessions, 0);
    world.assert_gone();
}

#[test]
fn section_13_2_1_an_invite_carries_what_it_must() {
    let mut world = World::new();
    world.invite(A, B);
    world.run(HOP);
    let request = world.nodes[B].request.clone().unwrap();
    let invite = request.message.view();
    assert_eq!(invite.require_valid(), Ok(()));
    assert!(invite.first(HeaderName::From).unwrap().starts_with(r#""Sari \"S\"" <sip:a@example.com>;tag="#));
    assert_eq!(invite.first(HeaderName::To), Some("<sip:b@example.com>"));
    assert_eq!(invite.first(HeaderName::Contact), Some("<sip:A@192.0.2.1:5060>"));
    assert_eq!(
        invite.first(HeaderName::Allow),
        Some("INVITE, ACK, BYE, CANCEL, PRACK, UPDATE, OPTIONS, REGISTER, INFO, MESSAGE, SUBSCRIBE, REFER")
    );
    assert!(invite.via().unwrap().branch().unwrap().starts_with("z9hG4bK"));
    assert_eq!(invite.via().unwrap().rport(), Some(None));
    assert_eq!(invite.body(), b"offer");
}

#[test]
fn section_13_3_1_4_a_late_offer_is_answered_in_the_ack() {
    let mut world = World::new();
    let invite = sip::Invite { body: None, ..world.invite_of(A, B) };
    let caller = world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out)).unwrap();
    world.run(HOP);
    let callee = world.accept_invite(B);
    world.order(B, |endpoint, now, out| endpoint.answer(now, callee, Some(Body::sdp("offer")), out));
    world.run(HOP);
    assert_eq!(world.heard(A), ["Answered offer"]);
    world.order(A, |endpoint, now, out| endpoint.ack(now, caller, Some(Body::sdp("answer")), out));
    world.run(HOP);
    assert_eq!(world.heard(B), ["Request INVITE", "Acked answer"]);
}

#[test]
fn section_13_3_1_1_early_media_passes() {
    let mut world = World::called();
    let key = world.session(B);
    let early = Provisional::new(183).body(Body::sdp("early"));
    world.order(B, |endpoint, now, out| endpoint.ring(now, key, early, out));
    world.run(HOP);
    assert_eq!(world.heard(A), ["Progress 183 early"]);
}

#[test]
fn section_13_3_1_1_a_long_ringing_is_refreshed_every_minute() {
    let mut world = World::called();
    world.ring(B);
    world.run(Duration::from_secs(150));
    assert_eq!(world.steps(), ["B->A 180 INVITE"; 3]);
    world.answer(B);
    world.run(HOP);
    world.ack(A);
    world.run(Duration::from_secs(150));
    assert_eq!(world.steps(), ["B->A 200 INVITE", "A->B ACK"]);
}

#[test]
fn section_17_1_1_2_an_unheard_invite_is_sent_seven_times_and_given_up() {
    let mut world = World::new();
    world.fate(|_| Fate::Lose);
    world.invite(A, B);
    world.settle();
    let at: Vec<&str> = world.ladder.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(at, ["0", "500", "1500", "3500", "7500", "15500", "31500"]);
    assert_eq!((world.heard(A), world.at()), (vec![String::from("Failed 408 Timeout")], 32_000));
    world.assert_gone();
}

#[test]
fn section_17_1_1_2_a_lost_invite_is_repeated_byte_for_byte() {
    let mut world = World::new();
    let mut seen = Vec::new();
    let (sender, receiver) = std::sync::mpsc::channel();
    world.fate(move |flight| {
        sender.send(flight.bytes.clone()).unwrap();
        Fate::Lose
    });
    world.invite(A, B);
    world.run_ms(4_000);
    seen.extend(receiver.try_iter());
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|bytes| bytes == &seen[0] && bytes.as_ptr() == seen[0].as_ptr()));
}

#[test]
fn section_17_2_1_a_repeated_invite_makes_no_second_call() {
    let mut world = World::new();
    world.script("INVITE", 1, Fate::Double);
    world.invite(A, B);
    world.run(HOP);
    // Nothing is kept before the owner accepts, so it hears of both.
    assert_eq!(world.heard(B), ["Request INVITE", "Request INVITE"]);
    let again = world.nodes[B].request.clone().unwrap();
    world.accept_invite(B);
    let second = world.order(B, |endpoint, now, out| endpoint.accept_invite(now, again, out));
    assert_eq!(second, Err(sip::Refused::Merged));
    assert_eq!(world.steps(), ["A->B INVITE x2", "B->A 100 INVITE", "B->A 100 INVITE"]);
    world.ring(B);
    world.run_ms(100);
    assert_eq!(world.counts(B).sessions, 1);
}

#[test]
fn section_17_2_1_a_repeated_invite_gets_the_last_answer_again() {
    let mut world = World::new();
    world.script("180 INVITE", 1, Fate::Lose);
    world.invite(A, B);
    world.run(HOP);
    let invite = world.nodes[B].request.clone().unwrap();
    world.accept_invite(B);
    world.ring(B);
    world.run_ms(100);
    world.steps();
    let text = String::from_utf8(raw(&invite.message)).unwrap();
    world.say(A, B, &text);
    world.run_ms(20);
    assert_eq!(world.steps(), ["A->B INVITE", "B->A 180 INVITE"]);
    assert_eq!(world.heard(A), ["Progress 180"]);
}

/// The text of an INVITE that an endpoint wrote, as it was on the wire.
fn raw(message: &sip::OwnedMessage) -> Vec<u8> {
    let view = message.view();
    let mut text = format!("INVITE {} SIP/2.0\r\n", view.request_uri());
    for (name, _, value) in view.headers() {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    [text.as_bytes(), view.body()].concat()
}

#[test]
fn section_17_1_1_3_a_failure_is_acknowledged_by_the_transaction() {
    let mut world = World::called();
    let key = world.session(B);
    world.order(B, |endpoint, now, out| endpoint.refuse(now, key, Reply::new(486), out));
    world.run_ms(20);
    assert_eq!(world.heard(A), ["Failed 486 Response"]);
    assert_eq!(world.heard(B), [""; 0]);
    assert_eq!(world.steps(), ["B->A 486 INVITE", "A->B ACK"]);
    assert_eq!((world.counts(A).sessions, world.counts(B).sessions), (0, 0));
    world.assert_gone();
}

#[test]
fn section_17_2_1_a_failure_is_repeated_until_its_ack_comes() {
    let mut world = World::called();
    let mut lost = 0;
    world.fate(move |flight| {
        lost += usize::from(flight.label() == "ACK");
        if flight.label() == "ACK" && lost <= 2 { Fate::Lose } else { Fate::Deliver }
    });
    let key = world.session(B);
    world.order(B, |endpoint, now, out| endpoint.refuse(now, key, Reply::new(603), out));
    world.settle();
    let pair = ["B->A 603 INVITE", "A->B ACK x"];
    assert_eq!(world.steps(), [pair, pair, ["B->A 603 INVITE", "A->B ACK"]].concat());
    assert_eq!(world.heard(A), ["Failed 603 Response"]);
    world.assert_gone();
}

#[test]
fn section_17_2_1_a_failure_without_ack_is_given_up_by_timer_h() {
    let mut world = World::called();
    world.fate(|flight| if flight.from == B { Fate::Lose } else { Fate::Deliver });
    let key = world.session(B);
    world.order(B, |endpoint, now, out| endpoint.refuse(now, key, Reply::new(486), out));
    world.run(Duration::from_secs(33));
    assert_eq!(world.counts(B), sip::Counts::default());
}

#[test]
fn section_13_3_1_4_a_2xx_is_repeated_until_its_ack_comes() {
    let mut world = World::called();
    let mut lost = 0;
    world.fate(move |flight| {
        let ack = flight.label() == "ACK";
        lost += usize::from(ack);
        if ack && lost <= 2 { Fate::Lose } else { Fate::Deliver }
    });
    world.answer(B);
    world.run(HOP);
    world.ack(A);
    world.run(Duration::from_secs(10));
    let pair = ["B->A 200 INVITE", "A->B ACK x"];
    assert_eq!(world.steps(), [pair, pair, ["B->A 200 INVITE", "A->B ACK"]].concat());
    assert_eq!((world.heard(A), world.heard(B)), (vec!["Answered answer".into()], vec!["Acked".into()]));
}

#[test]
fn section_13_3_1_4_a_2xx_is_repeated_over_streams_too() {
    let mut world = World::over(Transport::Tcp).call();
    world.answer(B);
    world.run_ms(600);
    assert_eq!(world.steps(), ["B->A 200 INVITE", "B->A 200 INVITE"]);
    assert_eq!(world.heard(A), ["Answered answer"]);
}

#[test]
fn section_13_3_1_4_without_an_ack_the_session_is_ended_by_bye() {
    let mut world = World::called();
    world.fate(|flight| if flight.label() == "ACK" { Fate::Lose } else { Fate::Deliver });
    world.answer(B);
    world.run(HOP);
    world.ack(A);
    world.settle();
    assert_eq!(world.heard(B), ["AckMissing", "Ended Timeout"]);
    assert_eq!(world.heard(A), ["Answered answer", "Ended Peer"]);
    // T1 doubling up to T2 for 64*T1: 0, 0.5, 1.5, 3.5, then every 4 s below 32 s.
    assert_eq!(world.steps().iter().filter(|step| *step == "B->A 200 INVITE").count(), 11);
    world.assert_gone();
}

#[test]
fn section_13_2_2_4_the_ack_has_a_branch_of_its_own_and_the_cseq_of_the_invite() {
    let mut world = World::called().bare();
    let (sender, receiver) = std::sync::mpsc::channel();
    world.fate(move |flight| {
        sender.send(flight.bytes.clone()).unwrap();
        Fate::Deliver
    });
    world.answer(B);
    world.run(HOP);
    world.ack(A);
    let ack = sip::OwnedMessage::parse(&receiver.try_iter().last().unwrap()).unwrap();
    let ack = ack.view();
    assert_eq!(ack.first(HeaderName::CSeq), Some("1 ACK"));
    assert_eq!(ack.request_uri(), "sip:B@192.0.2.2:5060");
    assert!(ack.via().unwrap().branch().unwrap().starts_with("z9hG4bK"));
    assert_eq!(ack.require_valid(), Ok(()));
}

#[test]
fn rfc_6026_a_repeated_invite_after_the_2xx_is_absorbed() {
    let mut world = World::new();
    world.invite(A, B);
    world.run(HOP);
    let invite = world.nodes[B].request.clone().unwrap();
    world.accept_invite(B);
    let mut world = world.talk();
    world.say(A, B, &String::from_utf8(raw(&invite.message)).unwrap());
    world.run_ms(20);
    assert_eq!(world.steps(), ["A->B INVITE"]);
    assert!(world.heard(B).is_empty());
}

#[test]
fn timer_c_a_ringing_without_end_is_taken_back() {
    let mut config = config();
    config.timers.c = Duration::from_secs(200);
    // The callee does not refresh its ringing.
    let mut silent = config.clone();
    silent.timers.progress_refresh = Duration::from_secs(3_600);
    let mut world = World::with(1, [config, silent]).call();
    world.ring(B);
    world.run(Duration::from_secs(199));
    assert_eq!(world.heard(A), ["Progress 180"]);
    world.run(Duration::from_secs(2));
    assert_eq!(
        world.steps(),
        ["B->A 180 INVITE", "A->B CANCEL", "B->A 200 CANCEL", "B->A 487 INVITE", "A->B ACK"]
    );
    assert_eq!(world.heard(A), ["Failed 487 Timeout"]);
    assert_eq!(world.heard(B), ["Canceled"]);
    world.assert_gone();
}

#[test]
fn section_21_a_failure_tells_its_details() {
    let mut world = World::called();
    let key = world.session(B);
    let reply = Reply::new(302)
        .header("Contact", "<sip:c@192.0.2.9>;q=0.9, <sip:d@192.0.2.9>")
        .header("Retry-After", "18 (in a meeting);duration=3600")
        .reason(&sip::Reason::q850(23, "redirected"));
    world.order(B, |endpoint, now, out| endpoint.refuse(now, key, reply, out));
    world.run_ms(20);
    let Some(Event::Failed { status: 302, retry_after, contacts, reason, .. }) = world.take_events(A).pop()
    else {
        panic!("no failure");
    };
    assert_eq!(retry_after, Some(18));
    assert_eq!(contacts, ["sip:c@192.0.2.9", "sip:d@192.0.2.9"]);
    assert_eq!(reason, Some(sip::Reason::q850(23, "redirected")));
}

#[test]
fn orders_that_come_too_late_do_nothing() {
    let mut world = World::talking();
    let (caller, callee) = (world.session(A), world.session(B));
    world.ring(B);
    world.answer(B);
    world.order(B, |endpoint, now, out| endpoint.refuse(now, callee, Reply::new(486), out));
    world.ack(A);
    world.answer_reinvite(A);
    assert!(world.steps().is_empty());
    world.hang_up(A);
    world.run_ms(20);
    world.steps();
    world.hang_up(A);
    world.hang_up(B);
    world.answer(B);
    assert!(world.steps().is_empty());
    let refused = world.order(A, |endpoint, now, out| endpoint.reinvite(now, caller, None, out));
    assert_eq!(refused, Err(sip::Refused::Gone));
}

#[test]
fn a_keep_alive_is_no_garbage() {
    let mut world = World::new();
    let flow = world.flow(A, B);
    let mut check = |bytes: &[u8], heard: &[&str]| {
        world.order(A, |endpoint, now, out| endpoint.handle(now, Input::Received { flow, bytes }, out));
        assert_eq!(world.heard(A), heard);
    };
    check(b"\r\n\r\n", &[]);
    check(b"\0\0", &["Dropped Malformed"]);
    check(b"GET / HTTP/1.1\r\n\r\n", &["Dropped Malformed"]);
}

#[test]
fn ended_says_who_and_why() {
    let mut world = World::talking();
    let key = world.session(B);
    let reason = sip::Reason::q850(16, "Normal call clearing");
    world.order(B, |endpoint, now, out| endpoint.hang_up(now, key, Some(reason.clone()), out));
    world.run_ms(20);
    let Some(Event::Ended { by: EndedBy::Peer, reason: told, .. }) = world.take_events(A).pop() else {
        panic!("not ended");
    };
    assert_eq!(told, Some(reason));
}

#[test]
fn timer_c_is_renewed_by_every_ringing() {
    let mut config = config();
    config.timers.c = Duration::from_secs(200);
    let mut world = World::with(1, [config.clone(), config]).call();
    world.ring(B);
    world.run(Duration::from_secs(900));
    assert!(world.heard(A).iter().all(|event| event == "Progress 180"));
    assert_eq!(world.counts(A).sessions, 1);
}
