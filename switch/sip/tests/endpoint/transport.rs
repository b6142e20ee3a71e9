//! RFC 3261 18, RFC 3581: failures of the transport, connections that come and go, ports behind a NAT.

use std::net::SocketAddr;

use sip::{Flow, Input, Reply, Transport};

use crate::dialog::{invite_from_bare, response};
use crate::world::*;

fn unreachable(world: &mut World, node: usize, flow: Flow) {
    world.order(node, |endpoint, now, out| endpoint.handle(now, Input::Unreachable { flow }, out));
}

#[test]
fn section_18_4_an_invite_that_cannot_be_sent_fails_at_once() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = World::over(transport);
        world.fate(|_| Fate::Lose);
        world.invite(A, B);
        let flow = world.flow(A, B);
        unreachable(&mut world, A, flow);
        assert_eq!(world.heard(A), ["Failed 503 Unreachable"]);
        assert_eq!(world.counts(A), sip::Counts::default());
    }
}

#[test]
fn section_18_4_another_connection_s_failure_is_not_ours() {
    let mut world = World::over(Transport::Tcp);
    world.invite(A, B);
    let flow = Flow { connection: 77, ..world.flow(A, B) };
    unreachable(&mut world, A, flow);
    assert!(world.heard(A).is_empty());
}

#[test]
fn section_15_a_bye_that_cannot_be_sent_is_enough() {
    let mut world = World::talking();
    world.hang_up(A);
    let flow = world.flow(A, B);
    unreachable(&mut world, A, flow);
    assert_eq!(world.heard(A), ["Ended Us"]);
    assert_eq!(world.counts(A).sessions, 0);
}

#[test]
fn section_18_4_a_change_that_cannot_be_sent_leaves_the_session() {
    let mut world = World::talking();
    world.fate(|_| Fate::Lose);
    world.reinvite(A);
    let flow = world.flow(A, B);
    unreachable(&mut world, A, flow);
    assert_eq!(world.heard(A), ["ReinviteFailed 503"]);
    world.fate(|_| Fate::Deliver);
    world.reinvite(A);
    world.run(HOP);
    assert_eq!(world.heard(B), ["Reinvite hold"]);
}

/// The flows of everything an endpoint sends.
fn sent(world: &mut World, node: usize, order: impl FnOnce(&mut World)) -> Vec<String> {
    world.steps();
    let _ = node;
    order(world);
    world.steps()
}

#[test]
fn section_18_2_2_a_response_whose_connection_is_gone_goes_to_sent_by() {
    let mut world = World::over(Transport::Tcp).bare();
    let invite =
        invite_from_bare("z9hG4bK1", "").replace("SIP/2.0/UDP 192.0.2.3", "SIP/2.0/TCP 192.0.2.3:5060");
    // It came from another port than the one the client listens on.
    let flow = Flow { remote: "192.0.2.3:40000".parse().unwrap(), connection: 9, ..world.flow(B, C) };
    let text = invite.replace('\n', "\r\n");
    world.order(B, |endpoint, now, out| {
        endpoint.handle(now, Input::Received { flow, bytes: text.as_bytes() }, out);
    });
    world.accept_invite(B);
    let steps = sent(&mut world, B, |world| {
        world.ring(B);
        unreachable(world, B, flow);
        world.ring(B);
    });
    // Nobody listens at port 40000 in this world; then the last answer is sent again where sent-by points.
    assert_eq!(steps, ["B->? 180 INVITE", "B->C 180 INVITE", "B->C 180 INVITE"]);
    let key = world.session(B);
    world.order(B, |endpoint, now, out| endpoint.refuse(now, key, Reply::new(486), out));
    world.assert_gone();
}

#[test]
fn rfc_3581_a_client_behind_a_nat_is_answered_where_it_came_from() {
    let mut world = World::new().bare();
    let mapped: SocketAddr = "192.0.2.3:5060".parse().unwrap();
    let invite =
        invite_from_bare("z9hG4bK1;rport", "").replace("SIP/2.0/UDP 192.0.2.3", "SIP/2.0/UDP 10.0.0.7:5060");
    let invite = invite.replace("Contact: <sip:c@192.0.2.3:5060>", "Contact: <sip:c@10.0.0.7:5060>");
    world.say(C, B, &invite);
    world.run(HOP);
    world.accept_invite(B);
    world.answer(B);
    world.run(HOP);
    let ok = world.nodes[C].inbox.pop().unwrap();
    assert_eq!(
        ok.view().named("Via"),
        Some(
            format!(
                "SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK1;received={};rport={}",
                mapped.ip(),
                mapped.port()
            )
            .as_str()
        )
    );
    // Requests of ours go there too, not to the private Contact.
    let to = ok.view().named("To").unwrap();
    let ack = invite.replace("INVITE", "ACK").replace("z9hG4bK1", "z9hG4bK2");
    world.say(C, B, &ack.replace("To: <sip:b@x>", &format!("To: {to}")));
    world.run(HOP);
    world.hang_up(B);
    world.run(HOP);
    let bye = world.nodes[C].inbox.pop().unwrap();
    assert_eq!((bye.view().method_text(), bye.view().request_uri()), ("BYE", "sip:c@10.0.0.7:5060"));
    world.say(C, B, &response(&bye, "200 OK", "", ""));
    world.assert_gone();
}

#[test]
fn rfc_5118_ipv6_literals_stand_in_brackets() {
    let mut world = World::new();
    for (node, address) in [(A, "[2001:db8::a]:5060"), (B, "[2001:db8::b]:5062")] {
        world.nodes[node].address = address.parse().unwrap();
    }
    let mut world = world.call();
    world.answer(B);
    world.run(HOP);
    let Some(sip::Event::Answered { contact, .. }) = world.take_events(A).pop() else {
        panic!("not answered")
    };
    assert_eq!(contact.as_deref(), Some("sip:B@[2001:db8::b]:5062"));
    let mut world = world.talk();
    world.hang_up(B);
    world.run_ms(40);
    assert_eq!(world.heard(A), ["Ended Peer"]);
    world.assert_gone();
}

#[test]
fn every_stream_transport_carries_a_call() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
        let mut world = World::over(transport).call();
        world.ring(B);
        let mut world = world.talk();
        world.hang_up(B);
        world.run_ms(40);
        assert_eq!(world.heard(A), ["Ended Peer"], "{transport:?}");
        world.assert_gone();
    }
}

#[test]
fn a_dialog_outlives_its_connection() {
    let mut world = World::over(Transport::Tcp).call().talk();
    let flow = world.flow(A, B);
    unreachable(&mut world, A, flow);
    assert!(world.heard(A).is_empty());
    world.hang_up(A);
    assert_eq!(world.connection, 0, "a new one is opened");
    world.run_ms(40);
    assert_eq!(world.heard(B), ["Ended Peer"]);
    world.assert_gone();
}
