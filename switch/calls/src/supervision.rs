//! Who listens to whose call, and what of it there is to be heard (decision 0049).
//!
//! What a call says of itself is all there is to know of it here, as with conferences. The call of a supervisor knows whom it is
//! about and where that one was heard last; here it is told when that has changed. Who is supervised is told nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use contract::{
    command::{Outcome, SupervisionMode},
    id::{CallId, OrgId, UserId},
};
use dialplan::{Host, OrgPlan, PersonKey};
use serde::{Deserialize, Serialize};
use sip::SessionKey;
use streams::media::LeaseId;

use crate::{call::Call, output::Outputs, switchboard::Switchboard};

/// Supervisors of one organisation who listen at once; a further one is busy.
const SUPERVISORS_MAX: usize = 64;

/// Somebody who is listened to, where they talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) user: UserId,
    pub(crate) call: CallId,
    pub(crate) session: SessionKey,
}

impl Subject {
    pub(crate) fn person(self) -> PersonKey {
        PersonKey::User(self.user)
    }
}

/// Why nobody is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum NoSubject {
    /// Whoever asks does not supervise them.
    NotAllowed,
    /// They talk to nobody.
    Silent,
    /// Somebody listens already, or as many as may.
    Busy,
}

impl NoSubject {
    /// The stable word for programs.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::NotAllowed => "not_supervisor",
            Self::Silent => "nobody_talks",
            Self::Busy => "supervised",
        }
    }

    /// The same for whoever has ordered it.
    pub(crate) const fn outcome(self) -> Outcome {
        match self {
            Self::NotAllowed => Outcome::NotAllowed,
            Self::Silent => Outcome::NotNow,
            Self::Busy => Outcome::Busy,
        }
    }
}

/// Somebody is to listen, by order, when one of their phones has answered.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct ToListen {
    pub(crate) supervisor: UserId,
    pub(crate) mode: SupervisionMode,
    /// To whom, as it was known last.
    pub(crate) subject: Subject,
    /// Why there is nobody to listen to, since a phone has answered.
    pub(crate) objection: Option<NoSubject>,
}

/// What of somebody there is to be heard now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// They talk: on these lines, of theirs and of the other one.
    Talk(Subject, [LeaseId; 2]),
    /// They are still in their call, and nobody hears them; these lines of it are open.
    Nothing(Vec<LeaseId>),
    /// They have left, or may not be listened to any more; these lines of where they were are open.
    Gone(&'static str, Vec<LeaseId>),
}

/// Whom a call is about that somebody listens by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(crate) org: OrgId,
    pub(crate) supervisor: UserId,
    pub(crate) subject: Subject,
    /// It has been answered, and acknowledged that.
    pub(crate) has_begun: bool,
}

/// All who listen, by their own calls.
#[derive(Debug, Default)]
pub(crate) struct Supervisions {
    watches: BTreeMap<CallId, Watch>,
    /// Those who may have to be told something else.
    changed: BTreeSet<CallId>,
}

impl Supervisions {
    /// Takes what a call says of itself after it has changed.
    pub(crate) fn note(&mut self, call: CallId, watch: Option<Watch>) {
        if self.watches.get(&call) != watch.as_ref() {
            match watch {
                Some(watch) => drop(self.watches.insert(call, watch)),
                None => drop(self.watches.remove(&call)),
            }
            self.changed.insert(call);
        }
        let about = self.watches.iter().filter(|(_, watch)| watch.subject.call == call);
        self.changed.extend(about.map(|(by, _)| *by));
    }

    /// Who may listen to whom may have changed.
    pub(crate) fn review(&mut self) {
        self.changed.extend(self.watches.keys());
    }
}

impl Switchboard {
    /// The newest call of whom a code names that somebody may listen to.
    pub(crate) fn subject(
        &self,
        org: &OrgPlan,
        supervisor: PersonKey,
        dialled: &str,
    ) -> Result<Subject, NoSubject> {
        let host = org.supervised_at(dialled).ok_or(NoSubject::Silent)?;
        let is_meant = |person: PersonKey| match host {
            Host::User(user) => person == PersonKey::User(user),
            Host::Extension(extension) => org.is_of(person, extension),
            Host::Account(_) | Host::Outside(_) => false,
        };
        let is_allowed = |person: PersonKey| is_meant(person) && org.supervises(supervisor, person);
        if !org.staff().map(PersonKey::User).any(is_allowed) {
            return Err(NoSubject::NotAllowed);
        }
        let mut calls = self.calls.iter().rev();
        let found = calls.find_map(|(id, call)| call.talker(org.id(), is_allowed).map(|found| (*id, found)));
        let (call, (user, session)) = found.ok_or(NoSubject::Silent)?;
        let subject = Subject { user, call, session };
        if self.may_begin(org.id(), call) { Ok(subject) } else { Err(NoSubject::Busy) }
    }

