//! RFC 3261 8.2: what is refused before the owner hears of it, what is answered without state, and requests that
//! are accepted.

use std::time::Duration;

use sip::{Counts, EndpointConfig, HeaderName, Refused, Reply};

use crate::dialog::invite_from_bare;
use crate::world::*;

/// A request of the bare peer C to B, with one line changed.
fn options(change: (&str, &str)) -> String {
    let text = "OPTIONS sip:b@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK1\nFrom: <sip:c@x>;tag=1\n\
                To: <sip:b@x>\nCall-ID: c\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n";
    assert!(text.contains(change.0), "{change:?}");
    text.replace(change.0, change.1)
}

/// What B answers without showing it to its owner or keeping anything, and one header of it.
fn check(text: &str, status: u16, header: &str, value: Option<&str>) {
    let mut world = World::new().bare();
    world.say(C, B, text);
    world.run_ms(20);
    let answer = world.nodes[C].inbox.pop().unwrap_or_else(|| panic!("no answer to {text}"));
    assert_eq!((answer.view().status(), answer.view().named(header)), (Some(status), value), "{text}");
    assert_eq!(world.heard(B), ["Dropped Refused"]);
    assert_eq!(world.counts(B), Counts::default());
}

#[test]
fn section_8_2_what_is_refused_at_the_door() {
    let allow =
        Some("INVITE, ACK, BYE, CANCEL, PRACK, UPDATE, OPTIONS, REGISTER, INFO, MESSAGE, SUBSCRIBE, REFER");
    check(&options(("OPTIONS", "PUBLISH")), 405, "Allow", allow);
    check(&options(("OPTIONS", "PRANK")), 501, "Allow", allow);
    check(&options(("OPTIONS", "BYE")), 481, "Allow", None);
    check(&options(("OPTIONS", "INFO")), 481, "Allow", None);
    let last_hop = |text: String| text.replace("Max-Forwards: 70", "Max-Forwards: 0");
    check(&last_hop(options(("OPTIONS", "MESSAGE"))), 483, "Require", None);
    check(&last_hop(invite_from_bare("z9hG4bK1", "")), 483, "Require", None);
    check(
        &options(("Max", "Require: 100rel, path\nRequire: x, timer\nMax")),
        420,
        "Unsupported",
        Some("path, x"),
    );
    check(&options(("To: <sip:b@x>", "To: <sip:b@x>;tag=none")), 481, "Require", None);
    check(&options(("sip:b@192", "foo:b@192")), 416, "Require", None);
    check(&options(("SIP/2.0\n", "SIP/3.0\n")), 505, "Require", None);
    check(&options(("CSeq: 1 OPTIONS", "CSeq: 1 INVITE")), 400, "Require", None);
    check(&options(("Content-Length: 0", "Content-Length: 9")), 400, "Require", None);
    check(
        &invite_from_bare("z9hG4bK1", "").replace("Contact: <sip:c@192.0.2.3:5060>\n", ""),
        400,
        "Require",
        None,
    );
}

#[test]
fn section_16_3_what_ends_here_may_have_used_up_its_hops() {
    for method in ["OPTIONS", "REGISTER", "SUBSCRIBE"] {
        let mut world = World::new().bare();
        world.say(C, B, &options(("OPTIONS", method)).replace("Max-Forwards: 70", "Max-Forwards: 0"));
        world.run_ms(20);
        assert_eq!(world.heard(B), [format!("Request {method}")]);
    }
}

#[test]
fn rfc_3327_what_the_owner_supports_is_not_required_of_an_invite() {
    let config = || EndpointConfig { supported: vec![String::from("path")], ..config() };
    let mut world = World::with(1, [config(), config()]).bare();
    world.say(C, B, &options(("Max", "Require: path\nMax")));
    world.run_ms(20);
    assert_eq!(world.heard(B), ["Request OPTIONS"]);
    world.say(C, B, &invite_from_bare("z9hG4bK1", "").replace("Max-", "Require: path\nMax-"));
    world.run_ms(20);
    assert_eq!(world.heard(B), ["Dropped Refused"]);
    world.invite(A, B);
    world.run(HOP);
    let invite = world.nodes[B].request.clone().unwrap();
    assert_eq!(invite.message.view().named("Supported"), Some("replaces, timer"));
}

#[test]
fn section_8_2_what_cannot_be_answered_is_dropped() {
    let mut world = World::new().bare();
    for text in
        [options(("Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK1\n", "")), options(("SIP/2.0/UDP", "SIP/UDP"))]
    {
        world.say(C, B, &text);
        world.run_ms(20);
        assert_eq!(world.heard(B), ["Dropped Malformed"]);
        assert!(world.nodes[C].inbox.is_empty());
    }
    // An ACK is never answered, however wrong it is.
    let ack = options(("OPTIONS sip", "ACK sip")).replace("1 OPTIONS", "1 ACK");
    for (text, heard) in
        [(ack.clone(), "Dropped StrayAck"), (ack.replace("1 ACK", "x ACK"), "Dropped Malformed")]
    {
        world.say(C, B, &text);
        world.run_ms(20);
        assert_eq!(world.heard(B), [heard]);
        assert!(world.nodes[C].inbox.is_empty());
    }
}

