//! Orders from call control, a bounded number in each turn.

use std::os::fd::AsFd as _;

use streams::{
    keys::{Ear, Events},
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
                MediaCommand::Open { lease, media } => self.open(batch, lease, media, now),
                MediaCommand::Configure { lease, media } => self.slots.find(lease).and_then(|at| {
                    self.changed.push(at);
                    let leg = self.slots.leg(at)?;
                    leg.state.configure(now, media);
                    self.shakers.mind((at, leg), now, false, &mut self.tally);
                    self.reconfigure(at, now);
                    Some(())
                }),
                MediaCommand::Join { a, b } => self.join(a, b),
                MediaCommand::Part { lease } => self.slots.find(lease).map(|at| {
                    self.changed.push(at);
                    self.part(at);
                }),
                MediaCommand::Meet { lease, room, sitting } => self.meet(lease, (room, sitting), now),
                MediaCommand::Leave { lease } => self.slots.find(lease).map(|at| {
                    self.changed.push(at);
                    self.stand_up(at);
                }),
                MediaCommand::Announce { room, sounds } => self.announce(room, &sounds),
                MediaCommand::Play { lease, sounds, repeat } => self.play(lease, sounds, repeat, now),
                MediaCommand::Echo { lease } => self.echo(lease),
                MediaCommand::Stop { lease } => self.stop_sound(lease),
                MediaCommand::Tap { lease, tap } => self.slots.find(lease).and_then(|at| {
                    self.changed.push(at);
                    self.slots.leg(at).map(|leg| leg.tap = tap)
                }),
                MediaCommand::Listen { lease, is_on, keeps } => self.listen(lease, is_on.then_some(keeps)),
                MediaCommand::Press { lease, key, ms, unless_sent } => {
                    self.press(lease, (key, ms), unless_sent, now)
                }
                MediaCommand::Look { lease } => {
                    self.look(lease, now);
                    Some(())
                }
                MediaCommand::Capture { lease, secs } => {
                    self.capture(lease, secs, now);
                    Some(())
                }
                MediaCommand::Close { lease } => self.close(lease, now),
            };
            if obeyed.is_none() {
                self.tally.commands_stale += 1;
            }
        }
    }

    /// Keys are told from now on, or no longer. Who is listened to already goes on where it was.
    fn listen(&mut self, lease: LeaseId, keeps: Option<bool>) -> Option<()> {
        let at = self.slots.find(lease)?;
        self.changed.push(at);
        let leg = self.slots.leg(at)?;
        let Some(keeps) = keeps else {
            leg.ear = None;
            return Some(());
        };
        let voice = leg.state.voice();
        leg.ear.get_or_insert_with(|| Box::new(Ear::new(voice, Events::default()))).set_keeps(keeps);
        Some(())
    }

    pub(super) fn open(
        &mut self,
        batch: &mut Batch,
        lease: LeaseId,
        media: LegMedia,
        now: u64,
    ) -> Option<()> {
        let at = self.slots.find(lease)?;
        self.slots.open(at, media)?;
        for channel in [Channel::Rtp, Channel::Rtcp] {
            self.discard(batch, (at, channel), now);
        }
        let leg = self.slots.leg(at)?;
        self.shakers.mind((at, &mut *leg), now, false, &mut self.tally);
        if let (Some(keep), Some(socket)) = (&mut self.keep, leg.sockets.own(Channel::Rtp)) {
            keep.open(lease, socket.as_fd());
        }
        self.listen_on(at);
        self.expect_reports(lease, now);
        self.changed.push(at);
        self.tally.legs_open += 1;
        if let Some((pool, _)) = self.pool_of(at) {
            pool.drawn();
        }
        Some(())
    }

    /// What came before a leg was opened is from nobody we know. Only the first word of a handshake is kept: a phone that was
    /// quicker than this turn says it again no sooner than after a second. A flood must not hold up the turn, so this is
    /// bounded too.
    fn discard(&mut self, batch: &mut Batch, (at, channel): (usize, Channel), now: u64) {
        for _ in 0..BATCHES_PER_TURN_MAX {
            let Some(leg) = self.slots.leg(at) else { return };
            let Some(socket) = leg.sockets.own(channel) else { return };
            let received = batch.receive(socket).unwrap_or_default();
            let handshakes = (0..received).filter(|n| {
                batch.datagram(*n).is_some_and(|(source, room, len)| {
                    leg.state.is_handshake(now, channel, source, room.get(..len).unwrap_or_default())
                })
            });
            let which = handshakes.fold(0, |which, n| which | 1 << n);
            self.shake(batch, (at, channel), which, now);
            if received < BATCH_MAX {
                return;
            }
        }
    }

    fn join(&mut self, a: LeaseId, b: LeaseId) -> Option<()> {
        let pair = [self.slots.find(a)?, self.slots.find(b)?];
        let [before_a, before_b] = pair.map(|at| self.slots.peer(at));
        let [a, b] = pair;
        if !self.slots.join(a, b) {
            return None;
        }
        // Whoever sits beside the two goes on where they have been joined already.
        let is_new = before_a != Some(b);
        for at in pair {
            self.end_echo(at);
            self.leave_peer(at, is_new);
        }
        for at in [before_a, before_b].into_iter().flatten().filter(|at| !pair.contains(at)) {
            self.leave_peer(at, true);
        }
        for at in [Some(a), Some(b), before_a, before_b].into_iter().flatten() {
            self.changed.push(at);
            self.retune(at);
        }
        Some(())
    }

    pub(super) fn part(&mut self, at: usize) {
        self.stand_up(at);
        let peer = self.slots.peer(at);
        self.slots.part(at);
        if let Some(peer) = peer {
            self.leave_peer(peer, true);
        }
        for at in [Some(at), peer].into_iter().flatten() {
            self.retune(at);
        }
    }

    pub(super) fn close(&mut self, lease: LeaseId, now: u64) -> Option<()> {
        let at = self.slots.find(lease)?;
        self.say_goodbye(at, now);
        self.end_capture(lease);
        self.part(at);
        self.mind_gathering(at);
        self.forget_routes(at);
        let report = self.slots.close(at, now);
        self.forget(lease);
        if report.is_some() {
            self.tally.legs_open = self.tally.legs_open.saturating_sub(1);
        }
        let until = now.saturating_add(u64::try_from(self.config.quarantine.as_micros()).unwrap_or(u64::MAX));
        if let Some((pool, pair)) = self.pool_of(at) {
            pool.rest(pair, until);
            if report.is_none() {
                pool.drawn();
            }
        }
        self.tell(MediaEvent::Closed { lease, report: Box::new(report.unwrap_or_default()) });
        self.restock_shared(at);
        Some(())
    }
}
