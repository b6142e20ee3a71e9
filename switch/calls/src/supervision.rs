//! Who listens to whose call, and what of it there is to be heard (decision 0049).
//!
//! What a call says of itself is all there is to know of it here, as with conferences. The call of a supervisor knows whom it is
//! about and where that one was heard last; here it is told when that has changed. Who is supervised is told nothing.

use std::collections::{BTreeMap, BTreeSet};

use contract::id::{CallId, OrgId, UserId};
use dialplan::{Host, OrgPlan, PersonKey};
use serde::{Deserialize, Serialize};
use sip::SessionKey;
use streams::media::LeaseId;

use crate::{output::Outputs, switchboard::Switchboard};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSubject {
    /// Whoever asks does not supervise them.
    NotAllowed,
    /// They talk to nobody.
    Silent,
    /// Somebody listens already, or as many as may.
    Busy,
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

    /// Nobody listens to that call, whoever of the two they are for, and as many as may are not listening yet.
    fn may_begin(&self, org: OrgId, call: CallId) -> bool {
        let mut own = self.supervisions.watches.values().filter(|watch| watch.org == org);
        !own.clone().any(|watch| self.place_of(watch) == call) && own.nth(SUPERVISORS_MAX - 1).is_none()
    }

    /// In which call somebody is who is listened to: their leg may have gone over to another one.
    fn place_of(&self, Watch { subject, .. }: &Watch) -> CallId {
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
        let place = self.place_of(watch);
        let rank = |by: CallId, watch: &Watch| (watch.subject.call != place, by);
        self.supervisions.watches.iter().any(|(by, other)| {
            self.place_of(other) == place
                && rank(*by, other) < rank(own, watch)
                && !matches!(self.heard(other), Heard::Gone(..))
        })
    }

    fn heard(&self, watch: &Watch) -> Heard {
        let (id, subject) = (self.place_of(watch), &watch.subject);
        let Some(call) = self.calls.get(&id) else { return Heard::Gone("left", Vec::new()) };
        let org = call.organisation(&self.plan);
        if !org.is_some_and(|org| org.supervises(PersonKey::User(watch.supervisor), subject.person())) {
            return Heard::Gone("not_supervisor", call.open_lines());
        }
        call.heard(Subject { call: id, ..*subject }, self.config.hold_music)
    }
}
