//! RFC 3261 12.1.2, 13.2.2.4 and RFC 6026: an INVITE that reaches several peers.

use crate::dialog::response;
use crate::world::*;

const CONTACT: &str = "Contact: <sip:c@192.0.2.3:5060>\n";

/// A has called the bare peer C, which holds the INVITE.
fn calling() -> (World, sip::OwnedMessage) {
    let mut world = World::new().bare();
    world.invite(A, C);
    world.run(HOP);
    let invite = world.nodes[C].inbox.remove(0);
    (world, invite)
}

/// Methods and To tags of what C has received.
fn received(world: &mut World) -> Vec<(String, String)> {
    std::mem::take(&mut world.nodes[C].inbox)
        .iter()
        .map(|message| {
            let tag = message.view().to().unwrap().params.get("tag").unwrap_or("").to_owned();
            (message.view().method_text().to_owned(), tag)
        })
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(method, tag)| ((*method).to_owned(), (*tag).to_owned())).collect()
}

#[test]
fn section_12_1_2_every_fork_that_rings_is_progress() {
    let (mut world, invite) = calling();
    world.say(C, A, &response(&invite, "180 Ringing", "x", CONTACT));
    world.say(C, A, &response(&invite, "183 Session Progress", "y", CONTACT));
    world.say(C, A, &response(&invite, "180 Ringing", "x", CONTACT));
    world.run(HOP);
    assert_eq!(world.heard(A), ["Progress 180", "Progress 183", "Progress 180"]);
    assert_eq!(world.counts(A).sessions, 1);
}

#[test]
fn section_13_2_2_4_a_second_2xx_is_acknowledged_and_ended() {
    let (mut world, invite) = calling();
    world.say(C, A, &response(&invite, "180 Ringing", "x", CONTACT));
    world.say(C, A, &response(&invite, "200 OK", "y", CONTACT));
    world.run(HOP);
    world.ack(A);
    world.run(HOP);
    assert_eq!(received(&mut world), pairs(&[("ACK", "y")]));
    world.say(C, A, &response(&invite, "200 OK", "x", CONTACT));
    world.run_ms(20);
    assert_eq!(received(&mut world), pairs(&[("ACK", "x"), ("BYE", "x")]));
    // A repeated 2xx gets the ACK of its own fork again, and no second BYE.
    for tag in ["x", "y"] {
        world.say(C, A, &response(&invite, "200 OK", tag, CONTACT));
        world.run_ms(20);
        assert_eq!(received(&mut world), pairs(&[("ACK", tag)]));
    }
    assert_eq!(world.heard(A), ["Progress 180", "Answered"]);
    world.hang_up(A);
    world.assert_gone();
}

#[test]
fn section_13_2_2_4_the_acks_of_one_fork_are_the_same_bytes() {
    let (mut world, invite) = calling();
    let ok = response(&invite, "200 OK", "y", CONTACT);
    world.say(C, A, &ok);
    world.run(HOP);
    world.ack(A);
    world.say(C, A, &ok);
    world.run_ms(20);
    let branch = |message: &sip::OwnedMessage| message.view().named("Via").unwrap().to_owned();
    let inbox = &world.nodes[C].inbox;
    assert_eq!(inbox.len(), 2);
    assert_eq!(branch(&inbox[0]), branch(&inbox[1]));
    assert_ne!(branch(&inbox[0]), branch(&invite));
}

#[test]
fn rfc_6026_a_fork_that_answers_after_the_end_is_ended_too() {
    let (mut world, invite) = calling();
    world.say(C, A, &response(&invite, "200 OK", "y", CONTACT));
    world.run(HOP);
    world.ack(A);
    world.hang_up(A);
    world.run(HOP);
    let bye = world.nodes[C].inbox.pop().unwrap();
    world.say(C, A, &response(&bye, "200 OK", "", ""));
    world.run(HOP);
    assert_eq!(world.counts(A).sessions, 0);
    world.forget();
    world.say(C, A, &response(&invite, "200 OK", "late", CONTACT));
    world.run_ms(20);
    assert_eq!(received(&mut world), pairs(&[("ACK", "late"), ("BYE", "late")]));
    assert!(world.heard(A).is_empty());
    world.assert_gone();
}

