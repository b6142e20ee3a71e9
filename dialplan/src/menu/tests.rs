//! What a menu leads to, by every kind of choice, and which keys are one.

use contract::{
    id::{MenuId, QueueId, UserId},
    menus::{self, MenuChoice},
    rules::{Action as Rows, Condition, Rule, Timescope},
    snapshot,
    trace::{MenuOffer, RouteStep},
};

use super::*;
use crate::{
    Facts, Lead, Route, Step,
    follow::tests::{CALLER, EVENING, NOON, facts, plan, told},
    route::tests::{extension, id, menu, queue, rule, window},
};

const MENU: ExtensionId = ExtensionId(id(21));

/// An extension with a menu of these choices.
fn with_menu(n: u128, number: &str, choices: &[(MenuKey, Rows)]) -> snapshot::Extension {
    let choices = choices.iter().cloned().map(|(key, action)| MenuChoice { key, action }).collect();
    let menu = menus::Menu { choices, ..menu(n + 100) };
    snapshot::Extension { menu: Some(menu), ..extension(n, number, &[11]) }
}

fn to(n: u128) -> Rows {
    Rows::ForwardExtension(ExtensionId(id(n)))
}

fn ivr(n: u128) -> Rows {
    Rows::Ivr(MenuId(id(n + 100)))
}

fn pressed(keys: &str) -> Choice {
    Choice::Pressed(keys.into())
}

/// Where a choice leads, with the forwards to it and why.
fn choice(plan: &Plan, choice: &Choice) -> String {
    let Some(decision) = plan.choose(CALLER, MENU, choice, NOON) else { return "nowhere".into() };
    let forwards: Vec<String> = decision
        .forwards
        .iter()
        .map(|forward| format!(" {} {}", forward.lead.reason(), forward.number))
        .collect();
    format!("{}{}", told(&decision.route), forwards.concat())
}

/// 100 has a menu, 12 a mailbox, 300 a queue, 400 a menu too, 500 is closed at noon.
fn office() -> Plan {
    let choices = [
        (MenuKey::Zero, Rows::Ring),
        (MenuKey::One, to(22)),
        (MenuKey::Two, Rows::ForwardStaff(UserId(id(12)))),
        (MenuKey::Three, Rows::Voicemail(UserId(id(12)))),
        (MenuKey::Four, Rows::Queue { queue: QueueId(id(73)), priority: 2 }),
        (MenuKey::Five, ivr(24)),
        (MenuKey::Six, to(25)),
        (MenuKey::Star, ivr(21)),
        (MenuKey::Hash, Rows::AnnounceHangup("goodbye".into())),
        (MenuKey::Timeout, to(22)),
        (MenuKey::Invalid, Rows::AnnounceHangup("invalid".into())),
    ];
    let queued = contract::queues::Queue { id: QueueId(id(73)), ..queue() };
    plan(vec![
        with_menu(21, "100", &choices),
        extension(22, "200", &[12]),
        snapshot::Extension { queue: Some(queued), ..extension(23, "300", &[12]) },
        with_menu(24, "400", &[(MenuKey::One, ivr(21))]),
        snapshot::Extension { hours: vec![window(2, 480, 1020)], ..extension(25, "500", &[12]) },
    ])
}

#[test]
fn every_key_leads_where_the_rows_say() {
    let plan = office();
    for (keys, expected) in [
        ("0", "100"),
        ("1", "200 menu 200"),
        ("2", "1002 menu 1002"),
        ("3", "inactive"),
        ("4", "waits 300/2 menu 300"),
        ("5", "menu 400 menu 400"),
        ("6", "closed"),
        ("*", "menu 100"),
        ("#", "says goodbye"),
        ("7", "nowhere"),
        ("timeout", "nowhere"),
        ("12", "nowhere"),
        ("", "nowhere"),
    ] {
        assert_eq!(choice(&plan, &pressed(keys)), expected, "{keys}");
    }
    assert_eq!(choice(&plan, &Choice::Timeout), "200 menu_timeout 200");
    assert_eq!(choice(&plan, &Choice::Invalid), "says invalid");
}

#[test]
fn who_calls_an_extension_with_a_menu_chooses_while_it_is_open() {
    let closed = rule(1, Timescope::OffHours, Condition::Always, Rows::AnnounceHangup("closed".into()));
    let desk = |rules: Vec<Rule>| {
        let hours = (1..=7).map(|day| window(day, 480, 1020)).collect();
        plan(vec![snapshot::Extension { hours, rules, ..with_menu(21, "100", &[]) }])
    };
    let route = |plan: &Plan, now| told(&plan.route(&facts("100"), now).route);
    assert_eq!(route(&desk(vec![closed.clone()]), NOON), "menu 100");
    assert_eq!(route(&desk(vec![closed]), EVENING), "says closed");
    assert_eq!(route(&desk(Vec::new()), EVENING), "closed");
    // By night too, and its own people past it.
    let own = |action| vec![rule(1, Timescope::OffHours, Condition::Always, action)];
    assert_eq!(route(&desk(own(ivr(21))), EVENING), "menu 100");
    assert_eq!(route(&desk(own(Rows::Ring)), EVENING), "100");
}

