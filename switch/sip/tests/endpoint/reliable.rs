//! RFC 3262: provisional answers that must not get lost. Both sides of it are endpoints of ours here, and where the
//! peer breaks the rules, a bare one.

use std::time::Duration;

use sip::{Body, EndpointConfig, Event, HeaderName, Invite, Provisional, Reply};

use crate::world::*;

/// An INVITE from A, that advertises 100rel, waits at B.
fn called(offer: Option<&'static str>) -> World {
    with(offer, [config(), config()])
}

fn with(offer: Option<&'static str>, configs: [EndpointConfig; 2]) -> World {
    let mut world = World::with(1, configs);
    let invite = Invite { reliable: true, body: offer.map(Body::sdp), ..world.invite_of(A, B) };
    let key = world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out)).expect("room");
    world.nodes[A].session = Some(key);
    world.run(HOP);
    world.accept_invite(B);
    world.run(HOP);
    world.forget();
    world
}

fn ring(world: &mut World, status: u16, body: Option<&'static str>) {
    let key = world.session(B);
    let provisional = Provisional { body: body.map(Body::sdp), ..Provisional::new(status) };
    world.order(B, |endpoint, now, out| endpoint.ring(now, key, provisional, out));
}

const BARE_INVITE: &str = "INVITE sip:b@192.0.2.2:5060 SIP/2.0\n\
    Via: SIP/2.0/UDP 192.0.2.3:5060;branch=z9hG4bK1\n\
    Max-Forwards: 70\nFrom: <sip:a@example.com>;tag=a\nTo: <sip:b@example.com>\n\
    Call-ID: c\nCSeq: 1 INVITE\nContact: <sip:a@192.0.2.3:5060>\n";

/// A bare caller C that requires 100rel has called B.
fn bare(extra: &str) -> World {
    let mut world = World::new().bare();
    let text = format!("{BARE_INVITE}{extra}Content-Type: application/sdp\nContent-Length: 5\n\noffer");
    world.say(C, B, &text);
    world.run(HOP);
    world.accept_invite(B);
    world.run(HOP);
    world.forget();
    world
}

fn last_rseq(world: &World) -> u32 {
    let last = world.nodes[C].inbox.last().expect("an answer");
    last.view().first(HeaderName::RSeq).expect("RSeq").parse().unwrap()
}

#[test]
fn rfc_3262_3_a_description_is_sent_reliably_to_a_peer_that_supports_it() {
    let mut world = called(Some("offer"));
    ring(&mut world, 183, Some("early"));
    world.run_ms(30);
    assert_eq!(world.heard(A), ["Progress 183 early"]);
    assert_eq!(world.steps(), ["B->A 183 INVITE", "A->B PRACK", "B->A 200 PRACK"]);
    world.answer(B);
    world.run(HOP);
    // The answer has been given; the 2xx does not change it (RFC 3261 13.2.1).
    assert_eq!(world.heard(A), ["Answered early"]);
    world.ack(A);
    world.run(HOP);
    assert_eq!(world.heard(B), ["Acked"]);
    world.hang_up(A);
    world.assert_gone();
}

#[test]
fn rfc_3262_3_without_a_body_or_without_support_it_is_not_reliable() {
    let mut world = called(Some("offer"));
    ring(&mut world, 180, None);
    world.run_ms(30);
    assert_eq!(world.steps(), ["B->A 180 INVITE"]);
    let mut world = World::called();
    ring(&mut world, 183, Some("early"));
    world.run_ms(30);
    assert_eq!(world.steps(), ["B->A 183 INVITE"]);
    let off = EndpointConfig { reliable_provisionals: false, ..config() };
    let mut world = with(Some("offer"), [config(), off]);
    ring(&mut world, 183, Some("early"));
    world.run_ms(30);
    assert_eq!(world.steps(), ["B->A 183 INVITE"]);
}

#[test]
fn rfc_3262_3_a_peer_that_requires_it_gets_every_answer_so() {
    let mut world = bare("Require: 100rel\n");
    ring(&mut world, 180, None);
    world.run(HOP);
    let answer = world.nodes[C].inbox.last().unwrap().clone();
    assert_eq!(answer.view().first(HeaderName::Require), Some("100rel"));
    let first = last_rseq(&world);
    assert!((1..1 << 31).contains(&first));
    ring(&mut world, 183, Some("early"));
    world.run(HOP);
    assert_eq!(world.steps(), ["B->C 180 INVITE"], "one at a time");
    let text = prack_with(&prack_tag(&world), 2, &format!("{first} 1 INVITE"));
    world.say(C, B, &text);
    world.run_ms(20);
    assert_eq!(world.steps(), ["C->B PRACK", "B->C 200 PRACK", "B->C 183 INVITE"]);
    assert_eq!(last_rseq(&world), first + 1);
}

