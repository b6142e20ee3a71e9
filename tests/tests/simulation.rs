//! The simulated world, seed after seed.
//!
//! `SAMBUNG_SEEDS=n` plays n seeds, `SAMBUNG_SEED=x` plays one; `bin/soak` does so without the rest of the
//! tests. What is checked stands in `tests::world::checker`.

#![allow(clippy::panic, reason = "a test says what is wrong by stopping")]

use tests::world::{run_seed, soak};

/// Seeds in `make test`.
const SEEDS: u64 = 300;

#[test]
fn no_seed_finds_a_fault() {
    let plays = soak::Plays::from_environment(SEEDS);
    let tally = soak::play(plays).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(tally.answered * 4 > tally.calls, "hardly any call was answered: {tally:?}");
}

#[test]
fn the_same_seed_gives_the_same_trace_twice() {
    for seed in [3, 14, 159] {
        let [first, second] = [run_seed(seed), run_seed(seed)]
            .map(|played| played.unwrap_or_else(|failure| panic!("{failure}")));
        assert_eq!(first, second);
        assert!(first.messages > 50);
    }
}
