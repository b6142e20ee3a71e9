//! What a call holds in the relay's memory (issue 4: at most 20 KB where nothing is decoded). Alone in its binary because
//! it replaces the global allocator; libopus' own memory is not seen by it and is added from what its sizes are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, unsafe_code)]

#[expect(dead_code, reason = "this story needs a part of the talk")]
mod talk;
#[expect(dead_code, reason = "this story needs a part of the world")]
mod world;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use streams::{
    codec::Codec,
    media::{LegMedia, MediaCommand, SoundName},
};
use talk::voice;
use world::{Phone, World, config, v4};

static HELD: AtomicUsize = AtomicUsize::new(0);

struct Weighing;

// SAFETY: every call is passed to the system allocator unchanged; the counter is an atomic.
unsafe impl GlobalAlloc for Weighing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), SeqCst);
        // SAFETY: as promised by our caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), SeqCst);
        // SAFETY: as promised by our caller.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Weighing = Weighing;

/// Octets that one call of these two codecs adds, with both legs played to or not.
fn weight(world: &mut World, a: (Codec, u8), b: (Codec, u8), plays: bool) -> usize {
    const CALLS: usize = 10;
    let (one, other) = (Phone::new(v4()), Phone::new(v4()));
    let media =
        |phone: &Phone, (codec, number)| LegMedia { voice: Some(voice(codec, number)), ..phone.media() };
    let mut leases = Vec::with_capacity(2 * CALLS);
    world.until("a full stock", |w| w.stock.len() >= 2 * CALLS + 2);
    world.settle();
    let before = HELD.load(SeqCst);
    for _ in 0..CALLS {
        let (leg_a, leg_b) = (world.open(media(&one, a)), world.open(media(&other, b)));
        world.order(MediaCommand::Join { a: leg_a.id, b: leg_b.id });
        if plays {
            for lease in [leg_a.id, leg_b.id] {
                let sounds = [SoundName::new("tone/dial")].into();
                world.order(MediaCommand::Play { lease, sounds, repeat: true });
            }
        }
        leases.extend([leg_a.id, leg_b.id]);
    }
    world.settle();
    let held = (HELD.load(SeqCst).saturating_sub(before)) / CALLS;
    for lease in leases {
        world.close(lease);
    }
    held
}

#[test]
fn a_call_that_is_not_decoded_is_light_and_the_others_weigh_what_is_written_down() {
    let ports = config(v4(), 44_800, 44_999);
    let mut world = World::start(relay::RelayConfig { stock_target: 48, ..ports });
    let (law, wide, opus) = ((Codec::Pcma, 8), (Codec::G722, 9), (Codec::Opus, 111));
    let mut found = Vec::new();
    for (what, a, b, plays, most) in [
        ("same codec", law, law, false, 5_000),
        ("numbers changed", opus, (Codec::Opus, 96), false, 10_000),
        ("A-law and Opus", law, opus, false, 30_000),
        ("A-law and G.722", law, wide, false, 80_000),
        ("both played to", law, law, true, 10_000),
    ] {
        let held = weight(&mut world, a, b, plays);
        found.push((what, held, most));
    }
    assert!(found.iter().all(|(_, held, most)| held <= most), "{found:?}");
    assert!(found[0].1 > 500, "the scales work: {found:?}");
}
