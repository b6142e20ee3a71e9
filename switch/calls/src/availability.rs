//! What people have turned on and off for themselves, whether queues ask them, and so who may be rung (decision 0046).
//!
//! What happens here counts at once, and is a fact that the journal carries to rows; these are told when they have changed, and all
//! of them now and then. Of what is known here and what a row says the later one holds, by the instants that both carry: a row is the
//! memory, and the word of whoever else writes one. Nothing of this is in the image of a call.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    availability::{Availability, Person, Setting},
    command::Outcome,
    id::{CallId, OrgId},
    journal::{Entry, Fact, PersonAvailability},
    live::{AgentPause, LiveAvailability},
    time::Timestamp,
};
use dialplan::{Difference, PersonKey, Plan};

use crate::{
    call::{lamps::Watched, outcome::LegResult},
    means::Means,
    output::{Output, Outputs},
    switchboard::Switchboard,
};

/// A row: what somebody has turned on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredAvailability {
    /// The organisation.
    pub org: OrgId,
    /// Who.
    pub person: Person,
    /// What, and how it is.
    pub availability: Availability,
    /// Since when.
    pub changed_at: Timestamp,
}

/// Somebody, in one organisation.
pub(crate) type Whose = (OrgId, PersonKey);

/// How everybody stands: of each no more than one of each [`Setting`], and only of people in the plan.
#[derive(Debug, Default)]
pub(crate) struct Availabilities {
    known: BTreeMap<(Whose, Setting), (Availability, Timestamp)>,
    /// Facts that have not been put out.
    changes: Vec<Entry>,
    /// Whose lamps have changed since somebody has asked.
    touched: BTreeSet<Whose>,
}

impl Availabilities {
    fn get(&self, whose: Whose, setting: Setting) -> Availability {
        self.known.get(&(whose, setting)).map_or(Availability::first(setting), |(known, _)| *known)
    }

    /// Whether nothing of theirs is to ring.
    pub(crate) fn has_do_not_disturb(&self, whose: Whose) -> bool {
        self.get(whose, Setting::DoNotDisturb) == Availability::DoNotDisturb(true)
    }

    /// Whether a second call rings while they are in one.
    pub(crate) fn has_call_waiting(&self, whose: Whose) -> bool {
        self.get(whose, Setting::CallWaiting) == Availability::CallWaiting(true)
    }

    /// Why no queue asks them, if so.
    pub(crate) fn pause(&self, whose: Whose) -> Option<AgentPause> {
        match self.get(whose, Setting::Pause) {
            Availability::Pause(why) => why,
            _ => None,
        }
    }

    /// Whether queues may ask them, as far as is known here.
    pub(crate) fn takes_queues(&self, whose: Whose) -> bool {
        self.pause(whose).is_none() && !self.has_do_not_disturb(whose)
    }

    /// Somebody in the plan turns something on or off; false when it is so already. What is not known yet is written too:
    /// a row that has not been told may say otherwise.
    pub(crate) fn set(&mut self, whose: Whose, availability: Availability, now: Timestamp) -> bool {
        let setting = availability.setting();
        let (before, known) = (self.get(whose, setting), self.known.get(&(whose, setting)).copied());
        let Some(person) = whose.1.own().filter(|_| known.is_none_or(|(known, _)| known != availability))
        else {
            return false;
        };
        // Later than what it takes the place of, whatever has become of the clock.
        let at = known.map_or(now, |(_, at)| now.max(at.plus_micros(1)));
        self.put(whose, availability, at);
        let fact = Fact::Availability(PersonAvailability { person, availability });
        self.changes.push(Entry { org: whose.0, call: None, at, fact });
        before != availability
    }

    /// Queues have asked somebody in vain too often.
    pub(crate) fn missed(&mut self, whose: Whose, now: Timestamp) {
        if self.pause(whose).is_none() {
            self.set(whose, Availability::Pause(Some(AgentPause::Missed)), now);
        }
    }

    fn put(&mut self, whose: Whose, availability: Availability, at: Timestamp) {
        let had = self.has_do_not_disturb(whose);
        self.known.insert((whose, availability.setting()), (availability, at));
        if had != self.has_do_not_disturb(whose) {
            self.touched.insert(whose);
        }
    }

