//! Rows that compile, and everything that is said about rows that do not.

use contract::{
    conferences::{Conference, Pin},
    id::{ConferenceId, HolidayId, MenuId, QueueId, RuleId},
    menus::{Menu, MenuChoice, MenuKey},
    outside::{Outside, Trunk},
    queues::{Agent, Queue},
    rules::{Action, Condition, Holiday, Rule, Span, Timescope},
    snapshot::Organisation,
};

use super::*;
use crate::route::tests::{extension, id, organisation, queue, rule, window};

/// Spoils good rows and compares all that is then said.
fn check(spoil: impl FnOnce(&mut Vec<Organisation>), expected: &[&str]) {
    let mut organisations = vec![organisation()];
    spoil(&mut organisations);
    let wrong = compile(&Snapshot { revision: 1, organisations }).err().unwrap_or_default();
    let told: Vec<String> =
        wrong.iter().map(|d| d.to_string().replace("00000000-0000-0000-0000-0000000000", "")).collect();
    assert_eq!(told, expected);
}

#[test]
fn good_rows_make_a_plan() {
    let plan = compile(&Snapshot { revision: 7, organisations: vec![organisation()] }).unwrap();
    assert_eq!(plan.revision(), 7);
    let org = plan.organisation_by_host("DEMO.sambung.test.").unwrap();
    assert_eq!((org.id(), org.sip_domain()), (OrgId(id(1)), "demo.sambung.test"));
    assert_eq!(plan.default_organisation().unwrap().id(), org.id());
    assert!(plan.organisation_by_host("192.0.2.1").is_none());
}

#[test]
fn accounts_that_may_not_sign_in_are_not_in_a_plan() {
    let plan = compile(&Snapshot { revision: 7, organisations: vec![organisation()] }).unwrap();
    let account = |username| plan.account(OrgId(id(1)), username);
    assert!(account("gone").is_none(), "inactive");
    assert!(account("1003").is_none(), "of a suspended member of staff");
    assert!(account("CALLEE").is_none(), "usernames are case-sensitive (RFC 3261 19.1.4)");
    let mobile = account("1002-mobile").unwrap();
    assert_eq!((&*mobile.number, &*mobile.name), ("1002", "staff 12"));
    assert!(!format!("{mobile:?}").contains("000000000000000000000000000000000"), "no digests in logs");
}

#[test]
fn fields_out_of_bounds_are_named() {
    check(
        |orgs| orgs[0].ring_timeout_secs = 4,
        &["organisation 01, settings, ring_timeout_secs: is out of range"],
    );
    for domain in ["", "Upper.test", "a..b", "-a.test", "192.0.2.1", "a b"] {
        check(
            |orgs| orgs[0].sip_domain = domain.into(),
            &["organisation 01, settings, sip_domain: is malformed"],
        );
    }
    for number in ["1", "1234567", "12a"] {
        check(
            |orgs| orgs[0].staff[0].number = number.into(),
            &["organisation 01, staff 0b, number: is malformed"],
        );
    }
    check(
        |orgs| {
            orgs[0].accounts[0].username = "a\r\nb".into();
            orgs[0].accounts[1].ha1_md5 = "G".repeat(32);
            orgs[0].accounts[2].ha1_sha256.truncate(63);
        },
        &[
            "organisation 01, account 1f, username: is malformed",
            "organisation 01, account 20, ha1_md5: is malformed",
            "organisation 01, account 21, ha1_sha256: is malformed",
        ],
    );
}

#[test]
fn what_must_be_unique_is() {
    check(
        |orgs| orgs[0].staff[0].number = "100".into(),
        &["organisation 01, staff 0b, number: is taken by another row"],
    );
    check(
        |orgs| orgs[0].accounts[1].username = "1001".into(),
        &["organisation 01, account 20, username: is taken by another row"],
    );
    check(
        |orgs| orgs.push(Organisation { id: OrgId(id(2)), ..organisation() }),
        &[
            "organisation 02, settings, sip_domain: is taken by another row",
            "organisation 02, settings, is_default: is taken by another row",
        ],
    );
}

#[test]
fn rows_that_point_at_nothing_are_named() {
    check(
        |orgs| {
            orgs[0].extensions[0].staff.push(UserId(id(99)));
            orgs[0].accounts[0].user = Some(UserId(id(99)));
        },
        &[
            "organisation 01, account 1f, user: points at nothing",
            "organisation 01, extension 15, staff: points at nothing",
        ],
    );
}

fn rule_to(n: u16, timescope: Timescope, condition: Condition, to: u128) -> Rule {
    rule(n, timescope, condition, Action::ForwardExtension(ExtensionId(id(to))))
}

