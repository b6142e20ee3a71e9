//! What one payer has used of the telephone network, and when what is allowed will be used up.

use std::collections::{BTreeMap, VecDeque};

use contract::{id::CallId, outside::Allowance, time::Timestamp};
use dialplan::Barred;

use super::OutsideUse;
use crate::call::OutsideLeg;

const MINUTE: i64 = 60 * 1_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// A minute that costs money begins by so much earlier here than at the provider: a BYE has to get there.
const MINUTE_MARGIN_MICROS: i64 = 2 * 1_000_000;
/// Calls of one payer that are remembered: as many as any budget may allow within a day.
const REMEMBERED_MAX: usize = 1_000;

/// What one payer has used.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// When calls of this life were begun, in order.
    begun: VecDeque<Timestamp>,
    /// What was talked in this life, with when it ended, in order.
    talked: VecDeque<(Timestamp, Talk)>,
    /// What was over before this life, with when it was begun and ended.
    before: Vec<(Timestamp, Timestamp, Option<Talk>)>,
    /// Legs that are up.
    up: BTreeMap<(CallId, u16), Up>,
    /// What is used up next, if all talk on.
    spent: Option<Spent>,
}

/// What is used up.
#[derive(Clone, Debug)]
pub(super) struct Spent {
    pub(super) at: Timestamp,
    /// Which of the minutes and the money it is.
    pub(super) why: Barred,
    /// The calls that may not go on then.
    pub(super) calls: Vec<CallId>,
}

/// A leg that is up.
#[derive(Clone, Copy, Debug)]
struct Up {
    answered_at: Option<Timestamp>,
    rupiah_per_minute: u32,
}

impl Up {
    fn talk(self, now: Timestamp) -> Option<Talk> {
        Some(Talk::new(self.answered_at?, now, self.rupiah_per_minute))
    }
}

/// What was talked on one leg.
#[derive(Clone, Copy, Debug)]
struct Talk {
    micros: i64,
    rupiah_per_minute: u32,
}

impl Talk {
    fn new(answered_at: Timestamp, ended_at: Timestamp, rupiah_per_minute: u32) -> Self {
        Self { micros: ended_at.0.saturating_sub(answered_at.0).max(0), rupiah_per_minute }
    }

    /// Minutes that have begun, with the margin: the first does with the answer.
    fn minutes(self) -> i64 {
        self.micros.saturating_add(MINUTE_MARGIN_MICROS + MINUTE - 1).div_euclid(MINUTE).max(1)
    }

    fn rupiah(self) -> i64 {
        self.minutes().saturating_mul(self.rupiah_per_minute.into())
    }

    /// Microseconds to when the next minute begins.
    fn to_next_minute(self) -> i64 {
        self.minutes().saturating_mul(MINUTE).saturating_sub(MINUTE_MARGIN_MICROS).saturating_sub(self.micros)
    }
}

impl Used {
    pub(super) fn forget(&mut self, now: Timestamp) {
        let is_old = |at: &Timestamp| at.0 <= now.0.saturating_sub(DAY);
        while self.begun.front().is_some_and(is_old) || self.begun.len() > REMEMBERED_MAX {
            self.begun.pop_front();
        }
        while self.talked.front().is_some_and(|(at, _)| is_old(at)) || self.talked.len() > REMEMBERED_MAX {
            self.talked.pop_front();
        }
        self.before.retain(|(_, ended_at, _)| !is_old(ended_at));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.talked.is_empty() && self.before.is_empty() && self.up.is_empty()
    }

    pub(super) fn has_legs(&self) -> bool {
        !self.up.is_empty()
    }

    pub(super) fn is_up(&self, leg: (CallId, u16)) -> bool {
        self.up.contains_key(&leg)
    }

    /// What is used up next, by the last look.
    pub(super) fn spent(&self) -> Option<&Spent> {
        self.spent.as_ref()
    }

    /// Whether a call may begin now, beside others that are not up yet.
    pub(super) fn allows(
        &self,
        (allowance, rupiah_per_minute): (&Allowance, Option<u32>),
        beside: usize,
        now: Timestamp,
    ) -> Result<(), Barred> {
        let limits = [
            (self.up.len() + beside, allowance.calls_at_once_max, Barred::AtOnce),
            (self.begun_within(MINUTE, now), allowance.calls_per_minute_max, Barred::PerMinute),
            (self.begun_within(HOUR, now), allowance.calls_per_hour_max, Barred::PerHour),
            (self.begun_within(DAY, now), allowance.calls_per_day_max, Barred::PerDay),
        ];
        if let Some((_, _, why)) = limits.into_iter().find(|(used, most, _)| *used >= usize::from(*most)) {
            return Err(why);
        }
        if self.micros(now) >= minutes_of(allowance) {
            return Err(Barred::Minutes);
        }
        if let Some(most) = allowance.rupiah_per_day_max {
            let price = rupiah_per_minute.ok_or(Barred::Price)?;
            if self.rupiah(now).saturating_add(price.into()) > i64::from(most) {
                return Err(Barred::Money);
            }
        }
        Ok(())
    }

