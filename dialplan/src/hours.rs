//! When an extension is open (H-053, HX-15), by the clock on the wall where the organisation is.
//!
//! A window is open while that clock shows a time within it, whatever the clock was turned by: in the hour that is left
//! out nothing is open that lies in it alone, and the hour that comes twice is open twice. A window belongs to the day it
//! begins on, so its end on the next day stands even if that is a holiday. The zones are those of the library's own copy
//! of the IANA database, so that every machine gives the same answer.

use std::{collections::BTreeMap, sync::Arc};

use contract::{
    rules::{Span, Timescope},
    time::Timestamp,
};
use jiff::{
    ToSpan as _,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use serde::Serialize;

/// How many days ahead an opening is looked for, today being the first.
const OPENING_DAYS_MAX: usize = 15;

/// Whether an extension is open, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It has no hours: it always is.
    Always,
    /// It is, by a window that began on that date.
    Open {
        /// When the window began.
        on: Date,
        /// Which part of that day it is.
        span: Span,
        /// The date has hours of its own.
        is_holiday: bool,
    },
    /// It is not.
    Closed {
        /// The date has hours of its own.
        is_holiday: bool,
    },
}

impl Standing {
    /// Whether it is open.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Always | Self::Open { .. })
    }

    pub(crate) const fn is_within(self, timescope: Timescope) -> bool {
        match timescope {
            Timescope::Any => true,
            Timescope::WorkHours => self.is_open(),
            Timescope::OffHours => !self.is_open(),
        }
    }
}

/// A time for which an extension is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

/// Dates with hours of their own.
pub(crate) type Dates = BTreeMap<Date, Vec<Span>>;

/// One extension's hours.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hours {
    /// By weekday from Monday on.
    pub(crate) week: [Vec<Span>; 7],
    /// Before everybody's.
    pub(crate) own: Dates,
    pub(crate) everybodys: Arc<Dates>,
}

impl Hours {
    /// What holds when the clock on the wall shows `local`.
    pub(crate) fn standing(&self, local: DateTime) -> Standing {
        let minute = minute_of(local);
        let (spans, is_holiday) = self.on(local.date());
        let of_today =
            spans.iter().find(|span| minute >= span.start && (ends_next_day(span) || minute < span.end));
        if let Some(span) = of_today {
            return Standing::Open { on: local.date(), span: *span, is_holiday };
        }
        let of_yesterday = local.date().yesterday().ok().and_then(|on| {
            let (spans, is_holiday) = self.on(on);
            let span = spans.iter().find(|span| ends_next_day(span) && minute < span.end)?;
            Some(Standing::Open { on, span: *span, is_holiday })
        });
        of_yesterday.unwrap_or(Standing::Closed { is_holiday })
    }

    /// The next window that begins after `now`; `None`: not within so many days as anybody would wait.
    pub(crate) fn next(&self, zone: &TimeZone, now: Timestamp) -> Option<Opening> {
        let days = local(zone, now).date().series(1.day()).take(OPENING_DAYS_MAX);
        days.filter_map(|on| {
            let openings = self.on(on).0.iter().filter_map(|span| opening(zone, on, *span));
            // In the hour that is left out nothing opens.
            let opens =
                |opening: &Opening| opening.from > now && self.standing(local(zone, opening.from)).is_open();
            openings.filter(opens).min_by_key(|opening| opening.from)
        })
        .next()
    }

    /// The windows that begin on a date, and whether they are that date's own.
    fn on(&self, date: Date) -> (&[Span], bool) {
        match self.own.get(&date).or_else(|| self.everybodys.get(&date)) {
            Some(spans) => (spans, true),
            None => {
                let day = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
                (self.week.get(day).map_or(&[], Vec::as_slice), false)
            }
        }
    }
}

/// What the clock on the wall shows.
pub(crate) fn local(zone: &TimeZone, now: Timestamp) -> DateTime {
    // An instant that no calendar knows is of no call.
    zone.to_datetime(jiff::Timestamp::from_microsecond(now.0).unwrap_or(jiff::Timestamp::MAX))
}

/// The window that begins on that date.
fn opening(zone: &TimeZone, on: Date, span: Span) -> Option<Opening> {
    let at = |on: Date, minute: u16| {
        let local = on.at(0, 0, 0, 0).checked_add(i64::from(minute).minutes()).ok()?;
        Some(Timestamp(zone.to_timestamp(local).ok()?.as_microsecond()))
    };
    let last = if ends_next_day(&span) { on.tomorrow().ok()? } else { on };
    Some(Opening { from: at(on, span.start)?, until: at(last, span.end)? })
}

fn minute_of(local: DateTime) -> u16 {
    u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs())
}

const fn ends_next_day(span: &Span) -> bool {
    span.end <= span.start
}

#[cfg(test)]
mod tests;
