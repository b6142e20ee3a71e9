//! Which ports of one address are free, resting or to be bound next.
//!
//! Free ports are used in turn, so that a port comes back as late as possible. A pool starts to bind when half of its
//! stock is gone and stops when the stock is full; each step is small, because it happens between two batches of
//! media.

use std::{collections::VecDeque, net::IpAddr};

use crate::config::MediaAddress;

/// Time until a port that could not be bound is tried again.
const RETRY_MICROS: u64 = 1_000_000;

/// The ports of one media address.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) address: MediaAddress,
    free: VecDeque<usize>,
    resting: VecDeque<(u64, usize)>,
    stocked: usize,
    target: usize,
    filling: bool,
    /// Binds that failed in a row.
    misses: usize,
    retry_at_micros: u64,
    told_empty: bool,
}

impl Pool {
    pub(crate) fn new(address: MediaAddress, pairs: usize, target: usize) -> Self {
        Self {
            address,
            free: (0..pairs).collect(),
            resting: VecDeque::new(),
            stocked: 0,
            target: target.clamp(1, pairs.max(1)),
            filling: true,
            misses: 0,
            retry_at_micros: 0,
            told_empty: false,
        }
    }

    /// A pair is in use by a leg of a former life.
    pub(crate) fn taken(&mut self, pair: usize) {
        self.free.retain(|free| *free != pair);
    }

    /// The next pair to bind, if more are wanted and one may be tried now.
    pub(crate) fn next(&mut self, now_micros: u64) -> Option<usize> {
        while let Some((until, pair)) = self.resting.front().copied() {
            if until > now_micros {
                break;
            }
            self.resting.pop_front();
            self.free.push_back(pair);
        }
        if self.filling && self.retry_at_micros <= now_micros { self.free.pop_front() } else { None }
    }

    /// The pair was bound and is on stock.
    pub(crate) fn bound(&mut self) {
        self.stocked += 1;
        self.misses = 0;
        self.told_empty = false;
        self.filling = self.stocked < self.target;
    }

    /// The pair could not be bound. `taken` by somebody else: the next one may do; otherwise none will for now.
    pub(crate) fn missed(&mut self, pair: usize, taken: bool, now_micros: u64) {
        self.free.push_back(pair);
        self.misses += 1;
        if !taken || self.misses >= self.free.len() {
            self.misses = 0;
            self.retry_at_micros = now_micros.saturating_add(RETRY_MICROS);
        }
    }

    /// A pair has left the stock.
    pub(crate) fn drawn(&mut self) {
        self.stocked = self.stocked.saturating_sub(1);
        self.filling |= self.stocked < self.target.div_ceil(2);
    }

    /// A pair was closed and rests.
    pub(crate) fn rest(&mut self, pair: usize, until_micros: u64) {
        self.resting.push_back((until_micros, pair));
    }

    /// True once when there is nothing left to give and nothing to bind now.
    pub(crate) fn runs_dry(&mut self, now_micros: u64) -> bool {
        let stuck = self.free.is_empty() || self.retry_at_micros > now_micros;
        let news = self.stocked == 0 && stuck && !self.told_empty;
        self.told_empty |= news;
        news
    }

    /// When [`Pool::next`] may have something to say.
    pub(crate) fn deadline_micros(&self) -> Option<u64> {
        let available =
            if self.free.is_empty() { self.resting.front().map(|(until, _)| *until) } else { Some(0) };
        available.filter(|_| self.filling).map(|at| at.max(self.retry_at_micros))
    }

    pub(crate) fn stocked(&self) -> usize {
        self.stocked
    }

    pub(crate) fn resting(&self) -> usize {
        self.resting.len()
    }

    /// Whether packets to this address come to us.
    pub(crate) fn is_own(&self, ip: IpAddr) -> bool {
        ip == self.address.bind || ip == self.address.advertised
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(pairs: usize, target: usize) -> Pool {
        Pool::new(MediaAddress::direct([127, 0, 0, 1].into()), pairs, target)
    }

    /// Binds whatever the pool asks for.
    fn fill(pool: &mut Pool, now: u64) -> Vec<usize> {
        std::iter::from_fn(|| pool.next(now).inspect(|_| pool.bound())).collect()
    }

    #[test]
    fn a_stock_is_filled_to_its_target_and_again_when_half_is_gone() {
        let mut pool = pool(100, 8);
        assert_eq!(fill(&mut pool, 0), [0, 1, 2, 3, 4, 5, 6, 7]);
        for _ in 0..4 {
            pool.drawn();
            assert_eq!((fill(&mut pool, 0), pool.deadline_micros()), (vec![], None));
        }
        pool.drawn();
        assert_eq!(pool.deadline_micros(), Some(0));
        assert_eq!(fill(&mut pool, 0), [8, 9, 10, 11, 12]);
    }

    #[test]
    fn a_closed_port_rests_and_comes_back_last() {
        let mut pool = pool(4, 2);
        assert_eq!(fill(&mut pool, 0), [0, 1]);
        pool.drawn();
        pool.drawn();
        pool.rest(0, 5_000_000);
        assert_eq!(fill(&mut pool, 0), [2, 3]);
        pool.drawn();
        pool.drawn();
        assert_eq!(fill(&mut pool, 4_999_999), [0; 0]);
        assert_eq!(pool.deadline_micros(), Some(5_000_000), "it knows when to look again");
        assert!(pool.runs_dry(4_999_999));
        assert!(!pool.runs_dry(4_999_999), "told once");
        assert_eq!(fill(&mut pool, 5_000_000), [0]);
        pool.drawn();
        assert!(pool.runs_dry(5_000_001), "and again when it happens again");
    }

    #[test]
    fn ports_of_others_are_skipped_and_tried_again_later() {
        let mut pool = pool(4, 2);
        for expected in [0, 1, 2] {
            assert_eq!(pool.next(0), Some(expected));
            pool.missed(expected, true, 0);
        }
        assert_eq!(pool.next(0), Some(3));
        pool.bound();
        assert_eq!(pool.next(0), Some(0));
        pool.missed(0, false, 0);
        assert_eq!(pool.next(0), None, "no file descriptors: no use to try the next one");
        assert_eq!(pool.deadline_micros(), Some(RETRY_MICROS));
        assert_eq!(pool.next(RETRY_MICROS), Some(1));
    }

    #[test]
    fn a_range_that_is_all_taken_is_tried_once_a_second() {
        let mut pool = pool(3, 2);
        let tries = |pool: &mut Pool, now| {
            let mut tries = 0;
            while let Some(pair) = pool.next(now) {
                pool.missed(pair, true, now);
                tries += 1;
            }
            tries
        };
        assert_eq!(tries(&mut pool, 0), 3);
        assert!(pool.runs_dry(0));
        assert_eq!(tries(&mut pool, RETRY_MICROS - 1), 0);
        assert_eq!(tries(&mut pool, RETRY_MICROS), 3);
    }

    #[test]
    fn a_target_beyond_the_range_is_the_range() {
        let mut pool = pool(3, 64);
        assert_eq!(fill(&mut pool, 0), [0, 1, 2]);
        assert_eq!(pool.deadline_micros(), None);
    }
}
