//! What leaves for the telephone network: by which route and trunks, as which number, and who may.

use contract::{
    id::{AccountId, BudgetId, ExtensionId, OrgId, OutboundRouteId, PriceId, TrunkId, UserId},
    outside::{self, Budget, NumberFormat, Outside, Price},
    rules::{Action, Condition, Rule, Span, Timescope, Window},
    snapshot::Snapshot,
};

use super::*;
use crate::{
    Plan, compile,
    outside::tests::{did, trunk},
    plan::PersonKey,
    route::{
        Facts, Route,
        tests::{id, organisation},
    },
};

const NOON: Timestamp = Timestamp(1_795_582_800_000_000);

pub(crate) fn route(n: u128, prefix: &str, strip_digits: u16, trunks: &[u128]) -> outside::OutboundRoute {
    outside::OutboundRoute {
        id: OutboundRouteId(id(n)),
        name: format!("route {n}"),
        prefix: prefix.into(),
        strip_digits,
        prepend_digits: String::new(),
        trunks: trunks.iter().map(|n| TrunkId(id(*n))).collect(),
        is_active: true,
    }
}

fn budget(n: u128, user: Option<u128>, destinations: &[&str]) -> Budget {
    Budget {
        id: BudgetId(id(n)),
        user: user.map(|n| UserId(id(n))),
        account: None,
        allowance: Allowance {
            destinations: destinations.iter().map(|it| (*it).to_owned()).collect(),
            ..Allowance::default()
        },
        hours_of: None,
    }
}

/// Two providers that can be called and one that only calls, and everybody may call everywhere.
fn outside() -> Outside {
    let called = |n| outside::Trunk { targets: vec!["sip:a.example".into()], ..trunk(n, &[]) };
    Outside {
        trunks: vec![called(61), called(62), trunk(63, &["192.0.2.1"])],
        dids: vec![did(71, "+62215550100", Some(21), None)],
        budgets: vec![budget(91, None, &["international"])],
        ..Outside::default()
    }
}

fn plan(outside: Outside) -> Plan {
    let organisation = contract::snapshot::Organisation { outside, ..organisation() };
    compile(&Snapshot { revision: 1, organisations: vec![organisation] }).unwrap()
}

/// What somebody gets who dials that: the number and the trunks, or why not.
fn dialled(plan: &Plan, text: &str) -> Result<(String, Vec<u128>), &'static str> {
    let facts = Facts { org: OrgId(id(1)), caller: PersonKey::User(UserId(id(11))), dialled: text };
    match plan.route(&facts, NOON).route {
        Route::Ring(ring) => match &ring.outbound {
            Some(outbound) => {
                Ok((outbound.number.to_string(), outbound.trunks.iter().map(|it| it.0.as_u128()).collect()))
            }
            None => Ok((ring.number.to_string(), vec![])),
        },
        Route::Refuse(refusal) => Err(refusal.reason()),
        _ => Err("something else"),
    }
}

/// What is dialled, and the number with its trunks, or why there is none.
type Case<'a> = (&'a str, Result<(&'a str, &'a [u128]), &'a str>);

