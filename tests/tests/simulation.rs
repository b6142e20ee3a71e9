//! The simulated world, seed after seed.
//!
//! `SAMBUNG_SEEDS=n` plays n seeds, `SAMBUNG_SEED=x` plays one; `bin/soak` does so without the rest of the
//! tests. What is checked stands in `tests::world::checker`.

#![allow(clippy::panic, reason = "a test says what is wrong by stopping")]

use tests::world::{races, run_seed, soak};

/// Seeds in `make test`.
const SEEDS: u64 = 300;

#[test]
fn no_seed_finds_a_fault() {
    let plays = soak::Plays::from_environment(SEEDS);
    let tally = soak::play(plays, run_seed).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(tally.answered * 4 > tally.calls, "hardly any call was answered: {tally:?}");
}

/// Worlds of [`races::ROUNDS`] races in `make test`; `bin/soak` plays more.
const RACES: u64 = 50;

#[test]
fn of_agents_who_take_a_call_in_the_same_instant_one_has_it() {
    let plays = soak::Plays::from_environment(RACES);
    let tally = soak::play(plays, races::run_seed).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(tally.answered * 10 > tally.calls * 9, "hardly any race was won: {tally:?}");
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
