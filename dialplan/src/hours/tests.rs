//! Open or closed, minute by minute, where clocks are turned and where they are not.

use contract::{
    id::{ExtensionId, HolidayId, OrgId},
    rules::{Holiday, Window},
    snapshot::Snapshot,
};
use proptest::prelude::*;

use super::*;
use crate::{
    compile,
    route::tests::{id, organisation, window},
};

const WORK: (u16, u16) = (8 * 60, 17 * 60);

/// A date, whether it is the extension's own, and its hours.
type Day<T> = (T, bool, Option<(u16, u16)>);

/// An extension's hours as a plan has them.
fn hours(timezone: &str, windows: &[Window], holidays: &[Day<&str>]) -> (TimeZone, Hours) {
    let mut rows = organisation();
    rows.timezone = timezone.into();
    rows.extensions[0].hours = windows.to_vec();
    rows.holidays = (0..)
        .zip(holidays)
        .map(|(n, (date, is_own, span))| Holiday {
            id: HolidayId(id(n)),
            extension: is_own.then_some(rows.extensions[0].id),
            date: (*date).into(),
            name: "holiday".into(),
            span: span.map(|(start, end)| Span { start, end }),
        })
        .collect();
    let plan = compile(&Snapshot { revision: 1, organisations: vec![rows] }).unwrap();
    let org = plan.organisation(OrgId(id(1))).unwrap();
    let hours = org.extensions[&ExtensionId(id(21))].hours.clone().unwrap();
    (org.zone.clone(), hours)
}

