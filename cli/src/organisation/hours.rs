//! Hours as people write them: `mon-fri 08:00-17:00`, and `22:00-06:00` for a part of one date.

use std::collections::{BTreeMap, BTreeSet};

use contract::rules::{Span, Window};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// What would be right.
pub(crate) const EXPECTED_WINDOW: &str =
    "expected days and times such as \"mon-fri 08:00-17:00\" or \"sat 22:00-06:00\" (until Sunday morning)";
/// What would be right for a date.
pub(crate) const EXPECTED_SPAN: &str = "expected times such as \"08:00-12:00\"";

/// `08:00-17:00`
pub(crate) fn span(text: &str) -> Option<Span> {
    let (start, end) = text.split_once('-')?;
    let (start, end) = (minute(start.trim())?, minute(end.trim())?);
    (start < 24 * 60).then_some(Span { start, end })
}

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let is_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(hours) || !is_digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= 24 * 60).then_some(minute)
}

/// `mon-fri 08:00-17:00`, a window for each of the days. `sat-mon` goes over the end of the week.
pub(crate) fn windows(text: &str) -> Option<Vec<Window>> {
    let (days, times) = text.trim().split_once(' ')?;
    let span = span(times.trim())?;
    let day = |name: &str| DAYS.iter().position(|day| *day == name);
    let (first, last) = match days.split_once('-') {
        Some((first, last)) => (day(first)?, day(last)?),
        None => (day(days)?, day(days)?),
    };
    let count = (last + DAYS.len() - first) % DAYS.len() + 1;
    let days = (first..first + count).map(|day| u8::try_from(day % DAYS.len() + 1));
    days.map(|day| Some(Window { day: day.ok()?, span })).collect()
}

fn text_of(span: Span) -> String {
    span.to_string().replace('–', "-")
}

/// What [`span`] reads, in order.
pub(crate) fn spans_text(spans: &BTreeSet<Span>) -> Vec<String> {
    spans.iter().map(|span| text_of(*span)).collect()
}

/// What [`windows`] reads: days in a row with the same times in one.
pub(crate) fn windows_text(windows: &BTreeSet<Window>) -> Vec<String> {
    let mut by_span: BTreeMap<Span, Vec<u8>> = BTreeMap::new();
    for window in windows {
        by_span.entry(window.span).or_default().push(window.day);
    }
    let mut texts = Vec::new();
    for (span, days) in by_span {
        for run in days.chunk_by(|day, next| day + 1 == *next) {
            let name = |day: Option<&u8>| day.and_then(|day| DAYS.get(usize::from(*day).checked_sub(1)?));
            let (Some(first), Some(last)) = (name(run.first()), name(run.last())) else { continue };
            let days = if run.len() == 1 { (*first).to_owned() } else { format!("{first}-{last}") };
            texts.push((run.first().copied(), span, format!("{days} {}", text_of(span))));
        }
    }
    texts.sort();
    texts.into_iter().map(|(_, _, text)| text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_read_as_they_are_written() {
        for text in ["mon-fri 08:00-17:00", "sun 22:00-06:00", "sat 00:00-24:00", "mon-sun 07:30-07:30"] {
            let all: BTreeSet<Window> = windows(text).unwrap().into_iter().collect();
            assert_eq!(windows_text(&all), [text]);
        }
        let all = ["mon-fri 13:00-17:00", "mon-thu 08:00-12:00", "fri 08:00-11:30", "sun 08:00-12:00"];
        let all: BTreeSet<Window> = all.iter().flat_map(|text| windows(text).unwrap()).collect();
        let expected = ["mon-thu 08:00-12:00", "mon-fri 13:00-17:00", "fri 08:00-11:30", "sun 08:00-12:00"];
        assert_eq!(windows_text(&all), expected);
        let days: Vec<u8> = windows("sat-tue 08:00-12:00").unwrap().iter().map(|window| window.day).collect();
        assert_eq!(days, [6, 7, 1, 2]);
    }

    #[test]
    fn what_is_no_time_of_a_week_is_not_taken() {
        for text in [
            "",
            "mon",
            "mon 8:00-17:00",
            "mon 08:00",
            "mon 08:00-24:01",
            "mon 24:00-08:00",
            "mon 08:60-17:00",
            "Mon 08:00-17:00",
            "mon-day 08:00-17:00",
            "mon,tue 08:00-17:00",
            "1 08:00-17:00",
            "mon +8:00-17:00",
        ] {
            assert_eq!(windows(text), None, "{text}");
        }
    }
}