#[track_caller]
fn check(routes: &[outside::OutboundRoute], cases: &[Case<'_>]) {
    let plan = plan(Outside { routes: routes.to_vec(), ..outside() });
    for (text, expected) in cases {
        let expected = expected.map(|(number, trunks)| (number.to_owned(), trunks.to_vec()));
        assert_eq!(dialled(&plan, text), expected, "{text}");
    }
}

#[test]
fn the_first_route_whose_prefix_fits_says_the_number_and_the_trunks() {
    check(
        &[
            route(81, "+65", 0, &[62]),
            route(82, "08", 0, &[61, 62, 63]),
            route(83, "0", 0, &[62, 61]),
            route(84, "1500", 0, &[61]),
        ],
        &[
            ("0812-3456 789", Ok(("+628123456789", &[61, 62]))),
            ("021555999", Ok(("+6221555999", &[62, 61]))),
            ("006581234567", Ok(("+6581234567", &[62]))),
            ("+6581234567", Ok(("+6581234567", &[62]))),
            ("0018005550100", Ok(("+18005550100", &[62, 61]))),
            // A number as it stands in a list of contacts is taken as it would be dialled.
            ("+628123456789", Ok(("+628123456789", &[61, 62]))),
            ("+18005550100", Ok(("+18005550100", &[62, 61]))),
            ("1500888", Ok(("1500888", &[61]))),
            ("14045", Err("unknown_number")),
            ("5550100", Err("unknown_number")),
            ("sari", Err("unknown_number")),
            // Numbers of the house never leave it, however they are dialled.
            ("+62215550100", Ok(("100", &[]))),
            ("0215550100", Ok(("100", &[]))),
            ("006221-5550100", Ok(("100", &[]))),
        ],
    );
}

#[test]
fn a_code_for_a_line_is_taken_off_and_digits_are_put_in_front() {
    let local = outside::OutboundRoute { prepend_digits: "021".into(), ..route(82, "8", 1, &[62]) };
    check(
        &[route(81, "9", 1, &[61]), local],
        &[
            ("90812345678", Ok(("+62812345678", &[61]))),
            ("9006581234567", Ok(("+6581234567", &[61]))),
            ("914045", Ok(("14045", &[61]))),
            ("85550199", Ok(("+62215550199", &[62]))),
            ("0812345678", Err("unknown_number")),
            ("+62812345678", Ok(("+62812345678", &[61]))),
            ("9", Err("unknown_number")),
            // Numbers of the house do not leave it by the code either, and the code makes no number of it of a short one.
            ("90215550100", Ok(("100", &[]))),
            ("9+62215550100", Ok(("100", &[]))),
            ("9100", Ok(("100", &[61]))),
        ],
    );
}

#[test]
fn a_short_number_is_none_that_could_be_somewhere_else_for_the_provider() {
    let everything = route(81, "", 0, &[61]);
    check(
        &[route(80, "0", 0, &[61]), route(82, "9", 1, &[61]), everything],
        &[
            ("0812", Err("unknown_number")),
            ("00008123", Err("unknown_number")),
            ("90001234", Err("unknown_number")),
            ("14045", Err("unknown_number")),
            ("0812345678", Ok(("+62812345678", &[61]))),
        ],
    );
}

#[test]
fn routes_that_are_off_or_have_nobody_to_call_are_passed_over() {
    let off = outside::OutboundRoute { is_active: false, ..route(81, "0", 0, &[61]) };
    check(
        &[off, route(82, "0", 0, &[63]), route(83, "0", 0, &[62])],
        &[("0812345678", Ok(("+62812345678", &[62])))],
    );
    check(&[], &[("0812345678", Err("unknown_number"))]);
}

#[test]
fn emergency_numbers_pass_without_a_route_a_code_or_a_budget() {
    let nothing = vec![budget(91, None, &[])];
    let routes = vec![route(81, "9", 1, &[62])];
    let plan = plan(Outside { routes, budgets: nothing, ..outside() });
    for (text, number) in [("112", "112"), ("9110", "110"), ("119", "119"), ("112;phone-context=+62", "112")]
    {
        let expected = Ok((number.to_owned(), vec![62, 61]));
        assert_eq!(
            dialled(&plan, text),
            expected,
            "{text}: those of routes first, then all others that can be called"
        );
    }
    assert_eq!(dialled(&plan, "90812345678"), Err("destination_not_allowed"));
    let facts = Facts { org: OrgId(id(1)), caller: PersonKey::User(UserId(id(11))), dialled: "112" };
    let decision = plan.route(&facts, NOON);
    assert!(matches!(&decision.trace.0[..], [Step::Outside { route: None, .. }]), "{:?}", decision.trace);
    let ring = decision.route.ring().unwrap();
    assert_eq!(ring.outbound.as_ref().unwrap().payer, None);
}

#[test]
fn whoever_pays_may_call_where_and_when_their_budget_says() {
    let routes = vec![route(81, "", 0, &[61])];
    let of = |budgets| plan(Outside { routes: routes.clone(), budgets, ..outside() });
    let (national, abroad) = ("0812345678", "006581234567");
    let reasons = |plan: &Plan| [dialled(plan, national).err(), dialled(plan, abroad).err()];
    let barred = Some("destination_not_allowed");
    assert_eq!(reasons(&of(vec![])), [None, barred], "a common budget where no row says anything");
    assert_eq!(reasons(&of(vec![budget(91, None, &[])])), [barred, barred]);
    assert_eq!(reasons(&of(vec![budget(91, None, &["+65"])])), [barred, None]);
    let own = vec![budget(91, None, &[]), budget(92, Some(11), &["national", "+65"])];
    assert_eq!(reasons(&of(own)), [None, None], "one's own goes before everybody's");
    let other = vec![budget(91, None, &["national"]), budget(92, Some(12), &["international"])];
    assert_eq!(reasons(&of(other)), [None, barred]);
    let mut organisation = organisation();
    let night = Window { day: 1, span: Span { start: 22 * 60, end: 23 * 60 } };
    organisation.extensions[0].hours = vec![night];
    let hours_of = Some(ExtensionId(organisation.extensions[0].id.0));
    let budgets = vec![Budget { hours_of, ..budget(91, None, &["national"]) }];
    organisation.outside = Outside { routes, budgets, ..outside() };
    let plan = compile(&Snapshot { revision: 1, organisations: vec![organisation] }).unwrap();
    assert_eq!(dialled(&plan, national), Err("outside_not_at_this_time"));
}

#[test]
fn nobody_outside_calls_outside_but_somebody_who_sends_them_on_may() {
    let plan = plan(Outside { routes: vec![route(81, "", 0, &[61])], ..outside() });
    let facts = Facts { org: OrgId(id(1)), caller: PersonKey::Trunk(TrunkId(id(61))), dialled: "0812345678" };
    assert_eq!(plan.route(&facts, NOON).route, Route::Refuse(Refusal::UnknownNumber));
    let payer = Payer::Person(PersonKey::User(UserId(id(11))));
    let decision = plan.route_for(&facts, payer, NOON);
    assert_eq!(decision.route.ring().unwrap().outbound.as_ref().unwrap().payer, Some(payer));
}

/// The rows with a rule of one extension that leads to a number.
fn forwarding(extension: usize, condition: Condition, number: &str) -> contract::snapshot::Organisation {
    let mut organisation = organisation();
    organisation.outside = Outside { routes: vec![route(81, "0", 0, &[61])], ..outside() };
    organisation.extensions[extension].rules = vec![Rule {
        id: contract::id::RuleId(id(41)),
        position: 1,
        is_enabled: true,
        timescope: Timescope::Any,
        condition,
        action: Action::ForwardNumber(number.into()),
    }];
    organisation
}

/// A bug: it went out by a trunk and came in again, on two channels and a budget, and a circle of such rules was none.
#[test]
fn a_rule_that_leads_to_the_organisation_s_own_number_outside_stays_in_the_house() {
    let own = "+62215550100"; // the extension 100
    let of = |extension| {
        let organisation = forwarding(extension, Condition::Always, own);
        compile(&Snapshot { revision: 1, organisations: vec![organisation] })
    };
    let facts = Facts { org: OrgId(id(1)), caller: PersonKey::User(UserId(id(13))), dialled: "500" };
    let decision = of(4).unwrap().route(&facts, NOON);
    let ring = decision.route.ring().unwrap();
    assert_eq!((&*ring.number, ring.outbound.is_none()), ("100", true));
    let wrong = of(0).unwrap_err();
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].to_string().ends_with("target: leads in a circle: 100 → 100"), "{}", wrong[0]);
}

