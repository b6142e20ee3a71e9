//! RFC 4028: who refreshes a session, how, and what happens to one that nobody refreshes.

use std::collections::BTreeSet;
use std::time::Duration;

use sip::{Body, EndpointConfig, HeaderName, Reply};

use crate::world::*;

fn timed(session_expires_secs: u32) -> EndpointConfig {
    EndpointConfig { session_expires_secs, ..config() }
}

/// A and B talk, with these intervals wanted.
fn talking(a: u32, b: u32) -> World {
    World::with(1, [timed(a), timed(b)]).call().talk()
}

/// Lines of the ladder that begin a transaction, with their second.
fn requests(world: &World) -> Vec<String> {
    let is_request = |line: &&String| {
        let words: Vec<&str> = line.split(' ').collect();
        words.len() == 3 && words[2] != "ACK"
    };
    let second = |line: &String| {
        let (at, rest) = line.split_once(' ').unwrap();
        format!("{} {rest}", at.parse::<u64>().unwrap() / 1_000)
    };
    world.ladder.iter().filter(is_request).map(second).collect()
}

#[test]
fn rfc_4028_9_the_caller_refreshes_at_half_the_interval_by_update() {
    let mut world = talking(600, 1_800);
    world.run(Duration::from_secs(950));
    assert_eq!(requests(&world), ["300 A->B UPDATE", "600 A->B UPDATE", "900 A->B UPDATE"]);
    assert!(world.heard(A).is_empty() && world.heard(B).is_empty());
    world.hang_up(B);
    world.assert_gone();
}

#[test]
fn rfc_4028_9_the_callee_wants_a_timer_where_the_caller_does_not() {
    let mut world = talking(0, 200);
    world.run(Duration::from_secs(250));
    assert_eq!(requests(&world), ["100 A->B UPDATE", "200 A->B UPDATE"]);
}

#[test]
fn rfc_4028_10_a_peer_that_has_vanished_is_noticed_on_both_sides() {
    let mut world = talking(300, 0);
    world.fate(|_| Fate::Lose);
    world.run(Duration::from_secs(300));
    // A has tried to refresh at 150 s; B has waited for it until 32 s before the end.
    assert_eq!(world.heard(A), ["Ended Timeout"]);
    assert_eq!(world.heard(B), ["Ended Expired SIP;cause=408;text=\"Session expired\""]);
    world.assert_gone();
}

#[test]
fn rfc_4028_10_a_refresh_that_is_refused_is_tried_again_until_the_end() {
    let mut world = bare("Session-Expires: 300;refresher=uac\nRequire: timer\nAllow: UPDATE, INVITE\n");
    let (mut updates, mut invites) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..60 {
        world.run(Duration::from_secs(5));
        for message in std::mem::take(&mut world.nodes[C].inbox) {
            match message.view().method_text() {
                // It said that it allows UPDATE, and does not.
                "UPDATE" if message.view().status().is_none() => {
                    updates.insert(message.view().cseq().unwrap().number);
                    let text = response(&message, "405 No", "");
                    world.say(C, A, &text);
                }
                "INVITE" if message.view().status().is_none() => {
                    invites.insert(message.view().cseq().unwrap().number);
                    assert_eq!(message.view().body(), b"offer", "what was said last");
                    let text = response(&message, "500 Busy", "");
                    world.say(C, A, &text);
                }
                _ => {}
            }
        }
    }
    assert_eq!(updates.len(), 1);
    assert!((8..15).contains(&invites.len()), "{invites:?}");
    assert_eq!(world.heard(A), ["Ended Expired SIP;cause=408;text=\"Session expired\""]);
}

#[test]
fn rfc_4028_10_a_refresh_by_reinvite_disturbs_nobody_unless_the_peer_says_something_new() {
    for (body, heard) in [("answer", vec![]), ("moved!", vec![String::from("ReinviteAnswered moved!")])] {
        let mut world = bare("Session-Expires: 300;refresher=uac\nRequire: timer\nAllow: INVITE\n");
        world.run(Duration::from_secs(151));
        let invite = world.nodes[C].inbox.pop().unwrap();
        assert_eq!(invite.view().first(HeaderName::SessionExpires), Some("300;refresher=uac"));
        let headers = "Session-Expires: 300;refresher=uac\nRequire: timer\n";
        let text = with_body(&response(&invite, "200 OK", headers), body);
        world.say(C, A, &text);
        world.run(Duration::from_secs(1));
        assert_eq!(world.heard(A), heard);
        assert!(world.steps().contains(&String::from("A->C ACK")));
    }
}

