//! What takes two calls at once: somebody who has both puts the two others in touch.
//!
//! A call knows its own legs only, so here is who finds the two, lends them to each other for the length of one input, and
//! keeps what has become of them. What becomes of them stands in `call::attended`.

use contract::{command::Outcome, id::CallId};
use sip::{OwnedMessage, Replaces, RequestKey, SessionKey};

use crate::{
    call::{Call, attended::Consultation, objection::Objection},
    means::Means,
    output::{Output, Outputs},
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
        let Some((calls, there)) = calls.zip(there) else {
            let reply = Objection::NoSuchCall.reply();
            return self.means(out).respond_in_dialog(request, reply);
        };
        let consultation = Consultation::asked((session, there), &message.view());
        self.with_two_calls(calls, out, |calls, means| match consultation.may(&calls.0, &calls.1) {
            Ok(()) => {
                means.respond_in_dialog(request, consultation.accepted());
                consultation.carry_out(calls, means)
            }
            Err(objection) => {
                means.respond_in_dialog(request, objection.reply());
                calls
            }
        });
    }

    /// Somebody orders the two others of whoever is in both calls to be put through.
    pub(crate) fn connect(&mut self, call: CallId, other: CallId, out: &mut Outputs) {
        let mut outcome = Outcome::UnknownCall;
        let are_up = [call, other].iter().all(|id| self.calls.get(id).is_some_and(|call| !call.is_over()));
        if are_up && call != other {
            self.with_two_calls((call, other), out, |calls, means| {
                match Consultation::between(&calls.0, &calls.1) {
                    Ok(consultation) => {
                        outcome = Outcome::Done;
                        consultation.carry_out(calls, means)
                    }
                    Err(objection) => {
                        outcome = objection.outcome();
                        calls
                    }
                }
            });
        }
        out.push(Output::Command(outcome));
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