#[test]
fn hours_and_holidays_out_of_bounds_are_named() {
    for timezone in ["", "Jakarta", "Asia/Jakarta\n", "../etc/passwd"] {
        check(
            |orgs| orgs[0].timezone = timezone.into(),
            &["organisation 01, settings, timezone: is malformed"],
        );
    }
    for wrong in [window(0, 0, 60), window(8, 0, 60), window(1, 1440, 60), window(1, 0, 1441)] {
        check(
            |orgs| orgs[0].extensions[0].hours = vec![window(1, 0, 1440), wrong],
            &["organisation 01, extension 15, hours: is out of range"],
        );
    }
    let holiday = |n, extension: Option<u128>, date: &str, end| Holiday {
        id: HolidayId(id(n)),
        extension: extension.map(|n| ExtensionId(id(n))),
        date: date.into(),
        name: "holiday".into(),
        span: Some(Span { start: 0, end }),
    };
    check(
        |orgs| {
            orgs[0].holidays = vec![
                holiday(1, None, "2026-12-25", 60),
                holiday(2, None, "2026-02-29", 60),
                holiday(3, None, "2026-12-25T00:00", 60),
                holiday(4, Some(21), "2026-12-25", 1441),
                holiday(5, Some(99), "2026-12-25", 60),
            ];
        },
        &[
            "organisation 01, holiday 02, date: is malformed",
            "organisation 01, holiday 03, date: is malformed",
            "organisation 01, holiday 04, span: is out of range",
            "organisation 01, holiday 05, extension: points at nothing",
        ],
    );
    check(
        |orgs| {
            let days = std::iter::repeat_n(window(1, 0, 60), limits::WINDOWS_MAX + 1);
            orgs[0].extensions[0].hours = days.collect();
            let rules = (0..).map(|n| rule_to(n, Timescope::Any, Condition::Busy, 21));
            orgs[0].extensions[1].rules = rules.take(limits::RULES_MAX + 1).collect();
            let days = (0..).map(|n| holiday(n, None, "2026-12-25", 60));
            orgs[0].holidays = days.take(limits::HOLIDAYS_MAX + 1).collect();
        },
        &[
            "organisation 01, settings, holidays: are more than 2000",
            "organisation 01, extension 15, hours: are more than 64",
            "organisation 01, extension 16, rules: are more than 64",
        ],
    );
}

#[test]
fn menus_that_cannot_be_offered_are_named() {
    let choice = |key, action| MenuChoice { key, action };
    let menu = Menu {
        id: MenuId(id(80)),
        greeting: Some("../x".into()),
        timeout_secs: 0,
        key_timeout_secs: 21,
        tries_max: 11,
        choices: vec![
            choice(MenuKey::One, Action::ForwardExtension(ExtensionId(id(99)))),
            choice(MenuKey::Two, Action::Ring),
            choice(MenuKey::Two, Action::Ivr(MenuId(id(80)))),
            choice(MenuKey::Star, Action::ForwardNumber("0215551234".into())),
            choice(MenuKey::Timeout, Action::Ivr(MenuId(id(81)))),
        ],
        ..crate::route::tests::menu(80)
    };
    check(
        |orgs| {
            orgs[0].extensions[0].menu = Some(menu.clone());
            orgs[0].extensions[4].menu = Some(crate::route::tests::menu(80));
        },
        &[
            "organisation 01, menu 50, id: is taken by another row",
            "organisation 01, menu 50, timeout_secs: is out of range",
            "organisation 01, menu 50, key_timeout_secs: is out of range",
            "organisation 01, menu 50, tries_max: is out of range",
            "organisation 01, menu 50, greeting: is malformed",
            "organisation 01, menu 50, 1: points at nothing",
            "organisation 01, menu 50, 2: is taken by another row",
            "organisation 01, menu 50, *: is malformed",
            "organisation 01, menu 50, timeout: points at nothing",
        ],
    );
}

#[test]
fn conferences_that_cannot_be_held_are_named() {
    let plain = Conference::plain(ConferenceId(id(90)));
    let pin = |digits: &str| Some(Pin(digits.into()));
    check(
        |orgs| {
            let bounds = Conference { members_max: 1, pin: pin("123"), ..plain.clone() };
            orgs[0].extensions[0].conference = Some(bounds);
            orgs[0].extensions[4].conference =
                Some(Conference { members_max: 33, pin: pin("12a4"), ..plain.clone() });
        },
        &[
            "organisation 01, conference 5a, members_max: is out of range",
            "organisation 01, conference 5a, pin: is malformed",
            "organisation 01, conference 5a, id: is taken by another row",
            "organisation 01, conference 5a, members_max: is out of range",
            "organisation 01, conference 5a, pin: is malformed",
        ],
    );
    let closed = Conference { pin: pin("4711"), ..plain };
    assert!(!format!("{closed:?}").contains("4711"), "no PIN in logs");
}

