//! What one payer has used of the telephone network, and when what is allowed will be used up.

use std::collections::{BTreeMap, VecDeque};

use contract::{id::CallId, outside::Allowance, time::Timestamp};
use dialplan::Barred;

use super::OutsideUse;
use crate::call::OutsideLeg;

const MINUTE: i64 = 60 * 1_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
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
    /// When which of the minutes and the money is used up, if all talk on.
    spent: Option<(Timestamp, Barred)>,
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

    /// Minutes that have begun: the first does with the answer.
    fn minutes(self) -> i64 {
        self.micros.saturating_add(MINUTE - 1).div_euclid(MINUTE).max(1)
    }

    fn rupiah(self) -> i64 {
        self.minutes().saturating_mul(self.rupiah_per_minute.into())
    }

    /// Microseconds to when the next minute begins.
    fn to_next_minute(self) -> i64 {
        self.minutes().saturating_mul(MINUTE).saturating_sub(self.micros)
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

    /// When which of the minutes and the money is used up, by the last look.
    pub(super) fn spent(&self) -> Option<(Timestamp, Barred)> {
        self.spent
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
            // Whoever rings may be answered before this one is.
            let ringing = self.up.values().filter(|up| up.answered_at.is_none());
            let ringing = ringing.fold(0, |sum: i64, up| sum.saturating_add(up.rupiah_per_minute.into()));
            let total = self.rupiah(now).saturating_add(ringing).saturating_add(price.into());
            if total > i64::from(most) {
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
        let minutes = self.minutes_spent_at(allowance.map_or(0, minutes_of), now);
        let most = allowance.and_then(|allowance| allowance.rupiah_per_day_max);
        let money = most.and_then(|most| self.money_spent_at(most.into(), now));
        let minutes = minutes.map(|at| (at, Barred::Minutes));
        let money = money.map(|at| (at, Barred::Money));
        self.spent = minutes.into_iter().chain(money).min();
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

    fn rupiah(&self, now: Timestamp) -> i64 {
        self.talks(now).fold(0, |sum, talk| sum.saturating_add(talk.rupiah()))
    }

    /// When `limit` microseconds have been talked, if everybody who talks goes on.
    fn minutes_spent_at(&self, limit: i64, now: Timestamp) -> Option<Timestamp> {
        let talking = i64::try_from(self.talking(now).count()).ok().filter(|count| *count > 0)?;
        let left = limit.saturating_sub(self.micros(now)).max(0);
        Some(now.plus_micros(left.saturating_add(talking - 1) / talking))
    }

    /// When a minute begins that would cost more than is left of `limit` rupiah, if everybody who talks goes on.
    fn money_spent_at(&self, limit: i64, now: Timestamp) -> Option<Timestamp> {
        let mut next: Vec<(i64, i64)> =
            self.talking(now).map(|talk| (talk.to_next_minute(), talk.rupiah_per_minute.into())).collect();
        let per_minute = next.iter().fold(0, |sum: i64, (_, price)| sum.saturating_add(*price));
        if per_minute == 0 {
            return None;
        }
        let Some(left) = limit.checked_sub(self.rupiah(now)).filter(|left| *left >= 0) else {
            return Some(now);
        };
        next.sort_unstable();
        let (whole, mut left) = (left / per_minute, left % per_minute);
        let dear = next.into_iter().find(|(_, price)| {
            left -= price;
            left < 0
        });
        dear.map(|(within, _)| now.plus_micros(whole.saturating_mul(MINUTE).saturating_add(within)))
    }
}

fn minutes_of(allowance: &Allowance) -> i64 {
    i64::from(allowance.minutes_per_day_max).saturating_mul(MINUTE)
}
