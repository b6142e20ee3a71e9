//! Stories of the relay with real sockets on loopback (DESIGN D5 and D6, RELIABILITY 21, 23 and 25).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod world;

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use relay::{Full, MediaAddress, Relay, RelayConfig, RelayError};
use streams::{
    diagnosis::Diagnosis,
    media::{LeaseId, LegMedia, LegReport, MediaCommand},
};
use world::{Phone, World, config, rtcp_of, v4};

const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Speech and RTCP both ways, from the port that each phone was told (symmetric RTP, RFC 4961).
fn carries_a_call(ip: IpAddr, first: u16) {
    let mut world = World::start(config(ip, first, first + 39));
    let call = world.call(ip);
    for sequence in 0..50 {
        call.a.says(sequence, &call.leg_a);
        assert_eq!(call.b.hears(), (call.leg_b.address, call.a.packet(sequence).to_vec()));
        call.b.says(sequence, &call.leg_b);
        assert_eq!(call.a.hears(), (call.leg_a.address, call.b.packet(sequence).to_vec()));
    }
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    call.a.rtcp.send_to(&report, rtcp_of(&call.leg_a)).unwrap();
    let mut bytes = [0; 64];
    let (len, from) = call.b.rtcp.recv_from(&mut bytes).unwrap();
    assert_eq!((from, &bytes[..len]), (rtcp_of(&call.leg_b), &report[..]));

    assert_eq!(world.look(call.leg_a.id).judgement.source, Some(call.a.address()));
    let heard = world.close(call.leg_a.id);
    let expected = LegReport {
        packets_received: 50,
        bytes_received: 50 * 172,
        packets_sent: 50,
        bytes_sent: 50 * 172,
        rtcp_received: 1,
        jitter_micros: heard.jitter_micros,
        judgement: heard.judgement,
        ..LegReport::default()
    };
    assert_eq!(heard, expected);
    assert_eq!(heard.judgement.diagnosis, Some(Diagnosis::Good));
    assert!(heard.judgement.mos.is_some(), "fifty packets are worth a score");
    world.counted("datagrams_received", 101);
    world.counted("datagrams_sent", 101);
}

#[test]
fn a_call_over_ipv4() {
    carries_a_call(v4(), 42_000);
}

#[test]
fn a_call_over_ipv6() {
    carries_a_call(V6, 42_000);
}

#[test]
fn a_call_between_ipv4_and_ipv6() {
    let mut both = config(v4(), 42_100, 42_139);
    both.addresses.push(MediaAddress::direct(V6));
    let mut world = World::start(both);
    let (a, b) = (Phone::new(v4()), Phone::new(V6));
    world.until("both pools", |w| [v4(), V6].iter().all(|ip| w.stock.iter().any(|l| l.address.ip() == *ip)));
    let mut draw = |ip: IpAddr| {
        let at = world.stock.iter().position(|l| l.address.ip() == ip).unwrap();
        world.stock.remove(at)
    };
    let (leg_a, leg_b) = (draw(v4()), draw(V6));
    world.order(MediaCommand::Open { lease: leg_a.id, media: a.media() });
    world.order(MediaCommand::Open { lease: leg_b.id, media: b.media() });
    world.order(MediaCommand::Join { a: leg_a.id, b: leg_b.id });
    world.settle();
    a.says(1, &leg_a);
    assert_eq!(b.hears(), (leg_b.address, a.packet(1).to_vec()));
    b.says(1, &leg_b);
    assert_eq!(a.hears(), (leg_a.address, b.packet(1).to_vec()));
}

/// The address that is advertised need not be the one that is bound (a static NAT in front).
#[test]
fn the_advertised_address_stands_in_the_lease() {
    let mut outer = config(v4(), 42_150, 42_199);
    outer.addresses[0].advertised = IpAddr::from([203, 0, 113, 1]);
    let mut world = World::start(outer);
    let lease = world.draw();
    assert_eq!(lease.address, SocketAddr::from(([203, 0, 113, 1], 42_150)));
}

