//! From a dialled number to a decision, with the trace that explains it to a person.
//!
//! Look-up order: feature codes, extension numbers and staff numbers (one name space, so they cannot collide), then
//! the usernames of bare accounts. The only facts of the call itself that count are who calls and what they
//! dialled; `now` is taken so that opening hours need no change of signature.

use std::sync::Arc;

use contract::{
    id::{AccountId, OrgId},
    time::Timestamp,
};
use serde::Serialize;

use crate::plan::{Destination, Feature, Host, OrgPlan, Plan, Ring};

/// What is known about a call before it is routed.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The organisation it belongs to.
    pub org: OrgId,
    /// The account it comes from.
    pub caller: AccountId,
    /// The user part of the request URI, unescaped.
    pub dialled: &'a str,
}

/// What to do with a call, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// What to do.
    pub route: Route,
    /// Why.
    pub trace: Trace,
}

/// What to do with a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Ring these people.
    Ring(Arc<Ring>),
    /// The switch answers by itself.
    Feature(Feature),
    /// Tell the caller no.
    Refuse(Refusal),
}

/// Why the caller is told no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Nothing has this number.
    UnknownNumber,
    /// What has it is switched off (H-056) or suspended.
    Inactive(Host),
    /// An extension nobody (active) is assigned to (H-051).
    NoStaff(Host),
    /// Whoever would ring is the caller.
    SelfCall(Host),
}

impl Refusal {
    /// The stable word for programs, as in `contract::journal::Detail::reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Refusal::UnknownNumber => "unknown_number",
            Refusal::Inactive(_) => "inactive",
            Refusal::NoStaff(_) => "no_staff",
            Refusal::SelfCall(_) => "self_call",
        }
    }

    /// What was called, when the number is known.
    pub const fn host(self) -> Option<Host> {
        match self {
            Refusal::UnknownNumber => None,
            Refusal::Inactive(host) | Refusal::NoStaff(host) | Refusal::SelfCall(host) => Some(host),
        }
    }
}

/// The steps of a decision, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trace(pub Vec<Step>);

/// One step of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The organisation is not in this plan.
    NoOrganisation,
    /// No extension, staff member or bare account has the number.
    NoNumber,
    /// The number stands for this.
    Number(Host),
    /// The number is a feature code.
    Feature(Feature),
    /// It is switched off or suspended.
    Inactive,
    /// Nobody is assigned.
    NoStaff,
    /// The caller is among those who would ring and is left out.
    CallerLeftOut,
    /// So many people ring, on so many accounts.
    Rings {
        /// People.
        people: usize,
        /// Accounts of theirs.
        accounts: usize,
    },
}

impl Plan {
    /// What to do with a call. Takes microseconds and never fails.
    pub fn route(&self, facts: &Facts<'_>, _now: Timestamp) -> Decision {
        let mut trace = Trace(Vec::with_capacity(3));
        let route = match self.organisation(facts.org) {
            Some(org) => org.route(facts, &mut trace),
            None => {
                trace.0.push(Step::NoOrganisation);
                Route::Refuse(Refusal::UnknownNumber)
            }
        };
        Decision { route, trace }
    }
}

impl OrgPlan {
    fn route(&self, facts: &Facts<'_>, trace: &mut Trace) -> Route {
        match self.numbers.get(facts.dialled) {
            None => {
                trace.0.push(Step::NoNumber);
                Route::Refuse(Refusal::UnknownNumber)
            }
            Some(Destination::Feature(feature)) => {
                trace.0.push(Step::Feature(*feature));
                Route::Feature(*feature)
            }
            Some(Destination::Inactive(host)) => {
                trace.0.extend([Step::Number(*host), Step::Inactive]);
                Route::Refuse(Refusal::Inactive(*host))
            }
            Some(Destination::NoStaff(host)) => {
                trace.0.extend([Step::Number(*host), Step::NoStaff]);
                Route::Refuse(Refusal::NoStaff(*host))
            }
            Some(Destination::Ring(ring)) => {
                trace.0.push(Step::Number(ring.host));
                self.ring(ring, facts.caller, trace)
            }
        }
    }

    /// Rings everybody but the caller: a person who calls a team they belong to must not ring themselves.
    fn ring(&self, ring: &Arc<Ring>, caller: AccountId, trace: &mut Trace) -> Route {
        let person = self.account_by_id(caller).map(|account| account.person);
        let ring = if ring.targets.iter().any(|target| Some(target.person) == person) {
            trace.0.push(Step::CallerLeftOut);
            let others = ring.targets.iter().filter(|target| Some(target.person) != person).cloned();
            Arc::new(Ring { targets: others.collect(), name: ring.name.clone(), ..**ring })
        } else {
            Arc::clone(ring)
        };
        if ring.targets.is_empty() {
            return Route::Refuse(Refusal::SelfCall(ring.host));
        }
        let accounts = ring.targets.iter().map(|target| target.accounts.len()).sum();
        trace.0.push(Step::Rings { people: ring.targets.len(), accounts });
        Route::Ring(ring)
    }
}

#[cfg(test)]
pub(crate) mod tests;
