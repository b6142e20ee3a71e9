//! RFC 3261 14: changing a session, glare in every direction.

use std::time::Duration;

use sip::{Body, Refused, Reply};

use crate::dialog::response;
use crate::world::*;

#[test]
fn section_14_a_session_is_changed() {
    for (one, other) in [(A, B), (B, A)] {
        let mut world = World::talking();
        world.reinvite(one);
        world.run(HOP);
        assert_eq!(world.heard(other), ["Reinvite hold"]);
        world.answer_reinvite(other);
        world.run(HOP);
        assert_eq!(world.heard(one), ["ReinviteAnswered held"]);
        world.ack(one);
        world.run(HOP);
        assert_eq!(world.heard(other), ["Acked"]);
        let (x, y) = (name(one), name(other));
        let expected = [
            format!("{x}->{y} INVITE"),
            format!("{y}->{x} 100 INVITE"),
            format!("{y}->{x} 200 INVITE"),
            format!("{x}->{y} ACK"),
        ];
        assert_eq!(world.steps(), expected);
        world.hang_up(other);
        world.assert_gone();
    }
}

#[test]
fn section_14_2_a_late_offer_in_a_re_invite_is_answered_in_the_ack() {
    let mut world = World::talking();
    let (caller, callee) = (world.session(A), world.session(B));
    world.order(A, |endpoint, now, out| endpoint.reinvite(now, caller, None, out)).unwrap();
    world.run(HOP);
    assert_eq!(world.heard(B), ["Reinvite"]);
    world.order(B, |endpoint, now, out| endpoint.answer_reinvite(now, callee, Some(Body::sdp("offer")), out));
    world.run(HOP);
    world.order(A, |endpoint, now, out| endpoint.ack(now, caller, Some(Body::sdp("answer")), out));
    world.run(HOP);
    assert_eq!(world.heard(B), ["Acked answer"]);
}

#[test]
fn section_14_1_a_refused_change_leaves_the_session_as_it_was() {
    let mut world = World::talking();
    world.reinvite(A);
    world.run(HOP);
    let key = world.session(B);
    world.order(B, |endpoint, now, out| endpoint.refuse_reinvite(now, key, Reply::new(488), out));
    world.run_ms(20);
    assert_eq!(world.heard(A), ["ReinviteFailed 488"]);
    assert_eq!(world.steps().last().unwrap(), "A->B ACK");
    world.reinvite(A);
    world.run(HOP);
    assert_eq!(world.heard(B), ["Reinvite hold", "Reinvite hold"]);
    world.hang_up(B);
    world.assert_gone();
}

#[test]
fn section_14_1_glare_is_491_both_ways() {
    let mut world = World::talking();
    world.reinvite(A);
    world.reinvite(B);
    world.run_ms(40);
    assert_eq!(
        (world.heard(A), world.heard(B)),
        (vec!["ReinviteFailed 491".into()], vec!["ReinviteFailed 491".into()])
    );
    // Whoever waited less tries again.
    world.reinvite(B);
    world.run(HOP);
    assert_eq!(world.heard(A), ["Reinvite hold"]);
    world.hang_up(A);
    world.assert_gone();
}

#[test]
fn section_14_1_no_second_change_while_one_is_open() {
    let mut world = World::talking();
    world.reinvite(A);
    let key = world.session(A);
    let again = world.order(A, |endpoint, now, out| endpoint.reinvite(now, key, None, out));
    assert_eq!(again, Err(Refused::Busy));
    world.run(HOP);
    let key = world.session(B);
    let other = world.order(B, |endpoint, now, out| endpoint.reinvite(now, key, None, out));
    assert_eq!(other, Err(Refused::Busy));
    let early = World::called().order(B, |endpoint, now, out| endpoint.reinvite(now, key, None, out));
    assert!(early.is_err());
}

/// A request inside the dialog of A and B that A's endpoint did not write, made of one it wrote.
fn forged(world: &mut World, cseq: &str, branch: &str, body: &str) -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    world.fate(move |flight| {
        sender.send(flight.bytes.clone()).unwrap();
        Fate::Lose
    });
    let key = world.session(A);
    world.order(A, |endpoint, now, out| endpoint.request(now, key, "INFO", Vec::new(), None, out)).unwrap();
    let info = sip::OwnedMessage::parse(&receiver.try_iter().last().unwrap()).unwrap();
    let info = info.view();
    world.fate(|_| Fate::Deliver);
    world.forget();
    let method = cseq.split(' ').next_back().unwrap();
    format!(
        "{method} {} SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch={branch}\nFrom: {}\nTo: {}\nCall-ID: {}\n\
         CSeq: {cseq}\nMax-Forwards: 70\nContact: <sip:A@192.0.2.1>\nContent-Length: {}\n\n{body}",
        info.request_uri(),
        info.named("From").unwrap(),
        info.named("To").unwrap(),
        info.named("Call-ID").unwrap(),
        body.len()
    )
}

