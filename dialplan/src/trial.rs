//! "Try this number at this time": what a call would come to, asked beforehand by people and programs.
//!
//! One function for whoever asks, be it of rows that are compiled for the question or of the plan in use, so that all are
//! told the same. It asks [`Plan::route`] and [`Plan::route_after`] as the switch does, and deliberately nothing of the
//! moment: whose phone is registered, who does not want to be disturbed, what a budget has been used for.

use contract::{
    route::{RouteAnswer, RouteMistake, RouteNext, RouteQuestion, RouteThen},
    rules::Condition,
    time::Timestamp,
};
use jiff::civil::DateTime;

use crate::{
    hours,
    plan::{OrgPlan, PersonKey, Plan},
    route::{Decision, Facts},
};

/// What rings can come to.
const OUTCOMES: [Condition; 3] = [Condition::Busy, Condition::NoAnswer, Condition::Unreachable];

impl Plan {
    /// What a call would come to, and why; `now` is when, where the question says nothing of that. A number that nothing has
    /// is an answer, too.
    ///
    /// # Errors
    /// All that is wrong with the question: no such organisation, nobody who calls by that, from outside no number that is
    /// dialled there, a time that cannot be read.
    pub fn try_number(
        &self,
        question: &RouteQuestion,
        now: Timestamp,
    ) -> Result<RouteAnswer, Vec<RouteMistake>> {
        let RouteQuestion { org, from, to, at } = question;
        let org = org.map_or_else(|| self.default_organisation(), |id| self.organisation(id));
        let Some(org) = org else {
            return Err(vec![RouteMistake::new("org", "there is no such organisation in the plan")]);
        };
        let caller = org.caller(from);
        let to = match caller {
            Ok(PersonKey::Trunk(_)) => org.number_outside(to),
            _ => Ok(to.clone()),
        };
        let at = at.as_ref().map_or(Ok(now), |at| org.instant(at));
        match (caller, to, at) {
            (Ok(caller), Ok(to), Ok(at)) => Ok(self.answer((org, caller, from), to, at)),
            (caller, to, at) => Err([caller.err(), to.err(), at.err()].into_iter().flatten().collect()),
        }
    }

    fn answer(
        &self,
        (org, caller, from): (&OrgPlan, PersonKey, &str),
        to: String,
        at: Timestamp,
    ) -> RouteAnswer {
        let first = self.route(&Facts { org: org.id(), caller, dialled: &to }, at);
        let then = |condition| {
            let mut decisions = Vec::new();
            let mut last: Decision = first.clone();
            while last.route.ring().is_some()
                && let Some(next) = self.route_after((org.id(), caller), &last.trail, condition, at)
            {
                decisions.push(RouteNext { route: next.route.told(), steps: next.steps() });
                last = next;
            }
            RouteThen { condition, decisions }
        };
        let zone = org.zone().iana_name().unwrap_or_default();
        RouteAnswer {
            revision: self.revision(),
            organisation: org.sip_domain().to_owned(),
            from: from.to_owned(),
            at,
            local: format!("{} {zone}", hours::local(org.zone(), at).strftime("%a %Y-%m-%d %H:%M")),
            route: first.route.told(),
            steps: first.steps(),
            then: OUTCOMES.into_iter().map(then).filter(|then| !then.decisions.is_empty()).collect(),
            to,
        }
    }
}

impl OrgPlan {
    /// Who calls: somebody behind the trunk of that name, whose account has that username, or who has that number and an
    /// account.
    fn caller(&self, from: &str) -> Result<PersonKey, RouteMistake> {
        let trunk = self.trunks().find(|trunk| &*trunk.name == from);
        let by_number = || self.accounts.values().find(|account| &*account.number == from);
        let account = || self.account(from).or_else(by_number).map(|account| account.person);
        trunk.map(|trunk| PersonKey::Trunk(trunk.id)).or_else(account).ok_or_else(|| {
            let reason = format!(
                "{from:?} is neither the username of an account of {} that may call, nor the number of somebody who has one, \
                 nor a trunk",
                self.sip_domain()
            );
            RouteMistake::new("from", reason)
        })
    }

    /// What is dialled outside.
    fn number_outside(&self, to: &str) -> Result<String, RouteMistake> {
        self.e164(to).ok_or_else(|| {
            let reason = format!("{to:?} is no number that is dialled outside, such as +62215550100");
            RouteMistake::new("to", reason)
        })
    }

    /// A time by its clock, or one that says itself how far it is from UTC.
    fn instant(&self, text: &str) -> Result<Timestamp, RouteMistake> {
        let local = || self.zone().to_timestamp(text.parse::<DateTime>().ok()?).ok();
        let instant = text.parse::<jiff::Timestamp>().ok().or_else(local);
        instant.map(|instant| Timestamp(instant.as_microsecond())).ok_or_else(|| {
            let expected =
                "expected a time such as 2026-12-25T19:00, by the organisation's clock, or 2026-12-25T12:00Z";
            RouteMistake::new("at", format!("{text:?}: {expected}"))
        })
    }
}

#[cfg(test)]
mod tests;
