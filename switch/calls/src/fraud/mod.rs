//! Budgets: how much of the telephone network each payer has used, and whether there is anything left of what may be used.
//!
//! Where and when somebody may call at all is the plan's business; here is counted what they have called: calls that are up, calls
//! begun within a minute, an hour and a day, minutes talked within a day. All of it slides with the time and nothing begins anew
//! at midnight. What is up comes back with the calls after a restart; what is over is told by the database, where every leg
//! says whose it was. Calls to the emergency services have no payer and are never counted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use contract::{
    id::{CallId, OrgId},
    time::Timestamp,
};
use dialplan::{Barred, Payer, Plan};

use crate::call::OutsideLeg;

const MINUTE: i64 = 60 * 1_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Calls of one payer that are remembered: as many as any budget may allow within a day.
const REMEMBERED_MAX: usize = 1_000;
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
}

impl OutsideUse {
    /// Microseconds that were talked, if it was answered.
    fn talked(&self) -> Option<i64> {
        Some(self.ended_at.0.saturating_sub(self.answered_at?.0).max(0))
    }
}

/// What one payer has used.
#[derive(Debug, Default)]
struct Used {
    /// When calls of this life were begun, in order.
    begun: VecDeque<Timestamp>,
    /// When talking has ended in this life and how long it was, in microseconds.
    talked: VecDeque<(Timestamp, i64)>,
    /// What was over before this life.
    before: Vec<OutsideUse>,
    /// Legs that are up, with when they were answered.
    up: BTreeMap<(CallId, u16), Option<Timestamp>>,
    /// When the minutes are used up, if all talk on.
    spent_at: Option<Timestamp>,
}

impl Used {
    fn forget(&mut self, now: Timestamp) {
        let is_old = |at: &Timestamp| at.0 <= now.0.saturating_sub(DAY);
        while self.begun.front().is_some_and(is_old) || self.begun.len() > REMEMBERED_MAX {
            self.begun.pop_front();
        }
        while self.talked.front().is_some_and(|(at, _)| is_old(at)) || self.talked.len() > REMEMBERED_MAX {
            self.talked.pop_front();
        }
        self.before.retain(|one| !is_old(&one.ended_at));
    }

    fn begun_within(&self, span: i64, now: Timestamp) -> usize {
        let before = self.before.iter().map(|one| one.begun_at);
        self.begun.iter().copied().chain(before).filter(|at| at.0 > now.0.saturating_sub(span)).count()
    }

    fn talking(&self) -> impl Iterator<Item = Timestamp> + '_ {
        self.up.values().flatten().copied()
    }

    /// Microseconds talked within a day.
    fn talked(&self, now: Timestamp) -> i64 {
        let over = self.talked.iter().map(|(_, micros)| *micros);
        let before = self.before.iter().filter_map(OutsideUse::talked);
        let up = self.talking().map(|since| now.0.saturating_sub(since.0).max(0));
        over.chain(before).chain(up).fold(0, i64::saturating_add)
    }

    /// When `limit` microseconds have been talked, if everybody who talks goes on.
    fn spent_at(&self, limit: i64, now: Timestamp) -> Option<Timestamp> {
        let talking = i64::try_from(self.talking().count()).ok().filter(|count| *count > 0)?;
        let left = limit.saturating_sub(self.talked(now)).max(0);
        Some(now.plus_micros(left.saturating_add(talking - 1) / talking))
    }

    /// A leg is not up any more.
    fn end(&mut self, leg: (CallId, u16), now: Timestamp) {
        if let Some(since) = self.up.remove(&leg).flatten() {
            self.talked.push_back((now, now.0.saturating_sub(since.0).max(0)));
        }
    }

    fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.talked.is_empty() && self.before.is_empty() && self.up.is_empty()
    }
}

/// What everybody has used.
#[derive(Debug, Default)]
pub(crate) struct Fraud {
    of: BTreeMap<Owner, Used>,
    /// Legs that are up, by their calls.
    calls: BTreeMap<CallId, Vec<(Owner, u16)>>,
    /// Whose minutes are used up when, if all talk on.
    due: BTreeSet<(Timestamp, Owner)>,
}

impl Fraud {
    /// Counts a call that is about to begin beside these legs of the same call, which may be too new to be known as up. The
    /// error: it may not.
    pub(crate) fn begin(
        &mut self,
        owner: Owner,
        beside: (CallId, &[u16]),
        (plan, now): (&Plan, Timestamp),
    ) -> Result<(), Barred> {
        self.allows(owner, beside, (plan, now))?;
        self.of.entry(owner).or_default().begun.push_back(now);
        Ok(())
    }