#[test]
fn section_8_2_7_a_stateless_answer_is_the_same_for_every_repeat() {
    let mut world = World::new().bare();
    let mut answers = Vec::new();
    for _ in 0..2 {
        world.say(C, B, &invite_from_bare("z9hG4bK1", ""));
        world.run(HOP);
        assert_eq!(world.heard(B), ["Request INVITE"]);
        let request = world.nodes[B].request.take().unwrap();
        let reply = Reply::new(401).header("WWW-Authenticate", "Digest realm=\"x\"");
        world.order(B, |endpoint, now, out| endpoint.reply(now, &request, reply, out));
        world.run(HOP);
        answers.push(world.nodes[C].inbox.pop().unwrap());
    }
    let to = answers[0].view().named("To").unwrap().to_owned();
    assert!(to.starts_with("<sip:b@x>;tag=00"));
    assert_eq!(answers[1].view().named("To"), Some(to.as_str()));
    assert_eq!(world.counts(B), Counts::default());
    // Its ACK is known by that tag and absorbed.
    let ack = invite_from_bare("z9hG4bK1", "")
        .replace("INVITE", "ACK")
        .replace("To: <sip:b@x>", &format!("To: {to}"));
    world.say(C, B, &ack);
    world.run(HOP);
    assert!(world.heard(B).is_empty());
    // Another request gets another tag.
    world.say(C, B, &invite_from_bare("z9hG4bK2", "").replace("5 INVITE", "6 INVITE"));
    world.run(HOP);
    let request = world.nodes[B].request.take().unwrap();
    world.order(B, |endpoint, now, out| endpoint.reply(now, &request, Reply::new(404), out));
    world.run(HOP);
    assert_ne!(world.nodes[C].inbox.pop().unwrap().view().named("To"), Some(to.as_str()));
}

#[test]
fn section_8_2_2_2_a_request_that_came_on_two_paths_is_482_on_the_second() {
    let mut world = World::new().bare();
    world.say(C, B, &invite_from_bare("z9hG4bK1", ""));
    world.say(C, B, &invite_from_bare("z9hG4bK2", ""));
    world.run(HOP);
    // Both came before the owner took one.
    assert_eq!(world.heard(B), ["Request INVITE", "Request INVITE"]);
    let mut first = world.nodes[B].request.clone().unwrap();
    world.accept_invite(B);
    first.message =
        sip::OwnedMessage::parse(invite_from_bare("z9hG4bK1", "").replace('\n', "\r\n").as_bytes()).unwrap();
    let refused = world.order(B, |endpoint, now, out| endpoint.accept_invite(now, first, out));
    assert_eq!(refused, Err(Refused::Merged));
    // A third comes after.
    world.say(C, B, &invite_from_bare("z9hG4bK3", ""));
    world.run_ms(20);
    let statuses: Vec<_> =
        world.nodes[C].inbox.iter().map(|message| message.view().status().unwrap()).collect();
    assert_eq!(statuses, [100, 482, 482]);
    assert_eq!(world.counts(B).sessions, 1);
}

#[test]
fn section_17_2_2_an_accepted_request_is_answered_and_its_repeats_too() {
    let mut world = World::new().bare();
    let text = options(("c", "c"));
    world.say(C, B, &text);
    world.run(HOP);
    let request = world.nodes[B].request.take().unwrap();
    let key = world.order(B, |endpoint, now, out| endpoint.accept(now, request, out)).unwrap();
    world.say(C, B, &text);
    world.run(HOP);
    assert!(world.nodes[C].inbox.is_empty());
    let reply = Reply::new(200).header("Accept", "application/sdp");
    world.order(B, |endpoint, now, out| endpoint.respond(now, key, reply, out));
    world.run(HOP);
    world.say(C, B, &text);
    world.run_ms(20);
    let inbox = &world.nodes[C].inbox;
    assert_eq!(inbox.len(), 2);
    for answer in inbox {
        assert_eq!(
            (answer.view().status(), answer.view().named("Accept")),
            (Some(200), Some("application/sdp"))
        );
        assert_eq!(answer.view().named("Server"), Some("test"));
        assert!(answer.view().named("To").unwrap().contains(";tag="));
    }
    assert_eq!(world.heard(B), ["Request OPTIONS"]);
    world.assert_gone();
}

#[test]
fn an_accepted_request_that_the_owner_forgets_is_dropped() {
    let mut world = World::new().bare();
    world.say(C, B, &options(("c", "c")));
    world.run(HOP);
    let request = world.nodes[B].request.take().unwrap();
    world.order(B, |endpoint, now, out| endpoint.accept(now, request, out)).unwrap();
    world.run(Duration::from_secs(33));
    assert_eq!(world.heard(B), ["Request OPTIONS", "Dropped Unanswered"]);
    assert_eq!(world.counts(B), Counts::default());
}