/// RELIABILITY 23: before and during the call, at RTP and RTCP, with the phone's own SSRC.
#[test]
fn packets_of_others_never_pass() {
    let mut world = World::start(config(v4(), 42_200, 42_239));
    // The attacker has another address than the phones and their signalling.
    let attacker = Phone::new(IpAddr::from([127, 0, 0, 66]));
    let call = world.call(v4());
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    let mut sprayed = 0;
    let mut spray = |n: u16| {
        let mut forged = call.a.packet(n);
        for leg in [&call.leg_a, &call.leg_b] {
            attacker.rtp.send_to(&forged, leg.address).unwrap();
            attacker.rtcp.send_to(&report, rtcp_of(leg)).unwrap();
        }
        forged[1] = 0;
        attacker.rtp.send_to(&forged, call.leg_a.address).unwrap();
        sprayed += 5;
    };
    for n in 0..100 {
        spray(n);
    }
    world.counted("dropped_foreign", 500);
    assert!(call.b.has_heard_nothing() && call.a.has_heard_nothing());
    for n in 0..100 {
        spray(n);
        call.a.says(n, &call.leg_a);
        assert_eq!(
            call.b.hears(),
            (call.leg_b.address, call.a.packet(n).to_vec()),
            "the true one, and only it"
        );
        call.b.says(n, &call.leg_b);
        assert_eq!(call.a.hears().0, call.leg_a.address);
    }
    world.counted("dropped_foreign", 1_000);
    assert!(call.a.has_heard_nothing() && call.b.has_heard_nothing());
    assert!(attacker.has_heard_nothing(), "and nothing is ever sent to the attacker");
    assert_eq!(sprayed, 1_000);
    let (a, b) = (world.close(call.leg_a.id), world.close(call.leg_b.id));
    assert_eq!((a.packets_received, a.packets_foreign, a.packets_lost), (100, 600, 0));
    assert_eq!((b.packets_received, b.packets_foreign, b.packets_lost), (100, 400, 0));
}

#[test]
fn a_phone_behind_nat_is_answered_where_it_speaks_from() {
    let mut world = World::start(config(v4(), 42_250, 42_289));
    let (phone, other) = (Phone::new(v4()), Phone::new(v4()));
    let private = LegMedia { remote: Some("192.0.2.10:4000".parse().unwrap()), ..phone.media() };
    let leg = world.open(private);
    let far = world.open(other.media());
    world.order(MediaCommand::Join { a: leg.id, b: far.id });
    world.settle();
    for sequence in 0..4 {
        phone.says(sequence, &leg);
    }
    assert_eq!(other.hears().1, phone.packet(2), "the third packet proves the source");
    assert_eq!(other.hears().1, phone.packet(3));
    other.says(9, &far);
    assert_eq!(phone.hears(), (leg.address, other.packet(9).to_vec()));
    world.counted("dropped_probation", 2);
}

#[test]
fn what_came_before_the_lease_was_opened_is_thrown_away() {
    let mut world = World::start(config(v4(), 42_300, 42_339));
    let (a, b) = (Phone::new(v4()), Phone::new(v4()));
    let leg_b = world.open(b.media());
    let leg_a = world.draw();
    for sequence in 0..100 {
        a.says(sequence, &leg_a);
    }
    world.order(MediaCommand::Open { lease: leg_a.id, media: a.media() });
    world.order(MediaCommand::Join { a: leg_a.id, b: leg_b.id });
    world.settle();
    a.says(500, &leg_a);
    assert_eq!(b.hears().1, a.packet(500));
    assert_eq!(world.close(leg_a.id).packets_received, 1);
}

