//! How long a call may stay as it is. An answered call may last; everything unfinished has an end.

use super::{
    Call,
    state::{Exchange, State},
};
use crate::{clock::Moment, means::Means};

impl Call {
    /// When the call wants to be woken next.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        let own = match &self.state {
            State::Ringing(ringing) => Some(ringing.until),
            State::Connecting(connecting) => Some(connecting.until),
            State::Talking(talking) => match talking.exchange {
                Exchange::Idle => None,
                Exchange::Asked { until, .. } | Exchange::Offered { until, .. } => Some(until),
            },
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
            State::Ringing(ringing) if ringing.until <= now => ringing.timed_out(head, means),
            State::Connecting(connecting) if connecting.until <= now => {
                connecting.hang_up(head, "ack_missing", means)
            }
            State::Talking(mut talking) => {
                let until = match talking.exchange {
                    Exchange::Asked { until, .. } | Exchange::Offered { until, .. } => Some(until),
                    Exchange::Idle => None,
                };
                if until.is_some_and(|until| until <= now) {
                    talking.give_up_exchange(means);
                }
                State::Talking(talking)
            }
            state => state,
        };
        self.write_gone(means);
        self
    }
}
