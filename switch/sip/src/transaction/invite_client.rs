//! The INVITE client transaction: RFC 3261 17.1.1, figure 5 as replaced by RFC 6026 figure 3.
//!
//! ```text
//! Calling ──1xx──► Proceeding ──2xx──► Accepted ──M──► Terminated
//!    │  └──2xx──────────────────────────▲
//!    └──300-699──► Completed ◄──300-699── Proceeding
//!                      └──D──► Terminated
//! ```
//! It does not build the ACK of a failure, it keeps and repeats the one it is given.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Action, Actions, Context, Letter};

/// States of the machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum InviteClient {
    /// The INVITE was sent, nothing has been heard.
    Calling {
        /// The INVITE, for timer A.
        request: Bytes,
        /// The interval of timer A that is running.
        interval: Duration,
    },
    /// A provisional answer was heard.
    Proceeding,
    /// A failure was heard and acknowledged.
    Completed {
        /// Its ACK, for repeats of the failure.
        ack: Bytes,
    },
    /// A 2xx was heard; further ones (of forks, and repeats) are still delivered.
    Accepted,
    /// Over.
    Terminated,
}

/// What happens to it.
#[derive(Clone, Debug)]
pub enum Event {
    /// A response 100 to 199 came.
    Provisional,
    /// A response 200 to 299 came.
    Success,
    /// A response 300 to 699 came.
    Failure {
        /// The ACK that fits it.
        ack: Bytes,
    },
    /// A timer fired.
    Timer(Letter),
    /// The transport could not deliver.
    TransportError,
}

impl InviteClient {
    /// Sends the INVITE and enters Calling.
    pub fn start(request: Bytes, context: Context<'_>, actions: &mut Actions) -> Self {
        let interval = context.timers.t1;
        actions.push(Action::Send(request.clone()));
        if !context.reliable {
            actions.push(Action::Set(Letter::A, interval));
        }
        actions.push(Action::Set(Letter::B, context.timers.t1x64()));
        Self::Calling { request, interval }
    }

    /// One step of the figure.
    pub fn on(self, event: Event, context: Context<'_>, actions: &mut Actions) -> Self {
        match (self, event) {
            (Self::Calling { request, interval }, Event::Timer(Letter::A)) => {
                let interval = interval.saturating_mul(2);
                actions.push(Action::Set(Letter::A, interval));
                actions.push(Action::Send(request.clone()));
                Self::Calling { request, interval }
            }
            (Self::Calling { .. }, Event::Timer(Letter::B)) => {
                actions.push(Action::Stop(Letter::A));
                actions.push(Action::TimedOut);
                Self::Terminated
            }
            (Self::Calling { .. }, Event::TransportError) => {
                stop_calling(actions);
                actions.push(Action::TransportFailed);
                Self::Terminated
            }
            (Self::Calling { .. }, Event::Provisional) => {
                stop_calling(actions);
                actions.push(Action::Deliver);
                Self::Proceeding
            }
            (Self::Calling { .. }, Event::Success) => {
                stop_calling(actions);
                accept(context, actions)
            }
            (Self::Calling { .. }, Event::Failure { ack }) => {
                stop_calling(actions);
                complete(ack, context, actions)
            }
            (Self::Proceeding, Event::Provisional) => {
                actions.push(Action::Deliver);
                Self::Proceeding
            }
            (Self::Proceeding, Event::Success) => accept(context, actions),
            (Self::Proceeding, Event::Failure { ack }) => complete(ack, context, actions),
            (Self::Completed { ack }, Event::Failure { .. }) => {
                actions.push(Action::Send(ack.clone()));
                Self::Completed { ack }
            }
            (Self::Completed { .. }, Event::TransportError) => {
                actions.push(Action::Stop(Letter::D));
                actions.push(Action::TransportFailed);
                Self::Terminated
            }
            (Self::Completed { .. }, Event::Timer(Letter::D)) => Self::Terminated,
            (Self::Accepted, Event::Success) => {
                actions.push(Action::Deliver);
                Self::Accepted
            }
            (Self::Accepted, Event::Timer(Letter::M)) => Self::Terminated,
            (
                state @ (Self::Calling { .. }
                | Self::Proceeding
                | Self::Completed { .. }
                | Self::Accepted
                | Self::Terminated),
                _,
            ) => state,
        }
    }

    /// Whether a final response has been heard, or none will be.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Calling { .. } | Self::Proceeding)
    }
}

fn stop_calling(actions: &mut Actions) {
    actions.push(Action::Stop(Letter::A));
    actions.push(Action::Stop(Letter::B));
}

fn accept(context: Context<'_>, actions: &mut Actions) -> InviteClient {
    actions.push(Action::Set(Letter::M, context.timers.t1x64()));
    actions.push(Action::Deliver);
    InviteClient::Accepted
}

fn complete(ack: Bytes, context: Context<'_>, actions: &mut Actions) -> InviteClient {
    actions.push(Action::Send(ack.clone()));
    actions.push(Action::Deliver);
    if context.reliable {
        // Timer D is zero where the transport loses nothing.
        return InviteClient::Terminated;
    }
    actions.push(Action::Set(Letter::D, context.timers.d));
    InviteClient::Completed { ack }
}

