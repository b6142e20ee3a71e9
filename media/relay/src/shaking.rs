//! Handshakes (DTLS) on the legs' ports: carries datagrams, keys and deadlines between legs and `streams::dtls`.
//!
//! A leg has handshakes while its description asks for them. They are not part of its image: the keys are, and what was
//! under way begins anew. It is on the media thread because the ports are; a handshake computes for a few hundred
//! microseconds, and how many may begin is bounded.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Instant};

use streams::{
    dtls::{Handshakes, Identity, Outputs, is_client_hello},
    leg::Channel,
};

use crate::{
    counters::Tally,
    slots::{Leg, Slots},
};

/// Longest first word of a far end that is kept until its answer is there.
const EARLY_BYTES_MAX: usize = 1_500;

/// The handshakes of one leg.
#[derive(Debug, Default)]
pub(crate) struct Shaking {
    handshakes: Option<Box<Handshakes>>,
    /// What a device has said that was quicker than its answer, on either port. It would say it again only after a
    /// second, in which nobody would hear it.
    early: [Option<Early>; 2],
}

#[derive(Debug)]
struct Early {
    source: SocketAddr,
    hello: Box<[u8]>,
}

/// Everything about handshakes that is no leg's own.
#[derive(Debug)]
pub(crate) struct Shakers {
    identity: Option<Arc<Identity>>,
    origin: Instant,
    /// When which leg's want to be looked at.
    deadlines: BTreeMap<usize, u64>,
}

/// A datagram as it came.
#[derive(Clone, Copy)]
pub(crate) struct Heard<'a> {
    pub(crate) channel: Channel,
    pub(crate) source: SocketAddr,
    pub(crate) datagram: &'a [u8],
}

impl Shakers {
    pub(crate) fn new(identity: Option<Arc<Identity>>, origin: Instant) -> Self {
        Self { identity, origin, deadlines: BTreeMap::new() }
    }

    /// When [`Shakers::advance`] is wanted.
    pub(crate) fn deadline_micros(&self) -> Option<u64> {
        self.deadlines.values().min().copied()
    }

    /// What is known of a leg's far end has changed, or the leg is back from a former life.
    pub(crate) fn mind(
        &mut self,
        (at, leg): (usize, &mut Leg),
        now: u64,
        is_resumed: bool,
        tally: &mut Tally,
    ) {
        let (Some(identity), Some(terms)) = (self.identity.clone(), leg.state.handshake_terms()) else {
            leg.shaking.handshakes = None;
            if leg.state.is_keyed(Channel::Rtp) {
                leg.shaking.early = Default::default();
            }
            self.deadlines.remove(&at);
            return;
        };
        let mut out = Outputs::default();
        if leg.shaking.handshakes.as_ref().is_none_or(|handshakes| !handshakes.is_under(terms)) {
            let keyed: Vec<Channel> = [Channel::Rtp, Channel::Rtcp]
                .into_iter()
                .filter(|channel| is_resumed && leg.state.is_keyed(*channel))
                .collect();
            let new = Handshakes::new(identity, self.origin, terms.clone(), &keyed);
            leg.shaking.handshakes = Some(Box::new(new));
        }
        let (rtp, rtcp) = (leg.state.stated(Channel::Rtp), leg.state.stated(Channel::Rtcp));
        if let Some(handshakes) = &mut leg.shaking.handshakes {
            handshakes.begin(now, rtp, rtcp, &mut out);
        }
        self.carry_out((at, &mut *leg), now, &out, tally);
        let early = std::mem::take(&mut leg.shaking.early);
        for (channel, early) in [Channel::Rtp, Channel::Rtcp].into_iter().zip(early) {
            if let Some(Early { source, hello }) = early {
                self.take((at, &mut *leg), Heard { channel, source, datagram: &hello }, now, tally);
            }
        }
    }

    /// Takes a datagram of a handshake, from where the leg may be spoken to. True if there are keys since.
    pub(crate) fn take(
        &mut self,
        (at, leg): (usize, &mut Leg),
        Heard { channel, source, datagram }: Heard<'_>,
        now: u64,
        tally: &mut Tally,
    ) -> bool {
        let stated = leg.state.stated(channel);
        let Some(handshakes) = &mut leg.shaking.handshakes else {
            let [rtp, rtcp] = &mut leg.shaking.early;
            let place = if channel == Channel::Rtp { rtp } else { rtcp };
            if self.identity.is_some() && datagram.len() <= EARLY_BYTES_MAX && is_client_hello(datagram) {
                *place = Some(Early { source, hello: datagram.into() });
            }
            return false;
        };
        let mut out = Outputs::default();
        handshakes.handle(now, channel, source, stated, datagram, &mut out);
        self.carry_out((at, leg), now, &out, tally)
    }

    /// Looks after the legs whose time has come: those that have keys since.
    pub(crate) fn advance(&mut self, slots: &mut Slots, now: u64, tally: &mut Tally) -> Vec<usize> {
        let due = self.deadlines.iter().filter(|(_, deadline)| **deadline <= now).map(|(at, _)| *at);
        let due: Vec<usize> = due.collect();
        let mut keyed = Vec::new();
        for at in due {
            self.deadlines.remove(&at);
            let Some(leg) = slots.leg(at) else { continue };
            let Some(handshakes) = &mut leg.shaking.handshakes else { continue };
            let mut out = Outputs::default();
            handshakes.advance(now, &mut out);
            if self.carry_out((at, leg), now, &out, tally) {
                keyed.push(at);
            }
        }
        keyed
    }

    fn carry_out(
        &mut self,
        (at, leg): (usize, &mut Leg),
        now: u64,
        out: &Outputs,
        tally: &mut Tally,
    ) -> bool {
        for datagram in &out.datagrams {
            // What is lost here is sent again, as what is lost on the way.
            if leg.way(datagram.channel).send(&datagram.bytes, datagram.to).is_err() {
                tally.send_errors += 1;
            }
        }
        for (channel, keys) in &out.keys {
            leg.state.key(now, *channel, keys);
            tally.handshakes_done += 1;
        }
        tally.handshakes_failed += out.failures.len() as u64;
        if let Some(handshakes) = &leg.shaking.handshakes {
            leg.state.set_handshake(handshakes.stage());
            match handshakes.deadline() {
                Some(deadline) => drop(self.deadlines.insert(at, deadline)),
                None => drop(self.deadlines.remove(&at)),
            }
        }
        !out.keys.is_empty()
    }
}
