//! RFC 3311: UPDATE in early and confirmed dialogs, from both sides, and what happens when two offers meet.

use std::time::Duration;

use sip::{Body, Event, Invite, Provisional, Refused, Reply};

use crate::world::*;

/// A and B have agreed on early media; nobody has answered.
fn early() -> World {
    let mut world = World::new();
    let invite = Invite { reliable: true, ..world.invite_of(A, B) };
    let key = world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out)).expect("room");
    world.nodes[A].session = Some(key);
    world.run(HOP);
    let callee = world.accept_invite(B);
    let early = Provisional::new(183).body(Body::sdp("early"));
    world.order(B, |endpoint, now, out| endpoint.ring(now, callee, early, out));
    world.run_ms(30);
    world.forget();
    world
}

fn update(world: &mut World, node: usize, body: &'static str) -> Result<(), Refused> {
    let key = world.session(node);
    world.order(node, |endpoint, now, out| endpoint.update(now, key, Body::sdp(body), out))
}

fn answer_update(world: &mut World, node: usize, body: &'static str) {
    let key = world.session(node);
    world.order(node, |endpoint, now, out| endpoint.answer_update(now, key, Body::sdp(body), out));
}

#[test]
fn rfc_3311_5_1_either_side_changes_a_confirmed_session() {
    for (from, to) in [(A, B), (B, A)] {
        let mut world = World::talking();
        assert_eq!(update(&mut world, from, "hold"), Ok(()));
        assert_eq!(update(&mut world, from, "again"), Err(Refused::Busy));
        world.run(HOP);
        assert_eq!(world.heard(to), ["Update hold"]);
        answer_update(&mut world, to, "held");
        world.run(HOP);
        assert_eq!(world.heard(from), ["UpdateAnswered held"]);
        // It is settled: the next one may come from the other side.
        assert_eq!(update(&mut world, to, "more"), Ok(()));
        world.run(HOP);
        assert_eq!(world.heard(from), ["Update more"]);
        let key = world.session(from);
        world.order(from, |endpoint, now, out| endpoint.refuse_update(now, key, Reply::new(488), out));
        world.run(HOP);
        assert_eq!(world.heard(to), ["UpdateFailed 488"]);
        world.hang_up(A);
        world.assert_gone();
    }
}

#[test]
fn rfc_3311_5_1_either_side_changes_early_media() {
    for (from, to) in [(A, B), (B, A)] {
        let mut world = early();
        assert_eq!(update(&mut world, from, "hold"), Ok(()));
        world.run(HOP);
        assert_eq!(world.heard(to), ["Update hold"]);
        answer_update(&mut world, to, "held");
        world.run(HOP);
        assert_eq!(world.heard(from), ["UpdateAnswered held"]);
        world.answer(B);
        world.run(HOP);
        // What counts is what B said last, whatever the 2xx carries.
        let said = if from == A { "held" } else { "hold" };
        assert_eq!(world.heard(A), [format!("Answered {said}")]);
        world.ack(A);
        world.hang_up(A);
        world.assert_gone();
    }
}

#[test]
fn rfc_3311_5_1_without_a_settled_offer_none_can_be_made() {
    let mut world = World::called();
    assert_eq!(update(&mut world, A, "hold"), Err(Refused::Invalid), "the peer has not said that it can");
    assert_eq!(update(&mut world, B, "hold"), Err(Refused::Busy));
    let mut world = World::talking();
    world.reinvite(A);
    assert_eq!(update(&mut world, A, "hold"), Err(Refused::Busy));
    world.run(HOP);
    assert_eq!(update(&mut world, B, "hold"), Err(Refused::Busy));
    world.hang_up(A);
    assert_eq!(update(&mut world, A, "hold"), Err(Refused::Gone));
}

#[test]
fn rfc_3311_5_2_two_updates_that_meet_refuse_each_other() {
    let mut world = World::talking();
    update(&mut world, A, "one").unwrap();
    update(&mut world, B, "two").unwrap();
    world.run_ms(20);
    let waits = |world: &mut World, node| {
        let events = world.take_events(node);
        let [Event::UpdateFailed { status: 491, retry_after: Some(wait), .. }] = &events[..] else {
            panic!("{events:?}")
        };
        *wait
    };
    // RFC 3261 14.1: the caller waits longer, in steps of 10 ms.
    let (caller, callee) = (waits(&mut world, A), waits(&mut world, B));
    assert!((2_100..=4_000).contains(&caller.as_millis()), "{caller:?}");
    assert!(callee.as_millis() <= 2_000, "{callee:?}");
    assert_eq!((caller.as_millis() % 10, callee.as_millis() % 10), (0, 0));
    // Nothing is open any longer.
    assert_eq!(update(&mut world, B, "two"), Ok(()));
    world.run(HOP);
    assert_eq!(world.heard(A), ["Update two"]);
}

#[test]
fn rfc_3311_5_2_an_update_meets_a_reinvite() {
    // Theirs is open at A, ours at B: both are refused.
    let mut world = World::talking();
    world.reinvite(A);
    update(&mut world, B, "two").unwrap();
    world.run_ms(20);
    assert_eq!(world.heard(B), ["UpdateFailed 491"]);
    assert_eq!(world.heard(A), ["ReinviteFailed 491"]);
}

