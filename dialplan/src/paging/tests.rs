//! Whose phones answer by themselves, and for whom they do.

use contract::{
    id::{ConferenceId, GuestId, OrgId, PageGroupId, TrunkId},
    paging::PageGroup,
    rules::{Action, Condition, Timescope},
    snapshot::{self, Snapshot},
};

use crate::{
    Facts, Plan, Route, compile,
    follow::tests::{EVENING, NOON, told},
    plan::PersonKey,
    route::{
        Step,
        tests::{id, organisation, person, rule, window},
    },
};

/// Extension 100 (two people) takes intercoms and is closed in the evening, where it forwards; 500 takes none.
fn rows() -> snapshot::Organisation {
    let mut own = organisation();
    let closed = rule(1, Timescope::OffHours, Condition::Always, Action::AnnounceHangup("closed".into()));
    own.extensions[0].hours = (1..=7).map(|day| window(day, 480, 1020)).collect();
    own.extensions[0].rules = vec![closed];
    own.extensions[0].takes_intercom = true;
    own.extensions[1].takes_intercom = true;
    own.extensions[2].takes_intercom = true;
    own
}

fn compiled(own: snapshot::Organisation) -> Plan {
    compile(&Snapshot { revision: 1, organisations: vec![own] }).unwrap()
}

fn check(plan: &Plan, caller: PersonKey, dialled: &str, expected: &str) {
    let decision = plan.route(&Facts { org: OrgId(id(1)), caller, dialled }, EVENING);
    let people = match &decision.route {
        Route::Intercom(ring) => format!(" {}", ring.targets.len()),
        _ => String::new(),
    };
    assert_eq!(format!("{}{people}", told(&decision.route)), expected, "{dialled} {:?}", decision.trace);
    assert!(decision.forwards.is_empty() && decision.trail.at().is_none(), "nobody is sent on from there");
}

#[test]
fn an_intercom_reaches_whoever_has_agreed_to_it_past_hours_and_rules() {
    let plan = compiled(rows());
    check(&plan, person(35), "*80100", "intercom 100 2");
    check(&plan, person(31), "*80100", "intercom 100 1");
    check(&plan, person(31), "*801002", "intercom 1002 1");
    // Nobody sits at it, so nobody has to agree.
    check(&plan, person(31), "*80callee", "intercom callee 1");
}

#[test]
fn an_intercom_that_reaches_nobody_is_refused_with_the_reason() {
    let plan = compiled(rows());
    check(&plan, person(31), "*80500", "no_intercom");
    check(&plan, person(31), "*80200", "inactive");
    check(&plan, person(31), "*80300", "no_staff");
    check(&plan, person(31), "*80gone", "inactive");
    check(&plan, person(31), "*801001", "self_call");
    check(&plan, person(31), "*80", "unknown_number");
    check(&plan, person(31), "*8055", "unknown_number");
    check(&plan, person(31), "*80*43", "unknown_number");
    check(&compiled(organisation()), person(31), "*801002", "no_intercom");
}

#[test]
fn nobody_outside_opens_a_microphone() {
    for outsider in [PersonKey::Trunk(TrunkId(id(90))), PersonKey::Guest(GuestId(id(90)))] {
        check(&compiled(rows()), outsider, "*80100", "inside_only");
    }
}

/// A star alone is the code for a mailbox, and whoever has the whole number is asked first.
#[test]
fn a_number_that_begins_with_80_keeps_its_mailbox() {
    let mut own = rows();
    own.staff[0].number = "80100".into();
    own.staff[0].mailbox = Some(snapshot::Mailbox::default());
    let plan = compiled(own);
    let facts = Facts { org: OrgId(id(1)), caller: person(35), dialled: "*80100" };
    assert_eq!(told(&plan.route(&facts, EVENING).route), "mailbox 80100 dialled");
    let steps = plan.route(&Facts { dialled: "*8080100", ..facts }, EVENING).trace.0;
    assert!(matches!(&steps[..], [Step::Intercom, Step::Number { .. }, Step::Rings { .. }]), "{steps:?}");
}

/// Its twins: a number that begins with 33, and numbers that are a code's digits.
#[test]
fn a_number_that_begins_with_a_code_keeps_its_mailbox_except_from_the_code_that_phones_know() {
    let route = |number: &str, mailbox: Option<snapshot::Mailbox>| {
        let mut own = rows();
        own.staff[0].number = number.into();
        own.staff[0].mailbox = mailbox;
        let dialled = &*format!("*{number}");
        told(&compiled(own).route(&Facts { org: OrgId(id(1)), caller: person(35), dialled }, EVENING).route)
    };
    for (number, code) in [
        ("33100", "supervise"),
        ("43", "echo"),
        ("46", "pause"),
        ("70", "call_waiting"),
        ("71", "call_waiting_off"),
        ("78", "do_not_disturb"),
        ("79", "do_not_disturb_off"),
    ] {
        assert_eq!(route(number, None), code);
        assert_eq!(route(number, Some(Default::default())), format!("mailbox {number} dialled"));
    }
    assert_eq!(route("97", Some(Default::default())), "voicemail");
}

/// Extension 100 is a page group: its two people's phones, and rules and hours as ever.
fn paging_rows() -> snapshot::Organisation {
    let mut own = rows();
    own.extensions[0].page_group = Some(PageGroup::plain(PageGroupId(id(80))));
    let page = rule(1, Timescope::Any, Condition::Always, Action::ForwardExtension(own.extensions[0].id));
    own.extensions[4].rules = vec![page];
    own
}

#[test]
fn a_page_group_has_all_phones_of_its_people_but_the_callers() {
    let plan = compiled(paging_rows());
    let route = |caller, dialled, now| {
        let decision = plan.route(&Facts { org: OrgId(id(1)), caller, dialled }, now);
        (told(&decision.route), decision.forwards.len())
    };
    assert_eq!(route(person(35), "100", NOON), ("page 100 2".into(), 0));
    assert_eq!(route(person(31), "100", NOON), ("page 100 1".into(), 0));
    assert_eq!(route(person(31), "100", EVENING), ("says closed".into(), 0), "hours and rules go first");
    assert_eq!(route(person(31), "500", NOON), ("page 100 1".into(), 1), "rules lead there");
    let trunk = PersonKey::Trunk(TrunkId(id(90)));
    assert_eq!(route(trunk, "100", NOON), ("inside_only".into(), 0), "nobody outside pages");
}

#[test]
fn an_extension_is_one_of_a_page_group_a_queue_and_a_conference() {
    let mut own = paging_rows();
    own.extensions[0].conference = Some(contract::conferences::Conference::plain(ConferenceId(id(81))));
    let wrong = compile(&Snapshot { revision: 1, organisations: vec![own] }).unwrap_err();
    let said: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    assert!(
        said.len() == 1 && said[0].ends_with("extension: is a queue or a conference already"),
        "{said:?}"
    );
}