#[test]
fn a_rule_sends_a_call_to_a_number_outside_on_the_budget_of_its_extension() {
    let organisation = forwarding(0, Condition::NoAnswer, "+62812345678");
    let extension = organisation.extensions[0].id;
    let number = organisation.extensions[0].number.clone();
    let plan = compile(&Snapshot { revision: 1, organisations: vec![organisation] }).unwrap();
    let caller = PersonKey::Trunk(TrunkId(id(61)));
    let decision = plan.route(&Facts { org: OrgId(id(1)), caller, dialled: &number }, NOON);
    let next = plan.route_after((OrgId(id(1)), caller), &decision.trail, Condition::NoAnswer, NOON).unwrap();
    let ring = next.route.ring().unwrap();
    let outbound = ring.outbound.as_ref().unwrap();
    assert_eq!((&*ring.number, outbound.payer), ("+62812345678", Some(Payer::Extension(extension))));
    assert_eq!(next.forwards.len(), 1);
    assert!(plan.route_after((OrgId(id(1)), caller), &next.trail, Condition::NoAnswer, NOON).is_none());
}

#[test]
fn numbers_are_written_as_a_trunk_wants_them() {
    let plan = plan(outside());
    let org = plan.organisation(OrgId(id(1))).unwrap();
    for (number, expected) in [
        ("+62812345678", ["+62812345678", "62812345678", "0812345678"]),
        ("+6581234567", ["+6581234567", "6581234567", "006581234567"]),
        ("112", ["112", "112", "112"]),
    ] {
        let number: OutsideNumber = number.parse().unwrap();
        let formats = [NumberFormat::E164, NumberFormat::Digits, NumberFormat::National];
        assert_eq!(formats.map(|format| org.written(number, format)), expected);
    }
    for none in ["", "+", "1", "+112", "+0812345678", "123456789", "12a", "+1234567890123456"] {
        assert!(none.parse::<OutsideNumber>().is_err(), "{none}");
    }
    assert_eq!("000".parse::<OutsideNumber>().unwrap().to_string(), "000");
}