#[test]
fn rfc_3262_3_it_is_repeated_at_doubled_intervals_and_the_invite_is_refused_in_the_end() {
    let mut world = bare("Supported: 100rel\n");
    ring(&mut world, 183, Some("early"));
    let sent = |world: &World| {
        let lines = world.ladder.iter().filter(|line| line.contains("183"));
        lines.map(|line| line.split(' ').next().unwrap().parse::<u64>().unwrap()).collect::<Vec<_>>()
    };
    world.run(Duration::from_secs(33));
    let times = sent(&world);
    let after: Vec<u64> = times.iter().map(|at| at - times[0]).collect();
    assert_eq!(after, [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert_eq!(world.heard(B), ["Lapsed PrackMissing"]);
    assert!(world.steps().contains(&String::from("B->C 504 INVITE")));
    world.assert_gone();
}

#[test]
fn rfc_3262_3_a_prack_that_matches_nothing_gets_481_and_stops_nothing() {
    let mut world = bare("Require: 100rel\n");
    ring(&mut world, 180, None);
    world.run(HOP);
    let rseq = last_rseq(&world);
    for (number, rack) in [
        (2, format!("{} 1 INVITE", rseq + 1)),
        (3, format!("{rseq} 2 INVITE")),
        (4, format!("{rseq} 1 UPDATE")),
        (5, String::from("x")),
    ] {
        world.steps();
        let tag = prack_tag(&world);
        world.say(C, B, &prack_with(&tag, number, &rack));
        world.run_ms(20);
        assert_eq!(world.steps().get(1).map(String::as_str), Some("B->C 481 PRACK"), "{rack}");
    }
    world.run(Duration::from_secs(2));
    assert!(world.steps().contains(&String::from("B->C 180 INVITE")), "still repeated");
}

/// The To tag of what a bare caller has heard.
fn prack_tag(world: &World) -> String {
    let tagged = world.nodes[C].inbox.iter().find_map(|answer| {
        let tag = answer.view().to().ok()?.tag()?.to_owned();
        Some(tag)
    });
    tagged.expect("a tag")
}

/// A bare caller's PRACK.
fn prack_with(tag: &str, number: u32, rack: &str) -> String {
    format!(
        "PRACK sip:b@192.0.2.2:5060 SIP/2.0\n\
         Via: SIP/2.0/UDP 192.0.2.3:5060;branch=z9hG4bKp{number}\n\
         Max-Forwards: 70\nFrom: <sip:a@example.com>;tag=a\nTo: <sip:b@example.com>;tag={tag}\n\
         Call-ID: c\nCSeq: {number} PRACK\nRAck: {rack}\nContent-Length: 0\n\n"
    )
}

#[test]
fn rfc_3262_3_the_2xx_waits_for_the_prack_of_a_description() {
    let mut world = called(Some("offer"));
    world.script("PRACK", 1, Fate::Lose);
    ring(&mut world, 183, Some("early"));
    world.answer(B);
    world.run_ms(100);
    assert_eq!(world.heard(A), ["Progress 183 early"]);
    assert_eq!(world.steps(), ["B->A 183 INVITE", "A->B PRACK x"]);
    world.run(Duration::from_secs(1));
    assert_eq!(world.heard(A), ["Answered early"]);
    world.ack(A);
    world.hang_up(A);
    world.assert_gone();
}

#[test]
fn rfc_3262_3_the_2xx_does_not_wait_where_nothing_was_described() {
    let mut world = bare("Require: 100rel\n");
    ring(&mut world, 180, None);
    world.run(HOP);
    let rseq = last_rseq(&world);
    world.answer(B);
    world.run(HOP);
    assert_eq!(world.steps(), ["B->C 180 INVITE", "B->C 200 INVITE"]);
    // Its PRACK is late and still right.
    let tag = prack_tag(&world);
    world.say(C, B, &prack_with(&tag, 2, &format!("{rseq} 1 INVITE")));
    world.run_ms(20);
    assert!(world.steps().contains(&String::from("B->C 200 PRACK")));
}

#[test]
fn rfc_3262_3_a_session_that_ends_while_its_2xx_waits_ends_as_one_that_was_answered() {
    for (who, heard) in [(A, "Ended Peer"), (B, "Ended Us")] {
        let mut world = called(Some("offer"));
        world.fate(|flight| if flight.label() == "PRACK" { Fate::Lose } else { Fate::Deliver });
        ring(&mut world, 183, Some("early"));
        world.answer(B);
        world.run_ms(100);
        world.hang_up(who);
        world.run_ms(100);
        assert_eq!(world.heard(B), [heard]);
        world.assert_gone();
        assert!(world.heard(B).is_empty());
    }
    let mut world = called(Some("offer"));
    world.fate(|flight| if flight.label() == "PRACK" { Fate::Lose } else { Fate::Deliver });
    ring(&mut world, 183, Some("early"));
    world.answer(B);
    world.settle();
    assert_eq!(world.heard(B), ["AckMissing", "Ended Timeout"]);
    world.assert_gone();
}

#[test]
fn rfc_3262_4_a_repeated_answer_is_told_and_acknowledged_once() {
    let mut world = called(Some("offer"));
    world.script("200 PRACK", 1, Fate::Delay(Duration::from_millis(700)));
    world.script("PRACK", 1, Fate::Delay(Duration::from_millis(600)));
    ring(&mut world, 183, Some("early"));
    world.run(Duration::from_secs(3));
    assert_eq!(world.heard(A), ["Progress 183 early"]);
    let steps = world.steps();
    assert_eq!(steps.iter().filter(|step| step.contains("183")).count(), 2, "{steps:?}");
}

#[test]
fn rfc_3262_4_an_answer_that_has_overtaken_another_waits_for_it() {
    let mut world = World::new().bare();
    let invite = Invite { reliable: true, ..world.invite_of(A, C) };
    world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out)).unwrap();
    world.run(HOP);
    let say = |world: &mut World, rseq: u32| {
        let text = response(world, "183 Session Progress", &format!("Require: 100rel\nRSeq: {rseq}\n"));
        world.say(C, A, &text);
        world.run_ms(20);
        world.heard(A)
    };
    assert_eq!(say(&mut world, 7), ["Progress 183"]);
    assert!(say(&mut world, 9).is_empty());
    assert_eq!(say(&mut world, 8), ["Progress 183"]);
    assert_eq!(say(&mut world, 9), ["Progress 183"]);
    let racks: Vec<String> = world.nodes[C]
        .inbox
        .iter()
        .filter_map(|message| message.view().first(HeaderName::RAck).map(str::to_owned))
        .collect();
    assert_eq!(racks, ["7 1 INVITE", "8 1 INVITE", "9 1 INVITE"]);
}

