//! RELIABILITY 44: no allocation per packet. Alone in its binary because it replaces the global allocator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, unsafe_code)]

#[expect(dead_code, reason = "these stories need a part of the browser")]
mod browser;
#[expect(dead_code, reason = "these stories need a part of the talk")]
mod talk;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use browser::stage::Stage;
use relay::{Helpers, Resumed};
use streams::{
    codec::Codec,
    conference::{HeardBy, Place, RoomId, Sitting},
    media::{LegMedia, MediaCommand, Protection, Side, SoundName, Tap, Voice},
    srtp::{MasterKey, Sealer, SrtpKeys, Suite},
};
use talk::Talker;
use world::{Phone, World, config, v4};

/// One world at a time: the worker of each has the same name.
static ALONE: Mutex<()> = Mutex::new(());

/// Allocations of the media thread, which is known by its name.
static OF_WORKER: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Not yet known, not the worker, the worker. A constant initialiser without destructor does not allocate.
    static ROLE: Cell<u8> = const { Cell::new(0) };
}

/// The kernel's name of the calling thread, read without allocating.
fn is_worker() -> bool {
    let mut name = [0_u8; 16];
    // SAFETY: PR_GET_NAME writes at most 16 bytes to the buffer, which has 16.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    name.starts_with(b"media-0\0")
}

fn note() {
    let role = ROLE.get();
    // A thread gets its name before its main function runs, but allocates a little before that: a thread that is not
    // the worker yet is asked again.
    let worker = role == 2 || is_worker();
    if worker {
        ROLE.set(2);
        OF_WORKER.fetch_add(1, SeqCst);
    }
}

struct Counting;

// SAFETY: every call is passed to the system allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: as promised by our caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as promised by our caller.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note();
        // SAFETY: as promised by our caller.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Keys that every phone of the story has: what it sends comes back to it as it would to its peer.
fn keys(suite: Suite) -> SrtpKeys {
    let master = MasterKey::new(suite, &vec![7; suite.master_bytes()]).unwrap();
    SrtpKeys { suite, send: master.clone(), receive: master }
}

/// What a suite adds to a packet of RTP.
fn tag_bytes(suite: Suite) -> usize {
    match suite {
        Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => 16,
        Suite::AesCm128HmacSha1_80 => 10,
        Suite::AesCm128HmacSha1_32 => 4,
    }
}

/// The same for browsers, of which one is connected.
#[test]
fn carrying_over_a_connection_allocates_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let stage = Stage::new(43_300);
    let mut world = World::start(stage.config.clone());
    let (mut ana, leg_ana) = stage.connected(&mut world, "ana");
    let (mut citra, leg_citra) = stage.talking(&mut world, "citra");
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg_citra.id });
    world.settle();
    let mut exchange = |from: u16, packets: u16| {
        for sequence in from..from + packets {
            ana.says(sequence);
            assert_eq!(citra.hears_packet(), sequence);
            citra.says(sequence);
            assert_eq!(ana.hears_packet(), sequence);
        }
    };
    exchange(1, 50);
    let before = OF_WORKER.load(SeqCst);
    exchange(51, 2_000);
    assert_eq!(OF_WORKER.load(SeqCst), before, "allocations for 4,000 packets");
}

/// The same for a room in which all speak, each in a codec of its own, and something is announced.
#[test]
fn a_room_allocates_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let ip = v4();
    let sounds = Some(std::sync::Arc::new(streams::audio::library::Library::of_tones()));
    let mut world = World::start(relay::RelayConfig { sounds, ..config(ip, 43_160, 43_199) });
    let room = RoomId(1);
    let mut members: Vec<_> = [(Codec::Pcma, 8), (Codec::Opus, 111), (Codec::G722, 9), (Codec::Pcmu, 0)]
        .into_iter()
        .map(|(codec, number)| {
            let talker = Talker::new(Phone::new(ip), codec, number);
            let lease = world.open(talker.media());
            let sitting = Sitting::member(number == 0);
            world.order(MediaCommand::Meet { lease: lease.id, room, sitting });
            (talker, lease)
        })
        .collect();
    world.order(MediaCommand::Announce { room, sounds: [SoundName::new("tone/busy")].into() });
    world.settle();
    let mut buffer = [0; 2_048];
    let mut exchange = |ticks: usize| {
        for tick in 0..ticks {
            for (talker, lease) in &mut members {
                let said = talker.tone(500.0, false);
                // Now and then one is lost.
                if tick % 7 != 3 {
                    talker.sends(&said, lease);
                }
                talker.phone.rtp.recv_from(&mut buffer).unwrap();
            }
        }
    };
    exchange(30);
    let before = OF_WORKER.load(SeqCst);
    exchange(100);
    assert_eq!(OF_WORKER.load(SeqCst) - before, 0, "allocations on the media thread");
}