#[test]
fn rules_that_cannot_be_carried_out_are_named() {
    let any = |n, condition, action| rule(n, Timescope::Any, condition, action);
    check(
        |orgs| {
            orgs[0].extensions[0].rules = vec![
                rule_to(1, Timescope::Any, Condition::Busy, 99),
                any(2, Condition::Busy, Action::ForwardStaff(UserId(id(99)))),
                any(3, Condition::Busy, Action::Ring),
                any(4, Condition::Busy, Action::AnnounceHangup("../../etc".into())),
                any(5, Condition::Busy, Action::Queue { queue: QueueId(id(1)), priority: 0 }),
                any(6, Condition::Busy, Action::Voicemail(UserId(id(98)))),
                any(7, Condition::Busy, Action::Ivr(MenuId(id(1)))),
                any(8, Condition::Busy, Action::ForwardNumber("0215551234".into())),
                rule_to(9, Timescope::Any, Condition::Busy, 21),
                any(10, Condition::Always, Action::Ring),
                Rule { id: RuleId(id(11)), ..any(10, Condition::Always, Action::Ring) },
                Rule { position: 12, ..any(10, Condition::Always, Action::Ring) },
            ];
        },
        &[
            "organisation 01, rule 01, target: points at nothing",
            "organisation 01, rule 02, target: points at nothing",
            "organisation 01, rule 03, action: rings the extension's own people, which only the condition always can",
            "organisation 01, rule 04, target: is malformed",
            "organisation 01, rule 05, target: points at nothing",
            "organisation 01, rule 06, target: points at nothing",
            "organisation 01, rule 07, target: points at nothing",
            "organisation 01, rule 08, target: is malformed",
            "organisation 01, rule 09, target: leads in a circle: 100 → 100",
            "organisation 01, rule 0b, position: is taken by another row",
            "organisation 01, rule 0a, id: is taken by another row",
        ],
    );
}

/// Extensions 500, 501 … whose rules are (timescope, condition, to).
fn chain(rules: &[&[(Timescope, Condition, u128)]], has_hours: bool) -> Vec<snapshot::Extension> {
    let mut n = 0;
    let extension = |(at, rules): (usize, &&[(Timescope, Condition, u128)])| {
        let rules = rules.iter().map(|(timescope, condition, to)| {
            n += 1;
            rule_to(n, *timescope, *condition, 100 + to)
        });
        snapshot::Extension {
            rules: rules.collect(),
            hours: if has_hours { vec![window(1, 480, 1020)] } else { Vec::new() },
            ..extension(100 + at as u128, &(500 + at).to_string(), &[11])
        }
    };
    rules.iter().enumerate().map(extension).collect()
}

#[test]
fn circles_in_which_nobody_would_ring_are_told_by_their_numbers() {
    use Condition::{Always, Busy, NoAnswer};
    use Timescope::{Any, OffHours, WorkHours};
    let refused = |rules: &[&[_]], has_hours, expected: &[&str]| {
        check(|orgs| orgs[0].extensions = chain(rules, has_hours), expected);
    };
    let circle = ["organisation 01, rule 02, target: leads in a circle: 500 → 501 → 500"];
    refused(&[&[(Any, Always, 1)], &[(Any, Always, 0)]], false, &circle);
    refused(&[&[(WorkHours, Always, 1)], &[(OffHours, Always, 0)]], true, &circle);
    refused(
        &[&[(Any, Always, 1)], &[(Any, Always, 2)], &[(Any, Busy, 0), (Any, Always, 1)]],
        false,
        &["organisation 01, rule 04, target: leads in a circle: 501 → 502 → 501"],
    );
    refused(
        &[&[(Any, Always, 1), (Any, Always, 2)], &[(Any, Always, 0)], &[(Any, Always, 0)]],
        false,
        &[
            "organisation 01, rule 03, target: leads in a circle: 500 → 501 → 500",
            "organisation 01, rule 04, target: leads in a circle: 500 → 502 → 500",
        ],
    );
    // Somebody rings on the way; it never holds; it is switched off; two ways to the same place are no circle.
    refused(&[&[(Any, NoAnswer, 1)], &[(Any, NoAnswer, 0)]], false, &[]);
    refused(&[&[(Any, Always, 1)], &[(Any, Busy, 0)]], false, &[]);
    refused(&[&[(Any, Always, 1)], &[(OffHours, Always, 0)]], false, &[]);
    refused(&[&[(Any, Always, 1), (Any, Always, 2)], &[(Any, Always, 2)], &[]], false, &[]);
    check(
        |orgs| {
            orgs[0].extensions = chain(&[&[(Any, Always, 1)], &[(Any, Always, 0)]], false);
            orgs[0].extensions[1].rules[0].is_enabled = false;
        },
        &[],
    );
}

