//! The client transaction of every other request: RFC 3261 17.1.2, figure 6.
//!
//! ```text
//! Trying ──1xx──► Proceeding ──200-699──► Completed ──K──► Terminated
//!    └──200-699──────────────────────────────▲
//! ```

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Action, Actions, Context, Letter};

/// States of the machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Client {
    /// The request was sent, nothing has been heard.
    Trying {
        /// The request, for timer E.
        request: Bytes,
        /// The interval of timer E that is running.
        interval: Duration,
    },
    /// A provisional answer was heard; the request is repeated every T2.
    Proceeding {
        /// The request, for timer E.
        request: Bytes,
    },
    /// A final answer was heard; repeats of it are absorbed.
    Completed,
    /// Over.
    Terminated,
}

/// What happens to it.
#[derive(Clone, Debug)]
pub enum Event {
    /// A response 100 to 199 came.
    Provisional,
    /// A response 200 to 699 came.
    Final,
    /// A timer fired.
    Timer(Letter),
    /// The transport could not deliver.
    TransportError,
}

impl Client {
    /// Sends the request and enters Trying.
    pub fn start(request: Bytes, context: Context<'_>, actions: &mut Actions) -> Self {
        let interval = context.timers.t1;
        actions.push(Action::Send(request.clone()));
        if !context.reliable {
            actions.push(Action::Set(Letter::E, interval));
        }
        actions.push(Action::Set(Letter::F, context.timers.t1x64()));
        Self::Trying { request, interval }
    }

    /// One step of the figure.
    pub fn on(self, event: Event, context: Context<'_>, actions: &mut Actions) -> Self {
        match (self, event) {
            (Self::Trying { request, interval }, Event::Timer(Letter::E)) => {
                let interval = context.timers.doubled(interval);
                actions.push(Action::Set(Letter::E, interval));
                actions.push(Action::Send(request.clone()));
                Self::Trying { request, interval }
            }
            (Self::Trying { request, .. }, Event::Provisional) => {
                // Timer E goes on as it runs; from its next firing it is T2 (17.1.2.2).
                actions.push(Action::Deliver);
                Self::Proceeding { request }
            }
            (Self::Proceeding { request }, Event::Timer(Letter::E)) => {
                actions.push(Action::Set(Letter::E, context.timers.t2));
                actions.push(Action::Send(request.clone()));
                Self::Proceeding { request }
            }
            (Self::Proceeding { request }, Event::Provisional) => {
                actions.push(Action::Deliver);
                Self::Proceeding { request }
            }
            (Self::Trying { .. } | Self::Proceeding { .. }, Event::Final) => complete(context, actions),
            (Self::Trying { .. } | Self::Proceeding { .. }, Event::Timer(Letter::F)) => {
                actions.push(Action::Stop(Letter::E));
                actions.push(Action::TimedOut);
                Self::Terminated
            }
            (Self::Trying { .. } | Self::Proceeding { .. }, Event::TransportError) => {
                stop(actions);
                actions.push(Action::TransportFailed);
                Self::Terminated
            }
            (Self::Completed, Event::Timer(Letter::K)) => Self::Terminated,
            (
                state @ (Self::Trying { .. } | Self::Proceeding { .. } | Self::Completed | Self::Terminated),
                _,
            ) => state,
        }
    }
}

fn stop(actions: &mut Actions) {
    actions.push(Action::Stop(Letter::E));
    actions.push(Action::Stop(Letter::F));
}

fn complete(context: Context<'_>, actions: &mut Actions) -> Client {
    stop(actions);
    actions.push(Action::Deliver);
    if context.reliable {
        // Timer K is zero where the transport loses nothing.
        return Client::Terminated;
    }
    actions.push(Action::Set(Letter::K, context.timers.t4));
    Client::Completed
}

#[cfg(test)]
mod tests {
    use super::super::table::*;
    use super::*;
    use Action::*;

    fn trying(interval: Duration) -> Client {
        Client::Trying { request: bytes("BYE"), interval }
    }

    fn proceeding() -> Client {
        Client::Proceeding { request: bytes("BYE") }
    }

    fn check(from: Client, event: Event, to: Client, expected: &[Action]) {
        let label = format!("{from:?} on {event:?}");
        let (state, actions) = run(false, |context, actions| from.on(event, context, actions));
        assert_eq!((state, actions.as_slice()), (to, expected), "{label}");
    }

    #[test]
    fn starting_sends_and_sets_e_and_f() {
        let (state, actions) = run(false, |c, a| Client::start(bytes("BYE"), c, a));
        assert_eq!(state, trying(T1));
        assert_eq!(actions, [Send(bytes("BYE")), Set(Letter::E, T1), Set(Letter::F, T1X64)]);
        let (_, actions) = run(true, |c, a| Client::start(bytes("BYE"), c, a));
        assert_eq!(actions, [Send(bytes("BYE")), Set(Letter::F, T1X64)]);
    }

    #[test]
    fn the_figure() {
        use Client::*;
        let e = || Event::Timer(Letter::E);
        check(trying(T1), e(), trying(2 * T1), &[Set(Letter::E, 2 * T1), Send(bytes("BYE"))]);
        check(trying(T2), e(), trying(T2), &[Set(Letter::E, T2), Send(bytes("BYE"))]);
        check(trying(T1), Event::Provisional, proceeding(), &[Deliver]);
        check(proceeding(), e(), proceeding(), &[Set(Letter::E, T2), Send(bytes("BYE"))]);
        check(proceeding(), Event::Provisional, proceeding(), &[Deliver]);
        for from in [trying(T1), proceeding()] {
            let stop = [Stop(Letter::E), Stop(Letter::F)];
            let over = [&stop[..], &[Deliver, Set(Letter::K, T4)]].concat();
            check(from.clone(), Event::Final, Completed, &over);
            check(from.clone(), Event::Timer(Letter::F), Terminated, &[Stop(Letter::E), TimedOut]);
            check(from, Event::TransportError, Terminated, &[&stop[..], &[TransportFailed]].concat());
        }
        check(Completed, Event::Timer(Letter::K), Terminated, &[]);
    }

    #[test]
    fn every_other_pair_changes_nothing() {
        use Client::*;
        let none = |from: Client, event: Event| check(from.clone(), event, from, &[]);
        none(trying(T1), Event::Timer(Letter::K));
        none(proceeding(), Event::Timer(Letter::K));
        for state in [Completed, Terminated] {
            for event in [Event::Provisional, Event::Final, Event::TransportError] {
                none(state.clone(), event);
            }
            for letter in [Letter::E, Letter::F] {
                none(state.clone(), Event::Timer(letter));
            }
        }
        none(Terminated, Event::Timer(Letter::K));
    }

    #[test]
    fn a_reliable_transport_needs_no_timer_k() {
        let (state, actions) = run(true, |c, a| trying(T1).on(Event::Final, c, a));
        assert_eq!(state, Client::Terminated);
        assert_eq!(actions, [Stop(Letter::E), Stop(Letter::F), Deliver]);
    }
}