    /// Whom of a call that is named somebody may listen to.
    pub(crate) fn subject_in(
        &self,
        org: &OrgPlan,
        supervisor: UserId,
        call: CallId,
    ) -> Result<Subject, NoSubject> {
        let is_allowed = |person: PersonKey| org.supervises(PersonKey::User(supervisor), person);
        if !org.staff().map(PersonKey::User).any(is_allowed) {
            return Err(NoSubject::NotAllowed);
        }
        let named = self.calls.get(&call).filter(|call| call.is_talked_in()).ok_or(NoSubject::Silent)?;
        let (user, session) = named.talker(org.id(), is_allowed).ok_or(NoSubject::NotAllowed)?;
        if self.may_begin(org.id(), call) {
            Ok(Subject { user, call, session })
        } else {
            Err(NoSubject::Busy)
        }
    }

    /// A phone answers in that call: if that is to listen, it is looked up again to whom. They may have gone over to another call.
    pub(crate) fn look_again(&mut self, id: CallId) {
        let Some((org, order)) = self.calls.get(&id).and_then(Call::is_to_listen) else { return };
        let plan = Arc::clone(&self.plan);
        let there = self.place_of(&order.subject);
        let found = plan.organisation(org).ok_or(NoSubject::NotAllowed);
        let found = found.and_then(|org| self.subject_in(org, order.supervisor, there));
        if let Some(call) = self.calls.get_mut(&id) {
            call.is_to_listen_to(found);
        }
    }

    /// Nobody listens to that call, whoever of the two they are for, and as many as may are not listening yet.
    fn may_begin(&self, org: OrgId, call: CallId) -> bool {
        let mut own = self.supervisions.watches.values().filter(|watch| watch.org == org);
        !own.clone().any(|watch| self.place_of(&watch.subject) == call)
            && own.nth(SUPERVISORS_MAX - 1).is_none()
    }

    /// In which call somebody is who is listened to: their leg may have gone over to another one.
    fn place_of(&self, subject: &Subject) -> CallId {
        self.sessions.get(&subject.session).copied().unwrap_or(subject.call)
    }

    /// Tells supervisors what there is to be heard. This ends: who has been told knows.
    pub(crate) fn serve_supervisions(&mut self, out: &mut Outputs) {
        while let Some(id) = self.supervisions.changed.pop_first() {
            let watch = self.supervisions.watches.get(&id).filter(|watch| watch.has_begun);
            let Some(watch) = watch else { continue };
            // The lines of before have been joined to others since, so nobody sits there.
            let heard = if self.is_taken((id, watch)) {
                Heard::Gone("supervised", Vec::new())
            } else {
                self.heard(watch)
            };
            self.with_call(id, out, |call, means| call.hears(heard, means));
            self.carry_out(out);
        }
    }

    /// Two calls have become one, and somebody else listens to it: whoever has listened to the one that goes on, else whoever
    /// came first.
    fn is_taken(&self, (own, watch): (CallId, &Watch)) -> bool {
        let place = self.place_of(&watch.subject);
        let rank = |by: CallId, watch: &Watch| (watch.subject.call != place, by);
        self.supervisions.watches.iter().any(|(by, other)| {
            self.place_of(&other.subject) == place
                && rank(*by, other) < rank(own, watch)
                && !matches!(self.heard(other), Heard::Gone(..))
        })
    }

    fn heard(&self, watch: &Watch) -> Heard {
        let (id, subject) = (self.place_of(&watch.subject), &watch.subject);
        let Some(call) = self.calls.get(&id) else { return Heard::Gone("left", Vec::new()) };
        let org = call.organisation(&self.plan);
        if !org.is_some_and(|org| org.supervises(PersonKey::User(watch.supervisor), subject.person())) {
            return Heard::Gone("not_supervisor", call.open_lines());
        }
        call.heard(Subject { call: id, ..*subject }, self.config.hold_music)
    }
}
