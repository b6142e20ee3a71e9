//! What takes two calls at once: a transferor who has both puts the two others in touch.
//!
//! A call knows its own legs only, so here is who finds the two, lends them to each other for the length of one input, and
//! keeps what has become of them. What becomes of them stands in `call::attended`.

use contract::id::CallId;
use sip::{OwnedMessage, Replaces, RequestKey, SessionKey};

use crate::{
    call::{
        Call,
        attended::{Consultation, refuse},
    },
    means::Means,
    output::Outputs,
    switchboard::Switchboard,
};

impl Switchboard {
    /// A REFER that names another call of its author's (RFC 5589 §7.1).
    pub(crate) fn transfer_to_call(
        &mut self,
        (session, request): (SessionKey, RequestKey),
        (message, other): (&OwnedMessage, &Replaces),
        out: &mut Outputs,
    ) {
        let there = self.endpoint.session_of(other);
        let calls = self.sessions.get(&session).zip(there.and_then(|there| self.sessions.get(&there)));
        let calls = calls.map(|(here, there)| (*here, *there));
        // A session may outlive its call by the length of an input.
        let calls = calls.filter(|(here, there)| {
            here != there && [here, there].iter().all(|call| self.calls.contains_key(call))
        });
        match calls.zip(there) {
            Some((calls, there)) => {
                let consultation = Consultation::asked((session, there), request, &message.view());
                self.with_two_calls(calls, out, |calls, means| consultation.carry_out(calls, means));
            }
            None => refuse(request, "no_such_call", &mut self.means(out)),
        }
    }

    /// Lets two calls change at once and keeps what has become of them.
    fn with_two_calls(
        &mut self,
        (one, other): (CallId, CallId),
        out: &mut Outputs,
        change: impl FnOnce((Call, Call), &mut Means<'_>) -> (Call, Call),
    ) {
        let (Some(first), Some(second)) = (self.take_out(one), self.take_out(other)) else { return };
        let calls = change((first.0, second.0), &mut self.means(out));
        self.put_back(one, (calls.0, first.1), out);
        self.put_back(other, (calls.1, second.1), out);
    }
}
