//! RFC 3261 9: taking an INVITE back, and everything that can cross it.

use std::time::Duration;

use sip::{Reason, Reply};

use crate::world::*;

#[test]
fn section_9_1_an_invite_is_taken_back() {
    let mut world = World::called();
    world.ring(B);
    world.run(HOP);
    let key = world.session(A);
    let reason = Reason::sip(200, "Call completed elsewhere");
    world.order(A, |endpoint, now, out| endpoint.hang_up(now, key, Some(reason), out));
    world.run_ms(40);
    assert_eq!(
        world.steps(),
        ["B->A 180 INVITE", "A->B CANCEL", "B->A 200 CANCEL", "B->A 487 INVITE", "A->B ACK"]
    );
    assert_eq!(world.heard(A), ["Progress 180", "Failed 487 Canceled"]);
    assert_eq!(world.heard(B), [r#"Canceled SIP;cause=200;text="Call completed elsewhere""#]);
    world.assert_gone();
}

#[test]
fn section_9_1_cancel_waits_for_a_provisional_answer() {
    let mut world = World::new();
    world.invite(A, B);
    world.hang_up(A);
    world.run(HOP);
    assert_eq!(world.steps(), ["A->B INVITE"]);
    world.accept_invite(B);
    world.run_ms(40);
    assert_eq!(
        world.steps(),
        ["B->A 100 INVITE", "A->B CANCEL", "B->A 200 CANCEL", "B->A 487 INVITE", "A->B ACK"]
    );
    assert_eq!(world.heard(A), ["Failed 487 Canceled"]);
    world.assert_gone();
}

#[test]
fn section_9_1_an_invite_that_nobody_hears_is_not_cancelled_but_ends() {
    let mut world = World::new();
    world.fate(|_| Fate::Lose);
    world.invite(A, B);
    world.hang_up(A);
    world.settle();
    assert_eq!(world.heard(A), ["Failed 487 Canceled"]);
    assert!(!world.steps().contains(&String::from("A->B CANCEL x")));
    world.assert_gone();
}

#[test]
fn section_9_1_a_cancelled_invite_without_an_end_is_given_up() {
    let mut world = World::called();
    world.hang_up(A);
    world.fate(|flight| if flight.from == B { Fate::Lose } else { Fate::Deliver });
    world.run(Duration::from_secs(33));
    assert_eq!(world.heard(A), ["Failed 487 Canceled"]);
    world.assert_gone();
}

#[test]
fn section_9_1_an_answer_that_crosses_the_cancel_is_acknowledged_and_ended() {
    let mut world = World::called();
    world.answer(B);
    world.hang_up(A);
    world.run_ms(60);
    assert_eq!(
        world.steps(),
        ["B->A 200 INVITE", "A->B CANCEL", "A->B ACK", "A->B BYE", "B->A 200 CANCEL", "B->A 200 BYE",]
    );
    assert_eq!(world.heard(A), ["Failed 487 Canceled"]);
    assert_eq!(world.heard(B), ["Acked", "Ended Peer"]);
    world.assert_gone();
}

#[test]
fn section_9_1_the_crossing_answer_s_lost_ack_is_repeated() {
    let mut world = World::called();
    world.answer(B);
    world.hang_up(A);
    world.fate({
        let mut lost = false;
        move |flight| {
            let lose = !lost && flight.label() == "ACK";
            lost |= lose;
            if lose || flight.label() == "BYE" { Fate::Lose } else { Fate::Deliver }
        }
    });
    world.run_ms(700);
    assert_eq!(world.steps().iter().filter(|step| step.starts_with("A->B ACK")).count(), 2);
    assert_eq!(world.heard(B), ["Acked"]);
}

#[test]
fn section_9_2_a_cancel_for_nothing_is_481() {
    let mut world = World::new().bare();
    world.say(
        C,
        B,
        "CANCEL sip:b@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKx\nFrom: <sip:c@x>;tag=1\n\
         To: <sip:b@x>\nCall-ID: c\nCSeq: 1 CANCEL\nMax-Forwards: 70\nContent-Length: 0\n\n",
    );
    world.run_ms(20);
    assert_eq!(world.steps(), ["C->B CANCEL", "B->C 481 CANCEL"]);
    world.assert_gone();
}

#[test]
fn section_9_2_a_cancel_after_the_end_is_200_without_effect() {
    let mut world = World::called();
    let key = world.session(B);
    world.order(B, |endpoint, now, out| endpoint.refuse(now, key, Reply::new(486), out));
    world.hang_up(A);
    world.run_ms(60);
    assert_eq!(world.steps(), ["B->A 486 INVITE", "A->B CANCEL", "A->B ACK", "B->A 200 CANCEL"]);
    assert_eq!(world.heard(A), ["Failed 486 Canceled"]);
    assert!(world.heard(B).is_empty());
    world.assert_gone();
}

#[test]
fn section_9_2_a_repeated_cancel_is_answered_alike() {
    let mut world = World::called();
    world.script("200 CANCEL", 1, Fate::Lose);
    world.hang_up(A);
    world.run_ms(600);
    let steps = world.steps();
    assert_eq!(steps.iter().filter(|step| *step == "A->B CANCEL").count(), 2);
    assert_eq!(steps.iter().filter(|step| step.starts_with("B->A 200 CANCEL")).count(), 2);
    assert_eq!(world.heard(B), ["Canceled"]);
    world.assert_gone();
}

#[test]
fn section_9_1_the_cancel_is_a_copy_of_the_invite_s_identifiers() {
    let mut world = World::new().bare();
    let invite = sip::Invite { routes: vec!["<sip:192.0.2.3;lr>".into()], ..world.invite_of(A, C) };
    let key = world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out)).unwrap();
    world.run(HOP);
    let invite = world.nodes[C].inbox.remove(0);
    let invite = invite.view();
    let head: Vec<String> = ["Via", "From", "To", "Call-ID"]
        .iter()
        .map(|name| format!("{name}: {}", invite.named(name).unwrap()))
        .collect();
    world.say(
        C,
        A,
        &format!("SIP/2.0 100 Trying\n{}\nCSeq: 1 INVITE\nContent-Length: 0\n\n", head.join("\n")),
    );
    world.run(HOP);
    world.order(A, |endpoint, now, out| endpoint.hang_up(now, key, None, out));
    world.run(HOP);
    let cancel = world.nodes[C].inbox.remove(0);
    let cancel = cancel.view();
    assert_eq!(cancel.require_valid(), Ok(()));
    assert_eq!(cancel.request_uri(), invite.request_uri());
    for name in ["Via", "From", "To", "Call-ID", "Route"] {
        assert_eq!(cancel.named(name), invite.named(name), "{name}");
    }
    assert_eq!(cancel.named("CSeq"), Some("1 CANCEL"));
}

