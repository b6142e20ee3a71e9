//! RFC 3261 12: requests inside a dialog, route sets, target refresh.

use std::time::Duration;

use sip::{Body, Counts, Event, HeaderName, OwnedMessage, Refused, Reply};

use crate::world::*;

/// A response of the bare peer C to a request it has received. `extra`: whole header lines.
pub fn response(request: &OwnedMessage, line: &str, tag: &str, extra: &str) -> String {
    let request = request.view();
    let mut text = format!("SIP/2.0 {line}\n");
    for via in request.values(HeaderName::Via) {
        text.push_str(&format!("Via: {via}\n"));
    }
    let to = request.named("To").unwrap();
    let tag = if tag.is_empty() || to.contains(";tag=") { String::new() } else { format!(";tag={tag}") };
    text.push_str(&format!(
        "From: {}\nTo: {to}{tag}\nCall-ID: {}\nCSeq: {}\n{extra}Content-Length: 0\n\n",
        request.named("From").unwrap(),
        request.named("Call-ID").unwrap(),
        request.named("CSeq").unwrap(),
    ));
    text
}

/// A has called the bare peer C, which answers with these header lines and is acknowledged.
pub fn talking_to_bare(extra: &str) -> World {
    let mut world = World::new().bare();
    world.invite(A, C);
    world.run(HOP);
    let invite = world.nodes[C].inbox.remove(0);
    world.say(C, A, &response(&invite, "200 OK", "c1", extra));
    world.run(HOP);
    world.ack(A);
    world.run(HOP);
    world
}

#[test]
fn section_12_2_requests_inside_a_dialog_go_both_ways() {
    for (one, other) in [(A, B), (B, A)] {
        let mut world = World::talking();
        let key = world.session(one);
        let body = Some(Body::new("application/dtmf-relay", "Signal=5"));
        world
            .order(one, |endpoint, now, out| endpoint.request(now, key, "INFO", Vec::new(), body, out))
            .unwrap();
        world.run(HOP);
        assert_eq!(world.heard(other), ["InDialog INFO"]);
        let pending = world.nodes[other].pending.unwrap();
        world.order(other, |endpoint, now, out| {
            endpoint.respond_in_dialog(now, pending, Reply::new(200), out);
        });
        world.run(HOP);
        assert_eq!(world.heard(one), ["Response 200"]);
        world.hang_up(one);
        world.assert_gone();
    }
}

#[test]
fn section_12_2_1_2_a_silent_peer_ends_the_session() {
    let mut world = World::talking();
    world.fate(|flight| if flight.label() == "INFO" { Fate::Lose } else { Fate::Deliver });
    let key = world.session(A);
    world.order(A, |endpoint, now, out| endpoint.request(now, key, "INFO", Vec::new(), None, out)).unwrap();
    world.settle();
    assert_eq!(world.heard(A), ["Response 408", "Ended Timeout"]);
    assert_eq!(world.heard(B), ["Ended Peer"]);
    world.assert_gone();
}

#[test]
fn section_12_2_1_2_a_silent_peer_does_not_end_an_invite_that_rings() {
    let mut world = World::called();
    world.fate(|flight| if flight.label() == "INFO" { Fate::Lose } else { Fate::Deliver });
    let key = world.session(B);
    world.order(B, |endpoint, now, out| endpoint.request(now, key, "INFO", Vec::new(), None, out)).unwrap();
    world.run(Duration::from_secs(33));
    assert_eq!(world.heard(B), ["Response 408"]);
    let mut world = world.talk();
    world.hang_up(B);
    world.run_ms(40);
    assert_eq!(world.heard(A), ["Ended Peer"]);
    world.assert_gone();
}

#[test]
fn an_owner_that_forgets_a_request_leaves_nothing_behind() {
    let mut world = World::talking();
    world.fate(
        |flight| if flight.label() == "BYE" { Fate::Delay(Duration::from_secs(1)) } else { Fate::Deliver },
    );
    let key = world.session(A);
    world.order(A, |endpoint, now, out| endpoint.request(now, key, "INFO", Vec::new(), None, out)).unwrap();
    world.run(Duration::from_secs(34));
    assert_eq!(world.heard(B), ["InDialog INFO", "Dropped Unanswered", "Ended Peer"]);
    world.assert_gone();
}

#[test]
fn section_15_1_2_requests_that_wait_are_answered_when_the_session_ends() {
    let mut world = World::talking();
    let key = world.session(A);
    world.order(A, |endpoint, now, out| endpoint.request(now, key, "INFO", Vec::new(), None, out)).unwrap();
    world.run(HOP);
    world.forget();
    world.hang_up(B);
    world.run_ms(40);
    assert_eq!(world.steps(), ["B->A 487 INFO", "B->A BYE", "A->B 200 BYE"]);
    assert_eq!(world.heard(A), ["Response 487", "Ended Peer"]);
    world.assert_gone();
}

