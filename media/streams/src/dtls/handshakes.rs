//! The handshakes of one leg: one on its RTP port, one on its RTCP port.
//!
//! Before its keys are there a leg knows only which IP address it may be spoken to from, and behind one address there
//! may be several senders. So a few are tried at the same time, as with RTP on probation (DESIGN D6): the one that has
//! the right certificate wins. What was begun in a period is bounded, so that nobody can have us compute without end.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Failure, Identity, Role, Stage, Terms, attempt::Attempt, records::is_client_hello};
use crate::{leg::Channel, srtp::SrtpKeys};

/// Sources that one port shakes hands with at the same time.
pub const ATTEMPTS_AT_ONCE_MAX: usize = 4;
/// Attempts that may begin on one port in a period.
pub const ATTEMPTS_PER_PERIOD_MAX: u16 = 16;
/// The period, in microseconds.
pub const PERIOD_MICROS: u64 = 10_000_000;
/// How long a finished handshake is kept, in microseconds: a far end that has not heard its end asks again.
pub const LINGER_MICROS: u64 = 30_000_000;

/// A datagram to be sent from one of the leg's ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// From which port.
    pub channel: Channel,
    /// To whom.
    pub to: SocketAddr,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What is to be done, in this order.
#[derive(Debug, Default)]
pub struct Outputs {
    /// To be sent.
    pub datagrams: Vec<Datagram>,
    /// Keys for a port from now on.
    pub keys: Vec<(Channel, SrtpKeys)>,
    /// What has come to nothing.
    pub failures: Vec<(Channel, Failure)>,
}

/// The handshakes of a leg under its present terms.
#[derive(Debug)]
pub struct Handshakes {
    identity: Arc<Identity>,
    origin: Instant,
    terms: Terms,
    rtp: Side,
    rtcp: Side,
}

/// One port.
#[derive(Debug)]
struct Side {
    channel: Channel,
    attempts: Vec<Attempt>,
    period_from_micros: u64,
    /// With sources that share the address, and with the one of the description, which the others must not use up.
    begun_in_period: [u16; 2],
    /// The last reason for which one has ended.
    failure: Option<Failure>,
    /// Since when the keys are there.
    done_micros: Option<u64>,
}

impl Side {
    fn new(channel: Channel) -> Self {
        Self {
            channel,
            attempts: Vec::new(),
            period_from_micros: 0,
            begun_in_period: [0; 2],
            failure: None,
            done_micros: None,
        }
    }

    fn stage(&self) -> Stage {
        match self.failure {
            _ if self.done_micros.is_some() => Stage::Done,
            _ if self.attempts.iter().any(Attempt::is_heard) => Stage::Going,
            Some(failure) => Stage::Failed(failure),
            None => Stage::Waiting,
        }
    }

    /// Whether another attempt may begin now; then it counts as begun.
    fn may_begin(&mut self, now_micros: u64, is_stated: bool) -> bool {
        if now_micros.saturating_sub(self.period_from_micros) >= PERIOD_MICROS {
            self.period_from_micros = now_micros;
            self.begun_in_period = [0; 2];
        }
        let [others, stated] = &mut self.begun_in_period;
        let begun = if is_stated { stated } else { others };
        let may = *begun < ATTEMPTS_PER_PERIOD_MAX;
        *begun += u16::from(may);
        may
    }

    /// Room for one more: the source that was quiet for longest goes, except the one of the description.
    fn make_room(&mut self, stated: Option<SocketAddr>) {
        if self.attempts.len() < ATTEMPTS_AT_ONCE_MAX {
            return;
        }
        let others = self.attempts.iter().enumerate().filter(|(_, attempt)| Some(attempt.peer) != stated);
        let quietest = others.min_by_key(|(_, attempt)| attempt.heard_micros).map(|(at, _)| at);
        if let Some(at) = quietest {
            self.attempts.swap_remove(at);
        }
    }

    /// What an attempt has come to.
    fn settle(
        &mut self,
        at: usize,
        now_micros: u64,
        outcome: Result<Option<SrtpKeys>, Failure>,
        sent: Vec<Vec<u8>>,
        out: &mut Outputs,
    ) {
        let Some(to) = self.attempts.get(at).map(|attempt| attempt.peer) else { return };
        let channel = self.channel;
        out.datagrams.extend(sent.into_iter().map(|bytes| Datagram { channel, to, bytes }));
        match outcome {
            Ok(None) => {}
            Ok(Some(keys)) => {
                self.done_micros = Some(now_micros);
                self.attempts.swap(0, at);
                self.attempts.truncate(1);
                out.keys.push((channel, keys));
            }
            Err(failure) => {
                self.attempts.swap_remove(at);
                self.failure = Some(failure);
                out.failures.push((channel, failure));
            }
        }
    }
}

