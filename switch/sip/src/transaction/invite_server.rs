//! The INVITE server transaction: RFC 3261 17.2.1, figure 7 as replaced by RFC 6026 figure 5.
//!
//! ```text
//! Proceeding ──2xx──► Accepted ──L──► Terminated
//!     └──300-699──► Completed ──ACK──► Confirmed ──I──► Terminated
//!                       └──H──► Terminated
//! ```
//! A 2xx is repeated by the session until its ACK comes (13.3.1.4), not here.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Action, Actions, Context, Letter};

/// States of the machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum InviteServer {
    /// No final answer yet.
    Proceeding {
        /// The last provisional answer, for repeats of the INVITE.
        last: Option<Bytes>,
    },
    /// A failure was sent and is repeated until its ACK comes.
    Completed {
        /// The failure.
        response: Bytes,
        /// The interval of timer G that is running.
        interval: Duration,
    },
    /// The ACK of the failure came; repeats of it are absorbed.
    Confirmed,
    /// A 2xx was sent; repeats of the INVITE are absorbed.
    Accepted,
    /// Over.
    Terminated,
}

/// What happens to it.
#[derive(Clone, Debug)]
pub enum Event {
    /// The INVITE came again.
    Request,
    /// The user answers 100 to 199.
    Provisional(Bytes),
    /// The user answers 200 to 299, or repeats that answer.
    Success(Bytes),
    /// The user answers 300 to 699.
    Failure(Bytes),
    /// The ACK of the failure came.
    Ack,
    /// A timer fired.
    Timer(Letter),
    /// The transport could not deliver.
    TransportError,
}

impl InviteServer {
    /// The state of a transaction whose INVITE has just come.
    pub fn start() -> Self {
        Self::Proceeding { last: None }
    }

    /// One step of the figure.
    pub fn on(self, event: Event, context: Context<'_>, actions: &mut Actions) -> Self {
        match (self, event) {
            (Self::Proceeding { last }, Event::Request) => {
                actions.extend(last.clone().map(Action::Send));
                Self::Proceeding { last }
            }
            (Self::Proceeding { .. }, Event::Provisional(response)) => {
                actions.push(Action::Send(response.clone()));
                Self::Proceeding { last: Some(response) }
            }
            (Self::Proceeding { .. }, Event::Success(response)) => {
                actions.push(Action::Send(response));
                actions.push(Action::Set(Letter::L, context.timers.t1x64()));
                Self::Accepted
            }
            (Self::Proceeding { .. }, Event::Failure(response)) => complete(response, context, actions),
            (Self::Completed { response, interval }, Event::Request) => {
                actions.push(Action::Send(response.clone()));
                Self::Completed { response, interval }
            }
            (Self::Completed { response, interval }, Event::Timer(Letter::G)) => {
                let interval = context.timers.doubled(interval);
                actions.push(Action::Set(Letter::G, interval));
                actions.push(Action::Send(response.clone()));
                Self::Completed { response, interval }
            }
            (Self::Completed { .. }, Event::Timer(Letter::H)) => {
                actions.push(Action::Stop(Letter::G));
                Self::Terminated
            }
            (Self::Completed { .. }, Event::Ack) => {
                actions.push(Action::Stop(Letter::G));
                actions.push(Action::Stop(Letter::H));
                if context.reliable {
                    // Timer I is zero where the transport loses nothing.
                    return Self::Terminated;
                }
                actions.push(Action::Set(Letter::I, context.timers.t4));
                Self::Confirmed
            }
            (Self::Confirmed, Event::Timer(Letter::I)) => Self::Terminated,
            (Self::Accepted, Event::Success(response)) => {
                actions.push(Action::Send(response));
                Self::Accepted
            }
            (Self::Accepted, Event::Timer(Letter::L)) => Self::Terminated,
            (
                state @ (Self::Proceeding { .. } | Self::Completed { .. } | Self::Accepted),
                Event::TransportError,
            ) => {
                actions.push(Action::TransportFailed);
                state
            }
            (
                state @ (Self::Proceeding { .. }
                | Self::Completed { .. }
                | Self::Confirmed
                | Self::Accepted
                | Self::Terminated),
                _,
            ) => state,
        }
    }
}

fn complete(response: Bytes, context: Context<'_>, actions: &mut Actions) -> InviteServer {
    let interval = context.timers.t1;
    actions.push(Action::Send(response.clone()));
    if !context.reliable {
        actions.push(Action::Set(Letter::G, interval));
    }
    actions.push(Action::Set(Letter::H, context.timers.t1x64()));
    InviteServer::Completed { response, interval }
}