#[test]
fn section_8_2_1_methods_that_are_not_understood() {
    let mut world = World::talking();
    let key = world.session(A);
    for (method, answer) in [("PUBLISH", 405), ("PRANK", 501)] {
        world
            .order(A, |endpoint, now, out| endpoint.request(now, key, method, Vec::new(), None, out))
            .unwrap();
        world.run_ms(20);
        assert_eq!(world.heard(A), [format!("Response {answer}")]);
        assert_eq!(world.heard(B), ["Dropped Refused"]);
    }
    for method in ["INVITE", "ACK", "BYE", "CANCEL", "IN FO"] {
        let refused =
            world.order(A, |endpoint, now, out| endpoint.request(now, key, method, Vec::new(), None, out));
        assert_eq!(refused, Err(Refused::Invalid), "{method}");
    }
}

#[test]
fn section_12_2_1_1_the_route_set_is_followed_and_decides_the_hop() {
    let mut world = talking_to_bare(
        "Contact: <sip:c@203.0.113.9:5070>\nRecord-Route: <sip:203.0.113.1;lr>, <sip:192.0.2.3;lr>\n",
    );
    let ack = world.nodes[C].inbox.remove(0);
    assert_eq!(ack.view().method_text(), "ACK");
    assert_eq!(ack.view().request_uri(), "sip:c@203.0.113.9:5070");
    let routes: Vec<_> = ack.view().values(HeaderName::Route).collect();
    assert_eq!(routes, ["<sip:192.0.2.3;lr>", "<sip:203.0.113.1;lr>"]);
    world.hang_up(A);
    world.run(HOP);
    let bye = world.nodes[C].inbox.remove(0);
    assert_eq!(bye.view().values(HeaderName::Route).collect::<Vec<_>>(), routes);
    assert_eq!(bye.view().named("CSeq"), Some("2 BYE"));
}

#[test]
fn section_12_2_1_1_a_strict_router_finds_itself_in_the_request_uri() {
    let mut world = talking_to_bare("Contact: <sip:c@203.0.113.9>\nRecord-Route: <sip:192.0.2.3>\n");
    let ack = world.nodes[C].inbox.remove(0);
    assert_eq!(ack.view().request_uri(), "sip:192.0.2.3");
    assert_eq!(ack.view().values(HeaderName::Route).collect::<Vec<_>>(), ["<sip:c@203.0.113.9>"]);
}

/// An INVITE of the bare peer C to B. `extra`: whole header lines.
pub fn invite_from_bare(branch: &str, extra: &str) -> String {
    format!(
        "INVITE sip:b%40x@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch={branch}\n\
         From: <sip:c@x>;tag=c1\nTo: <sip:b@x>\nCall-ID: call\nCSeq: 5 INVITE\nMax-Forwards: 70\n\
         Contact: <sip:c@192.0.2.3:5060>\n{extra}Content-Length: 0\n\n"
    )
}

#[test]
fn section_12_1_1_record_routes_are_mirrored_and_used() {
    let mut world = World::new().bare();
    world.say(
        C,
        B,
        &invite_from_bare("z9hG4bK1", "Record-Route: <sip:192.0.2.3;lr>\nRecord-Route: <sip:p2;lr>\n"),
    );
    world.run(HOP);
    world.accept_invite(B);
    world.ring(B);
    world.answer(B);
    world.run(HOP);
    let inbox = std::mem::take(&mut world.nodes[C].inbox);
    let statuses: Vec<_> = inbox.iter().map(|message| message.view().status().unwrap()).collect();
    assert_eq!(statuses, [100, 180, 200]);
    assert!(inbox[0].view().named("To") == Some("<sip:b@x>"));
    for message in &inbox[1..] {
        let routes: Vec<_> = message.view().values(HeaderName::RecordRoute).collect();
        assert_eq!(routes, ["<sip:192.0.2.3;lr>", "<sip:p2;lr>"]);
        assert_eq!(message.view().named("Contact"), Some("<sip:b%40x@192.0.2.2:5060>"));
    }
    assert_eq!(inbox[1].view().named("To"), inbox[2].view().named("To"));
    let to = inbox[2].view().named("To").unwrap().to_owned();
    world.say(
        C,
        B,
        &format!(
            "ACK sip:b@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK2\nFrom: <sip:c@x>;tag=c1\n\
             To: {to}\nCall-ID: call\nCSeq: 5 ACK\nMax-Forwards: 70\nContent-Length: 0\n\n"
        ),
    );
    world.run(HOP);
    assert_eq!(world.heard(B), ["Request INVITE", "Acked"]);
    world.hang_up(B);
    world.run(HOP);
    let bye = world.nodes[C].inbox.remove(0);
    assert_eq!(
        bye.view().values(HeaderName::Route).collect::<Vec<_>>(),
        ["<sip:192.0.2.3;lr>", "<sip:p2;lr>"]
    );
    assert_eq!(bye.view().request_uri(), "sip:c@192.0.2.3:5060");
    assert_eq!(bye.view().named("To"), Some("<sip:c@x>;tag=c1"));
}

