//! Orders from call control, a bounded number in each turn.

use std::os::fd::AsFd as _;

use streams::{
    leg::Channel,
    media::{LeaseId, LegMedia, MediaCommand, MediaEvent},
};

use super::{BATCHES_PER_TURN_MAX, Worker};
use crate::syscall::{BATCH_MAX, Batch};

/// Commands obeyed in one turn.
const COMMANDS_PER_TURN_MAX: usize = 256;

impl<W: Fn()> Worker<W> {
    pub(super) fn obey(&mut self, batch: &mut Batch, now: u64) {
        for _ in 0..COMMANDS_PER_TURN_MAX {
            if !self.backlog.is_empty() {
                return;
            }
            let Ok(command) = self.commands.pop() else { return };
            let obeyed = match command {
                MediaCommand::Open { lease, media } => self.open(batch, lease, media),
                MediaCommand::Configure { lease, media } => self.slots.find(lease).and_then(|at| {
                    self.changed.push(at);
                    self.slots.leg(at).map(|leg| leg.state.configure(now, media))
                }),
                MediaCommand::Join { a, b } => {
                    let found = self.slots.find(a).zip(self.slots.find(b));
                    found.filter(|(a, b)| self.slots.join(*a, *b)).map(|(a, b)| self.changed.extend([a, b]))
                }
                MediaCommand::Part { lease } => self.slots.find(lease).map(|at| {
                    self.changed.push(at);
                    self.slots.part(at);
                }),
                MediaCommand::Play { lease, repeat, .. } => self.slots.find(lease).map(|_| {
                    if !repeat {
                        self.tell(MediaEvent::Played { lease });
                    }
                }),
                MediaCommand::Echo { lease } | MediaCommand::Stop { lease } => {
                    self.slots.find(lease).map(drop)
                }
                MediaCommand::Tap { lease, tap } => {
                    let leg = self.slots.find(lease).and_then(|at| self.slots.leg(at));
                    leg.map(|leg| leg.tap = tap)
                }
                MediaCommand::Close { lease } => self.close(lease, now),
            };
            if obeyed.is_none() {
                self.tally.commands_stale += 1;
            }
        }
    }

    pub(super) fn open(&mut self, batch: &mut Batch, lease: LeaseId, media: LegMedia) -> Option<()> {
        let at = self.slots.find(lease)?;
        let leg = self.slots.open(at, media)?;
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let socket = leg.socket(channel);
            // What came before is from nobody we know. A flood must not hold up the turn, so this is bounded too.
            for _ in 0..BATCHES_PER_TURN_MAX {
                if !batch.receive(socket).is_ok_and(|n| n == BATCH_MAX) {
                    break;
                }
            }
        }
        if let Some(keep) = &mut self.keep {
            keep.open(lease, leg.socket(Channel::Rtp).as_fd());
        }
        self.listen_on(at);
        self.changed.push(at);
        self.tally.legs_open += 1;
        self.pool_of(at).map(|(pool, _)| pool.drawn())
    }

    pub(super) fn close(&mut self, lease: LeaseId, now: u64) -> Option<()> {
        let at = self.slots.find(lease)?;
        let report = self.slots.close(at);
        self.forget(lease);
        let until = now.saturating_add(u64::try_from(self.config.quarantine.as_micros()).unwrap_or(u64::MAX));
        let (pool, pair) = self.pool_of(at)?;
        pool.rest(pair, until);
        if report.is_none() {
            pool.drawn();
        } else {
            self.tally.legs_open = self.tally.legs_open.saturating_sub(1);
        }
        self.tell(MediaEvent::Closed { lease, report: report.unwrap_or_default() });
        Some(())
    }
}
