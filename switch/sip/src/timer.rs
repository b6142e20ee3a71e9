//! The timer queue: heaps of instants whose cancelled entries stay until they surface.
//!
//! A timer that only clears away what nobody needs any more can wait a little ([`Reason::can_wait`]): it fires with
//! whatever comes first, and the owner is not woken for each of them. Most SIP timers are cancelled, not fired (every answered INVITE stops B), so cancelling must be cheap: it
//! frees a slot and leaves the heap alone. Two promises: the top of a heap is always a running timer, so
//! `deadline` needs no search; and the dead never outnumber the running by more than a fixed amount, so the
//! heap stays bounded by what it serves.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

/// Dead entries tolerated above the number of running ones before the heap is rebuilt.
const DEAD_ENTRIES_MAX: usize = 1_024;

/// How much later than it is due a timer that can wait may fire, if nothing else happens.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// Why a timer runs.
pub trait Reason {
    /// Whether it is nothing but room in memory that depends on the timer.
    fn can_wait(&self) -> bool;
}

/// Names one running timer. Stale once the timer has fired or was cancelled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimerKey {
    slot: u32,
    generation: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Instant,
    /// Breaks ties in the order the timers were set, so that a run replays exactly.
    order: u64,
    key: TimerKey,
}

struct Slot<T> {
    generation: u32,
    at: Instant,
    what: Option<T>,
}

type Heap = BinaryHeap<Reverse<Entry>>;

/// Running timers, each saying why it runs.
pub struct TimerQueue<T> {
    exact: Heap,
    patient: Heap,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    order: u64,
}

impl<T> Default for TimerQueue<T> {
    fn default() -> Self {
        let (exact, patient) = Default::default();
        Self { exact, patient, slots: Vec::new(), free: Vec::new(), order: 0 }
    }
}

impl<T: Reason> TimerQueue<T> {
    /// How many timers run.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Starts a timer.
    pub fn set(&mut self, at: Instant, what: T) -> TimerKey {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, at, what: None });
            // Two thousand million timers do not fit into any memory.
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let heap = if what.can_wait() { &mut self.patient } else { &mut self.exact };
        let mut key = TimerKey { slot, generation: 0 };
        if let Some(entry) = self.slots.get_mut(slot as usize) {
            entry.what = Some(what);
            entry.at = at;
            key.generation = entry.generation;
        }
        self.order += 1;
        heap.push(Reverse(Entry { at, order: self.order, key }));
        key
    }

    /// Stops a timer; a stale key does nothing.
    pub fn cancel(&mut self, key: TimerKey) {
        if self.release(key).is_some() {
            self.surface();
        }
    }

    /// When the owner has to be woken, and for what.
    pub fn deadline(&self) -> Option<(Instant, &T)> {
        let exact = self.exact.peek().map(|Reverse(entry)| (entry.at, entry));
        let patient = self.patient.peek().map(|Reverse(entry)| (entry.at + PATIENCE, entry));
        let (at, entry) = exact.into_iter().chain(patient).min_by_key(|(at, entry)| (*at, entry.order))?;
        Some((at, self.what(entry.key)?))
    }

    /// Takes the earliest timer that is due at `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<T> {
        let tops = self.exact.peek().into_iter().chain(self.patient.peek());
        let Reverse(entry) = *tops.filter(|Reverse(entry)| entry.at <= now).max()?;
        // The slot is free from here on, so the entry is a dead one that surfaces.
        let what = self.release(entry.key);
        self.surface();
        what
    }

    /// When a running timer fires; nothing for a stale key.
    pub fn at(&self, key: TimerKey) -> Option<Instant> {
        Self::running(&self.slots, key).map(|slot| slot.at)
    }

    /// Why a running timer runs; nothing for a stale key.
    pub fn what(&self, key: TimerKey) -> Option<&T> {
        Self::running(&self.slots, key)?.what.as_ref()
    }

    fn release(&mut self, key: TimerKey) -> Option<T> {
        let entry = self.slots.get_mut(key.slot as usize)?;
        if entry.generation != key.generation {
            return None;
        }
        let what = entry.what.take()?;
        entry.generation = entry.generation.wrapping_add(1);
        self.free.push(key.slot);
        Some(what)
    }

    fn running(slots: &[Slot<T>], key: TimerKey) -> Option<&Slot<T>> {
        let slot = slots.get(key.slot as usize)?;
        (slot.generation == key.generation && slot.what.is_some()).then_some(slot)
    }

    /// Drops dead entries from the tops, and all of them once there are too many.
    fn surface(&mut self) {
        let Self { exact, patient, slots, free, .. } = self;
        let bound = 2 * (slots.len() - free.len()) + DEAD_ENTRIES_MAX;
        for heap in [exact, patient] {
            if heap.len() > bound {
                heap.retain(|Reverse(entry)| Self::running(slots, entry.key).is_some());
            }
            while heap.peek().is_some_and(|Reverse(entry)| Self::running(slots, entry.key).is_none()) {
                heap.pop();
            }
        }
    }
}