#[test]
fn section_9_1_an_answer_that_comes_before_cancel_could_be_sent_is_ended() {
    let mut world = World::new().bare();
    world.invite(A, C);
    world.run(HOP);
    world.hang_up(A);
    let invite = world.nodes[C].inbox.remove(0);
    world.say(C, A, &crate::dialog::response(&invite, "200 OK", "c1", "Contact: <sip:c@192.0.2.3>\n"));
    world.run(HOP);
    assert_eq!(world.steps(), ["A->C INVITE", "C->A 200 INVITE", "A->C ACK", "A->C BYE"]);
    assert_eq!(world.heard(A), ["Failed 487 Canceled"]);
    world.assert_gone();
}

#[test]
fn section_9_1_no_cancel_goes_to_an_invite_that_is_refused_meanwhile() {
    let mut world = World::new().bare();
    world.invite(A, C);
    world.run(HOP);
    let invite = world.nodes[C].inbox.remove(0);
    world.say(C, A, &crate::dialog::response(&invite, "486 Busy Here", "c1", ""));
    world.run(HOP);
    world.hang_up(A);
    assert_eq!(world.steps(), ["A->C INVITE", "C->A 486 INVITE", "A->C ACK"]);
    assert_eq!(world.heard(A), ["Failed 486 Response"]);
    world.assert_gone();
}

#[test]
fn section_9_1_one_cancel_is_enough() {
    let mut world = World::called();
    world.script("CANCEL", 1, Fate::Delay(Duration::from_millis(100)));
    world.hang_up(A);
    for _ in 0..3 {
        world.ring(B);
        world.run(HOP);
    }
    world.run_ms(200);
    assert_eq!(world.steps().iter().filter(|step| step.starts_with("A->B CANCEL")).count(), 1);
    assert_eq!(world.heard(A), ["Failed 487 Canceled"]);
    world.assert_gone();
}
