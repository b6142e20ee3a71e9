//! From one life to the next: what the engine takes over from the former process, and leaves to the one after it.

use std::{
    collections::BTreeSet,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use calls::Input;
use streams::media::{LeaseId, LegReport, MediaCommand, MediaEvent};

use super::{CLOSE_MAX, Engine};
use crate::{journal::OpenCalls, survival::FormerLife};

/// A planned restart waits this long for threads that write: what the journal has not written stands in its tail.
const HAND_OVER_MAX: Duration = Duration::from_millis(250);

/// Pairs of ports that suffice to begin with.
const STOCK_PAIRS: u64 = 192;
/// How long they are waited for at most.
const STOCK_MAX: Duration = Duration::from_millis(100);
/// Nothing more comes after so many looks without a change: the range is small, or in use.
const STOCK_UNCHANGED_MAX: u32 = 10;
/// How often they are counted.
const STOCK_POLL: Duration = Duration::from_millis(3);

impl Engine {
    /// Goes on with the calls of a former life, before any traffic.
    pub(super) fn resume(&mut self, now: Instant, mut former: FormerLife, journal: &OpenCalls) {
        let calls = former.calls_in(journal);
        if calls.is_empty() && former.rest.is_empty() {
            return;
        }
        let left = calls.len();
        self.handle(now, Input::Resume { calls, rest: former.rest.clone() });
        self.end_lost_calls(journal);
        self.settle_leases(now, &former.media_leases());
        let counts = self.switchboard.counts();
        tracing::info!(left, calls = counts.calls, leaving = counts.leaving_calls, "goes on with calls");
    }

    /// Lets the relay bind its first ports before the first call is looked at: what has waited for this life in the
    /// sockets must not be refused for want of them.
    pub(super) fn await_stock(&mut self) {
        self.wake_relay();
        let until = Instant::now() + STOCK_MAX;
        let counters = self.relay.counters();
        let (mut bound, mut unchanged) = (0, 0);
        while bound < STOCK_PAIRS && unchanged < STOCK_UNCHANGED_MAX && Instant::now() < until {
            std::thread::sleep(STOCK_POLL);
            let now = counters.pairs_stocked.load(Ordering::Relaxed);
            unchanged = if now == bound { unchanged + 1 } else { 0 };
            bound = now;
        }
        self.take_media(Instant::now());
    }

    /// Calls that are open in the journal and could not be taken back have ended, and their records say so.
    fn end_lost_calls(&mut self, journal: &OpenCalls) {
        let live: BTreeSet<_> = self.live.calls().into_iter().map(|call| call.call).collect();
        for entry in journal.endings(|call| live.contains(&call)) {
            self.journal.record(entry);
        }
    }

    /// A lease that one side knows and the other does not: its order or its report was lost with the process.
    fn settle_leases(&mut self, now: Instant, carried: &BTreeSet<LeaseId>) {
        let held = self.switchboard.leases();
        for lease in carried.difference(&held) {
            self.send_media(MediaCommand::Close { lease: *lease });
        }
        for lease in held.difference(carried) {
            let report = Box::<LegReport>::default();
            self.handle(now, Input::Media(MediaEvent::Closed { lease: *lease, report }));
        }
    }

    /// The peer of a connection has proved who it is: its connection is worth to be kept.
    pub(super) fn trust(&mut self, connection: u64) {
        self.wire.trust(connection);
        if let Some(survival) = &mut self.survival
            && let Some(socket) = self.wire.connection(connection)
        {
            survival.keep_connection(connection, socket);
        }
    }

    pub(super) fn forget_connection(&mut self, connection: u64) {
        if let Some(survival) = &mut self.survival {
            survival.forget_connection(connection);
        }
    }

    /// A planned restart. Where nothing outlives the process, calls are ended as in any stop.
    pub(super) fn hand_over(&mut self, now: Instant) {
        if self.survival.is_none() {
            return self.drain(now);
        }
        self.is_handing_over = self.draining.is_none();
    }

    /// Leaves everything to the next life. What comes in from now on waits in the sockets.
    pub(super) fn close_for_the_next(self) {
        let Self { journal, bindings, relay, survival, switchboard, wire, .. } = self;
        drop(relay);
        if let Some(mut survival) = survival {
            let unread = wire.unread();
            if let Err(error) = survival.hand_over(&switchboard.image_of_rest(), unread.into_iter()) {
                tracing::error!(%error, "not everything could be left to the next life");
            }
        }
        journal.close(HAND_OVER_MAX);
        bindings.close(CLOSE_MAX);
    }
}