#[test]
fn hold_and_part_stop_the_media_and_not_the_counting() {
    let mut world = World::start(config(v4(), 42_350, 42_389));
    let call = world.call(v4());
    call.a.says(0, &call.leg_a);
    assert_eq!(call.b.hears().1, call.a.packet(0));
    // B holds: it takes nothing, but may send.
    let held = LegMedia { receives: false, ..call.b.media() };
    world.order(MediaCommand::Configure { lease: call.leg_b.id, media: held });
    world.settle();
    call.a.says(1, &call.leg_a);
    world.counted("kept", 1);
    call.b.says(0, &call.leg_b);
    assert_eq!(call.a.hears().1, call.b.packet(0));
    world.order(MediaCommand::Configure { lease: call.leg_b.id, media: call.b.media() });
    world.settle();
    call.a.says(2, &call.leg_a);
    assert_eq!(call.b.hears().1, call.a.packet(2), "not the one said during hold");
    world.order(MediaCommand::Part { lease: call.leg_b.id });
    world.settle();
    call.a.says(3, &call.leg_a);
    world.counted("kept", 2);
    assert_eq!(world.close(call.leg_a.id).packets_received, 4);
    assert!(call.b.has_heard_nothing());
}

#[test]
fn closing_one_leg_leaves_the_other_open() {
    let mut world = World::start(config(v4(), 42_400, 42_439));
    let call = world.call(v4());
    world.close(call.leg_a.id);
    call.b.says(0, &call.leg_b);
    world.counted("kept", 1);
    let new = Phone::new(v4());
    let leg = world.open(new.media());
    world.order(MediaCommand::Join { a: leg.id, b: call.leg_b.id });
    world.settle();
    call.b.says(1, &call.leg_b);
    assert_eq!(new.hears(), (leg.address, call.b.packet(1).to_vec()), "a transfer");
}

#[test]
fn every_lease_is_closed_once_opened_or_not() {
    let mut world = World::start(config(v4(), 42_450, 42_489));
    let (unopened, opened) = (world.draw(), world.draw());
    world.order(MediaCommand::Open { lease: opened.id, media: LegMedia::unknown(v4()) });
    assert_eq!(world.close(unopened.id), LegReport::default());
    let silent = world.close(opened.id);
    assert_eq!(silent, LegReport { judgement: silent.judgement, ..LegReport::default() });
    for lease in [unopened.id, opened.id, LeaseId(0), LeaseId(u32::MAX)] {
        world.order(MediaCommand::Close { lease });
        world.order(MediaCommand::Part { lease });
        world.order(MediaCommand::Join { a: lease, b: lease });
        world.order(MediaCommand::Configure { lease, media: LegMedia::unknown(v4()) });
        world.order(MediaCommand::Open { lease, media: LegMedia::unknown(v4()) });
    }
    world.settle();
    world.counted("commands_stale", 20);
    assert_eq!(world.closed.len(), 3, "two and the one of settling");
}

/// Three pairs, all drawn: none is left until one was closed and has rested.
#[test]
fn a_port_rests_before_it_is_given_out_again() {
    let three = RelayConfig { quarantine: Duration::from_millis(50), ..config(v4(), 42_500, 42_505) };
    let mut world = World::start(three);
    world.until("the whole range", |w| w.stock.len() == 3);
    let leases = std::mem::take(&mut world.stock);
    for lease in &leases {
        world.order(MediaCommand::Open { lease: lease.id, media: LegMedia::unknown(v4()) });
    }
    world.until("dry", |w| w.dry == [v4()]);
    world.counted("legs_open", 3);
    let closed = world.relay.counters();
    world.close(leases[1].id);
    // Closed, its port is nobody's: it can be bound by others, which a port in use cannot.
    drop(UdpSocket::bind(leases[1].address).unwrap());
    assert!(UdpSocket::bind(leases[0].address).is_err());
    let again = world.draw();
    assert_eq!(again.address, leases[1].address);
    assert_ne!(again.id, leases[1].id);
    assert_eq!(world.dry, [v4()], "told once");
    assert_eq!(closed.all().find(|(n, _)| *n == "pairs_quarantined").unwrap().1, 0);
}

