//! How long a call may stay as it is. An answered call may last; everything unfinished has an end.

use super::{
    Call,
    state::{Exchange, State, Talking},
};
use crate::{clock::Moment, means::Means};

impl Call {
    /// When the call wants to be woken next.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        let own = match &self.state {
            State::Ringing(ringing) => Some(ringing.until),
            State::Connecting(connecting) => Some(connecting.until),
            State::Talking(talking) => talking.until(),
            State::Transferring(transferring) => Some(transferring.until()),
            State::Queued(queued) => Some(queued.until()),
            State::Served(served) => Some(served.until()),
            State::Paged(paged) => Some(paged.until()),
            State::Callback(callback) => Some(callback.until()),
            State::Originating(originating) => Some(originating.until()),
            State::Over(_) => None,
        };
        let leaving = self.head.leaving.iter().map(super::leg::Leaving::until);
        own.into_iter().chain(leaving).min()
    }

    /// Ends what has lasted as long as it may.
    pub(crate) fn wake(mut self, means: &mut Means<'_>) -> Self {
        let now = means.moment();
        for leaving in self.head.leaving.iter_mut().filter(|leaving| leaving.until() <= now) {
            leaving.give_up(means);
        }
        let head = &mut self.head;
        self.state = match self.state {
            State::Ringing(ringing) if ringing.until <= now => match ringing.announcing {
                Some(_) => ringing.announced(false, head, means),
                None => ringing.timed_out(head, means),
            },
            State::Connecting(connecting) if connecting.until <= now => {
                connecting.hang_up(head, "ack_missing", means)
            }
            State::Talking(mut talking) => {
                if talking.until().is_some_and(|until| until <= now) {
                    talking.go_on(means);
                }
                State::Talking(talking)
            }
            State::Transferring(transferring) if transferring.until() <= now => {
                transferring.timed_out(head, means)
            }
            State::Queued(queued) if queued.until() <= now => queued.timed_out(head, means),
            State::Served(served) if served.until() <= now => served.timed_out(head, means),
            State::Paged(paged) if paged.until() <= now => paged.timed_out(head, means),
            State::Callback(callback) if callback.until() <= now => callback.timed_out(head, means),
            State::Originating(originating) if originating.until() <= now => {
                originating.timed_out(head, means)
            }
            state => state,
        };
        self.write_gone(means);
        self
    }
}

impl Talking {
    fn until(&self) -> Option<Moment> {
        match self.exchange {
            Exchange::Idle => self.owed.map(|owed| owed.at),
            Exchange::Asked { until, .. }
            | Exchange::Offered { until, .. }
            | Exchange::Settling { until, .. } => Some(until),
        }
    }

    fn go_on(&mut self, means: &mut Means<'_>) {
        match self.exchange {
            Exchange::Idle => self.tell(means),
            _ => self.give_up_exchange(means),
        }
    }
}
