//! Time that passes only when the world says so, and the queue of what happens next.
//!
//! Inside the world instants are a `Duration` since its beginning: easy to print and to compare between
//! runs. Only the switch sees an `Instant`, made by adding that duration to an arbitrary base.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::{Duration, Instant},
};

use contract::time::Timestamp;

/// Microseconds since 1970 at which every world begins: 2026-11-20T00:00:00Z.
const BEGINNING: i64 = 1_795_132_800_000_000;

/// The virtual clock.
pub struct Clock {
    base: Instant,
    now: Duration,
}

impl Default for Clock {
    fn default() -> Self {
        Self { base: Instant::now(), now: Duration::ZERO }
    }
}

impl Clock {
    /// Time since the world began.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Moves on; time never goes back.
    pub fn advance(&mut self, to: Duration) {
        self.now = self.now.max(to);
    }

    /// The instant at which the world began.
    pub fn beginning(&self) -> Instant {
        self.base
    }

    /// The present as the switch is told it.
    pub fn instant(&self) -> Instant {
        self.base + self.now
    }

    /// An instant the switch named, as the world counts.
    pub fn since_beginning(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.base)
    }

    /// The wall clock.
    pub fn unix(&self) -> Timestamp {
        Timestamp(BEGINNING).plus_micros(i64::try_from(self.now.as_micros()).unwrap_or(i64::MAX))
    }

    /// A wall-clock instant as the world counts.
    pub fn of_unix(at: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(at.0 - BEGINNING).unwrap_or(0))
    }
}

/// What happens when. Things due at the same instant come out in the order they went in.
pub struct Agenda<T> {
    order: BinaryHeap<Reverse<(Duration, u64)>>,
    items: BTreeMap<u64, T>,
    serial: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { order: BinaryHeap::new(), items: BTreeMap::new(), serial: 0 }
    }
}

impl<T> Agenda<T> {
    /// Puts something on the agenda.
    pub fn add(&mut self, at: Duration, item: T) {
        self.serial += 1;
        self.order.push(Reverse((at, self.serial)));
        self.items.insert(self.serial, item);
    }

    /// When the next thing is due.
    pub fn next_at(&self) -> Option<Duration> {
        self.order.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next thing off.
    pub fn take(&mut self) -> Option<(Duration, T)> {
        let Reverse((at, serial)) = self.order.pop()?;
        self.items.remove(&serial).map(|item| (at, item))
    }

    /// How many things are left.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}