/// A bare callee's answer to the INVITE it has received.
fn response(world: &World, line: &str, extra: &str) -> String {
    let invite = world.nodes[C].inbox.iter().find(|message| message.view().method_text() == "INVITE");
    let invite = invite.expect("an INVITE").clone();
    let view = invite.view();
    let header = |name| view.first(name).unwrap();
    format!(
        "SIP/2.0 {line}\nVia: {}\nFrom: {}\nTo: {};tag=c\nCall-ID: {}\nCSeq: {}\n\
         Contact: <sip:c@192.0.2.3:5060>\n{extra}Content-Length: 0\n\n",
        header(HeaderName::Via),
        header(HeaderName::From),
        header(HeaderName::To),
        header(HeaderName::CallId),
        header(HeaderName::CSeq),
    )
}

#[test]
fn rfc_3262_4_a_prack_that_is_not_known_or_not_heard_ends_the_invite() {
    for status in [Some(481), None] {
        let mut world = World::new().bare();
        let invite = Invite { reliable: true, ..world.invite_of(A, C) };
        world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out)).unwrap();
        world.run(HOP);
        let text = response(&world, "183 Session Progress", "Require: 100rel\nRSeq: 7\n");
        world.say(C, A, &text);
        world.run_ms(20);
        if status.is_some() {
            let prack = world.nodes[C].inbox.last().unwrap().clone();
            let view = prack.view();
            let header = |name| view.first(name).unwrap();
            let text = format!(
                "SIP/2.0 481 No\nVia: {}\nFrom: {}\nTo: {}\nCall-ID: {}\nCSeq: {}\nContent-Length: 0\n\n",
                header(HeaderName::Via),
                header(HeaderName::From),
                header(HeaderName::To),
                header(HeaderName::CallId),
                header(HeaderName::CSeq),
            );
            world.say(C, A, &text);
        }
        world.settle();
        let heard = world.heard(A);
        let failed = if status.is_some() { "Failed 481 Response" } else { "Failed 408 Timeout" };
        assert_eq!(heard, ["Progress 183", failed]);
        assert!(world.steps().contains(&String::from("A->C CANCEL")));
        world.assert_gone();
    }
}