#[cfg(test)]
mod tests {
    use super::super::table::*;
    use super::*;
    use Action::*;

    fn proceeding(last: Option<&'static str>) -> InviteServer {
        InviteServer::Proceeding { last: last.map(bytes) }
    }

    fn completed(interval: Duration) -> InviteServer {
        InviteServer::Completed { response: bytes("486"), interval }
    }

    fn timer(letter: Letter) -> Event {
        Event::Timer(letter)
    }

    fn check(from: InviteServer, event: Event, to: InviteServer, expected: &[Action]) {
        let label = format!("{from:?} on {event:?}");
        let (state, actions) = run(false, |context, actions| from.on(event, context, actions));
        assert_eq!((state, actions.as_slice()), (to, expected), "{label}");
    }

    #[test]
    fn the_figure() {
        use InviteServer::*;
        check(proceeding(None), Event::Request, proceeding(None), &[]);
        check(proceeding(Some("180")), Event::Request, proceeding(Some("180")), &[Send(bytes("180"))]);
        let ringing = Event::Provisional(bytes("180"));
        check(proceeding(None), ringing, proceeding(Some("180")), &[Send(bytes("180"))]);
        let ok = || Event::Success(bytes("200"));
        check(proceeding(None), ok(), Accepted, &[Send(bytes("200")), Set(Letter::L, T1X64)]);
        let busy = Event::Failure(bytes("486"));
        let sent = [Send(bytes("486")), Set(Letter::G, T1), Set(Letter::H, T1X64)];
        check(proceeding(None), busy, completed(T1), &sent);
        check(proceeding(None), Event::TransportError, proceeding(None), &[TransportFailed]);
        check(completed(T1), Event::Request, completed(T1), &[Send(bytes("486"))]);
        check(
            completed(T1),
            timer(Letter::G),
            completed(2 * T1),
            &[Set(Letter::G, 2 * T1), Send(bytes("486"))],
        );
        check(completed(T2), timer(Letter::G), completed(T2), &[Set(Letter::G, T2), Send(bytes("486"))]);
        check(completed(T1), timer(Letter::H), Terminated, &[Stop(Letter::G)]);
        let acked = [Stop(Letter::G), Stop(Letter::H), Set(Letter::I, T4)];
        check(completed(T1), Event::Ack, Confirmed, &acked);
        check(completed(T1), Event::TransportError, completed(T1), &[TransportFailed]);
        check(Confirmed, timer(Letter::I), Terminated, &[]);
        check(Accepted, ok(), Accepted, &[Send(bytes("200"))]);
        check(Accepted, timer(Letter::L), Terminated, &[]);
        check(Accepted, Event::TransportError, Accepted, &[TransportFailed]);
    }

    #[test]
    fn every_other_pair_changes_nothing() {
        use InviteServer::*;
        let none = |from: InviteServer, event: Event| check(from.clone(), event, from, &[]);
        let all = [proceeding(Some("180")), completed(T1), Confirmed, Accepted, Terminated];
        for (index, state) in all.iter().enumerate() {
            for letter in [Letter::G, Letter::H, Letter::I, Letter::L] {
                let shown =
                    matches!((index, letter), (1, Letter::G | Letter::H) | (2, Letter::I) | (3, Letter::L));
                if !shown {
                    none(state.clone(), timer(letter));
                }
            }
        }
        none(proceeding(None), Event::Ack);
        for state in [completed(T1), Confirmed, Accepted, Terminated] {
            none(state.clone(), Event::Provisional(bytes("180")));
            none(state, Event::Failure(bytes("500")));
        }
        for state in [completed(T1), Confirmed, Terminated] {
            none(state, Event::Success(bytes("200")));
        }
        for state in [Confirmed, Accepted, Terminated] {
            none(state.clone(), Event::Ack);
            none(state, Event::Request);
        }
        none(Confirmed, Event::TransportError);
        none(Terminated, Event::TransportError);
    }

    #[test]
    fn a_reliable_transport_needs_neither_g_nor_i() {
        let (state, actions) = run(true, |c, a| proceeding(None).on(Event::Failure(bytes("486")), c, a));
        assert_eq!(actions, [Send(bytes("486")), Set(Letter::H, T1X64)]);
        let (state, _) = run(true, |c, a| state.on(Event::Ack, c, a));
        assert_eq!(state, InviteServer::Terminated);
    }
}