#[test]
fn section_14_2_a_second_invite_of_the_same_side_is_500_with_retry_after() {
    let mut world = World::talking();
    let first = forged(&mut world, "10 INVITE", "z9hG4bK1", "");
    let second = first.replace("10 INVITE", "11 INVITE").replace("z9hG4bK1", "z9hG4bK2");
    world.say(A, B, &first);
    world.run(HOP);
    assert_eq!(world.heard(B), ["Reinvite"]);
    let (sender, receiver) = std::sync::mpsc::channel();
    world.fate(move |flight| {
        sender.send(flight.bytes.clone()).unwrap();
        Fate::Deliver
    });
    world.say(A, B, &second);
    world.run(HOP);
    let refused = sip::OwnedMessage::parse(&receiver.try_iter().last().unwrap()).unwrap();
    assert_eq!(refused.view().status(), Some(500));
    let seconds: u32 = refused.view().named("Retry-After").unwrap().parse().unwrap();
    assert!(seconds <= 10);
    assert!(world.heard(B).is_empty());
}

#[test]
fn section_12_2_2_a_request_out_of_order_is_500() {
    let mut world = World::talking();
    let late = forged(&mut world, "1 INFO", "z9hG4bK1", "");
    world.say(A, B, &late);
    world.run(HOP);
    assert_eq!(world.steps(), ["A->B INFO", "B->A 500 INFO"]);
    assert_eq!(world.heard(B), ["Dropped Refused"]);
}

#[test]
fn rfc_5407_a_re_invite_that_overtakes_the_ack_is_491() {
    let mut world = World::called();
    world.script("ACK", 1, Fate::Delay(Duration::from_millis(100)));
    world.answer(B);
    world.run(HOP);
    world.ack(A);
    world.reinvite(A);
    world.run_ms(30);
    assert_eq!(world.heard(A), ["Answered answer", "ReinviteFailed 491"]);
    world.run_ms(100);
    assert_eq!(world.heard(B), ["Acked"]);
    world.reinvite(A);
    world.run_ms(30);
    assert_eq!(world.heard(B), ["Reinvite hold"]);
}

#[test]
fn section_9_a_re_invite_is_taken_back_when_it_rings_too_long() {
    let mut config = config();
    config.timers.c = Duration::from_secs(200);
    let mut world = World::with(1, [config.clone(), config]).call().talk();
    world.reinvite(A);
    world.run(Duration::from_secs(201));
    assert_eq!(world.heard(B), ["Reinvite hold", "ReinviteCanceled"]);
    assert_eq!(world.heard(A), ["ReinviteFailed 487"]);
    // A late answer of the owner has no effect.
    world.steps();
    world.answer_reinvite(B);
    assert!(world.steps().is_empty());
    world.hang_up(A);
    world.assert_gone();
}

#[test]
fn section_14_1_an_unanswered_re_invite_ends_the_session() {
    let mut world = World::talking();
    world.fate(|flight| if flight.label() == "INVITE" { Fate::Lose } else { Fate::Deliver });
    world.reinvite(A);
    world.run(Duration::from_secs(33));
    assert_eq!(world.heard(A), ["ReinviteFailed 408", "Ended Timeout"]);
    assert_eq!(world.heard(B), ["Ended Peer"]);
    world.assert_gone();
}

#[test]
fn section_12_2_1_2_a_peer_that_does_not_know_the_dialog_ends_it() {
    let mut world = World::talking();
    world.fate(|flight| if flight.from == A { Fate::Lose } else { Fate::Deliver });
    world.hang_up(A);
    world.run(Duration::from_secs(40));
    world.fate(|_| Fate::Deliver);
    world.forget();
    world.reinvite(B);
    world.run_ms(40);
    assert_eq!(world.steps(), ["B->A INVITE", "A->B 481 INVITE", "B->A ACK"]);
    assert_eq!(world.heard(B), ["ReinviteFailed 481", "Ended Peer"]);
    world.assert_gone();
}

#[test]
fn section_15_a_bye_ends_an_open_change_of_either_side() {
    for leaver in [A, B] {
        let mut world = World::talking();
        world.reinvite(A);
        world.run_ms(40);
        world.forget();
        world.hang_up(leaver);
        world.run_ms(60);
        assert_eq!(world.heard(leaver), ["Ended Us"]);
        let heard: &[&str] =
            if leaver == A { &["Ended Peer"] } else { &["ReinviteFailed 487", "Ended Peer"] };
        assert_eq!(world.heard(A + B - leaver), heard);
        assert!(world.steps().contains(&String::from("B->A 487 INVITE")));
        world.assert_gone();
    }
}