#[test]
fn mistakes_in_routes_and_budgets_are_told() {
    use contract::snapshot::Organisation;
    let judge = |change: fn(&mut Outside), expected: &[&str]| {
        let mut rows = Outside { routes: vec![route(81, "0", 0, &[61])], ..outside() };
        change(&mut rows);
        let organisation = Organisation { outside: rows, ..organisation() };
        let wrong =
            compile(&Snapshot { revision: 1, organisations: vec![organisation] }).err().unwrap_or_default();
        let said: Vec<String> = wrong.iter().map(|it| format!("{}: {}", it.field, it.problem)).collect();
        assert_eq!(said, expected);
    };
    judge(|_| {}, &[]);
    judge(|rows| rows.routes[0].prefix = "0x".into(), &["prefix: is malformed"]);
    judge(|rows| rows.routes[0].strip_digits = 2, &["strip_digits: is out of range"]);
    judge(|rows| rows.routes[0].prepend_digits = "0-".into(), &["prepend_digits: is malformed"]);
    judge(
        |rows| rows.routes[0] = outside::OutboundRoute { strip_digits: 1, ..route(81, "+62", 0, &[61]) },
        &["strip_digits: is out of range"],
    );
    judge(|rows| rows.routes[0].trunks.clear(), &["trunks: is missing"]);
    judge(|rows| rows.routes[0].trunks = vec![TrunkId(id(99))], &["trunks: points at nothing"]);
    judge(|rows| rows.routes.push(rows.routes[0].clone()), &["id: is taken by another row"]);
    judge(|rows| rows.emergency_numbers = vec!["1".into()], &["emergency_numbers: is malformed"]);
    judge(|rows| rows.budgets[0].allowance.destinations = vec!["+0".into()], &["destinations: is malformed"]);
    judge(
        |rows| rows.budgets[0].allowance.calls_per_day_max = 1_001,
        &["calls_per_day_max: is out of range"],
    );
    judge(|rows| rows.budgets[0].user = Some(UserId(id(99))), &["whose: points at nothing"]);
    judge(|rows| rows.budgets[0].account = Some(AccountId(id(99))), &["whose: points at nothing"]);
    judge(|rows| rows.budgets.push(budget(92, None, &[])), &["whose: is taken by another row"]);
    judge(|rows| rows.budgets[0].hours_of = Some(ExtensionId(id(99))), &["hours_of: points at nothing"]);
}

#[test]
fn the_longest_prefix_says_what_a_minute_costs_and_what_has_no_price_is_not_called_for_money() {
    let price = |n, prefix: &str, rupiah_per_minute| Price {
        id: PriceId(id(n)),
        prefix: prefix.into(),
        rupiah_per_minute,
    };
    let prices = vec![price(1, "+62", 500), price(2, "+62812", 700), price(3, "1500", 1_200)];
    let of = |rupiah_per_day_max| {
        let mut budget = budget(91, None, &["international"]);
        budget.allowance.rupiah_per_day_max = rupiah_per_day_max;
        let routes = vec![route(81, "0", 0, &[61]), route(82, "1500", 0, &[61])];
        plan(Outside { routes, budgets: vec![budget], prices: prices.clone(), ..outside() })
    };
    let cost = |plan: &Plan, text| {
        let facts = Facts { org: OrgId(id(1)), caller: PersonKey::User(UserId(id(11))), dialled: text };
        match plan.route(&facts, NOON).route {
            Route::Ring(ring) => Ok(ring.outbound.as_ref().and_then(|outbound| outbound.rupiah_per_minute)),
            Route::Refuse(refusal) => Err(refusal.reason()),
            other => panic!("{other:?}"),
        }
    };
    let (free, bound) = (of(None), of(Some(100_000)));
    for (text, rupiah) in [("0812345678", 700), ("0215550199", 500), ("1500888", 1_200)] {
        assert_eq!((cost(&free, text), cost(&bound, text)), (Ok(Some(rupiah)), Ok(Some(rupiah))), "{text}");
    }
    assert_eq!(cost(&free, "006591234567"), Ok(None));
    assert_eq!(cost(&bound, "006591234567"), Err("outside_price_unknown"));
    assert_eq!(cost(&bound, "112"), Ok(None), "help costs what it does");
}