#[test]
fn rfc_4028_7_3_a_422_is_answered_by_a_longer_interval_once() {
    let strict = EndpointConfig { min_se_secs: 900, ..timed(1_800) };
    let mut world = World::with(1, [timed(300), strict]);
    world.invite(A, B);
    world.run_ms(40);
    assert_eq!(world.steps(), ["A->B INVITE", "B->A 422 INVITE", "A->B ACK", "A->B INVITE"]);
    let invite = world.nodes[B].request.clone().unwrap();
    let view = invite.message.view();
    assert_eq!(view.first(HeaderName::SessionExpires), Some("900"));
    assert_eq!(view.first(HeaderName::MinSe), Some("900"));
    assert_eq!((view.first(HeaderName::CSeq), view.body()), (Some("2 INVITE"), &b"offer"[..]));
    world.accept_invite(B);
    let mut world = world.talk();
    world.run(Duration::from_secs(500));
    assert_eq!(world.steps(), ["A->B UPDATE", "B->A 200 UPDATE"]);
    // A peer that is never content is given up.
    let mut world = World::with(1, [timed(300), timed(300)]).bare();
    world.invite(A, C);
    for _ in 0..2 {
        world.run(HOP);
        let invite = world.nodes[C].inbox.pop().unwrap();
        let text = response(&invite, "422 Short", "Min-SE: 1000\n");
        world.say(C, A, &text);
        world.run(HOP);
        world.nodes[C].inbox.retain(|message| message.view().method_text() == "INVITE");
    }
    world.settle();
    assert_eq!(world.heard(A), ["Failed 422 Response"]);
    world.assert_gone();
}

#[test]
fn rfc_4028_8_an_interval_that_is_too_short_is_refused_with_the_least() {
    let mut world = World::new().bare();
    let text = crate::dialog::invite_from_bare("z9hG4bK1", "Supported: timer\nSession-Expires: 60\n");
    world.say(C, B, &text);
    world.run_ms(20);
    let refusal = world.nodes[C].inbox.pop().unwrap();
    assert_eq!((refusal.view().status(), refusal.view().first(HeaderName::MinSe)), (Some(422), Some("90")));
    // Who knows no session timers knows no 422.
    world.say(C, B, &crate::dialog::invite_from_bare("z9hG4bK2", "Session-Expires: 60\n"));
    world.run_ms(20);
    assert_eq!(world.heard(B).last().map(String::as_str), Some("Request INVITE"));
}

#[test]
fn a_refresh_meets_the_owner_s_own_change() {
    let mut world = talking(600, 600);
    world.run(Duration::from_secs(299));
    world.reinvite(A);
    world.run(Duration::from_secs(2));
    // It waits until the owner's exchange is over; that is a refresh by itself.
    world.answer_reinvite(B);
    world.run(HOP);
    world.ack(A);
    world.forget();
    world.run(Duration::from_secs(290));
    assert!(requests(&world).is_empty());
    world.run(Duration::from_secs(20));
    assert_eq!(requests(&world).len(), 1);
    world.reinvite(B);
    world.run(HOP);
    let key = world.session(A);
    world.order(A, |endpoint, now, out| endpoint.refuse_reinvite(now, key, Reply::new(488), out));
    world.hang_up(A);
    world.assert_gone();
}

/// A talks with a bare C whose 2xx has these headers.
fn bare(headers: &str) -> World {
    let mut world = World::with(1, [timed(1_800), timed(0)]).bare();
    world.invite(A, C);
    world.run(HOP);
    let invite = world.nodes[C].inbox.pop().unwrap();
    let text = with_body(&response(&invite, "200 OK", headers), "answer");
    world.say(C, A, &text);
    world.run(HOP);
    world.ack(A);
    world.run(HOP);
    world.forget();
    world
}

fn with_body(text: &str, body: &str) -> String {
    let body = Body::sdp(body.to_owned());
    let length = body.bytes.len();
    let text = text.replace("Content-Length: 0\n\n", "");
    let body = String::from_utf8_lossy(&body.bytes).into_owned();
    format!("{text}Content-Type: application/sdp\nContent-Length: {length}\n\n{body}")
}

/// A bare peer's answer to a request.
fn response(request: &sip::OwnedMessage, line: &str, extra: &str) -> String {
    let view = request.view();
    let header = |name| view.first(name).unwrap();
    let to = header(HeaderName::To);
    let tag = if to.contains("tag=") { "" } else { ";tag=c" };
    format!(
        "SIP/2.0 {line}\nVia: {}\nFrom: {}\nTo: {to}{tag}\nCall-ID: {}\nCSeq: {}\n\
         Contact: <sip:c@192.0.2.3:5060>\n{extra}Content-Length: 0\n\n",
        header(HeaderName::Via),
        header(HeaderName::From),
        header(HeaderName::CallId),
        header(HeaderName::CSeq),
    )
}
