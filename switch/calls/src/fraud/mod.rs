//! Budgets: how much of the telephone network each payer has used, and whether there is anything left of what may be used.
//!
//! Where and when somebody may call at all is the plan's business; here is counted what they have called: calls that are up, calls
//! begun within a minute, an hour and a day, minutes talked within a day and what they cost. All of it slides with the time and nothing begins anew
//! at midnight. What is up comes back with the calls after a restart; what is over is told by the database, where every leg
//! says whose it was. Calls to the emergency services have no payer and are never counted.

mod used;

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    id::{CallId, OrgId},
    time::Timestamp,
};
use dialplan::{Barred, Payer, Plan};

use crate::call::{OutsideLeg, Toll};
use used::Used;

/// Payers whose calls are remembered.
const PAYERS_MAX: usize = 50_000;

/// Whose budget it is.
type Owner = (OrgId, Payer);

/// A leg to the telephone network that is over, as the database has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutsideUse {
    /// The organisation.
    pub org: OrgId,
    /// Whose budget it was counted on.
    pub payer: Payer,
    /// When it was called.
    pub begun_at: Timestamp,
    /// When it was answered, if it was.
    pub answered_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Timestamp,
    /// Rupiah for each minute that had begun; `None`: nobody had said.
    pub rupiah_per_minute: Option<u32>,
}

/// What everybody has used.
#[derive(Debug, Default)]
pub(crate) struct Fraud {
    of: BTreeMap<Owner, Used>,
    /// Legs that are up, by their calls.
    calls: BTreeMap<CallId, Vec<(Owner, u16)>>,
    /// Whose minutes or money are used up when, if all talk on.
    due: BTreeSet<(Timestamp, Owner)>,
}

impl Fraud {
    /// Counts a call that is about to begin beside these legs of the same call, which may be too new to be known as up. The
    /// error: it may not.
    pub(crate) fn begin(
        &mut self,
        (org, toll): (OrgId, Toll),
        beside: (CallId, &[u16]),
        (plan, now): (&Plan, Timestamp),
    ) -> Result<(), Barred> {
        self.allows((org, toll), beside, (plan, now))?;
        self.of.entry((org, toll.payer)).or_default().begin(now);
        Ok(())
    }

    /// Whether such a call may begin now; nothing is counted.
    pub(crate) fn allows(
        &mut self,
        (org, toll): (OrgId, Toll),
        (call, beside): (CallId, &[u16]),
        (plan, now): (&Plan, Timestamp),
    ) -> Result<(), Barred> {
        let owner = (org, toll.payer);
        let Some(org) = plan.organisation(org) else { return Err(Barred::Destination) };
        let allowance = &org.budget(toll.payer).allowance;
        if self.of.len() >= PAYERS_MAX {
            self.of.retain(|_, used| {
                used.forget(now);
                !used.is_empty()
            });
        }
        let used = self.of.entry(owner).or_default();
        used.forget(now);
        let new = beside.iter().filter(|no| !used.is_up((call, **no))).count();
        used.allows((allowance, toll.rupiah_per_minute), new, now)
    }

    /// A call is kept as it is now, with these legs to the telephone network.
    pub(crate) fn note(&mut self, id: CallId, legs: &[OutsideLeg], (plan, now): (&Plan, Timestamp)) {
        if legs.is_empty() && !self.calls.contains_key(&id) {
            return;
        }
        let before = self.calls.remove(&id).unwrap_or_default();
        let after: Vec<(Owner, u16)> = legs.iter().map(|leg| ((leg.org, leg.toll.payer), leg.no)).collect();
        for (owner, no) in before.iter().filter(|one| !after.contains(one)) {
            self.of.entry(*owner).or_default().end((id, *no), now);
        }
        for leg in legs {
            self.of.entry((leg.org, leg.toll.payer)).or_default().note(id, leg);
        }
        for (owner, _) in before.iter().chain(&after) {
            self.look_ahead(*owner, (plan, now));
        }
        if !after.is_empty() {
            self.calls.insert(id, after);
        }
    }

    /// A leg is done, wherever it led; what its call is from now on is noted later.
    pub(crate) fn left(&mut self, (call, no): (CallId, u16), now: Timestamp) {
        let legs = self.calls.get(&call).into_iter().flatten();
        for (owner, no) in legs.filter(|(_, other)| *other == no) {
            self.of.entry(*owner).or_default().end((call, *no), now);
        }
    }

    /// The legs of a call of a former life: when they were begun is not told by the database before they are over.
    pub(crate) fn resume(&mut self, legs: &[OutsideLeg]) {
        for leg in legs {
            self.of.entry((leg.org, leg.toll.payer)).or_default().resume(leg.created_at);
        }
    }

    /// All that was over before this life began, by the database's word.
    pub(crate) fn adopt(&mut self, all: &[OutsideUse], (plan, now): (&Plan, Timestamp)) {
        self.of.values_mut().for_each(Used::forget_before);
        for one in all {
            self.of.entry((one.org, one.payer)).or_default().add_before(one);
        }
        self.adopt_plan(|_| true, (plan, now));
    }

    /// There is a new plan, with other budgets perhaps in the organisations that are meant.
    pub(crate) fn adopt_plan(&mut self, is_meant: impl Fn(OrgId) -> bool, (plan, now): (&Plan, Timestamp)) {
        let used = self.of.iter().filter(|((org, _), used)| is_meant(*org) && used.has_legs());
        let owners: Vec<Owner> = used.map(|(owner, _)| *owner).collect();
        for owner in owners {
            self.look_ahead(owner, (plan, now));
        }
    }

    fn look_ahead(&mut self, owner: Owner, (plan, now): (&Plan, Timestamp)) {
        let allowance = plan.organisation(owner.0).map(|org| &org.budget(owner.1).allowance);
        if let Some(used) = self.of.get_mut(&owner) {
            let before = used.spent().map(|spent| spent.at);
            used.look_ahead(allowance, now);
            if let Some(at) = before {
                self.due.remove(&(at, owner));
            }
            self.due.extend(used.spent().map(|spent| (spent.at, owner)));
        }
    }

    /// When somebody's minutes or money are used up next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The calls that may not go on, with why: of whom the minutes are used up all, of whom it is the money those of which a
    /// minute begins that is too dear. Who is left is looked at again when they are gone.
    pub(crate) fn spent(&mut self, (plan, now): (&Plan, Timestamp)) -> BTreeMap<CallId, Barred> {
        let due: Vec<(Timestamp, Owner)> =
            self.due.iter().take_while(|(at, _)| *at <= now).copied().collect();
        let mut over = BTreeMap::new();
        for (at, owner) in due {
            // What was talked a day ago may be forgotten by then: then there is something left again. A minute that has
            // begun since then had to be paid before.
            self.look_ahead(owner, (plan, at));
            let spent = self.of.get(&owner).and_then(Used::spent).filter(|spent| spent.at <= now);
            over.extend(
                spent.into_iter().flat_map(|spent| spent.calls.iter().map(|call| (*call, spent.why))),
            );
        }
        over
    }
}