#[test]
fn a_chain_before_anybody_rings_is_no_longer_than_a_call_may_be_forwarded() {
    let chain = |length: usize| {
        let rules: Vec<Vec<_>> = (0..=length)
            .map(|at| {
                let next = (Timescope::Any, Condition::Always, at as u128 + 1);
                if at == length { Vec::new() } else { vec![next] }
            })
            .collect();
        chain(&rules.iter().map(Vec::as_slice).collect::<Vec<_>>(), false)
    };
    check(|orgs| orgs[0].extensions = chain(limits::FORWARDS_MAX), &[]);
    check(
        |orgs| orgs[0].extensions = chain(limits::FORWARDS_MAX + 1),
        &["organisation 01, rule 01, target: is forwarded more than 8 times before anybody rings: \
           500 → 501 → 502 → 503 → 504 → 505 → 506 → 507 → 508 → 509"],
    );
}

#[test]
fn trunks_and_their_numbers_are_judged() {
    use crate::outside::tests::{did, trunk};
    let of = |outside: Outside| move |orgs: &mut Vec<Organisation>| orgs[0].outside = outside;
    let trunks = |trunks| Outside { trunks, ..Outside::default() };
    let dids = |dids| Outside { dids, ..Outside::default() };
    for code in ["", "062", "6200", "+62"] {
        let country = Outside { country_code: code.into(), ..Outside::default() };
        check(of(country), &["organisation 01, settings, country_code: is malformed"]);
    }
    check(of(trunks(vec![trunk(61, &[])])), &["organisation 01, trunk 3d, sources: is missing"]);
    check(
        of(trunks(vec![trunk(61, &["proxy.example"])])),
        &["organisation 01, trunk 3d, sources: is malformed"],
    );
    for wide in ["0.0.0.0/0", "10.0.0.0/8", "2001::/16"] {
        check(of(trunks(vec![trunk(61, &[wide])])), &["organisation 01, trunk 3d, sources: is out of range"]);
    }
    let none = Trunk { channels_max: 0, ..trunk(61, &["192.0.2.1"]) };
    check(of(trunks(vec![none])), &["organisation 01, trunk 3d, channels_max: is out of range"]);
    let twice = vec![trunk(61, &["192.0.2.1"]), trunk(61, &["192.0.2.2"])];
    check(of(trunks(twice)), &["organisation 01, trunk 3d, id: is taken by another row"]);
    check(
        of(dids(vec![did(71, "+62215550100", Some(21), None), did(72, "+62215550100", None, Some(12))])),
        &["organisation 01, did 48, number: is taken by another row"],
    );
    check(
        of(dids(vec![did(71, "0215550100", Some(21), None)])),
        &["organisation 01, did 47, number: is malformed"],
    );
    for wrong in [did(71, "+62215550100", Some(99), None), did(71, "+62215550100", None, None)] {
        check(of(dids(vec![wrong])), &["organisation 01, did 47, target: points at nothing"]);
    }
    let number = dids(vec![did(71, "+62215550100", Some(21), None)]);
    check(
        |orgs| {
            orgs[0].outside = number.clone();
            let other = Organisation {
                id: OrgId(id(2)),
                sip_domain: "other.test".into(),
                is_default: false,
                outside: number,
                ..organisation()
            };
            orgs.push(other);
        },
        &["organisation 02, did 47, number: is taken by another row"],
    );
}

