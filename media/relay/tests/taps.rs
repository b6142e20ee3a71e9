//! What the recorder is given: copies of what tapped legs send, and never at the price of a call.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation)]

mod copies;
mod keeper;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use copies::next;
use relay::{Helpers, Resumed};
use rtrb::{Consumer, RingBuffer};
use streams::{
    codec::Codec,
    media::{LeaseId, LegMedia, MediaCommand, Protection, Side, Tap, Voice, VoiceFormat},
    srtp::{MasterKey, OVERHEAD_BYTES_MAX, Sealer, SrtpKeys, Suite},
    tap::{Content, HEAD_BYTES},
};
use world::{World, config, v4};

fn world(first: u16, ring_bytes: usize) -> (World, Consumer<u8>) {
    let (ring, heard) = RingBuffer::new(ring_bytes);
    let helpers = Helpers { recorder: Some(ring), ..Helpers::default() };
    (World::helped(config(v4(), first, first + 99), Resumed::default(), helpers), heard)
}

fn tap(world: &mut World, lease: LeaseId, tap: Option<Tap>) {
    world.order(MediaCommand::Tap { lease, tap });
    world.settle();
}

#[test]
fn what_a_tapped_leg_sends_is_copied_with_what_it_is_and_whose_until_the_tap_ends() {
    let (mut world, mut ring) = world(44_000, 1 << 16);
    let call = world.call(v4());
    let voice = Voice { formats: vec![VoiceFormat::new(Codec::G722, 8)], ..Voice::default() };
    let media = LegMedia { voice: Some(voice), ..call.b.media() };
    world.order(MediaCommand::Configure { lease: call.leg_b.id, media });
    tap(&mut world, call.leg_a.id, Some(Tap { recording: 7, side: Side::Left }));
    tap(&mut world, call.leg_b.id, Some(Tap { recording: 7, side: Side::Right }));
    call.a.says(1, &call.leg_a);
    call.b.hears();
    call.b.says(1, &call.leg_b);
    call.a.hears();
    world.counted("tapped", 2);
    let (left, packet) = next(&mut ring).unwrap();
    // Nothing was agreed there, so that the static type holds.
    assert_eq!((left.recording, left.side, left.content), (7, Side::Left, Content::Speech(Codec::Pcma)));
    assert_eq!(packet, call.a.packet(1));
    let (right, packet) = next(&mut ring).unwrap();
    assert_eq!((right.side, right.content), (Side::Right, Content::Speech(Codec::G722)));
    assert!(packet == call.b.packet(1) && right.at_micros >= left.at_micros);
    tap(&mut world, call.leg_a.id, None);
    call.a.says(2, &call.leg_a);
    call.b.hears();
    call.b.says(2, &call.leg_b);
    call.a.hears();
    world.counted("tapped", 3);
    assert_eq!(next(&mut ring).map(|(heard, _)| heard.side), Some(Side::Right));
    assert!(next(&mut ring).is_none());
}

#[test]
fn what_came_under_srtp_is_copied_plain_and_what_is_foreign_is_not() {
    let (mut world, mut ring) = world(44_100, 1 << 16);
    let call = world.call(v4());
    let suite = Suite::ALL[0];
    let master = MasterKey::new(suite, &vec![7; suite.master_bytes()]).unwrap();
    let keys = SrtpKeys { suite, send: master.clone(), receive: master.clone() };
    let media = LegMedia { protection: Protection::Srtp(keys), ..call.a.media() };
    world.order(MediaCommand::Configure { lease: call.leg_a.id, media });
    tap(&mut world, call.leg_a.id, Some(Tap { recording: 1, side: Side::Left }));
    // Without the key, and from somebody else.
    call.a.says(1, &call.leg_a);
    call.b.says(1, &call.leg_a);
    let mut room = call.a.packet(2).to_vec();
    room.resize(172 + OVERHEAD_BYTES_MAX, 0);
    let len = Sealer::new(suite, &master).unwrap().seal_rtp(&mut room, 172).unwrap();
    call.a.rtp.send_to(&room[..len], call.leg_a.address).unwrap();
    assert_eq!(call.b.hears().1, call.a.packet(2));
    world.counted("tapped", 1);
    assert_eq!(next(&mut ring).unwrap().1, call.a.packet(2));
    assert!(next(&mut ring).is_none());
}

#[test]
fn a_recorder_that_empties_nothing_costs_no_packet_of_the_call() {
    // Room for two packets and a bit.
    let (mut world, mut ring) = world(44_200, 2 * (HEAD_BYTES + 172) + 100);
    let call = world.call(v4());
    tap(&mut world, call.leg_a.id, Some(Tap { recording: 1, side: Side::Left }));
    for sequence in 0..10 {
        call.a.says(sequence, &call.leg_a);
        assert_eq!(call.b.hears().1, call.a.packet(sequence));
    }
    world.counted("tap_full", 8);
    for sequence in 0..2 {
        assert_eq!(next(&mut ring).unwrap().1, call.a.packet(sequence), "and what is there is whole");
    }
    assert!(next(&mut ring).is_none());
    call.a.says(10, &call.leg_a);
    call.b.hears();
    world.counted("tapped", 3);
    assert_eq!(next(&mut ring).unwrap().1, call.a.packet(10), "it goes on when there is room");
}

#[test]
fn a_leg_is_tapped_in_the_next_life_too() {
    let config = config(v4(), 44_300, 44_399);
    let (mut world, keeper) = World::kept(&config);
    let call = world.call(v4());
    tap(&mut world, call.leg_a.id, Some(Tap { recording: 3, side: Side::Right }));
    let left = world.ends(&keeper, false);
    // What comes while nobody is there waits in the socket.
    call.a.says(1, &call.leg_a);
    let (ring, mut heard) = RingBuffer::new(1 << 16);
    let helpers = Helpers { keep: Some(Box::new(keeper)), recorder: Some(ring) };
    let world = World::helped(config, left, helpers);
    call.b.hears();
    world.counted("tapped", 1);
    let (found, packet) = next(&mut heard).unwrap();
    assert_eq!((found.recording, found.side), (3, Side::Right));
    assert_eq!(packet, call.a.packet(1));
}