#[test]
fn rfc_4320_4_1_a_slow_request_is_told_100_when_timer_e_has_reached_t2_and_not_before() {
    let mut world = World::new().bare();
    world.say(C, B, &options(("c", "c")));
    world.run(HOP);
    let request = world.nodes[B].request.take().unwrap();
    let key = world.order(B, |endpoint, now, out| endpoint.accept(now, request, out)).unwrap();
    let answers = |world: &mut World| {
        let steps = world.steps().into_iter();
        steps.filter(|step| step.starts_with("B->C")).collect::<Vec<_>>()
    };
    world.run(Duration::from_millis(3_400));
    assert!(answers(&mut world).is_empty());
    world.run(Duration::from_millis(200));
    assert_eq!(answers(&mut world), ["B->C 100 OPTIONS"]);
    // The answer is as good as ever.
    world.order(B, |endpoint, now, out| endpoint.respond(now, key, Reply::new(200), out));
    world.run(Duration::from_secs(40));
    assert_eq!(answers(&mut world), ["B->C 200 OPTIONS"]);
    assert_eq!(world.counts(B), Counts::default());
}

#[test]
fn section_17_2_3_an_rfc_2543_branch_is_matched_by_the_whole_request() {
    let mut world = World::new().bare();
    let invite = invite_from_bare("1", "");
    world.say(C, B, &invite);
    world.run(HOP);
    world.accept_invite(B);
    let key = world.session(B);
    world.say(C, B, &invite);
    world.order(B, |endpoint, now, out| endpoint.refuse(now, key, Reply::new(486), out));
    world.run(HOP);
    let busy = world.nodes[C].inbox.pop().unwrap();
    let to = busy.view().named("To").unwrap();
    let ack = invite.replace("INVITE", "ACK").replace("To: <sip:b@x>", &format!("To: {to}"));
    world.say(C, B, &ack);
    world.run(Duration::from_secs(6));
    assert_eq!(world.heard(B), ["Request INVITE"]);
    assert_eq!(world.counts(B), Counts::default());
}

#[test]
fn section_17_2_3_the_same_branch_from_another_host_is_another_request() {
    let mut world = World::new().bare();
    world.say(C, B, &invite_from_bare("z9hG4bK1", ""));
    world.run(HOP);
    world.accept_invite(B);
    let other = invite_from_bare("z9hG4bK1", "")
        .replace("UDP 192.0.2.3", "UDP other")
        .replace("ID: call", "ID: call2");
    world.say(C, B, &other);
    world.run(HOP);
    assert_eq!(world.heard(B), ["Request INVITE", "Request INVITE"]);
}

#[test]
fn section_8_2_6_a_response_mirrors_every_via() {
    let mut world = World::new().bare();
    let text = options(("Via: ", "Via: SIP/2.0/UDP c.example;branch=z9hG4bK0;rport\nVia: "));
    world.say(C, B, &text);
    world.run(HOP);
    let request = world.nodes[B].request.take().unwrap();
    world.order(B, |endpoint, now, out| endpoint.reply(now, &request, Reply::new(200), out));
    world.run(HOP);
    let answer = world.nodes[C].inbox.pop().unwrap();
    let vias: Vec<_> = answer.view().values(HeaderName::Via).map(str::to_owned).collect();
    assert_eq!(
        vias,
        [
            "SIP/2.0/UDP c.example;branch=z9hG4bK0;received=192.0.2.3;rport=5060",
            "SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK1"
        ]
    );
}

#[test]
fn an_answer_that_cannot_be_written_becomes_500() {
    let mut world = World::new().bare();
    world.say(C, B, &options(("c", "c")));
    world.run(HOP);
    let request = world.nodes[B].request.take().unwrap();
    let key = world.order(B, |endpoint, now, out| endpoint.accept(now, request, out)).unwrap();
    let reply = Reply::new(200).header("X-Evil", "a\r\nVia: b");
    world.order(B, |endpoint, now, out| endpoint.respond(now, key, reply, out));
    world.run(HOP);
    assert_eq!(world.nodes[C].inbox.pop().unwrap().view().status(), Some(500));
    assert_eq!(world.heard(B), ["Request OPTIONS", "Dropped Unwritable"]);
}

#[test]
fn a_transaction_that_is_over_is_not_remembered() {
    let mut world = World::new().bare();
    for _ in 0..2 {
        world.say(C, B, &invite_from_bare("z9hG4bK1", ""));
        world.run(HOP);
        assert_eq!(world.heard(B), ["Request INVITE"]);
        let key = world.accept_invite(B);
        world.order(B, |endpoint, now, out| endpoint.refuse(now, key, Reply::new(486), out));
        world.assert_gone();
    }
}