    /// A call begins.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.begun.push_back(now);
    }

    /// A leg is up.
    pub(super) fn note(&mut self, call: CallId, leg: &OutsideLeg) {
        let rupiah_per_minute = leg.toll.rupiah_per_minute.unwrap_or_default();
        self.up.insert((call, leg.no), Up { answered_at: leg.answered_at, rupiah_per_minute });
    }

    /// A leg is not up any more.
    pub(super) fn end(&mut self, leg: (CallId, u16), now: Timestamp) {
        if let Some(talk) = self.up.remove(&leg).and_then(|up| up.talk(now)) {
            self.talked.push_back((now, talk));
        }
    }

    /// A leg of a former life was begun.
    pub(super) fn resume(&mut self, created_at: Timestamp) {
        self.begun.push_back(created_at);
        self.begun.make_contiguous().sort_unstable();
    }

    /// What was over before this life will be told anew.
    pub(super) fn forget_before(&mut self) {
        self.before.clear();
    }

    /// Something was over before this life.
    pub(super) fn add_before(&mut self, one: &OutsideUse) {
        if self.before.len() < REMEMBERED_MAX {
            let price = one.rupiah_per_minute.unwrap_or_default();
            let talk = one.answered_at.map(|answered_at| Talk::new(answered_at, one.ended_at, price));
            self.before.push((one.begun_at, one.ended_at, talk));
        }
    }

    /// Works out anew when what is allowed will be used up; where nothing is known of that, nothing is allowed.
    pub(super) fn look_ahead(&mut self, allowance: Option<&Allowance>, now: Timestamp) {
        self.forget(now);
        let minutes = self.minutes_spent(allowance.map_or(0, minutes_of), now);
        let most = allowance.and_then(|allowance| allowance.rupiah_per_day_max);
        let money = most.and_then(|most| self.money_spent(most.into(), now));
        self.spent = minutes.into_iter().chain(money).min_by_key(|spent| spent.at);
    }

    fn begun_within(&self, span: i64, now: Timestamp) -> usize {
        let before = self.before.iter().map(|(begun_at, _, _)| *begun_at);
        self.begun.iter().copied().chain(before).filter(|at| at.0 > now.0.saturating_sub(span)).count()
    }

    /// What those say who talk now.
    fn talking(&self, now: Timestamp) -> impl Iterator<Item = Talk> + '_ {
        self.up.values().filter_map(move |up| up.talk(now))
    }

    /// What was talked within a day.
    fn talks(&self, now: Timestamp) -> impl Iterator<Item = Talk> + '_ {
        let over = self.talked.iter().map(|(_, talk)| *talk);
        let before = self.before.iter().filter_map(|(_, _, talk)| *talk);
        over.chain(before).chain(self.talking(now))
    }

    fn micros(&self, now: Timestamp) -> i64 {
        self.talks(now).fold(0, |sum, talk| sum.saturating_add(talk.micros))
    }

    /// What was talked, and the first minutes of whoever rings: they may be answered before anything else is.
    fn rupiah(&self, now: Timestamp) -> i64 {
        let ringing = self.up.values().filter(|up| up.answered_at.is_none());
        let ringing = ringing.map(|up| i64::from(up.rupiah_per_minute));
        ringing.chain(self.talks(now).map(Talk::rupiah)).fold(0, i64::saturating_add)
    }

    /// When `limit` microseconds have been talked, if everybody who talks goes on: that is nobody's more than another's.
    fn minutes_spent(&self, limit: i64, now: Timestamp) -> Option<Spent> {
        let talking = i64::try_from(self.talking(now).count()).ok().filter(|count| *count > 0)?;
        let left = limit.saturating_sub(self.micros(now)).max(0);
        let at = now.plus_micros(left.saturating_add(talking - 1) / talking);
        let calls = self.up.keys().map(|(call, _)| *call).collect();
        Some(Spent { at, why: Barred::Minutes, calls })
    }

    /// When minutes begin that would cost more than is left of `limit` rupiah, if everybody who talks goes on: whose they are.
    fn money_spent(&self, limit: i64, now: Timestamp) -> Option<Spent> {
        let costs = |((call, _), up): (&(CallId, u16), &Up)| {
            let price = i64::from(up.rupiah_per_minute);
            up.talk(now).filter(|_| price > 0).map(|talk| (talk.to_next_minute(), price, *call))
        };
        let mut next: Vec<(i64, i64, CallId)> = self.up.iter().filter_map(costs).collect();
        next.sort_unstable();
        let per_minute = next.iter().fold(0, |sum: i64, (_, price, _)| sum.saturating_add(*price));
        let left = limit.saturating_sub(self.rupiah(now)).max(0);
        let (whole, mut left) = (left.checked_div(per_minute)?, left.checked_rem(per_minute)?);
        let mut dear = next.into_iter().skip_while(|(_, price, _)| {
            let is_paid = *price <= left;
            left -= if is_paid { *price } else { 0 };
            is_paid
        });
        let (within, _, first) = dear.next()?;
        // Of those that begin at the same instant the cheaper ones come first.
        let others = dear.take_while(|(other, _, _)| *other == within).map(|(_, _, call)| call);
        let at = now.plus_micros(whole.saturating_mul(MINUTE).saturating_add(within));
        Some(Spent { at, why: Barred::Money, calls: std::iter::once(first).chain(others).collect() })
    }
}

fn minutes_of(allowance: &Allowance) -> i64 {
    i64::from(allowance.minutes_per_day_max).saturating_mul(MINUTE)
}
