//! Legs that outlive their relay (decision 0014): the same ports, the same proven sources, one quality report.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod keeper;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use relay::RelayConfig;
use streams::media::{LeaseId, MediaCommand, PortLease};
use world::{Phone, World, config, v4};

fn talk(from: &Phone, to: &Phone, legs: [&PortLease; 2], sequences: std::ops::Range<u16>) {
    for sequence in sequences {
        from.says(sequence, legs[0]);
        assert_eq!(to.hears(), (legs[1].address, from.packet(sequence).to_vec()));
    }
}

/// Plays a call over the end of its relay. `left` is what the next one is given.
fn goes_on(config: &RelayConfig, is_planned: bool) {
    let (mut world, keeper) = World::kept(config);
    let call = world.call(v4());
    let (leg_a, leg_b) = (call.leg_a, call.leg_b);
    talk(&call.a, &call.b, [&leg_a, &leg_b], 0..10);
    talk(&call.b, &call.a, [&leg_b, &leg_a], 0..10);
    let left = world.ends(&keeper, is_planned);
    assert_eq!((left.images.len(), left.sockets.len()), (2, 2));
    // Nobody is there, and nothing is lost: the socket is.
    for sequence in 10..15 {
        call.a.says(sequence, &leg_a);
    }
    let mut world = World::resume(config.clone(), left, Some(Box::new(keeper.clone())));
    for sequence in 10..15 {
        assert_eq!(call.b.hears(), (leg_b.address, call.a.packet(sequence).to_vec()));
    }
    talk(&call.a, &call.b, [&leg_a, &leg_b], 15..20);
    talk(&call.b, &call.a, [&leg_b, &leg_a], 10..20);
    // A stranger is still one.
    let stranger = Phone::new(v4());
    stranger.says(1, &leg_a);
    talk(&call.a, &call.b, [&leg_a, &leg_b], 20..21);
    // The ports of the call are not in stock.
    world.until("a full stock", |w| w.stock.len() >= 8);
    assert!(world.stock.iter().all(|lease| lease.address != leg_a.address && lease.address != leg_b.address));

    let heard = world.close(leg_a.id);
    assert_eq!((heard.packets_lost, heard.packets_foreign), (0, 1));
    if is_planned {
        assert_eq!((heard.packets_received, heard.packets_sent), (21, 20), "{heard:?}");
    } else {
        assert!((11..=21).contains(&heard.packets_received), "{heard:?}");
    }
    world.close(leg_b.id);
    assert!(keeper.left().images.is_empty() && keeper.left().sockets.is_empty());
}

#[test]
fn a_call_goes_on_over_a_planned_stop_and_its_report_misses_nothing() {
    goes_on(&config(v4(), 42_600, 42_639), true);
}

#[test]
fn a_call_goes_on_over_a_crash() {
    goes_on(&config(v4(), 42_640, 42_679), false);
}

/// What cannot be taken back is reported closed, so that whoever holds the lease hears of it.
#[test]
fn a_leg_that_cannot_be_taken_back_is_reported_closed() {
    let (old, new) = (config(v4(), 42_680, 42_699), config(v4(), 42_680, 42_683));
    let (mut world, keeper) = World::kept(&old);
    let mut leases: Vec<LeaseId> = Vec::new();
    for _ in 0..4 {
        leases.push(world.open(Phone::new(v4()).media()).id);
    }
    world.settle();
    let mut left = world.ends(&keeper, true);
    // One image is torn, and the range of ports has become smaller than what was open.
    left.images[0].1.truncate(3);
    let mut world = World::resume(new, left, Some(Box::new(keeper)));
    world.until("three reports", |w| w.closed.len() == 3);
    world.order(MediaCommand::Close { lease: leases[1] });
    world.until("four reports", |w| w.closed.len() == 4);
    let mut closed: Vec<LeaseId> = world.closed.iter().map(|(lease, _)| *lease).collect();
    closed.sort_unstable();
    leases.sort_unstable();
    assert_eq!(closed, leases);
}