#[test]
fn a_rule_leads_to_a_menu_whatever_its_hours_and_the_trace_says_what_is_offered() {
    let night = snapshot::Extension {
        hours: vec![window(2, 480, 1020)],
        ..with_menu(21, "100", &[(MenuKey::One, to(22))])
    };
    let desk = snapshot::Extension {
        rules: vec![rule(1, Timescope::Any, Condition::Busy, ivr(21))],
        ..extension(22, "200", &[12])
    };
    let plan = plan(vec![night, desk]);
    let rung = plan.route(&facts("200"), NOON);
    let next = plan.route_after(CALLER, &rung.trail, Condition::Busy, NOON).unwrap();
    assert_eq!((told(&next.route).as_str(), next.forwards.len()), ("menu 100", 1));
    assert!(matches!(next.forwards[0].lead, Lead::Rule(rule) if rule.condition == Condition::Busy));
    let offers =
        vec![MenuOffer { key: MenuKey::One, action: "forward_extension".into(), target: "200".into() }];
    let offered = RouteStep::Menu { number: "100".into(), offers, has_direct_dialling: false };
    assert_eq!(next.told(1).steps.last(), Some(&offered));
}

#[test]
fn what_was_chosen_and_comes_to_nothing_has_its_own_rules_and_then_leads_nowhere() {
    let desk = |rules| snapshot::Extension { rules, ..extension(22, "200", &[12]) };
    let colleague = rule(1, Timescope::Any, Condition::Busy, to(23));
    // The rules of the menu's extension are for its own people, and lead nobody back who is asked again anyway.
    let back = rule(2, Timescope::Any, Condition::Busy, to(21));
    let menu = snapshot::Extension {
        rules: vec![rule(3, Timescope::Any, Condition::Busy, to(23))],
        ..with_menu(21, "100", &[(MenuKey::Zero, Rows::Ring), (MenuKey::One, to(22))])
    };
    let plan = plan(vec![menu, desk(vec![back, colleague]), extension(23, "300", &[12])]);
    let chosen = plan.choose(CALLER, MENU, &pressed("1"), NOON).unwrap();
    let next = plan.route_after(CALLER, &chosen.trail, Condition::Busy, NOON).unwrap();
    assert_eq!(told(&next.route), "300");
    assert!(plan.route_after(CALLER, &next.trail, Condition::Busy, NOON).is_none());
    assert!(plan.route_after(CALLER, &chosen.trail, Condition::NoAnswer, NOON).is_none());
    let own = plan.choose(CALLER, MENU, &pressed("0"), NOON).unwrap();
    let next = plan.route_after(CALLER, &own.trail, Condition::Busy, NOON).unwrap();
    assert_eq!((told(&own.route).as_str(), told(&next.route).as_str()), ("100", "300"));
}

#[test]
fn no_trace_tells_which_key_was_pressed() {
    let plan = office();
    let steps = |keys: &str| plan.choose(CALLER, MENU, &pressed(keys), NOON).unwrap().trace.0;
    assert_eq!(steps("1")[0], Step::Chosen { number: "100".into(), chosen: Chosen::Choice });
    assert_eq!(steps("1")[0], steps("2")[0]);
}

/// 100 lets its callers dial; 1 and 2 are keys too, and 20, 200 and 201 are numbers.
fn exchange() -> Plan {
    let mut reception = with_menu(21, "100", &[(MenuKey::One, to(22)), (MenuKey::Two, to(23))]);
    reception.menu = reception.menu.map(|menu| menus::Menu { has_direct_dialling: true, ..menu });
    plan(vec![
        reception,
        extension(22, "20", &[12]),
        extension(23, "200", &[12]),
        extension(24, "201", &[12]),
    ])
}

#[test]
fn numbers_of_extensions_and_people_are_dialled_and_nothing_else() {
    let plan = exchange();
    let (org, of) = (plan.organisation(CALLER.0).unwrap(), |keys: &str| choice(&plan, &pressed(keys)));
    let menu = org.menu(MENU).unwrap();
    // What was pressed, whether it is a choice, whether there may be more, and where it leads.
    for (keys, is_choice, may_go_on, expected) in [
        ("1", true, true, "20 menu 20"),
        ("2", true, true, "200 menu 200"),
        ("20", true, true, "20 menu 20"),
        ("201", true, false, "201 menu 201"),
        ("1002", true, false, "1002 menu 1002"),
        ("100", true, true, "menu 100"),
        ("10", false, true, "nowhere"),
        ("3", false, false, "nowhere"),
        ("2013", false, false, "nowhere"),
        // Codes, bare accounts, and what begins with a star.
        ("*", false, false, "nowhere"),
        ("*43", false, false, "nowhere"),
        ("callee", false, false, "nowhere"),
    ] {
        let found = (org.is_choice(menu, keys), org.may_go_on(menu, keys), of(keys));
        assert_eq!(found, (is_choice, may_go_on, expected.to_owned()), "{keys}");
    }
    let plan = office();
    let (org, menu) =
        (plan.organisation(CALLER.0).unwrap(), plan.organisation(CALLER.0).unwrap().menu(MENU).unwrap());
    assert!(!org.may_go_on(menu, "1") && !org.is_choice(menu, "200"), "a menu says whether it is allowed");
}

#[test]
fn whoever_calls_is_left_out_of_what_they_choose() {
    let plan = office();
    let sari = PersonKey::User(UserId(id(12)));
    let chosen = plan.choose((CALLER.0, sari), MENU, &pressed("2"), NOON).unwrap();
    assert_eq!(told(&chosen.route), "self_call");
    let facts = Facts { org: CALLER.0, caller: sari, dialled: "100" };
    assert!(matches!(plan.route(&facts, NOON).route, Route::Menu(_)));
}