    /// Whether such a call may begin now; nothing is counted.
    pub(crate) fn allows(
        &mut self,
        owner: Owner,
        (call, beside): (CallId, &[u16]),
        (plan, now): (&Plan, Timestamp),
    ) -> Result<(), Barred> {
        let Some(org) = plan.organisation(owner.0) else { return Err(Barred::Destination) };
        let allowance = &org.budget(owner.1).allowance;
        if self.of.len() >= PAYERS_MAX {
            self.of.retain(|_, used| {
                used.forget(now);
                !used.is_empty()
            });
        }
        let used = self.of.entry(owner).or_default();
        used.forget(now);
        let minutes = i64::from(allowance.minutes_per_day_max).saturating_mul(MINUTE);
        let new = beside.iter().filter(|no| !used.up.contains_key(&(call, **no))).count();
        let limits = [
            (used.up.len() + new, allowance.calls_at_once_max, Barred::AtOnce),
            (used.begun_within(MINUTE, now), allowance.calls_per_minute_max, Barred::PerMinute),
            (used.begun_within(HOUR, now), allowance.calls_per_hour_max, Barred::PerHour),
            (used.begun_within(DAY, now), allowance.calls_per_day_max, Barred::PerDay),
        ];
        let over = limits.into_iter().find(|(used, most, _)| *used >= usize::from(*most));
        match over {
            Some((_, _, why)) => Err(why),
            None if used.talked(now) >= minutes => Err(Barred::Minutes),
            None => Ok(()),
        }
    }

    /// A call is kept as it is now, with these legs to the telephone network.
    pub(crate) fn note(&mut self, id: CallId, legs: &[OutsideLeg], (plan, now): (&Plan, Timestamp)) {
        if legs.is_empty() && !self.calls.contains_key(&id) {
            return;
        }
        let before = self.calls.remove(&id).unwrap_or_default();
        let after: Vec<(Owner, u16)> = legs.iter().map(|leg| ((leg.org, leg.payer), leg.no)).collect();
        for (owner, no) in before.iter().filter(|one| !after.contains(one)) {
            self.of.entry(*owner).or_default().end((id, *no), now);
        }
        for leg in legs {
            self.of.entry((leg.org, leg.payer)).or_default().up.insert((id, leg.no), leg.answered_at);
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
            let used = self.of.entry((leg.org, leg.payer)).or_default();
            used.begun.push_back(leg.created_at);
            used.begun.make_contiguous().sort_unstable();
        }
    }

    /// All that was over before this life began, by the database's word.
    pub(crate) fn adopt(&mut self, all: &[OutsideUse], (plan, now): (&Plan, Timestamp)) {
        self.of.values_mut().for_each(|used| used.before.clear());
        for one in all {
            let used = self.of.entry((one.org, one.payer)).or_default();
            if used.before.len() < REMEMBERED_MAX {
                used.before.push(*one);
            }
        }
        self.adopt_plan(plan, now);
    }

    /// There is a new plan, with other budgets perhaps.
    pub(crate) fn adopt_plan(&mut self, plan: &Plan, now: Timestamp) {
        let owners: Vec<Owner> =
            self.of.iter().filter(|(_, used)| !used.up.is_empty()).map(|(owner, _)| *owner).collect();
        for owner in owners {
            self.look_ahead(owner, (plan, now));
        }
    }

    fn look_ahead(&mut self, owner: Owner, (plan, now): (&Plan, Timestamp)) {
        let minutes = plan.organisation(owner.0).map(|org| org.budget(owner.1).allowance.minutes_per_day_max);
        let limit = i64::from(minutes.unwrap_or_default()).saturating_mul(MINUTE);
        if let Some(used) = self.of.get_mut(&owner) {
            used.forget(now);
            let spent_at = used.spent_at(limit, now);
            let before = std::mem::replace(&mut used.spent_at, spent_at);
            if let Some(at) = before {
                self.due.remove(&(at, owner));
            }
            self.due.extend(spent_at.map(|at| (at, owner)));
        }
    }

    /// When somebody's minutes are used up next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The calls of those whose minutes are used up.
    pub(crate) fn spent(&mut self, (plan, now): (&Plan, Timestamp)) -> Vec<CallId> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now);
        let whose: Vec<Owner> = due.map(|(_, owner)| *owner).collect();
        // What was talked a day ago may be forgotten by now: then there are minutes again.
        for owner in whose {
            self.look_ahead(owner, (plan, now));
        }
        let due = self.due.iter().take_while(|(at, _)| *at <= now);
        let whose: BTreeSet<Owner> = due.map(|(_, owner)| *owner).collect();
        if whose.is_empty() {
            return Vec::new();
        }
        let is_spent = |legs: &[(Owner, u16)]| legs.iter().any(|(owner, _)| whose.contains(owner));
        self.calls.iter().filter(|(_, legs)| is_spent(legs)).map(|(id, _)| *id).collect()
    }
}
