//! What takes more than one call: somebody who has two puts the two others in touch, or comes into one, by a call of their
//! own or because it is ordered that their phones ring in it.
//!
//! A call knows its own legs only, so here is who finds them, lends two to each other for the length of one input, and keeps what
//! has become of them. What becomes of them stands in `call::attended` and `call::entrant`.

use std::sync::Arc;

use contract::{
    command::Outcome,
    id::{CallId, OrgId},
};
use dialplan::{OrgPlan, PersonKey, Plan};
use sip::{HeaderName, Message, OwnedMessage, Replaces, Reply, RequestKey, SessionKey};

use crate::{
    call::{
        Call,
        attended::Consultation,
        entrant::{Door, Entrant},
        objection::Objection,
    },
    means::Means,
    output::{Output, Outputs},
    switchboard::Switchboard,
};

/// A call that somebody comes into.
pub(crate) type Entry = (CallId, Door);

impl Switchboard {
    /// The call that an INVITE is to come into, if it is to come into one: what it names (RFC 3891), or what rings and it has
    /// dialled the code for. The error is the answer to it.
    pub(crate) fn entry(
        &self,
        message: &Message<'_>,
        (org, person): (&OrgPlan, PersonKey),
        dialled: &str,
    ) -> Result<Option<Entry>, Reply> {
        if let Some(value) = message.first(HeaderName::Replaces) {
            let replaces = Replaces::parse(value).ok_or_else(|| Reply::new(400).phrase("Bad Replaces"))?;
            let session = self.endpoint.session_of(&replaces).ok_or_else(|| Reply::new(481))?;
            let call = self.sessions.get(&session).and_then(|id| Some((*id, self.calls.get(id)?)));
            let (id, call) = call.ok_or_else(|| Reply::new(481))?;
            return Ok(Some((id, call.door((org, person), (session, replaces.early_only))?)));
        }
        if let Some(slot) = org.parks_at(dialled) {
            return Ok(self.parking.at(org, slot).map(|id| (id, Door::Parked)));
        }
        let Some(wish) = org.pick_up(dialled) else { return Ok(None) };
        // The one that has rung longest.
        let mut calls = self.calls.iter();
        let found = calls.find(|(_, call)| call.rings_for(org, person, wish));
        Ok(found.map(|(id, _)| (*id, Door::Rings)))
    }

    /// Somebody comes into a call.
    pub(crate) fn enter(&mut self, (call, door): Entry, entrant: Entrant, out: &mut Outputs) {
        self.sessions.insert(entrant.session, call);
        self.with_call(call, out, |call, means| call.entered(door, entrant, means));
    }

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

    /// Somebody's phones are to ring in a call too.
    pub(crate) fn pick_up(
        &mut self,
        (org, id): (Option<OrgId>, CallId),
        (by, auto_answer): (&str, bool),
        out: &mut Outputs,
    ) {
        let plan = Arc::clone(&self.plan);
        let Some(org) = self.organisation_of(id, org, &plan) else {
            return out.push(Output::Command(Outcome::UnknownCall));
        };
        match self.caller(org, by) {
            None => out.push(Output::Command(Outcome::UnknownCaller)),
            Some((_, phones)) => self
                .order(id, out, |call, outcome, means| call.pick_up((phones, auto_answer), outcome, means)),
        }
    }

    /// The organisation of a call that is up, if it is this one, where one is meant.
    pub(crate) fn organisation_of<'p>(
        &self,
        call: CallId,
        meant: Option<OrgId>,
        plan: &'p Plan,
    ) -> Option<&'p OrgPlan> {
        let call = self.calls.get(&call).filter(|call| !call.is_over())?;
        call.organisation(plan).filter(|org| meant.is_none_or(|meant| meant == org.id()))
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
