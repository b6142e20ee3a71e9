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
    civil::{Date, DateTime},
    tz::TimeZone,
};
use serde::Serialize;

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

fn minute_of(local: DateTime) -> u16 {
    u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs())
}

const fn ends_next_day(span: &Span) -> bool {
    span.end <= span.start
}

#[cfg(test)]
mod tests;