fn at(instant: &str) -> Timestamp {
    Timestamp(instant.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

/// Instants at which the extension is open, told as `true`.
fn check((zone, hours): &(TimeZone, Hours), instants: &[(&str, bool)]) {
    for (instant, expected) in instants {
        let standing = hours.standing(local(zone, at(instant)));
        assert_eq!(standing.is_open(), *expected, "{instant}: {standing:?}");
    }
}

#[test]
fn a_window_opens_with_its_first_minute_and_closes_with_its_last() {
    // 2026-11-23 is a Monday. Jakarta is seven hours ahead of UTC.
    let monday = hours("Asia/Jakarta", &[window(1, WORK.0, WORK.1)], &[]);
    check(
        &monday,
        &[
            ("2026-11-23T07:59:59.999999+07", false),
            ("2026-11-23T08:00:00+07", true),
            ("2026-11-23T16:59:59.999999+07", true),
            ("2026-11-23T17:00:00+07", false),
            ("2026-11-23T01:00:00Z", true),
            ("2026-11-22T12:00:00+07", false),
            ("2026-11-24T12:00:00+07", false),
        ],
    );
}

#[test]
fn a_day_may_have_several_windows_and_the_one_that_holds_is_told() {
    let (zone, hours) = hours("Asia/Jakarta", &[window(5, 480, 690), window(5, 780, 1020)], &[]);
    let standing = |instant| hours.standing(local(&zone, at(instant)));
    let on = "2026-11-27".parse().unwrap();
    let open = |start, end| Standing::Open { on, span: Span { start, end }, is_holiday: false };
    assert_eq!(standing("2026-11-27T09:00:00+07"), open(480, 690));
    assert_eq!(standing("2026-11-27T12:00:00+07"), Standing::Closed { is_holiday: false });
    assert_eq!(standing("2026-11-27T16:00:00+07"), open(780, 1020));
}

#[test]
fn a_window_that_does_not_end_after_its_start_ends_on_the_next_day() {
    // Sunday 22:00 to Monday 06:00, over the end of the week.
    let night = hours("Asia/Jakarta", &[window(7, 22 * 60, 6 * 60)], &[]);
    check(
        &night,
        &[
            ("2026-11-22T21:59:00+07", false),
            ("2026-11-22T22:00:00+07", true),
            ("2026-11-23T00:00:00+07", true),
            ("2026-11-23T05:59:00+07", true),
            ("2026-11-23T06:00:00+07", false),
            ("2026-11-22T05:00:00+07", false),
        ],
    );
    // From noon to noon, and from midnight to midnight in both ways of writing it.
    check(
        &hours("Asia/Jakarta", &[window(1, 720, 720)], &[]),
        &[
            ("2026-11-23T11:59:00+07", false),
            ("2026-11-23T12:00:00+07", true),
            ("2026-11-24T11:59:00+07", true),
            ("2026-11-24T12:00:00+07", false),
        ],
    );
    for end in [0, 1440] {
        check(
            &hours("Asia/Jakarta", &[window(1, 0, end)], &[]),
            &[
                ("2026-11-22T23:59:00+07", false),
                ("2026-11-23T00:00:00+07", true),
                ("2026-11-23T23:59:59+07", true),
                ("2026-11-24T00:00:00+07", false),
            ],
        );
    }
}

#[test]
fn a_holiday_has_its_own_hours_or_none_and_an_extension_s_own_come_before_everybody_s() {
    let christmas = ("2026-12-25", false, None);
    let week: Vec<Window> = (1..=7).map(|day| window(day, WORK.0, WORK.1)).collect();
    let noon = "2026-12-25T12:00:00+07";
    check(&hours("Asia/Jakarta", &week, &[christmas]), &[(noon, false), ("2026-12-26T12:00:00+07", true)]);
    let short = ("2026-12-25", false, Some((480, 600)));
    let late = ("2026-12-25", false, Some((720, 780)));
    check(
        &hours("Asia/Jakarta", &week, &[short, late]),
        &[("2026-12-25T09:00:00+07", true), ("2026-12-25T11:00:00+07", false), (noon, true)],
    );
    check(
        &hours("Asia/Jakarta", &week, &[christmas, ("2026-12-25", true, Some((720, 780)))]),
        &[(noon, true)],
    );
    check(&hours("Asia/Jakarta", &week, &[short, late, ("2026-12-25", true, None)]), &[(noon, false)]);
    let (zone, hours) = hours("Asia/Jakarta", &week, &[christmas]);
    assert_eq!(hours.standing(local(&zone, at(noon))), Standing::Closed { is_holiday: true });
}

#[test]
fn what_is_closed_says_when_it_opens_next() {
    let check = |hours: &(TimeZone, Hours), now: &str, expected: Option<[&str; 2]>| {
        let found = hours.1.next(&hours.0, at(now));
        let expected = expected.map(|[from, until]| Opening { from: at(from), until: at(until) });
        assert_eq!(found, expected, "{now}");
    };
    let friday = [window(5, 780, 1_020), window(5, 480, 690)];
    let week = hours("Asia/Jakarta", &friday, &[("2026-12-25", false, None)]);
    let morning = ["2026-11-27T08:00:00+07", "2026-11-27T11:30:00+07"];
    check(&week, "2026-11-23T12:00:00+07", Some(morning));
    check(&week, "2026-11-27T07:59:00+07", Some(morning));
    let afternoon = ["2026-11-27T13:00:00+07", "2026-11-27T17:00:00+07"];
    check(&week, "2026-11-27T12:00:00+07", Some(afternoon));
    // Christmas is a Friday.
    let new_year = ["2027-01-01T08:00:00+07", "2027-01-01T11:30:00+07"];
    check(&week, "2026-12-18T18:00:00+07", Some(new_year));
    check(&week, "2026-12-17T00:00:00+07", Some(["2026-12-18T08:00:00+07", "2026-12-18T11:30:00+07"]));
    let night = hours("Asia/Jakarta", &[window(7, 22 * 60, 6 * 60)], &[]);
    check(&night, "2026-11-23T06:00:00+07", Some(["2026-11-29T22:00:00+07", "2026-11-30T06:00:00+07"]));
    let day = hours("Asia/Jakarta", &[window(2, 0, 1_440)], &[]);
    check(&day, "2026-11-23T06:00:00+07", Some(["2026-11-24T00:00:00+07", "2026-11-25T00:00:00+07"]));
    // 02:15 is left out on the Sunday on which the clocks are turned, and no other one comes within two weeks.
    let small_hours = hours("Europe/Berlin", &[window(7, 135, 165)], &[("2026-04-05", false, None)]);
    check(&small_hours, "2026-03-28T00:00:00Z", None);
}

#[test]
fn a_night_shift_that_began_before_a_holiday_ends_when_it_ends() {
    let night: Vec<Window> = (1..=7).map(|day| window(day, 22 * 60, 6 * 60)).collect();
    check(
        &hours("Asia/Jakarta", &night, &[("2026-12-25", false, None)]),
        &[
            ("2026-12-25T05:59:00+07", true),
            ("2026-12-25T06:00:00+07", false),
            ("2026-12-25T23:00:00+07", false),
            ("2026-12-26T05:00:00+07", false),
            ("2026-12-26T22:00:00+07", true),
        ],
    );
}

#[test]
fn hours_follow_the_clock_on_the_wall_through_the_days_on_which_it_is_turned() {
    let week: Vec<Window> = (1..=7).map(|day| window(day, WORK.0, WORK.1)).collect();
    let berlin = hours("Europe/Berlin", &week, &[]);
    check(
        &berlin,
        &[
            // Winter: 8:00 is 7:00 UTC. Summer: 6:00 UTC. The clocks were turned on 29 March and 25 October.
            ("2026-03-28T06:59:00Z", false),
            ("2026-03-28T07:00:00Z", true),
            ("2026-03-29T05:59:00Z", false),
            ("2026-03-29T06:00:00Z", true),
            ("2026-10-24T06:00:00Z", true),
            ("2026-10-25T06:59:00Z", false),
            ("2026-10-25T07:00:00Z", true),
        ],
    );
    // 02:15 to 02:45 is left out in spring and comes twice in autumn.
    let small_hours = hours("Europe/Berlin", &[window(7, 135, 165)], &[]);
    let spring = (0..180).map(|minute| at("2026-03-29T00:00:00Z").plus_micros(minute * 60_000_000));
    let (zone, plan) = &small_hours;
    assert!(spring.into_iter().all(|now| !plan.standing(local(zone, now)).is_open()));
    check(
        &small_hours,
        &[
            ("2026-10-25T00:15:00Z", true),
            ("2026-10-25T00:45:00Z", false),
            ("2026-10-25T01:15:00Z", true),
            ("2026-10-25T01:45:00Z", false),
        ],
    );
    // A window over the turn is open for an hour more or less.
    check(
        &hours("Europe/Berlin", &[window(6, 22 * 60, 6 * 60)], &[]),
        &[
            ("2026-03-28T21:00:00Z", true),
            ("2026-03-29T03:59:00Z", true),
            ("2026-03-29T04:00:00Z", false),
            ("2026-10-25T04:59:00Z", true),
            ("2026-10-25T05:00:00Z", false),
        ],
    );
}

/// Walks through every window of every day around the date and asks whether it covers the minute, counted from midnight
/// of that day. No weekday table, no order, no "yesterday".
fn by_hand(windows: &[Window], holidays: &[(Date, Option<Span>)], local: DateTime) -> bool {
    (-2..=2).any(|days| {
        let date = local.date().checked_add(jiff::Span::new().days(days)).unwrap();
        let minute = -days * 1440 + i64::from(local.hour()) * 60 + i64::from(local.minute());
        let of_date: Vec<Span> = if holidays.iter().any(|(on, _)| *on == date) {
            holidays.iter().filter(|(on, _)| *on == date).filter_map(|(_, span)| *span).collect()
        } else {
            let day = u8::try_from(date.weekday().to_monday_one_offset()).unwrap();
            windows.iter().filter(|window| window.day == day).map(|window| window.span).collect()
        };
        of_date.iter().any(|span| {
            let length = match i64::from(span.end) - i64::from(span.start) {
                length if length > 0 => length,
                length => length + 1440,
            };
            (i64::from(span.start)..i64::from(span.start) + length).contains(&minute)
        })
    })
}

fn spans() -> impl Strategy<Value = Span> {
    // Few different times, so that edges meet.
    let minutes = || prop_oneof![Just(0_u16), Just(1), Just(480), Just(720), Just(1439), 0_u16..1440];
    (minutes(), prop_oneof![minutes(), Just(1440)]).prop_map(|(start, end)| Span { start, end })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_hours_are_what_a_walk_through_the_days_around_says(
        week in prop::collection::vec((1_u8..=7, spans()), 1..8),
        dates in prop::collection::vec((20_i8..30, prop::option::of(spans())), 0..4),
        minutes in prop::collection::vec(0_i64..14 * 1440, 60),
    ) {
        let windows: Vec<Window> = week.into_iter().map(|(day, span)| Window { day, span }).collect();
        let holidays: Vec<(Date, Option<Span>)> =
            dates.into_iter().map(|(day, span)| (jiff::civil::date(2026, 11, day), span)).collect();
        let rows: Vec<Day<String>> = holidays
            .iter()
            .map(|(date, span)| (date.to_string(), false, span.map(|span| (span.start, span.end))))
            .collect();
        let rows: Vec<_> = rows.iter().map(|(date, own, span)| (date.as_str(), *own, *span)).collect();
        let (_, hours) = hours("Asia/Jakarta", &windows, &rows);
        for minute in minutes {
            let local = jiff::civil::date(2026, 11, 17).at(0, 0, 0, 0) + jiff::Span::new().minutes(minute);
            prop_assert_eq!(hours.standing(local).is_open(), by_hand(&windows, &holidays, local), "{}", local);
        }
    }
}