/// The same for a call that somebody listens to, whispers to one side of and then speaks to both.
#[test]
fn a_supervised_call_allocates_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let ip = v4();
    let mut world = World::start(config(ip, 43_200, 43_239));
    let room = RoomId(1);
    let mut members: Vec<_> = [(Codec::Pcma, 8), (Codec::G722, 9), (Codec::Opus, 111)]
        .into_iter()
        .map(|(codec, number)| {
            let talker = Talker::new(Phone::new(ip), codec, number);
            let lease = world.open(talker.media());
            (talker, lease)
        })
        .collect();
    let leases = [0, 1, 2].map(|at: usize| members[at].1.id);
    world.order(MediaCommand::Join { a: leases[0], b: leases[1] });
    let mut buffer = [0; 2_048];
    for (heard_by, hears) in [
        (HeardBy::Nobody, [false, false]),
        (HeardBy::Only(leases[0]), [true, false]),
        (HeardBy::Everyone, [true, true]),
    ] {
        for (lease, hears_room) in leases.into_iter().zip(hears) {
            let sitting = Sitting { heard_by: HeardBy::Everyone, place: Place::Beside { hears_room } };
            world.order(MediaCommand::Meet { lease, room, sitting });
        }
        let sitting = Sitting { heard_by, place: Place::Inside };
        world.order(MediaCommand::Meet { lease: leases[2], room, sitting });
        world.settle();
        let mut exchange = |ticks: usize| {
            for _ in 0..ticks {
                for (talker, lease) in &mut members {
                    talker.says(500.0, lease);
                }
                for (talker, _) in &members {
                    talker.phone.rtp.recv_from(&mut buffer).unwrap();
                }
            }
        };
        exchange(30);
        let before = OF_WORKER.load(SeqCst);
        exchange(100);
        assert_eq!(OF_WORKER.load(SeqCst) - before, 0, "allocations on the media thread, {heard_by:?}");
    }
}

#[test]
fn twenty_five_thousand_packets_allocate_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let ip = v4();
    // Nobody empties the recorder's ring: it is full after some hundred packets.
    let (ring, _heard) = rtrb::RingBuffer::new(1 << 16);
    let helpers = Helpers { recorder: Some(ring), ..Helpers::default() };
    let mut world = World::helped(config(ip, 43_000, 43_099), Resumed::default(), helpers);
    let calls: Vec<_> = (0..=Suite::ALL.len()).map(|_| world.call(ip)).collect();
    for (call, recording) in calls.iter().zip(1..3) {
        for (lease, side) in [(call.leg_a.id, Side::Left), (call.leg_b.id, Side::Right)] {
            world.order(MediaCommand::Tap { lease, tap: Some(Tap { recording, side }) });
        }
    }
    // One call is plain; in the others the first phone has a suite, the second has none.
    let mut mouths = Vec::new();
    for (call, suite) in calls.iter().skip(1).zip(Suite::ALL) {
        let media = LegMedia { protection: Protection::Srtp(keys(suite)), ..call.a.media() };
        world.order(MediaCommand::Configure { lease: call.leg_a.id, media });
        mouths.push(Sealer::new(suite, &keys(suite).receive).unwrap());
    }
    // Somebody wants to know the keys of each first phone.
    for call in &calls {
        world.order(MediaCommand::Listen { lease: call.leg_a.id, is_on: true, keeps: false });
    }
    // An operator looks at one leg of each kind.
    for call in &calls[..2] {
        world.order(MediaCommand::Capture { lease: call.leg_a.id, secs: 60 });
    }
    world.settle();
    let mut buffer = [0; 2_048];
    let mut exchange = |from: u16, to: u16| {
        for sequence in from..to {
            for (n, call) in calls.iter().enumerate() {
                let mut room = [0; 192];
                room[..172].copy_from_slice(&call.a.packet(sequence));
                let len = match n.checked_sub(1) {
                    Some(n) => mouths[n].seal_rtp(&mut room, 172).unwrap(),
                    None => 172,
                };
                call.a.rtp.send_to(&room[..len], call.leg_a.address).unwrap();
                call.b.says(sequence, &call.leg_b);
            }
            for (n, call) in calls.iter().enumerate() {
                assert_eq!(call.b.rtp.recv_from(&mut buffer).unwrap().0, 172);
                let tag = n.checked_sub(1).map_or(0, |n| tag_bytes(Suite::ALL[n]));
                assert_eq!(call.a.rtp.recv_from(&mut buffer).unwrap().0, 172 + tag);
            }
        }
    };
    assert!(OF_WORKER.load(SeqCst) > 0, "the counter sees the worker: it has bound and opened ports");
    exchange(0, 100);
    let before = OF_WORKER.load(SeqCst);
    exchange(100, 2_600);
    assert_eq!(OF_WORKER.load(SeqCst) - before, 0, "allocations on the media thread for 25,000 packets");
    world.counted("datagrams_sent", 2_600 * 10);
}

