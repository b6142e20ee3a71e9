//! What is asked beforehand, answered as the switch would decide.

use contract::{
    id::{OrgId, UserId},
    outside::Outside,
    route::Routed,
    rules::{Action, Condition, Timescope},
    snapshot::{Mailbox, Snapshot},
    trace::RouteStep,
};

use super::*;
use crate::{
    compile,
    outside::tests::{did, trunk},
    route::tests::{id, organisation, rule, window},
};

/// Sunday, 2026-11-22, 17:00 in Jakarta.
const NOW: Timestamp = Timestamp(1_795_341_600_000_000);

/// A desk that is open on weekdays, whose calls go to somebody with a mailbox when nobody takes them; and a way outside.
fn plan() -> Plan {
    let mut rows = organisation();
    let desk = &mut rows.extensions[0];
    desk.hours = (1..=5).map(|day| window(day, 8 * 60, 17 * 60)).collect();
    desk.rules = vec![
        rule(1, Timescope::OffHours, Condition::Always, Action::AnnounceHangup("closed".into())),
        rule(2, Timescope::Any, Condition::NoAnswer, Action::ForwardStaff(UserId(id(12)))),
    ];
    rows.staff[1].mailbox = Some(Mailbox::default());
    rows.outside = Outside {
        trunks: vec![trunk(61, &["203.0.113.5"])],
        dids: vec![did(71, "+62215550100", Some(21), None)],
        ..Outside::default()
    };
    compile(&Snapshot { revision: 7, organisations: vec![rows] }).unwrap()
}

fn question(from: &str, to: &str, at: Option<&str>) -> RouteQuestion {
    RouteQuestion { org: None, from: from.into(), to: to.into(), at: at.map(str::to_owned) }
}

fn answer(from: &str, to: &str, at: &str) -> RouteAnswer {
    plan().try_number(&question(from, to, Some(at)), NOW).unwrap()
}

fn ring(number: &str, name: &str) -> Routed {
    Routed::Ring { number: number.into(), name: name.into(), ring_timeout_secs: 60, is_outside: false }
}

fn refuse(reason: &str) -> Routed {
    Routed::Refuse { reason: reason.into() }
}

#[test]
fn the_answer_says_what_is_done_why_and_what_follows() {
    let told = answer("callee", "100", "2026-11-23T09:00");
    assert_eq!((told.revision, told.organisation.as_str()), (7, "demo.sambung.test"));
    assert_eq!(told.local, "Mon 2026-11-23 09:00 Asia/Jakarta");
    assert_eq!(told.at, Timestamp(1_795_399_200_000_000));
    assert_eq!(told.route, ring("100", "extension 100"));
    assert!(matches!(&told.steps[1], RouteStep::Hours { is_open: true, .. }), "{:?}", told.steps);
    let then: Vec<_> = told.then.iter().map(|then| (then.condition, then.decisions.len())).collect();
    assert_eq!(then, [(Condition::NoAnswer, 2)]);
    let routes: Vec<_> = told.then[0].decisions.iter().map(|next| next.route.clone()).collect();
    assert_eq!(routes, [ring("1002", "staff 12"), Routed::Voicemail { number: "1002".into() }]);
}

#[test]
fn the_same_question_at_another_time_has_another_answer() {
    let closed = Routed::Announce { sound: "closed".into() };
    for (at, expected) in [
        ("2026-11-23T16:59", ring("100", "extension 100")),
        ("2026-11-23T17:00", closed.clone()),
        ("2026-11-23T09:59Z", ring("100", "extension 100")),
        ("2026-11-23T10:00:00+00:00", closed.clone()),
    ] {
        assert_eq!(answer("callee", "100", at).route, expected, "{at}");
    }
    let now = plan().try_number(&question("callee", "100", None), NOW).unwrap();
    assert_eq!((now.at, now.route), (NOW, closed));
}

/// One name each, in this order: a trunk's, a username, the number of somebody who has an account.
#[test]
fn who_calls_is_known_by_trunk_username_or_number() {
    let plan = plan();
    let org = plan.default_organisation().unwrap();
    for (from, expected) in [
        ("trunk 61", Some("Trunk(TrunkId(3d))")),
        ("1002-mobile", Some("User(UserId(0c))")),
        ("1002", Some("User(UserId(0c))")),
        ("callee", Some("Account(AccountId(23))")),
        ("1003", None),
        ("gone", None),
        ("+62215550100", None),
    ] {
        let told = org.caller(from).map(|person| format!("{person:?}"));
        let told = told.map(|told| told.replace("00000000-0000-0000-0000-0000000000", ""));
        assert_eq!(told.ok().as_deref(), expected, "{from}");
    }
}

#[test]
fn a_call_from_outside_is_for_a_number_however_it_is_written_and_for_no_other() {
    let told = answer("trunk 61", "021-5550100", "2026-11-23T09:00");
    assert_eq!((told.to.as_str(), told.route), ("+62215550100", ring("100", "extension 100")));
    let told = answer("trunk 61", "0812-3456789", "2026-11-23T09:00");
    assert_eq!((told.to.as_str(), told.route), ("+628123456789", refuse("unknown_number")));
}

#[test]
fn a_refusal_and_an_unknown_number_are_answers() {
    for (to, expected) in
        [("999", "unknown_number"), ("200", "inactive"), ("300", "no_staff"), ("1002", "self_call")]
    {
        let told = answer("1002", to, "2026-11-23T09:00");
        assert_eq!((told.route, told.then.len()), (refuse(expected), 0), "{to}");
    }
}

#[test]
fn all_that_is_wrong_with_a_question_is_said_at_once() {
    let plan = plan();
    let fields = |question: &RouteQuestion| -> Vec<String> {
        plan.try_number(question, NOW).unwrap_err().into_iter().map(|wrong| wrong.field).collect()
    };
    assert_eq!(fields(&question("nobody", "100", Some("tomorrow"))), ["from", "at"]);
    assert_eq!(fields(&question("trunk 61", "100", Some("2026-02-30T00:00"))), ["to", "at"]);
    let elsewhere = RouteQuestion { org: Some(OrgId(id(2))), ..question("1001", "100", None) };
    assert_eq!(fields(&elsewhere), ["org"]);
    assert_eq!(Plan::default().try_number(&question("1001", "100", None), NOW).unwrap_err()[0].field, "org");
}