#[test]
fn section_9_1_every_fork_that_answers_a_cancelled_invite_is_ended() {
    let (mut world, invite) = calling();
    world.say(C, A, &response(&invite, "180 Ringing", "x", CONTACT));
    world.run(HOP);
    world.hang_up(A);
    world.run(HOP);
    assert_eq!(received(&mut world), pairs(&[("CANCEL", "")]));
    for tag in ["x", "y"] {
        world.say(C, A, &response(&invite, "200 OK", tag, CONTACT));
        world.run_ms(20);
        let got = received(&mut world);
        assert!(got.starts_with(&pairs(&[("ACK", tag), ("BYE", tag)])), "{got:?}");
    }
    assert_eq!(world.heard(A), ["Progress 180", "Failed 487 Canceled"]);
    world.assert_gone();
}

#[test]
fn forks_without_end_are_bounded() {
    let (mut world, invite) = calling();
    for number in 0..40 {
        world.say(C, A, &response(&invite, "180 Ringing", &format!("r{number}"), CONTACT));
        world.say(C, A, &response(&invite, "200 OK", &format!("a{number}"), CONTACT));
    }
    world.run(HOP);
    // The first one is the session; its ACK is still owed.
    assert_eq!(world.counts(A).transactions, 1 + sip::endpoint::FORKS_MAX);
    let dropped = world.heard(A).iter().filter(|event| *event == "Dropped Full").count();
    assert_eq!(dropped, 39 - sip::endpoint::FORKS_MAX);
    world.ack(A);
    world.hang_up(A);
    world.assert_gone();
}

#[test]
fn section_17_1_1_a_failure_after_the_2xx_changes_nothing() {
    let (mut world, invite) = calling();
    world.say(C, A, &response(&invite, "200 OK", "y", CONTACT));
    world.say(C, A, &response(&invite, "486 Busy Here", "x", ""));
    world.say(C, A, &response(&invite, "180 Ringing", "x", CONTACT));
    world.run(HOP);
    assert_eq!(world.heard(A), ["Answered"]);
    assert_eq!(world.counts(A).sessions, 1);
}

#[test]
fn section_8_1_3_3_responses_that_are_not_ours_are_dropped() {
    let (mut world, invite) = calling();
    let ok = response(&invite, "200 OK", "y", CONTACT);
    let via = invite.view().named("Via").unwrap();
    let two = ok.replacen("Via: ", "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKa\nVia: ", 1);
    let behind =
        ok.replacen(&format!("Via: {via}\n"), &format!("Via: {via}\nVia: SIP/2.0/UDP 203.0.113.1\n"), 1);
    let other_branch = ok.replace("branch=z9hG4bK00", "branch=z9hG4bK01");
    let other_method = ok.replace("CSeq: 1 INVITE", "CSeq: 1 BYE");
    for text in [two, behind, other_branch, other_method] {
        world.say(C, A, &text);
        world.run(HOP);
        assert_eq!(world.heard(A), ["Dropped UnknownResponse"], "{text}");
    }
    world.say(C, A, &ok);
    world.run(HOP);
    assert_eq!(world.heard(A), ["Answered"]);
}

#[test]
fn early_dialogs_are_bounded() {
    let (mut world, invite) = calling();
    for number in 0..40 {
        world.say(C, A, &response(&invite, "180 Ringing", &format!("r{number}"), CONTACT));
    }
    world.run(HOP);
    world.forget();
    let view = invite.view();
    for (number, status) in [(0, "C->A INFO"), (39, "A->C 481 INFO")] {
        world.say(
            C,
            A,
            &format!(
                "INFO sip:a@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKi{number}\n\
                 From: {};tag=r{number}\nTo: {}\nCall-ID: {}\nCSeq: 1 INFO\nContent-Length: 0\n\n",
                view.named("To").unwrap(),
                view.named("From").unwrap(),
                view.named("Call-ID").unwrap()
            ),
        );
        world.run(HOP);
        assert_eq!(world.steps().last().unwrap(), status);
    }
    assert_eq!(world.heard(A), ["InDialog INFO", "Dropped Refused"]);
}
