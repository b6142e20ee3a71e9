//! Many seeds, on all cores.

use std::{
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use super::{Report, failure::Failure, run_seed};

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
pub fn play(plays: Plays) -> Result<Tally, Box<Failure>> {
    let (next, is_over) = (AtomicU64::new(plays.first), AtomicBool::new(false));
    let (tally, failed) = (Mutex::new(Tally::default()), Mutex::new(None::<Box<Failure>>));
    let end = plays.first.saturating_add(plays.count);
    let work = || {
        while !is_over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            match run_seed(seed) {
                Ok(report) => tally.lock().unwrap().add(report),
                Err(failure) => {
                    is_over.store(true, Ordering::Relaxed);
                    let mut failed = failed.lock().unwrap();
                    // Of several, the lowest seed: the answer does not depend on which thread was faster.
                    if failed.as_ref().is_none_or(|other| failure.seed < other.seed) {
                        *failed = Some(failure);
                    }
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    match failed.into_inner().unwrap() {
        Some(failure) => Err(failure),
        None => Ok(tally.into_inner().unwrap()),
    }
}