/// The same where packets are decoded and encoded, renamed, echoed, copied to a stream of ours (the last two have heard
/// something of ours), and where sounds are played.
#[test]
fn transcoding_playing_and_echoing_allocate_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let ip = v4();
    let mut world = World::start(config(ip, 43_100, 43_159));
    let mut talkers = Vec::new();
    for (one, other) in [
        ((Codec::Pcma, 8), (Codec::Opus, 111)),
        ((Codec::G722, 9), (Codec::Pcmu, 0)),
        ((Codec::Opus, 111), (Codec::Opus, 96)),
        ((Codec::Opus, 111), (Codec::Opus, 111)),
    ] {
        let pair = [one, other].map(|(codec, number)| Talker::new(Phone::new(ip), codec, number));
        let legs = [0, 1].map(|n| world.open(pair[n].media()));
        world.order(MediaCommand::Join { a: legs[0].id, b: legs[1].id });
        talkers.push((pair, legs));
    }
    for lease in talkers[3].1.map(|leg| leg.id) {
        world.order(MediaCommand::Echo { lease });
        world.order(MediaCommand::Stop { lease });
    }
    let mut echoed = Talker::new(Phone::new(ip), Codec::Pcma, 8);
    let leg_e = world.open(echoed.media());
    world.order(MediaCommand::Echo { lease: leg_e.id });
    // One is listened to for events, one for tones.
    let toneless = LegMedia {
        voice: Some(Voice { events: Vec::new(), ..talk::voice(Codec::Pcma, 8) }),
        ..echoed.media()
    };
    world.order(MediaCommand::Configure { lease: leg_e.id, media: toneless });
    for lease in [leg_e.id, talkers[0].1[0].id] {
        world.order(MediaCommand::Listen { lease, is_on: true, keeps: true });
    }
    let listeners: Vec<_> = [(Codec::Pcma, 8), (Codec::Opus, 111)]
        .into_iter()
        .map(|(codec, number)| {
            let talker = Talker::new(Phone::new(ip), codec, number);
            let lease = world.open(talker.media());
            let sounds = [SoundName::new("tone/busy")].into();
            world.order(MediaCommand::Play { lease: lease.id, sounds, repeat: true });
            (talker, lease)
        })
        .collect();
    world.settle();
    let mut buffer = [0; 2_048];
    let mut exchange = |rounds: usize| {
        for round in 0..rounds {
            for ([a, b], [leg_a, leg_b]) in &mut talkers {
                // Now and then one is lost: what is made up costs nothing either.
                let said = a.tone(500.0, false);
                if round % 7 != 3 {
                    a.sends(&said, leg_a);
                    b.phone.rtp.recv_from(&mut buffer).unwrap();
                }
                b.says(700.0, leg_b);
                a.phone.rtp.recv_from(&mut buffer).unwrap();
                // What was made up besides.
                while !b.phone.has_heard_nothing() {}
            }
            echoed.says(500.0, &leg_e);
            echoed.phone.rtp.recv_from(&mut buffer).unwrap();
            for (listener, _) in &listeners {
                listener.phone.rtp.recv_from(&mut buffer).unwrap();
            }
        }
    };
    exchange(20);
    let before = OF_WORKER.load(SeqCst);
    exchange(100);
    assert_eq!(OF_WORKER.load(SeqCst) - before, 0, "allocations on the media thread");
}