#[test]
fn section_14_a_bye_that_crosses_the_answer_of_a_change_still_gets_its_ack() {
    let mut world = World::talking();
    world.reinvite(A);
    world.run(HOP);
    world.answer_reinvite(B);
    world.hang_up(A);
    world.run_ms(40);
    let steps = world.steps();
    assert!(steps.contains(&String::from("A->B ACK")), "{steps:?}");
    assert_eq!(world.heard(B), ["Reinvite hold", "Ended Peer", "Dropped StrayAck"]);
    world.assert_gone();
}

#[test]
fn section_14_2_a_lost_ack_of_a_change_is_repeated() {
    let mut world = World::talking();
    world.reinvite(A);
    world.run(HOP);
    world.answer_reinvite(B);
    world.script("ACK", 1, Fate::Lose);
    world.run(HOP);
    world.ack(A);
    world.run_ms(700);
    assert_eq!(world.heard(B), ["Reinvite hold", "Acked"]);
}

#[test]
fn section_13_3_1_4_an_old_ack_does_not_acknowledge_a_change() {
    let mut world = World::called();
    world.answer(B);
    world.run(HOP);
    let (sender, receiver) = std::sync::mpsc::channel();
    world.fate(move |flight| {
        sender.send(flight.bytes.clone()).unwrap();
        Fate::Deliver
    });
    world.ack(A);
    let ack = String::from_utf8(receiver.try_iter().last().unwrap().to_vec()).unwrap();
    world.run(HOP);
    world.reinvite(A);
    world.run(HOP);
    world.answer_reinvite(B);
    world.forget();
    world.say(A, B, &ack);
    world.run_ms(20);
    assert_eq!(world.heard(B), [""; 0]);
    world.ack(A);
    world.run(HOP);
    assert_eq!(world.heard(B), ["Acked"]);
}

#[test]
fn section_15_a_change_that_nobody_answers_does_not_outlive_its_session() {
    let mut world = World::talking();
    world.reinvite(A);
    world.run_ms(40);
    world.fate(|flight| if flight.from == B { Fate::Lose } else { Fate::Deliver });
    world.hang_up(A);
    world.run(Duration::from_secs(33));
    assert_eq!(world.counts(A), sip::Counts::default());
    assert_eq!(world.heard(A), ["Ended Us"]);
}

#[test]
fn section_13_2_2_4_late_answers_to_a_change_are_bounded() {
    let mut world = World::new().bare();
    world.invite(A, C);
    world.run(HOP);
    let invite = world.nodes[C].inbox.remove(0);
    world.say(C, A, &response(&invite, "200 OK", "c1", "Contact: <sip:c@192.0.2.3:5060>\n"));
    world.run(HOP);
    world.ack(A);
    world.reinvite(A);
    world.run(HOP);
    let change = world.nodes[C].inbox.pop().unwrap();
    world.hang_up(A);
    world.run(HOP);
    world.forget();
    for number in 0..40 {
        world.say(C, A, &response(&change, "200 OK", "", "").replace("tag=c1", &format!("tag=x{number}")));
    }
    world.run_ms(20);
    let dropped = world.heard(A).iter().filter(|event| *event == "Dropped Full").count();
    assert_eq!(dropped, 40 - sip::endpoint::FORKS_MAX);
    let steps = world.steps();
    assert_eq!(steps.iter().filter(|step| *step == "A->C ACK").count(), sip::endpoint::FORKS_MAX);
    world.assert_gone();
}

#[test]
fn section_9_1_a_change_is_taken_back_once_and_the_next_one_goes_through() {
    let mut world = World::talking();
    world.reinvite(A);
    world.run_ms(40);
    world.forget();
    let key = world.session(A);
    for _ in 0..2 {
        world.order(A, |endpoint, now, out| endpoint.cancel_reinvite(now, key, out));
    }
    world.run_ms(40);
    assert_eq!(world.steps(), ["A->B CANCEL", "B->A 200 CANCEL", "B->A 487 INVITE", "A->B ACK"]);
    assert_eq!(world.heard(B), ["ReinviteCanceled"]);
    assert_eq!(world.heard(A), ["ReinviteFailed 487"]);
    world.order(A, |endpoint, now, out| endpoint.cancel_reinvite(now, key, out));
    assert!(world.steps().is_empty(), "there is none to take back");
    world.reinvite(A);
    world.run(HOP);
    assert_eq!(world.heard(B), ["Reinvite hold"]);
    world.hang_up(A);
    world.assert_gone();
}
