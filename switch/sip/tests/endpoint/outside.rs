//! RFC 3261 8.1 and RFC 3428: requests of ours outside any dialog that make none.

use std::borrow::Cow;

use sip::{Body, EndpointConfig, HeaderName, Input, OutsideRequest, Party, Refused, Reply, Transport};

use crate::world::*;

fn ask(world: &World, method: &'static str) -> OutsideRequest {
    OutsideRequest {
        flow: world.flow(A, B),
        method: Cow::Borrowed(method),
        request_uri: String::from("sip:b@192.0.2.2"),
        from: Party::new("sip:a@example.com").display("Sari"),
        to: Party::new("sip:b@example.com"),
        contact_user: None,
        routes: vec![String::from("<sip:192.0.2.2;lr>")],
        max_forwards: 7,
        headers: Vec::new(),
        body: None,
        datagram_bytes_max: None,
        login: None,
        series: None,
    }
}

fn send(
    world: &mut World,
    method: &'static str,
    change: impl FnOnce(&mut OutsideRequest),
) -> Result<(), Refused> {
    let mut request = ask(world, method);
    change(&mut request);
    world.order(A, |endpoint, now, out| endpoint.request_outside(now, request, out)).map(|_| ())
}

#[test]
fn rfc_3428_4_a_message_goes_out_without_contact_and_its_answer_is_told_once() {
    let mut world = World::new();
    let hello = Body::new("text/plain", "hello");
    // The methods that B accepts by default; the body of an OPTIONS is as good as any.
    send(&mut world, "OPTIONS", |request| request.body = Some(hello)).unwrap();
    world.run(HOP);
    let request = world.nodes[B].request.take().unwrap();
    let view = request.message.view();
    assert_eq!(view.first(HeaderName::Contact), None);
    assert_eq!(view.first(HeaderName::MaxForwards), Some("7"));
    assert_eq!(view.first(HeaderName::Route), Some("<sip:192.0.2.2;lr>"));
    assert_eq!(view.first(HeaderName::CSeq), Some("1 OPTIONS"));
    assert_eq!((view.first(HeaderName::ContentType), view.body()), (Some("text/plain"), &b"hello"[..]));
    for _ in 0..2 {
        world.order(B, |endpoint, now, out| endpoint.reply(now, &request, Reply::new(200), out));
    }
    world.run(HOP);
    assert_eq!(world.heard(A), ["OutsideResponse 200"]);
    world.assert_gone();
    assert!(world.heard(A).is_empty());
}

#[test]
fn rfc_3261_8_1_3_1_silence_is_408_and_a_broken_transport_503() {
    let mut world = World::new().bare();
    let flow = world.flow(A, C);
    send(&mut world, "OPTIONS", |request| request.flow = flow).unwrap();
    world.settle();
    assert_eq!(world.heard(A), ["OutsideResponse 408 made here"]);
    assert_eq!(world.nodes[C].inbox.len(), 11, "timer E");
    let mut world = World::over(Transport::Tcp).bare();
    let flow = world.flow(A, C);
    send(&mut world, "OPTIONS", |request| request.flow = flow).unwrap();
    world.order(A, |endpoint, now, out| endpoint.handle(now, Input::Unreachable { flow }, out));
    assert_eq!(world.heard(A), ["OutsideResponse 503 made here"]);
    world.assert_gone();
}

#[test]
fn what_cannot_be_sent_is_refused_and_leaves_nothing() {
    let mut world = World::new();
    for method in
        ["INVITE", "ACK", "BYE", "CANCEL", "INFO", "PRACK", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"]
    {
        assert_eq!(send(&mut world, method, |_| {}), Err(Refused::Invalid), "{method}");
    }
    let smuggle = |request: &mut OutsideRequest| {
        request.headers.push(("Subject".into(), String::from("a\r\nVia: SIP/2.0/UDP 1.1.1.1")));
    };
    assert_eq!(send(&mut world, "OPTIONS", smuggle), Err(Refused::Invalid));
    world.assert_gone();
    assert!(world.steps().is_empty());
    let full = EndpointConfig { transactions_max: 0, ..config() };
    let mut world = World::with(1, [full, config()]);
    assert_eq!(send(&mut world, "OPTIONS", |_| {}), Err(Refused::Full));
}

#[test]
fn rfc_3428_8_a_long_message_goes_over_streams_only() {
    let long = |request: &mut OutsideRequest| {
        request.body = Some(Body::new("text/plain", "x".repeat(1_300)));
        request.datagram_bytes_max = Some(1_300);
    };
    let mut world = World::new();
    assert_eq!(send(&mut world, "MESSAGE", long), Err(Refused::TooLarge));
    world.assert_gone();
    let mut world = World::over(Transport::Tcp);
    assert_eq!(send(&mut world, "MESSAGE", long), Ok(()));
}