/// Timers one transaction or session can run at once.
const RUNNING_MAX: usize = 4;

/// The running timers of one transaction or session. Why each runs is kept by the queue alone: there are many more
/// transactions than there is time to look at them.
#[derive(Default)]
pub struct Running(ArrayVec<TimerKey, RUNNING_MAX>);

impl Running {
    /// Starts a timer in place of a running one of the same reason.
    pub fn set<T: PartialEq + Reason>(&mut self, queue: &mut TimerQueue<T>, at: Instant, what: T) {
        self.stop(queue, &what);
        let key = queue.set(at, what);
        if self.0.try_push(key).is_err() {
            debug_assert!(false, "more timers at once than any state has");
            queue.cancel(key);
        }
    }

    /// Stops a timer, if it runs. Those that have fired are forgotten on the way.
    pub fn stop<T: PartialEq + Reason>(&mut self, queue: &mut TimerQueue<T>, what: &T) {
        self.0.retain(|key| {
            let is_other = queue.what(*key).is_some_and(|running| running != what);
            if !is_other {
                queue.cancel(*key);
            }
            is_other
        });
    }

    /// Stops all.
    pub fn stop_all<T: Reason>(&mut self, queue: &mut TimerQueue<T>) {
        for key in self.0.drain(..) {
            queue.cancel(key);
        }
    }

    /// What runs, and when each fires.
    pub fn deadlines<T: Copy + Reason>(&self, queue: &TimerQueue<T>) -> Vec<(T, Instant)> {
        self.0.iter().filter_map(|key| Some((*queue.what(*key)?, queue.at(*key)?))).collect()
    }

    /// Whether a timer runs.
    pub fn has<T: PartialEq + Reason>(&self, queue: &TimerQueue<T>, what: &T) -> bool {
        self.0.iter().any(|key| queue.what(*key) == Some(what))
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test has to begin at some instant")]
mod tests {
    use super::*;

    impl Reason for &str {
        fn can_wait(&self) -> bool {
            self.starts_with("tidy")
        }
    }

    impl Reason for u32 {
        fn can_wait(&self) -> bool {
            false
        }
    }

    #[test]
    fn timers_fire_in_order_and_ties_in_the_order_set() {
        let start = Instant::now();
        let mut queue = TimerQueue::default();
        queue.set(start + Duration::from_secs(2), "late");
        queue.set(start + Duration::from_secs(1), "first");
        queue.set(start + Duration::from_secs(1), "second");
        assert_eq!(queue.deadline(), Some((start + Duration::from_secs(1), &"first")));
        let now = start + Duration::from_secs(1);
        assert_eq!(queue.pop_due(now), Some("first"));
        assert_eq!(queue.pop_due(now), Some("second"));
        assert_eq!(queue.pop_due(now), None);
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn what_can_wait_wakes_nobody_at_once_and_fires_with_what_comes_first() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut queue = TimerQueue::default();
        queue.set(at(0), "tidy one");
        queue.set(at(100), "tidy two");
        queue.set(at(300), "exact");
        queue.set(at(400), "tidy three");
        assert_eq!(queue.deadline(), Some((at(300), &"exact")));
        let due: Vec<_> = std::iter::from_fn(|| queue.pop_due(at(300))).collect();
        assert_eq!(due, ["tidy one", "tidy two", "exact"]);
        assert_eq!(queue.deadline(), Some((at(400) + PATIENCE, &"tidy three")));
        assert_eq!((queue.pop_due(at(399)), queue.pop_due(at(400))), (None, Some("tidy three")));
        assert_eq!((queue.deadline(), queue.len()), (None, 0));
    }

    #[test]
    fn a_cancelled_timer_is_never_the_deadline() {
        let start = Instant::now();
        let mut queue = TimerQueue::default();
        let key = queue.set(start, "gone");
        queue.set(start + Duration::from_secs(1), "stays");
        queue.cancel(key);
        queue.cancel(key);
        assert_eq!(queue.deadline().map(|(_, what)| *what), Some("stays"));
        assert_eq!(queue.pop_due(start), None);
    }

    #[test]
    fn a_stale_key_does_not_stop_the_slot_s_next_timer() {
        let start = Instant::now();
        let mut queue = TimerQueue::default();
        let old = queue.set(start, 1_u32);
        queue.cancel(old);
        queue.set(start, 2);
        queue.cancel(old);
        assert_eq!(queue.pop_due(start), Some(2));
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn dead_entries_do_not_pile_up() {
        let start = Instant::now();
        let mut queue = TimerQueue::default();
        queue.set(start, 0);
        for number in 0..100_000_u32 {
            let key = queue.set(start + Duration::from_secs(32), number);
            queue.cancel(key);
        }
        assert!(queue.exact.len() <= DEAD_ENTRIES_MAX + 3);
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.slots.len(), 2);
    }
}
