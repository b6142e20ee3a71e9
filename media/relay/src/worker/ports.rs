//! Port pairs: bound ahead of need, a few in each turn, and the sockets of legs put before the poll.

use std::io::{self, ErrorKind};

use mio::{Interest, Token};
use streams::{
    leg::Channel,
    media::{MediaEvent, PortLease},
};

use super::Worker;
use crate::{
    config::{PortRange, RelayError},
    sockets::{Pair, Sockets},
    stock::Pool,
};

/// Pairs bound for one pool in one turn.
const BINDS_PER_TURN_MAX: usize = 8;

impl<W: Fn()> Worker<W> {
    pub(super) fn first_pair(&mut self, at: usize) -> Result<(), RelayError> {
        while let Some((port, bound)) = self.bind_next(at, 0) {
            match bound {
                Ok(lease) => {
                    self.tell(MediaEvent::Stock(vec![lease]));
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    return Err(RelayError::Privileged { port });
                }
                Err(error) => return Err(RelayError::Socket(error)),
            }
        }
        let bind = self.config.addresses.get(at).map(|a| a.bind).ok_or(RelayError::NoAddress)?;
        let PortRange { first, last } = self.config.ports;
        Err(RelayError::RangeTaken { bind, first, last })
    }

    pub(super) fn listen_on(&mut self, at: usize) {
        let Some(leg) = self.slots.leg(at) else { return };
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let Some(socket) = leg.sockets.own(channel) else { return };
            if self.poll.registry().register(socket, token(at, channel), Interest::READABLE).is_err() {
                self.tally.receive_errors += 1;
            }
        }
    }

    /// The poll is to tell once more of a socket that was not read until its end.
    pub(super) fn ask_again(&mut self, at: usize, channel: Channel) {
        let Some(leg) = self.slots.leg(at) else { return };
        let poll = if leg.gathers { &self.shared.phones } else { &self.poll };
        if let Some(socket) = leg.sockets.own(channel)
            && poll.registry().reregister(socket, token(at, channel), Interest::READABLE).is_err()
        {
            self.tally.receive_errors += 1;
        }
    }

    /// Of a slot with ports of its own.
    pub(super) fn pool_of(&mut self, at: usize) -> Option<(&mut Pool, usize)> {
        let pairs = self.config.ports.pairs();
        self.pools.get_mut(at / pairs).map(|pool| (pool, at % pairs))
    }

    /// Binds a few pairs for each pool that is short of them.
    pub(super) fn refill(&mut self, now: u64) {
        for at in 0..self.pools.len() {
            let mut leases = Vec::new();
            for _ in 0..BINDS_PER_TURN_MAX {
                let Some((_, bound)) = self.bind_next(at, now) else { break };
                leases.extend(bound);
            }
            if !leases.is_empty() {
                self.tell(MediaEvent::Stock(leases));
            }
            let Some(pool) = self.pools.get_mut(at) else { continue };
            let dry = pool.runs_dry(now).then_some(pool.address.advertised);
            if let Some(advertised) = dry {
                self.tell(MediaEvent::StockEmpty { advertised });
            }
        }
    }

    /// Tries the next pair of a pool, if it wants one: its RTP port and what came of it.
    pub(super) fn bind_next(&mut self, at: usize, now: u64) -> Option<(u16, io::Result<PortLease>)> {
        let ports = self.config.ports;
        let pool = self.pools.get_mut(at)?;
        let pair = pool.next(now)?;
        let port = ports.rtp_port(pair);
        let slot = at * ports.pairs() + pair;
        let bound = Pair::bind(pool.address.bind, port, self.config.dscp);
        let stocked = bound.and_then(|sockets| {
            self.slots
                .stock(slot, Sockets::Own(sockets))
                .ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))
        });
        let lease = stocked.map(|id| PortLease { id, address: (pool.address.advertised, port).into() });
        match &lease {
            Ok(_) => pool.bound(),
            Err(error) => {
                pool.missed(pair, error.kind() == ErrorKind::AddrInUse, now);
                self.tally.bind_failures += 1;
            }
        }
        Some((port, lease))
    }
}

/// The slot and the channel of a [`token`].
pub(super) fn leg_of(token: usize) -> (usize, Channel) {
    (token / 2, if token.is_multiple_of(2) { Channel::Rtp } else { Channel::Rtcp })
}

/// Twice the slot, plus one for RTCP.
pub(super) fn token(at: usize, channel: Channel) -> Token {
    Token(at * 2 + usize::from(channel == Channel::Rtcp))
}