#[test]
fn where_a_trunk_is_reached_and_what_it_knows_us_by_are_judged() {
    use crate::outside::tests::trunk;
    use contract::outside::{Credentials, Registering};
    let registering = |username: &str| Trunk {
        targets: vec!["sip:sip.provider.example".into()],
        credentials: Some(Credentials { username: username.into(), password: "s3cret".into(), realm: None }),
        registration: Some(Registering { expiry_secs: 300 }),
        ..trunk(61, &[])
    };
    let judge = |change: fn(&mut Trunk), expected: &[&str]| {
        let mut row = registering("021555");
        change(&mut row);
        let expected: Vec<String> =
            expected.iter().map(|what| format!("organisation 01, trunk 3d, {what}")).collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check(|orgs| orgs[0].outside = Outside { trunks: vec![row], ..Outside::default() }, &expected);
    };
    judge(|_| {}, &[]);
    for target in
        ["sip:203.0.113.5:5080", "sip:[2001:db8::7]:5061;transport=tls", "sip:a.example;transport=tcp"]
    {
        let row = Trunk { targets: vec![target.into()], ..trunk(61, &[]) };
        check(|orgs| orgs[0].outside = Outside { trunks: vec![row], ..Outside::default() }, &[]);
    }
    for target in [
        "sip.provider.example",
        "sips:a.example",
        "sip:A.example",
        "sip:a.example:0",
        "sip:a.example:70000",
        "sip:a.example;transport=ws",
        "sip:a.example;transport=udp;lr",
        "sip:user@a.example",
        "sip:",
        "sip:[::1",
        "sip:[2001:DB8::7]",
    ] {
        let row = Trunk { targets: vec![target.into()], ..trunk(61, &["192.0.2.1"]) };
        let expected = &["organisation 01, trunk 3d, targets: is malformed"];
        check(|orgs| orgs[0].outside = Outside { trunks: vec![row], ..Outside::default() }, expected);
    }
    judge(|row| row.targets.clear(), &["sources: is missing", "targets: is missing"]);
    judge(|row| row.targets = vec!["sip:a.example".into(); 9], &["targets: are more than 8"]);
    judge(|row| row.credentials = None, &["auth_username: is missing"]);
    judge(
        |row| row.credentials.as_mut().unwrap().password = "two\r\nlines".into(),
        &["auth_password: is malformed"],
    );
    for username in ["62215550100@ims.provider.example", "62215550100@203.0.113.5:5080"] {
        let row = registering(username);
        check(|orgs| orgs[0].outside = Outside { trunks: vec![row], ..Outside::default() }, &[]);
    }
    // A bug: such a user was let through, and the switch said of it that the provider had answered 503.
    for username in ["x@", "@a.example", "x@a b", "x@a@b.example", "x@A.example", ""] {
        let row = registering(username);
        let expected = &["organisation 01, trunk 3d, auth_username: is malformed"];
        check(|orgs| orgs[0].outside = Outside { trunks: vec![row], ..Outside::default() }, expected);
    }
    judge(
        |row| row.registration = Some(Registering { expiry_secs: 59 }),
        &["registration_expiry_secs: is out of range"],
    );
    judge(|row| row.options_interval_secs = 9, &["options_interval_secs: is out of range"]);
    judge(|row| row.from_number = Some("0215550100".into()), &["from_number: is malformed"]);
    let shown = format!("{:?}", Credentials { username: "x".into(), password: "s3cret".into(), realm: None });
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn queues_out_of_bounds_are_named() {
    let user = |n| UserId(id(n));
    check(
        |orgs| {
            orgs[0].extensions[0].queue = Some(Queue {
                ring_secs: 4,
                capacity: 0,
                wait_max_secs: 14_401,
                wrap_up_secs: 3_601,
                misses_max: 101,
                announce_secs: 14,
                has_callback: false,
                agents: vec![
                    Agent { user: user(11), weight: 0 },
                    Agent { user: user(11), weight: 1 },
                    Agent { user: user(99), weight: 1 },
                ],
                ..queue()
            });
            orgs[0].extensions[1].queue = Some(queue());
            let into = |n, condition, priority| {
                let action = Action::Queue { queue: queue().id, priority };
                rule(n, Timescope::Any, condition, action)
            };
            orgs[0].extensions[1].rules = vec![into(1, Condition::Busy, 0), into(2, Condition::Busy, 10)];
        },
        &[
            "organisation 01, queue 46, id: is taken by another row",
            "organisation 01, queue 46, ring_secs: is out of range",
            "organisation 01, queue 46, capacity: is out of range",
            "organisation 01, queue 46, wait_max_secs: is out of range",
            "organisation 01, queue 46, wrap_up_secs: is out of range",
            "organisation 01, queue 46, misses_max: is out of range",
            "organisation 01, queue 46, announce_secs: is out of range",
            "organisation 01, queue 46, weight: is out of range",
            "organisation 01, queue 46, agents: is taken by another row",
            "organisation 01, queue 46, agents: points at nothing",
            "organisation 01, rule 01, action: rings the extension's own people, which only the condition always can",
            "organisation 01, rule 02, priority: is out of range",
        ],
    );
}