#[test]
fn section_12_2_a_re_invite_and_its_answer_move_the_target() {
    let mut world = talking_to_bare("Contact: <sip:c@192.0.2.3:5060>\n");
    world.nodes[C].inbox.clear();
    world.reinvite(A);
    world.run(HOP);
    let reinvite = world.nodes[C].inbox.remove(0);
    assert_eq!(reinvite.view().request_uri(), "sip:c@192.0.2.3:5060");
    world.say(C, A, &response(&reinvite, "200 OK", "", "Contact: <sip:moved@192.0.2.3:5060>\n"));
    world.run(HOP);
    world.ack(A);
    world.hang_up(A);
    world.run(HOP);
    let uris: Vec<_> =
        world.nodes[C].inbox.iter().map(|message| message.view().request_uri().to_owned()).collect();
    assert_eq!(uris, ["sip:moved@192.0.2.3:5060"; 2]);
}

#[test]
fn section_12_2_2_another_s_tags_open_nothing() {
    let mut world = talking_to_bare("Contact: <sip:c@192.0.2.3:5060>\n");
    let ack = world.nodes[C].inbox.remove(0);
    let (ours, theirs) = (ack.view().named("From").unwrap(), ack.view().named("To").unwrap());
    let call_id = ack.view().named("Call-ID").unwrap();
    let mut check = |from: &str, to: &str, call_id: &str, branch: &str, steps: &[&str]| {
        world.forget();
        world.say(
            C,
            A,
            &format!(
                "BYE sip:a@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch={branch}\nFrom: {from}\nTo: {to}\n\
                 Call-ID: {call_id}\nCSeq: 9 BYE\nMax-Forwards: 70\nContent-Length: 0\n\n"
            ),
        );
        world.run(HOP);
        assert_eq!(world.steps(), steps);
    };
    let unknown = ["C->A BYE", "A->C 481 BYE"];
    check("<sip:x@y>;tag=other", ours, call_id, "z9hG4bK1", &unknown);
    check(theirs, "<sip:x@y>;tag=other", call_id, "z9hG4bK2", &unknown);
    check(theirs, "<sip:x@y>;tag=000000000000000001", call_id, "z9hG4bK3", &unknown);
    check(theirs, ours, "other", "z9hG4bK4", &unknown);
    check(theirs, ours, call_id, "z9hG4bK5", &["C->A BYE", "A->C 200 BYE"]);
    assert_eq!(world.heard(A), ["Ended Peer"]);
}

#[test]
fn an_in_dialog_response_carries_its_message() {
    let mut world = talking_to_bare("Contact: <sip:c@192.0.2.3:5060>\n");
    world.forget();
    let key = world.session(A);
    let sent = world
        .order(A, |endpoint, now, out| endpoint.request(now, key, "INFO", Vec::new(), None, out))
        .unwrap();
    world.run(HOP);
    let info = world.nodes[C].inbox.remove(0);
    world.say(C, A, &response(&info, "469 Bad Info Package", "", "Recv-Info: dtmf\n"));
    world.run(HOP);
    let Some(Event::Response { request, status: 469, message: Some(message), .. }) =
        world.take_events(A).pop()
    else {
        panic!("no response");
    };
    assert_eq!(request, sent);
    assert_eq!(message.view().named("Recv-Info"), Some("dtmf"));
    assert_ne!(world.counts(A), Counts::default());
}

#[test]
fn section_12_2_2_the_peer_s_re_invite_moves_the_target() {
    let mut world = talking_to_bare("Contact: <sip:c@192.0.2.3:5060>\n");
    let ack = world.nodes[C].inbox.remove(0);
    let ack = ack.view();
    world.say(
        C,
        A,
        &format!(
            "INVITE sip:a@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKr\nFrom: {}\nTo: {}\n\
             Call-ID: {}\nCSeq: 9 INVITE\nContact: <sip:moved@192.0.2.3:5060>\nContent-Length: 0\n\n",
            ack.named("To").unwrap(),
            ack.named("From").unwrap(),
            ack.named("Call-ID").unwrap()
        ),
    );
    world.run(HOP);
    world.answer_reinvite(A);
    world.run(HOP);
    world.nodes[C].inbox.clear();
    world.hang_up(A);
    world.run(HOP);
    assert_eq!(world.nodes[C].inbox.remove(0).view().request_uri(), "sip:moved@192.0.2.3:5060");
}
