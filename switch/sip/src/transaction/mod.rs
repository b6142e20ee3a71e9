//! The four transaction machines of RFC 3261 17, with the Accepted states and timers L and M of RFC 6026.
//!
//! One file per machine. Each is an enum whose states own what only they know; `on` consumes the state and
//! names the next one. A machine knows no addresses, headers or clocks: it asks for what should happen by
//! [`Action`] and the endpoint's table carries it out. Every pair of state and event has an answer; a pair
//! that the RFC's figure does not show changes nothing.

pub mod client;
pub mod invite_client;
pub mod invite_server;
pub mod server;

use std::time::Duration;

use arrayvec::ArrayVec;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The RFC's timer letters.
///
/// A, B, D, M: INVITE client. E, F, K: other client. G, H, I, L: INVITE server. J: other server.
/// C: the limit of a ringing INVITE (a proxy's timer in RFC 3261 16.6, kept here for our own INVITEs).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Letter {
    /// Repeat the INVITE.
    A,
    /// Give the INVITE up.
    B,
    /// Give a ringing INVITE up.
    C,
    /// Absorb repeated failures.
    D,
    /// Repeat the request.
    E,
    /// Give the request up.
    F,
    /// Repeat the failure.
    G,
    /// Give up waiting for the ACK of a failure.
    H,
    /// Absorb repeated ACKs.
    I,
    /// Absorb repeated requests.
    J,
    /// Absorb repeated responses.
    K,
    /// Absorb repeated INVITEs after a 2xx.
    L,
    /// Wait for 2xx of further forks, and for repeated ones.
    M,
}

/// The base durations all timers are made of (RFC 3261 17.1.1.1 and its table 4).
#[derive(Clone, Debug)]
pub struct Timers {
    /// Estimate of the round trip.
    pub t1: Duration,
    /// Longest interval between repeats.
    pub t2: Duration,
    /// Longest life of a message in the network.
    pub t4: Duration,
    /// Timer D over datagrams; at least 32 s.
    pub d: Duration,
    /// Longest time an INVITE of ours may ring after its last provisional answer; above 3 minutes.
    pub c: Duration,
    /// How often a long provisional state is refreshed so that proxies do not cancel it (RFC 3261 13.3.1.1).
    pub progress_refresh: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            d: Duration::from_secs(32),
            c: Duration::from_secs(240),
            progress_refresh: Duration::from_secs(60),
        }
    }
}

impl Timers {
    /// After what time timer E of the peer has reached T2: a request without an answer is slow from then on
    /// (RFC 4320 4.1).
    #[must_use]
    pub fn until_slow(&self) -> Duration {
        self.t2.saturating_sub(self.t1)
    }

    /// 64*T1: how long a transaction tries before it gives up.
    #[must_use]
    pub fn t1x64(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// The next interval of a repeat that doubles up to T2.
    pub fn doubled(&self, interval: Duration) -> Duration {
        interval.saturating_mul(2).min(self.t2)
    }
}

/// What a machine needs to know about its surroundings.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The base durations.
    pub timers: &'a Timers,
    /// Whether the transport repeats by itself.
    pub reliable: bool,
}

/// What a machine wants to happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Hand these bytes to the transport.
    Send(Bytes),
    /// Start a timer.
    Set(Letter, Duration),
    /// Stop a timer.
    Stop(Letter),
    /// Hand the response that came in to the transaction user.
    Deliver,
    /// Tell the transaction user that no answer came.
    TimedOut,
    /// Tell the transaction user that the transport failed.
    TransportFailed,
}

/// The most actions one event can ask for.
pub const ACTIONS_MAX: usize = 6;

/// The actions of one event, in order.
pub type Actions = ArrayVec<Action, ACTIONS_MAX>;

#[cfg(test)]
pub(crate) mod table {
    //! What the table tests of the four machines share.

    use super::*;

    pub const T1: Duration = Duration::from_millis(500);
    pub const T2: Duration = Duration::from_secs(4);
    pub const T4: Duration = Duration::from_secs(5);
    pub const T1X64: Duration = Duration::from_secs(32);

    /// Runs `step` in a context and returns the actions it asked for.
    pub fn run<S>(reliable: bool, step: impl FnOnce(Context<'_>, &mut Actions) -> S) -> (S, Vec<Action>) {
        let timers = Timers::default();
        let mut actions = Actions::new();
        let state = step(Context { timers: &timers, reliable }, &mut actions);
        (state, actions.into_iter().collect())
    }

    pub fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }
}