    /// The database's word; whether queues may ask somebody now whom they might not, or the other way round.
    pub(crate) fn adopt(&mut self, rows: &[StoredAvailability], plan: &Plan) -> bool {
        let mut is_news = false;
        for row in rows {
            let whose = (row.org, PersonKey::from(row.person));
            let known = self.known.get(&(whose, row.availability.setting()));
            if is_planned(plan, whose) && known.is_none_or(|(_, at)| *at < row.changed_at) {
                let before = self.takes_queues(whose);
                self.put(whose, row.availability, row.changed_at);
                is_news |= before != self.takes_queues(whose);
            }
        }
        is_news
    }

    /// A new plan: forgets whoever is not in it. Rows of changed organisations are told anew after each.
    pub(crate) fn adopt_plan(&mut self, changed: &[Difference<'_>]) {
        for Difference { before, after } in changed {
            let Some(before) = before else { continue };
            let is_gone = |person: &PersonKey| after.is_none_or(|after| after.named(*person).is_none());
            for person in before.people().filter(is_gone) {
                for setting in Setting::ALL {
                    self.known.remove(&((before.id(), person), *setting));
                }
            }
        }
    }

    /// What is to be written down.
    pub(crate) fn take_changes(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.changes)
    }

    /// Whose lamps have changed.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<Whose> {
        std::mem::take(&mut self.touched)
    }
}

fn is_planned(plan: &Plan, (org, person): Whose) -> bool {
    plan.organisation(org).is_some_and(|org| org.named(person).is_some())
}

impl Means<'_> {
    /// What it comes to for this call to ring somebody who is not to be rung now; `None`: they may be. Whatever is to ring or to
    /// speak at somebody's phones asks this, and nothing else.
    pub(crate) fn spared(&self, whose: Whose, call: CallId) -> Option<LegResult> {
        if self.availability.has_do_not_disturb(whose) {
            return Some(LegResult::DoNotDisturb);
        }
        let is_talking = || self.presence.is_in_another(Watched::Person(whose.1), call);
        (!self.availability.has_call_waiting(whose) && is_talking()).then_some(LegResult::Busy)
    }

    /// Whoever has called the emergency services can be called back by them.
    pub(crate) fn end_do_not_disturb(&mut self, whose: Whose) {
        if self.availability.has_do_not_disturb(whose) {
            self.availability.set(whose, Availability::DoNotDisturb(false), self.wall);
        }
    }
}

impl Switchboard {
    /// Somebody orders what people turn on and off by a code.
    pub(crate) fn turn(
        &mut self,
        (org, person): (OrgId, Person),
        availability: Availability,
        out: &mut Outputs,
    ) {
        let (whose, wall) = ((org, PersonKey::from(person)), self.wall());
        let outcome = match is_planned(&self.plan, whose) {
            false => Outcome::UnknownPerson,
            true if self.availability.set(whose, availability, wall) => Outcome::Done,
            true => Outcome::AlreadySo,
        };
        self.put_out_availability(out);
        out.push(Output::Command(outcome));
    }

    /// Puts out what has been turned on and off, before anybody sees that it was.
    pub(crate) fn put_out_availability(&mut self, out: &mut Outputs) {
        out.extend(self.availability.take_changes().into_iter().map(Output::Journal));
    }

    /// How everybody stands, by organisation and person.
    #[must_use]
    pub fn live_availability(&self) -> Vec<LiveAvailability> {
        let people = self.plan.organisations().flat_map(|org| org.people().map(move |person| (org, person)));
        let of = |(org, person): (&dialplan::OrgPlan, PersonKey)| {
            let whose = (org.id(), person);
            let (number, name) = org.named(person)?;
            Some(LiveAvailability {
                person: person.own()?,
                org: org.id(),
                number: number.to_owned(),
                name: name.to_owned(),
                has_do_not_disturb: self.availability.has_do_not_disturb(whose),
                has_call_waiting: self.availability.has_call_waiting(whose),
                pause: self.availability.pause(whose),
            })
        };
        people.filter_map(of).collect()
    }
}