impl Handshakes {
    /// Under these terms; `origin` is the instant at which the caller's microseconds begin. `keyed` are the ports that
    /// have their keys from a former life.
    pub fn new(identity: Arc<Identity>, origin: Instant, terms: Terms, keyed: &[Channel]) -> Self {
        let side = |channel| {
            let done_micros = keyed.contains(&channel).then_some(0);
            Side { done_micros, ..Side::new(channel) }
        };
        Self { identity, origin, terms, rtp: side(Channel::Rtp), rtcp: side(Channel::Rtcp) }
    }

    /// Whether these are its terms.
    pub fn is_under(&self, terms: &Terms) -> bool {
        self.terms == *terms
    }

    /// The leg's: that of RTP, without which there is nothing to hear.
    pub fn stage(&self) -> Stage {
        self.rtp.stage()
    }

    /// Begins, where that is our part, with those of the leg's addresses that are known now.
    pub fn begin(
        &mut self,
        now_micros: u64,
        rtp: Option<SocketAddr>,
        rtcp: Option<SocketAddr>,
        out: &mut Outputs,
    ) {
        if self.terms.role == Role::Passive {
            return;
        }
        let now = instant(self.origin, now_micros);
        for (side, to) in [(&mut self.rtp, rtp), (&mut self.rtcp, rtcp)] {
            let Some(to) = to else { continue };
            if side.done_micros.is_some() || side.attempts.iter().any(|attempt| attempt.peer == to) {
                continue;
            }
            if side.may_begin(now_micros, true) {
                side.make_room(None);
                side.attempts.push(Attempt::new(&self.identity, Role::Active, to, now, now_micros));
                let (at, mut sent) = (side.attempts.len() - 1, Vec::new());
                let Some(attempt) = side.attempts.get_mut(at) else { continue };
                let outcome = attempt.begin(now, &self.identity, &mut sent);
                side.settle(at, now_micros, outcome, sent, out);
            }
        }
    }

    /// A datagram that has come to one of the ports, from a source from which the leg may be spoken to. `stated` is the
    /// address of its description.
    pub fn handle(
        &mut self,
        now_micros: u64,
        channel: Channel,
        source: SocketAddr,
        stated: Option<SocketAddr>,
        datagram: &[u8],
        out: &mut Outputs,
    ) {
        let now = instant(self.origin, now_micros);
        let side = match channel {
            Channel::Rtp => &mut self.rtp,
            Channel::Rtcp => &mut self.rtcp,
        };
        let known = side.attempts.iter().position(|attempt| attempt.peer == source);
        let is_new =
            self.terms.role == Role::Passive && side.done_micros.is_none() && is_client_hello(datagram);
        let at = match known {
            Some(at) => at,
            None if is_new && side.may_begin(now_micros, stated == Some(source)) => {
                side.make_room(stated);
                side.attempts.push(Attempt::new(&self.identity, Role::Passive, source, now, now_micros));
                side.attempts.len() - 1
            }
            None => return,
        };
        let Some(attempt) = side.attempts.get_mut(at) else { return };
        attempt.heard_micros = now_micros;
        let mut sent = Vec::new();
        let outcome = attempt.handle(now, &self.terms.fingerprints, datagram, &mut sent);
        side.settle(at, now_micros, outcome, sent, out);
    }

    /// Sends again what has not been answered, and gives up what has taken too long.
    pub fn advance(&mut self, now_micros: u64, out: &mut Outputs) {
        let now = instant(self.origin, now_micros);
        for side in [&mut self.rtp, &mut self.rtcp] {
            if side.done_micros.is_some_and(|done| now_micros.saturating_sub(done) >= LINGER_MICROS) {
                side.attempts = Vec::new();
            }
            for at in (0..side.attempts.len()).rev() {
                let Some(attempt) = side.attempts.get_mut(at) else { continue };
                if attempt.deadline().is_some_and(|deadline| deadline <= now) {
                    let mut sent = Vec::new();
                    let outcome = attempt.advance(now, &mut sent);
                    side.settle(at, now_micros, outcome, sent, out);
                }
            }
        }
    }

    /// When [`Handshakes::advance`] is wanted next.
    pub fn deadline(&self) -> Option<u64> {
        let sides = [&self.rtp, &self.rtcp].into_iter().filter(|side| !side.attempts.is_empty());
        let of = |side: &Side| {
            let turns = side.attempts.iter().filter_map(Attempt::deadline);
            let turns = turns.map(|deadline| {
                u64::try_from(deadline.saturating_duration_since(self.origin).as_micros()).unwrap_or(u64::MAX)
            });
            turns.chain(side.done_micros.map(|done| done.saturating_add(LINGER_MICROS))).min()
        };
        sides.filter_map(of).min()
    }
}

/// An instant as the library has it.
fn instant(origin: Instant, micros: u64) -> Instant {
    origin.checked_add(Duration::from_micros(micros)).unwrap_or(origin)
}