#[cfg(test)]
mod tests {
    use super::super::table::*;
    use super::*;
    use Action::*;

    fn calling() -> InviteClient {
        InviteClient::Calling { request: bytes("INVITE"), interval: T1 }
    }

    fn completed() -> InviteClient {
        InviteClient::Completed { ack: bytes("ACK") }
    }

    fn failure() -> Event {
        Event::Failure { ack: bytes("ACK") }
    }

    fn check(from: InviteClient, event: Event, to: InviteClient, expected: &[Action]) {
        let label = format!("{from:?} on {event:?}");
        let (state, actions) = run(false, |context, actions| from.on(event, context, actions));
        assert_eq!((state, actions.as_slice()), (to, expected), "{label}");
    }

    #[test]
    fn starting_sends_and_sets_a_and_b() {
        let (state, actions) = run(false, |c, a| InviteClient::start(bytes("INVITE"), c, a));
        assert_eq!(state, calling());
        assert_eq!(actions, [Send(bytes("INVITE")), Set(Letter::A, T1), Set(Letter::B, T1X64)]);
        let (_, actions) = run(true, |c, a| InviteClient::start(bytes("INVITE"), c, a));
        assert_eq!(actions, [Send(bytes("INVITE")), Set(Letter::B, T1X64)]);
    }

    #[test]
    fn the_figure() {
        use InviteClient::*;
        let stop = [Stop(Letter::A), Stop(Letter::B)];
        let with = |rest: &[Action]| [&stop, rest].concat();
        let doubled = Calling { request: bytes("INVITE"), interval: 2 * T1 };
        check(calling(), Event::Timer(Letter::A), doubled, &[Set(Letter::A, 2 * T1), Send(bytes("INVITE"))]);
        check(calling(), Event::Timer(Letter::B), Terminated, &[Stop(Letter::A), TimedOut]);
        check(calling(), Event::TransportError, Terminated, &with(&[TransportFailed]));
        check(calling(), Event::Provisional, Proceeding, &with(&[Deliver]));
        check(calling(), Event::Success, Accepted, &with(&[Set(Letter::M, T1X64), Deliver]));
        let acked = [Send(bytes("ACK")), Deliver, Set(Letter::D, T1X64)];
        check(calling(), failure(), completed(), &with(&acked));
        check(Proceeding, Event::Provisional, Proceeding, &[Deliver]);
        check(Proceeding, Event::Success, Accepted, &[Set(Letter::M, T1X64), Deliver]);
        check(Proceeding, failure(), completed(), &acked);
        check(completed(), failure(), completed(), &[Send(bytes("ACK"))]);
        check(completed(), Event::TransportError, Terminated, &[Stop(Letter::D), TransportFailed]);
        check(completed(), Event::Timer(Letter::D), Terminated, &[]);
        check(Accepted, Event::Success, Accepted, &[Deliver]);
        check(Accepted, Event::Timer(Letter::M), Terminated, &[]);
    }

    #[test]
    fn every_other_pair_changes_nothing() {
        use InviteClient::*;
        let none = |from: InviteClient, event: Event| check(from.clone(), event, from, &[]);
        for letter in [Letter::D, Letter::M, Letter::C, Letter::K] {
            none(calling(), Event::Timer(letter));
        }
        for letter in [Letter::A, Letter::B, Letter::D, Letter::M] {
            none(Proceeding, Event::Timer(letter));
            none(Terminated, Event::Timer(letter));
        }
        for letter in [Letter::A, Letter::B, Letter::M] {
            none(completed(), Event::Timer(letter));
        }
        for letter in [Letter::A, Letter::B, Letter::D] {
            none(Accepted, Event::Timer(letter));
        }
        none(Proceeding, Event::TransportError);
        none(completed(), Event::Provisional);
        none(completed(), Event::Success);
        none(Accepted, Event::Provisional);
        none(Accepted, failure());
        none(Accepted, Event::TransportError);
        for event in [Event::Provisional, Event::Success, failure(), Event::TransportError] {
            none(Terminated, event);
        }
    }

    #[test]
    fn a_reliable_transport_needs_no_timer_d() {
        let (state, actions) = run(true, |c, a| InviteClient::Proceeding.on(failure(), c, a));
        assert_eq!(state, InviteClient::Terminated);
        assert_eq!(actions, [Send(bytes("ACK")), Deliver]);
    }

    #[test]
    fn timer_a_doubles_without_the_cap_of_t2() {
        // 17.1.1.2: 500 ms, 1 s, 2 s, 4 s, 8 s, 16 s: seven INVITEs before B.
        let mut state = calling();
        for exponent in 1..=5 {
            let (next, actions) = run(false, |c, a| state.clone().on(Event::Timer(Letter::A), c, a));
            assert_eq!(actions.first(), Some(&Set(Letter::A, T1 * 2_u32.pow(exponent))));
            state = next;
        }
    }
}
