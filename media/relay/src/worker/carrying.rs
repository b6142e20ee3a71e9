//! What has come in on a socket, out through the other leg's. Carrying a packet allocates nothing, locks nothing, asks no
//! clock, logs nothing and searches nothing: the poll token is the index of the leg.

use std::{io::ErrorKind, net::SocketAddr};

use mio::{Interest, Token};
use streams::{
    leg::Channel,
    path::{Path, Step},
};

use super::{BATCHES_PER_TURN_MAX, Worker};
use crate::{
    config::PortRange,
    stock::Pool,
    syscall::{BATCH_MAX, Batch},
};

impl<W: Fn()> Worker<W> {
    /// Everything that has come in on one socket.
    pub(super) fn carry(&mut self, batch: &mut Batch, token: usize, now: u64) {
        let at = token / 2;
        let channel = if token.is_multiple_of(2) { Channel::Rtp } else { Channel::Rtcp };
        self.mind_image(at, now);
        for _ in 0..BATCHES_PER_TURN_MAX {
            match self.carry_batch(batch, at, channel, now) {
                Some(received) if received == BATCH_MAX => {}
                _ => return,
            }
        }
        // Not drained, and the poll tells edges only: ask to be told again.
        if let Some(leg) = self.slots.leg(at) {
            let socket = leg.socket(channel);
            if self.poll.registry().reregister(socket, Token(token), Interest::READABLE).is_err() {
                self.tally.receive_errors += 1;
            }
        }
    }

    /// One batch from one socket, out through the other leg's. `None` when the socket has nothing more.
    pub(super) fn carry_batch(
        &mut self,
        batch: &mut Batch,
        at: usize,
        channel: Channel,
        now: u64,
    ) -> Option<usize> {
        let ports = self.config.ports;
        let pools = &self.pools;
        let round = self.slots.goes_round(at, channel, |address| own_slot(pools, ports, address));
        let (from, to) = self.slots.leg_and_peer(at)?;
        let mut to = to.filter(|_| !round);
        let from_tap = from.tap.filter(|_| channel == Channel::Rtp);
        let received = match batch.receive(from.socket(channel)) {
            Ok(received) => received,
            Err(error) => {
                self.tally.receive_errors += u64::from(error.kind() != ErrorKind::WouldBlock);
                return None;
            }
        };
        self.tally.datagrams_received += received as u64;
        self.tally.send_loops += if round { received as u64 } else { 0 };
        let mut path = Path::new(channel, &mut from.state, to.as_deref_mut().map(|leg| &mut leg.state));
        for n in 0..received {
            let Some((source, room, len)) = batch.datagram(n) else {
                self.tally.dropped_too_long += 1;
                continue;
            };
            let step = match path.accept(now, source, room, len) {
                Ok(accepted) => {
                    if let Some(tap) = from_tap {
                        self.taps.hear(tap, now, room.get(..accepted.len).unwrap_or_default());
                    }
                    path.pass_on(accepted, room)
                }
                Err(reason) => Step::Drop(reason),
            };
            match step {
                Step::Send(len) => batch.queue(n, len),
                Step::Keep => self.tally.kept += 1,
                Step::Drop(reason) => self.tally.dropped(reason),
            }
        }
        if let (Some(destination), Some(to)) = (path.destination(), &mut to) {
            let sent = batch.send(to.socket(channel), destination);
            self.tally.datagrams_sent += sent.datagrams;
            self.tally.send_errors += sent.errors;
            self.tally.send_blocked += sent.blocked;
            if channel == Channel::Rtp {
                to.state.sent(sent.datagrams, sent.bytes);
            }
        }
        Some(received)
    }
}

/// The slot whose port an address is, if it is one of our own.
fn own_slot(pools: &[Pool], ports: PortRange, address: SocketAddr) -> Option<usize> {
    let at = pools.iter().position(|pool| pool.is_own(address.ip()))?;
    Some(at * ports.pairs() + ports.pair_of(address.port())?)
}
