//! RELIABILITY 21 in small: file descriptors return to the starting value exactly. Alone in its binary because it
//! counts the descriptors of the whole process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

#[expect(dead_code, reason = "one story needs a part of the world")]
mod world;

use std::time::Duration;

use relay::RelayConfig;
use streams::media::{LegMedia, MediaCommand};
use world::{World, config, v4};

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn five_hundred_calls_leave_no_file_open() {
    let ip = v4();
    let before = descriptors();
    let mut world = World::start(RelayConfig { quarantine: Duration::ZERO, ..config(ip, 43_200, 43_399) });
    world.until("a full stock", |w| w.stock.len() == 8);
    let bound =
        |world: &World| 2 * world.relay.counters().all().find(|(n, _)| *n == "pairs_stocked").unwrap().1;
    let own = descriptors() - before - bound(&world) as usize;
    for _ in 0..500 {
        let (a, b) = (world.draw(), world.draw());
        world.order(MediaCommand::Open { lease: a.id, media: LegMedia::unknown(ip) });
        world.order(MediaCommand::Open { lease: b.id, media: LegMedia::unknown(ip) });
        world.order(MediaCommand::Join { a: a.id, b: b.id });
        world.order(MediaCommand::Close { lease: a.id });
        world.close(b.id);
    }
    world.counted("legs_open", 0);
    assert_eq!(descriptors(), before + own + bound(&world) as usize, "two for each pair in stock, no other");
    drop(world);
    assert_eq!(descriptors(), before, "and none after the end");
}
