//! Times by the clock on the wall as clients write them, `08:00`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::fields::Fields;

/// A part of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Its first minute, 00:00 … 23:59
    #[schema(example = "08:00", pattern = "^[0-9]{2}:[0-9]{2}$")]
    pub start: String,
    /// The minute after its last, 00:00 … 24:00; not after the start: on the next day
    #[schema(example = "17:00", pattern = "^[0-9]{2}:[0-9]{2}$")]
    pub end: String,
}

/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let is_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(hours) || !is_digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60 && hours * 60 + minutes <= DAY_MINUTES).then_some(hours * 60 + minutes)
}

impl Span {
    /// Looks at the span that stands at `field`.
    pub(super) fn check(&self, fields: &mut Fields, field: &str) {
        let is_start = minute(&self.start).is_some_and(|minute| minute < DAY_MINUTES);
        fields.must(is_start, &format!("{field}.start"), "must be 00:00 … 23:59");
        fields.must(minute(&self.end).is_some(), &format!("{field}.end"), "must be 00:00 … 24:00");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_of_a_day_are_taken() {
        for (text, expected) in [("00:00", 0), ("08:30", 510), ("23:59", 1_439), ("24:00", 1_440)] {
            assert_eq!(minute(text), Some(expected), "{text}");
        }
        for text in ["", "8:00", "08:60", "24:01", "99:99", "08:00:00", "+8:00", "ab:cd", "08.00"] {
            assert_eq!(minute(text), None, "{text}");
        }
    }
}