/// A request of a bare C inside its session with A.
fn request(ack: &sip::OwnedMessage, line: &str, cseq: u32, rest: &str) -> String {
    let ack = ack.view();
    let method = line.split(' ').next().unwrap();
    format!(
        "{line} SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKu{cseq}\nMax-Forwards: 70\n\
         From: {}\nTo: {}\nCall-ID: {}\nCSeq: {cseq} {method}\n{rest}",
        ack.named("To").unwrap(),
        ack.named("From").unwrap(),
        ack.named("Call-ID").unwrap()
    )
}

const OFFER: &str = "Content-Type: application/sdp\nContent-Length: 5\n\noffer";
const EMPTY: &str = "Content-Length: 0\n\n";

fn last(world: &World) -> (Option<u16>, bool) {
    let last = world.nodes[C].inbox.last().expect("an answer").clone();
    (last.view().status(), last.view().named("Retry-After").is_some())
}

#[test]
fn rfc_3311_5_2_one_that_comes_before_the_last_was_answered_is_told_when_to_come_again() {
    let mut world = super::dialog::talking_to_bare("Contact: <sip:c@192.0.2.3:5060>\n");
    let ack = world.nodes[C].inbox.remove(0);
    world.forget();
    let say = |world: &mut World, cseq: u32, rest: &str| {
        let text = request(&ack, "UPDATE sip:a@192.0.2.1", cseq, rest);
        world.say(C, A, &text);
        world.run_ms(20);
    };
    say(&mut world, 9, OFFER);
    assert_eq!(world.heard(A), ["Update offer"]);
    let offer = format!("Contact: <sip:c@192.0.2.3>\n{OFFER}");
    // With an offer or without, while the first waits; and a re-INVITE as well.
    say(&mut world, 10, OFFER);
    assert_eq!(last(&world), (Some(500), true));
    say(&mut world, 11, EMPTY);
    assert_eq!(last(&world), (Some(500), true));
    world.say(C, A, &request(&ack, "INVITE sip:a@192.0.2.1", 12, &offer));
    world.run_ms(20);
    assert_eq!(last(&world).0, Some(500));
    assert!(world.heard(A).is_empty());
    answer_update(&mut world, A, "answer");
    world.run_ms(20);
    assert_eq!(last(&world), (Some(200), false));
    // An owner that forgets the offer leaves nothing open.
    say(&mut world, 13, OFFER);
    world.run(Duration::from_secs(33));
    assert_eq!(world.heard(A), ["Update offer", "Dropped Unanswered"]);
    say(&mut world, 14, OFFER);
    assert_eq!(world.heard(A), ["Update offer"]);
    world.hang_up(A);
    world.run_ms(20);
    assert!(world.nodes[C].inbox.iter().any(|message| message.view().status() == Some(487)));
}

#[test]
fn rfc_3311_5_2_without_an_offer_it_moves_the_target_and_nobody_hears_of_it() {
    let mut world = super::dialog::talking_to_bare("Contact: <sip:c@192.0.2.3:5060>\n");
    let ack = world.nodes[C].inbox.remove(0);
    world.forget();
    let rest = format!("Contact: <sip:moved@192.0.2.3:5060>\n{EMPTY}");
    world.say(C, A, &request(&ack, "UPDATE sip:a@192.0.2.1", 9, &rest));
    world.run_ms(20);
    assert!(world.heard(A).is_empty());
    let ok = world.nodes[C].inbox.pop().unwrap();
    assert_eq!(ok.view().status(), Some(200));
    assert!(ok.view().named("Contact").is_some());
    world.hang_up(A);
    world.run_ms(20);
    assert_eq!(world.nodes[C].inbox.pop().unwrap().view().request_uri(), "sip:moved@192.0.2.3:5060");
}

#[test]
fn rfc_6141_a_refused_change_moves_no_target() {
    for method in ["INVITE", "UPDATE"] {
        let mut world = super::dialog::talking_to_bare("Contact: <sip:c@192.0.2.3:5060>\n");
        let ack = world.nodes[C].inbox.remove(0);
        world.forget();
        let rest = format!("Contact: <sip:moved@192.0.2.3:5060>\n{OFFER}");
        world.say(C, A, &request(&ack, &format!("{method} sip:a@192.0.2.1"), 9, &rest));
        world.run_ms(20);
        let key = world.session(A);
        world.order(A, |endpoint, now, out| {
            endpoint.refuse_reinvite(now, key, Reply::new(488), out);
            endpoint.refuse_update(now, key, Reply::new(488), out);
        });
        world.run_ms(20);
        assert_eq!(last(&world).0, Some(488));
        world.nodes[C].inbox.clear();
        world.hang_up(A);
        world.run_ms(20);
        let bye = world.nodes[C].inbox.pop().unwrap();
        assert_eq!(bye.view().request_uri(), "sip:c@192.0.2.3:5060", "{method}");
    }
}

#[test]
fn rfc_3261_11_2_options_inside_a_session_is_answered_at_once() {
    let mut world = World::called();
    let key = world.session(B);
    world.answer(B);
    // The ACK is not there yet, the answer is.
    world.order(B, |endpoint, now, out| {
        endpoint.request(now, key, "OPTIONS", Vec::new(), None, out).unwrap();
    });
    world.run_ms(30);
    assert_eq!(world.heard(B), ["Response 200"]);
    assert_eq!(world.heard(A), ["Answered answer"]);
}
