//! Many seeds, on all cores.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use super::{Report, failure::Failure};

/// What plays a seed to its end.
pub type Game = fn(u64) -> Result<Report, Box<Failure>>;

/// Name of the threads that play seeds; their panics become failures.
pub(super) const THREAD: &str = "sambung-world";

/// Which seeds.
#[derive(Clone, Copy, Debug)]
pub struct Plays {
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u64,
}

impl Plays {
    /// `SAMBUNG_SEED=x` or `SAMBUNG_SEEDS=n` (from `SAMBUNG_FROM`, else 1), else `count` from 1.
    pub fn from_environment(count: u64) -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
        match number("SAMBUNG_SEED") {
            Some(first) => Self { first, count: 1 },
            None => Self {
                first: number("SAMBUNG_FROM").unwrap_or(1),
                count: number("SAMBUNG_SEEDS").unwrap_or(count),
            },
        }
    }
}

/// What all of them have come to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Seeds played to the end.
    pub seeds: u64,
    /// Virtual time passed in them.
    pub lasted: Duration,
    /// Calls in them.
    pub calls: usize,
    /// Calls among them that were answered.
    pub answered: usize,
    /// Messages in them.
    pub messages: usize,
}

impl Tally {
    fn add(&mut self, report: Report) {
        self.seeds += 1;
        self.lasted += report.lasted;
        self.calls += report.calls;
        self.answered += report.answered;
        self.messages += report.messages;
    }
}

/// Plays seeds until one fails.
pub fn play(plays: Plays, game: Game) -> Result<Tally, Box<Failure>> {
    let failed = Mutex::new(None::<Box<Failure>>);
    let tally = play_each((plays, game), |failure| {
        let mut failed = failed.lock().unwrap();
        // Of several, the lowest seed: the answer does not depend on which thread was faster.
        if failed.as_ref().is_none_or(|other| failure.seed < other.seed) {
            *failed = Some(failure);
        }
        false
    });
    match failed.into_inner().unwrap() {
        Some(failure) => Err(failure),
        None => Ok(tally),
    }
}

/// Plays all seeds and sorts the failures by kind: how often each, and the first.
pub fn survey(plays: Plays, game: Game) -> BTreeMap<String, (u64, Box<Failure>)> {
    let kinds = Mutex::new(BTreeMap::<String, (u64, Box<Failure>)>::new());
    play_each((plays, game), |failure| {
        let is_word = |word: &&str| !word.contains(|letter: char| letter.is_ascii_digit());
        let kind: Vec<&str> = failure.what.split_whitespace().filter(is_word).collect();
        let mut kinds = kinds.lock().unwrap();
        match kinds.entry(kind.join(" ")) {
            Entry::Vacant(entry) => drop(entry.insert((1, failure))),
            Entry::Occupied(mut entry) => {
                let (count, first) = entry.get_mut();
                *count += 1;
                if failure.seed < first.seed {
                    *first = failure;
                }
            }
        }
        true
    });
    kinds.into_inner().unwrap()
}

/// Plays seeds on all cores; `on_failure` says whether to go on.
fn play_each((plays, game): (Plays, Game), on_failure: impl Fn(Box<Failure>) -> bool + Sync) -> Tally {
    let (next, is_over) = (AtomicU64::new(plays.first), AtomicBool::new(false));
    let tally = Mutex::new(Tally::default());
    let end = plays.first.saturating_add(plays.count);
    let work = || {
        while !is_over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            match game(seed) {
                Ok(report) => tally.lock().unwrap().add(report),
                Err(failure) => {
                    if !on_failure(failure) {
                        is_over.store(true, Ordering::Relaxed);
                    }
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            thread::Builder::new().name(THREAD.to_owned()).spawn_scoped(scope, work).unwrap();
        }
    });
    tally.into_inner().unwrap()
}
