//! RFC 3261 15: ending a session, and what a BYE can cross.

use std::time::Duration;

use sip::Counts;

use crate::world::*;

#[test]
fn section_15_1_1_a_bye_that_nobody_answers_ends_by_timer_f() {
    let mut world = World::talking();
    world.fate(|_| Fate::Lose);
    world.hang_up(A);
    assert_eq!(world.heard(A), ["Ended Us"]);
    world.run(Duration::from_secs(31));
    assert_eq!(world.counts(A).sessions, 1);
    world.run(Duration::from_secs(2));
    assert_eq!(world.counts(A), Counts::default());
    // E doubles up to T2: 0, 0.5, 1.5, 3.5, then every 4 s below 32 s.
    assert_eq!(world.steps(), ["A->B BYE x"; 11]);
}

#[test]
fn section_15_both_hang_up_at_once() {
    let mut world = World::talking();
    world.hang_up(A);
    world.hang_up(B);
    world.run_ms(40);
    assert_eq!(world.steps(), ["A->B BYE", "B->A BYE", "B->A 200 BYE", "A->B 200 BYE"]);
    assert_eq!((world.heard(A), world.heard(B)), (vec!["Ended Us".into()], vec!["Ended Us".into()]));
    world.assert_gone();
}

#[test]
fn section_17_2_2_a_crossing_bye_is_answered_alike_when_it_is_repeated() {
    let mut world = World::talking();
    let mut is_lost = false;
    world.fate(move |flight| {
        let loses = !is_lost && flight.from == A && flight.label() == "200 BYE";
        is_lost |= loses;
        if loses { Fate::Lose } else { Fate::Deliver }
    });
    world.hang_up(A);
    world.hang_up(B);
    world.run_ms(600);
    // A's BYE has been answered, so A has forgotten the session when B's comes again.
    let steps = ["A->B BYE", "B->A BYE", "B->A 200 BYE", "A->B 200 BYE x", "B->A BYE", "A->B 200 BYE"];
    assert_eq!(world.steps(), steps);
    world.assert_gone();
}

#[test]
fn section_15_the_callee_s_bye_waits_for_the_ack() {
    let mut world = World::called();
    world.answer(B);
    world.hang_up(B);
    world.run(HOP);
    assert_eq!(world.steps(), ["B->A 200 INVITE"]);
    world.ack(A);
    world.run_ms(40);
    assert_eq!(world.steps(), ["A->B ACK", "B->A BYE", "A->B 200 BYE"]);
    assert_eq!(world.heard(B), ["Acked", "Ended Us"]);
    assert_eq!(world.heard(A), ["Answered answer", "Ended Peer"]);
    world.assert_gone();
}

#[test]
fn section_15_the_callee_s_bye_goes_out_when_the_ack_never_comes() {
    let mut world = World::called();
    world.answer(B);
    world.hang_up(B);
    world.run(Duration::from_secs(33));
    assert_eq!(world.heard(B), ["AckMissing", "Ended Us"]);
    assert_eq!(world.heard(A), ["Answered answer", "Ended Peer"]);
    world.assert_gone();
}

#[test]
fn section_15_the_caller_may_hang_up_before_the_ack_is_heard() {
    let mut world = World::called();
    world.script("ACK", 1, Fate::Delay(Duration::from_millis(100)));
    world.answer(B);
    world.run(HOP);
    world.ack(A);
    world.hang_up(A);
    world.run_ms(200);
    assert_eq!(world.steps(), ["B->A 200 INVITE", "A->B ACK ...", "A->B BYE", "B->A 200 BYE"]);
    assert_eq!(world.heard(B), ["Ended Peer", "Dropped StrayAck"]);
    world.assert_gone();
}

#[test]
fn section_15_hanging_up_instead_of_acknowledging_gives_the_ack_first() {
    let mut world = World::called();
    world.answer(B);
    world.run(HOP);
    world.hang_up(A);
    world.run_ms(40);
    assert_eq!(world.steps(), ["B->A 200 INVITE", "A->B ACK", "A->B BYE", "B->A 200 BYE"]);
    assert_eq!(world.heard(B), ["Acked", "Ended Peer"]);
    world.assert_gone();
}

#[test]
fn section_15_1_2_a_lost_200_of_bye_is_repeated() {
    let mut world = World::talking();
    world.script("200 BYE", 1, Fate::Lose);
    world.hang_up(A);
    world.run_ms(700);
    assert_eq!(world.steps(), ["A->B BYE", "B->A 200 BYE x", "A->B BYE", "B->A 200 BYE"]);
    assert_eq!(world.heard(B), ["Ended Peer"]);
    world.assert_gone();
}

#[test]
fn section_15_1_2_a_bye_for_an_unknown_dialog_is_481() {
    let mut world = World::talking();
    world.hang_up(A);
    world.assert_gone();
    let mut world = World::talking();
    world.fate(|flight| if flight.from == A { Fate::Lose } else { Fate::Deliver });
    world.hang_up(A);
    world.run(Duration::from_secs(40));
    world.fate(|_| Fate::Deliver);
    world.steps();
    world.hang_up(B);
    world.run_ms(40);
    assert_eq!(world.steps(), ["B->A BYE", "A->B 481 BYE"]);
    assert_eq!(world.heard(B), ["Ended Us"]);
    world.assert_gone();
}

#[test]
fn section_15_the_caller_s_bye_in_an_early_dialog_takes_the_invite_back() {
    let mut world = World::called().bare();
    world.ring(B);
    world.run(HOP);
    let (sender, receiver) = std::sync::mpsc::channel();
    world.fate(move |flight| {
        sender.send(flight.bytes.clone()).unwrap();
        Fate::Deliver
    });
    world.ring(B);
    world.run(HOP);
    let ringing = sip::OwnedMessage::parse(&receiver.try_iter().last().unwrap()).unwrap();
    let ringing = ringing.view();
    world.forget();
    world.say(
        A,
        B,
        &format!(
            "BYE sip:B@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKbye\nFrom: {}\nTo: {}\n\
             Call-ID: {}\nCSeq: 2 BYE\nMax-Forwards: 70\nContent-Length: 0\n\n",
            ringing.named("From").unwrap(),
            ringing.named("To").unwrap(),
            ringing.named("Call-ID").unwrap()
        ),
    );
    world.run(HOP);
    assert_eq!(world.steps(), ["A->B BYE", "B->A 487 INVITE", "B->A 200 BYE"]);
    assert_eq!(world.heard(B), ["Canceled"]);
    world.run_ms(20);
    assert_eq!(world.heard(A), ["Failed 487 Response", "Dropped UnknownResponse"]);
    world.assert_gone();
}

#[test]
fn section_15_after_our_bye_only_theirs_is_remembered() {
    let mut world = World::talking();
    world.fate(|flight| if flight.from == A { Fate::Lose } else { Fate::Deliver });
    world.hang_up(A);
    let kept = world.counts(A);
    let key = world.session(B);
    world.order(B, |endpoint, now, out| endpoint.request(now, key, "INFO", Vec::new(), None, out)).unwrap();
    world.run(HOP);
    assert_eq!(world.counts(A), kept);
    world.hang_up(B);
    world.run(HOP);
    assert_eq!(world.steps(), ["A->B BYE x", "B->A INFO", "A->B 481 INFO x", "B->A BYE", "A->B 200 BYE x"]);
    assert_eq!(world.counts(A).transactions, kept.transactions + 1);
    world.assert_gone();
}