#[test]
fn rfc_3262_5_an_early_offer_is_answered_in_the_prack() {
    let mut world = called(None);
    ring(&mut world, 180, None);
    ring(&mut world, 183, Some("offer"));
    world.run(HOP);
    let events = world.take_events(A);
    let [.., Event::Progress { dialog, reliability, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(*reliability, sip::Reliability::AnswerWanted);
    let (key, dialog) = (world.session(A), dialog.clone());
    world.order(A, |endpoint, now, out| {
        endpoint.prack(now, key, &dialog, Some(Body::sdp("answer")), out);
        endpoint.prack(now, key, &dialog, Some(Body::sdp("twice")), out);
    });
    world.run_ms(20);
    assert_eq!(world.heard(B), ["Pracked answer"]);
    world.answer(B);
    world.run(HOP);
    assert_eq!(world.heard(A), ["Answered offer"]);
    let steps = ["B->A 180 INVITE", "B->A 183 INVITE", "A->B PRACK", "B->A 200 PRACK", "B->A 200 INVITE"];
    assert_eq!(world.steps(), steps);
}

#[test]
fn rfc_3262_5_an_offer_in_a_prack_is_answered_by_the_owner() {
    let mut world = bare("Require: 100rel\n");
    ring(&mut world, 183, Some("early"));
    world.run(HOP);
    let (rseq, tag) = (last_rseq(&world), prack_tag(&world));
    let text = prack_with(&tag, 2, &format!("{rseq} 1 INVITE"));
    let offer = "Content-Type: application/sdp\nContent-Length: 6\n\noffer2";
    world.say(C, B, &text.replace("Content-Length: 0\n\n", offer));
    world.run(HOP);
    assert_eq!(world.heard(B), ["Update offer2"]);
    let key = world.session(B);
    world.order(B, |endpoint, now, out| endpoint.answer_update(now, key, Body::sdp("answer2"), out));
    world.run(HOP);
    let answer = world.nodes[C].inbox.last().unwrap().clone();
    assert_eq!((answer.view().status(), answer.view().body()), (Some(200), &b"answer2"[..]));
    world.answer(B);
    world.run(HOP);
    // What the PRACK has changed since is not taken back by the INVITE's answer.
    let ok = world.nodes[C].inbox.last().unwrap().clone();
    assert_eq!((ok.view().status(), ok.view().body()), (Some(200), &b""[..]));
}

#[test]
fn rfc_3262_3_a_refusal_waits_for_nothing() {
    let mut world = called(Some("offer"));
    world.fate(|flight| if flight.label() == "PRACK" { Fate::Lose } else { Fate::Deliver });
    ring(&mut world, 183, Some("early"));
    ring(&mut world, 183, Some("more"));
    let key = world.session(B);
    world.order(B, |endpoint, now, out| endpoint.refuse(now, key, Reply::new(486), out));
    world.run_ms(50);
    assert_eq!(world.heard(A), ["Progress 183 early", "Failed 486 Response"]);
    world.assert_gone();
}

#[test]
fn rfc_3261_13_3_1_1_a_long_reliable_ringing_is_refreshed_by_a_new_number() {
    let mut world = bare("Require: 100rel\n");
    ring(&mut world, 180, None);
    world.run(HOP);
    let (rseq, tag) = (last_rseq(&world), prack_tag(&world));
    world.say(C, B, &prack_with(&tag, 2, &format!("{rseq} 1 INVITE")));
    world.run(Duration::from_secs(61));
    assert_eq!(last_rseq(&world), rseq + 1);
}

#[test]
fn rfc_3261_13_3_1_an_invite_lives_no_longer_than_its_expires() {
    let mut world = bare("Expires: 20\n");
    ring(&mut world, 180, None);
    world.run(Duration::from_secs(19));
    assert!(world.heard(B).is_empty());
    world.run(Duration::from_secs(2));
    assert_eq!(world.heard(B), ["Lapsed Expired"]);
    assert!(world.steps().contains(&String::from("B->C 487 INVITE")));
    // One that was answered in time goes on.
    let mut world = World::new();
    let mut invite = world.invite_of(A, B);
    invite.headers.push(("Expires".into(), String::from("20")));
    let key = world.order(A, |endpoint, now, out| endpoint.invite(now, invite, out)).unwrap();
    world.nodes[A].session = Some(key);
    world.run(HOP);
    world.accept_invite(B);
    let mut world = world.talk();
    world.run(Duration::from_secs(60));
    assert!(world.heard(B).is_empty());
}
