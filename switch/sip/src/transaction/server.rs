//! The server transaction of every other request: RFC 3261 17.2.2, figure 8.
//!
//! ```text
//! Trying ──1xx──► Proceeding ──200-699──► Completed ──J──► Terminated
//!    └──200-699──────────────────────────────▲
//! ```

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Action, Actions, Context, Letter};

/// States of the machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Server {
    /// The request came, the user has not answered.
    Trying,
    /// The user answered provisionally.
    Proceeding {
        /// That answer, for repeats of the request.
        last: Bytes,
    },
    /// The user answered finally.
    Completed {
        /// That answer, for repeats of the request.
        response: Bytes,
    },
    /// Over.
    Terminated,
}

/// What happens to it.
#[derive(Clone, Debug)]
pub enum Event {
    /// The request came again.
    Request,
    /// The user answers 100 to 199.
    Provisional(Bytes),
    /// The user answers 200 to 699.
    Final(Bytes),
    /// A timer fired.
    Timer(Letter),
    /// The transport could not deliver.
    TransportError,
}

impl Server {
    /// One step of the figure.
    pub fn on(self, event: Event, context: Context<'_>, actions: &mut Actions) -> Self {
        match (self, event) {
            (Self::Trying | Self::Proceeding { .. }, Event::Provisional(response)) => {
                actions.push(Action::Send(response.clone()));
                Self::Proceeding { last: response }
            }
            (Self::Trying | Self::Proceeding { .. }, Event::Final(response)) => {
                actions.push(Action::Send(response.clone()));
                if context.reliable {
                    // Timer J is zero where the transport loses nothing.
                    return Self::Terminated;
                }
                actions.push(Action::Set(Letter::J, context.timers.t1x64()));
                Self::Completed { response }
            }
            (Self::Proceeding { last }, Event::Request) => {
                actions.push(Action::Send(last.clone()));
                Self::Proceeding { last }
            }
            (Self::Proceeding { .. }, Event::TransportError) => {
                actions.push(Action::TransportFailed);
                Self::Terminated
            }
            (Self::Completed { response }, Event::Request) => {
                actions.push(Action::Send(response.clone()));
                Self::Completed { response }
            }
            (Self::Completed { .. }, Event::TransportError) => {
                actions.push(Action::Stop(Letter::J));
                actions.push(Action::TransportFailed);
                Self::Terminated
            }
            (Self::Completed { .. }, Event::Timer(Letter::J)) => Self::Terminated,
            (
                state @ (Self::Trying | Self::Proceeding { .. } | Self::Completed { .. } | Self::Terminated),
                _,
            ) => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::*;
    use super::*;
    use Action::*;

    fn proceeding() -> Server {
        Server::Proceeding { last: bytes("100") }
    }

    fn completed() -> Server {
        Server::Completed { response: bytes("200") }
    }

    fn check(from: Server, event: Event, to: Server, expected: &[Action]) {
        let label = format!("{from:?} on {event:?}");
        let (state, actions) = run(false, |context, actions| from.on(event, context, actions));
        assert_eq!((state, actions.as_slice()), (to, expected), "{label}");
    }

    #[test]
    fn the_figure() {
        use Server::*;
        for from in [Trying, proceeding()] {
            check(from.clone(), Event::Provisional(bytes("100")), proceeding(), &[Send(bytes("100"))]);
            let sent = [Send(bytes("200")), Set(Letter::J, T1X64)];
            check(from, Event::Final(bytes("200")), completed(), &sent);
        }
        check(Trying, Event::Request, Trying, &[]);
        check(proceeding(), Event::Request, proceeding(), &[Send(bytes("100"))]);
        check(proceeding(), Event::TransportError, Terminated, &[TransportFailed]);
        check(completed(), Event::Request, completed(), &[Send(bytes("200"))]);
        check(completed(), Event::TransportError, Terminated, &[Stop(Letter::J), TransportFailed]);
        check(completed(), Event::Timer(Letter::J), Terminated, &[]);
    }

    #[test]
    fn every_other_pair_changes_nothing() {
        use Server::*;
        let none = |from: Server, event: Event| check(from.clone(), event, from, &[]);
        none(Trying, Event::TransportError);
        for state in [Trying, proceeding(), Terminated] {
            none(state, Event::Timer(Letter::J));
        }
        for state in [completed(), Terminated] {
            none(state.clone(), Event::Provisional(bytes("100")));
            none(state, Event::Final(bytes("500")));
        }
        none(Terminated, Event::Request);
        none(Terminated, Event::TransportError);
    }

    #[test]
    fn a_reliable_transport_needs_no_timer_j() {
        let (state, actions) = run(true, |c, a| Server::Trying.on(Event::Final(bytes("200")), c, a));
        assert_eq!((state, actions.as_slice()), (Server::Terminated, &[Send(bytes("200"))][..]));
    }
}