#[test]
fn a_resting_port_is_not_given_out() {
    let long = RelayConfig { quarantine: Duration::from_secs(3_600), ..config(v4(), 42_510, 42_515) };
    let mut world = World::start(long);
    for _ in 0..3 {
        let lease = world.draw();
        world.close(lease.id);
    }
    world.until("dry", |w| w.dry == [v4()]);
    world.counted("pairs_quarantined", 3);
    world.counted("pairs_stocked", 0);
    assert!(world.stock.is_empty());
}

#[test]
fn ports_of_others_are_skipped() {
    let others = UdpSocket::bind((v4(), 42_521)).unwrap();
    let mut world = World::start(config(v4(), 42_520, 42_525));
    world.until("the rest of the range", |w| w.stock.len() == 2);
    let ports: Vec<u16> = world.stock.iter().map(|l| l.address.port()).collect();
    assert_eq!(ports, [42_522, 42_524], "the pair whose RTCP port is taken is left out");
    drop(others);
}

#[test]
fn a_relay_that_cannot_work_says_why() {
    let start =
        |config: RelayConfig| Relay::start(config, || {}).err().map(|e| e.to_string()).unwrap_or_default();
    assert!(start(config(IpAddr::from([192, 0, 2, 1]), 42_800, 42_809)).contains("is not local"));
    let others: Vec<_> = [42_810, 42_813].iter().map(|p| UdpSocket::bind((v4(), *p)).unwrap()).collect();
    assert!(start(config(v4(), 42_810, 42_813)).contains("no free pair in RTP ports 42810-42813"));
    drop(others);
    assert!(matches!(Relay::start(config(v4(), 42_811, 42_813), || {}), Err(RelayError::OddRange(42_811))));
}

#[test]
fn packets_that_would_go_round_for_ever_are_not_sent() {
    let mut world = World::start(config(v4(), 42_820, 42_859));
    let phone = Phone::new(v4());
    let (leg_a, leg_b) = (world.open(phone.media()), world.draw());
    // The second far end says that it is the first leg's port.
    let round = LegMedia { remote: Some(leg_a.address), ..LegMedia::unknown(v4()) };
    world.order(MediaCommand::Open { lease: leg_b.id, media: round });
    world.order(MediaCommand::Join { a: leg_a.id, b: leg_b.id });
    world.settle();
    phone.says(0, &leg_a);
    world.counted("send_loops", 1);
    world.counted("datagrams_sent", 0);
}

/// More packets than one turn takes from a socket: the rest must not wait for the next packet to come.
#[test]
fn what_one_turn_leaves_is_taken_by_the_next() {
    let mut world = World::start(config(v4(), 42_860, 42_899));
    let call = world.call(v4());
    let gate = world.gate();
    let stopped = world.stop(&gate);
    for sequence in 0..200 {
        call.a.says(sequence, &call.leg_a);
    }
    drop(stopped);
    for sequence in 0..200 {
        assert_eq!(call.b.hears().1, call.a.packet(sequence), "all of them, in order");
    }
}

#[test]
fn commands_beyond_the_ring_come_back() {
    let mut world = World::start(config(v4(), 42_900, 42_939));
    let gate = world.gate();
    let stopped = world.stop(&gate);
    let stale = MediaCommand::Part { lease: LeaseId(u32::MAX) };
    let mut taken = 0;
    let refused = loop {
        match world.relay.send(stale.clone()) {
            Ok(()) => taken += 1,
            Err(full) => break full,
        }
    };
    assert_eq!(refused, Full(stale));
    // The command that stopped the thread may still be in the ring.
    assert!((4_095..=4_096).contains(&taken), "{taken}");
    drop(stopped);
    world.counted("commands_stale", taken);
    assert!(world.relay.is_running());
}
