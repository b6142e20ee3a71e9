//! Every cell of the rule table, and generated rules against somebody who follows them by hand.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    id::{AccountId, ConferenceId, ExtensionId, OrgId, QueueId},
    rules::{Action, Window},
    snapshot::{self, Snapshot},
};
use proptest::{prelude::*, strategy::ValueTree as _};

use super::*;
use crate::{
    Facts, Plan, compile,
    route::tests::{extension, id, organisation, person, rule, window},
};

/// Monday 2026-11-23, 12:00 in Jakarta.
pub(crate) const NOON: Timestamp = Timestamp(1_795_410_000_000_000);
/// The same day, 20:00.
pub(crate) const EVENING: Timestamp = Timestamp(1_795_410_000_000_000 + 8 * 3_600_000_000);

fn work() -> Vec<Window> {
    (1..=7).map(|day| window(day, 480, 1020)).collect()
}

pub(crate) fn plan(extensions: Vec<snapshot::Extension>) -> Plan {
    let organisation = snapshot::Organisation { extensions, ..organisation() };
    compile(&Snapshot { revision: 1, organisations: vec![organisation] }).unwrap()
}

pub(crate) const CALLER: (OrgId, PersonKey) = (OrgId(id(1)), PersonKey::Account(AccountId(id(35))));

/// The bare account: no member of any extension.
pub(crate) fn facts(dialled: &str) -> Facts<'_> {
    Facts { org: OrgId(id(1)), caller: CALLER.1, dialled }
}

fn to(n: u128) -> Action {
    Action::ForwardExtension(ExtensionId(id(n)))
}

pub(crate) fn told(route: &Route) -> String {
    match route {
        Route::Ring(ring) => ring.number.to_string(),
        Route::Intercom(ring) => format!("intercom {}", ring.number),
        Route::Queue(queueing) => format!("waits {}/{}", queueing.ring.number, queueing.priority),
        Route::Announce(announcement) => format!("says {}", announcement.sound),
        Route::Voicemail(Voicemail { mailbox, reason }) => format!("mailbox {} {reason}", mailbox.number),
        Route::Menu(menu) => format!("menu {}", menu.number),
        Route::Conference(conference) => format!("conference {}", conference.number),
        Route::Page(paging) => format!("page {} {}", paging.group.number, paging.ring.targets.len()),
        Route::Refuse(refusal) => refusal.reason().to_owned(),
        Route::Feature(feature) => feature.as_str().to_owned(),
    }
}

/// What a call comes to whose every target comes to `outcome`: everything that happens, in order.
fn story(plan: &Plan, dialled: &str, now: Timestamp, outcome: Condition) -> Vec<String> {
    let mut decision = plan.route(&facts(dialled), now);
    let mut story = vec![told(&decision.route)];
    while decision.route.ring().is_some() {
        match plan.route_after(CALLER, &decision.trail, outcome, now) {
            Some(next) => decision = next,
            None => break,
        }
        story.push(told(&decision.route));
    }
    story
}

const OUTCOMES: [Condition; 3] = [Condition::Busy, Condition::NoAnswer, Condition::Unreachable];

#[test]
fn every_cell_of_the_rule_table() {
    // The other desk, and what is said of each way to it.
    let actions: [(&dyn Fn() -> Action, &str); 4] = [
        (&|| to(22), "200"),
        (&|| Action::ForwardStaff(UserId(id(12))), "1002"),
        (&|| Action::AnnounceHangup("closed".into()), "says closed"),
        (&|| Action::Ring, "100"),
    ];
    let mut cells = 0;
    for (now, is_open) in [(NOON, true), (EVENING, false)] {
        for timescope in Timescope::ALL {
            for condition in Condition::ALL {
                for (action, reached) in &actions {
                    let is_ring = matches!(action(), Action::Ring);
                    if is_ring && *condition != Condition::Always {
                        continue;
                    }
                    let desk = snapshot::Extension {
                        hours: work(),
                        rules: vec![rule(1, *timescope, *condition, action())],
                        ..extension(21, "100", &[11])
                    };
                    let plan = plan(vec![desk, extension(22, "200", &[12])]);
                    let holds = match timescope {
                        Timescope::Any => true,
                        Timescope::WorkHours => is_open,
                        Timescope::OffHours => !is_open,
                    };
                    for outcome in OUTCOMES {
                        let story = story(&plan, "100", now, outcome);
                        let expected: Vec<&str> = match *condition {
                            Condition::Always if holds => vec![reached],
                            _ if !is_open => vec!["closed"],
                            condition if condition == outcome && holds => vec!["100", reached],
                            _ => vec!["100"],
                        };
                        assert_eq!(
                            story, expected,
                            "{is_open} {timescope:?} {condition:?} {reached} {outcome:?}"
                        );
                        cells += 1;
                    }
                }
            }
        }
    }
    // 2 schedules × 3 timescopes × (4 conditions × 3 actions + always × ring), each with three outcomes.
    assert_eq!(cells, 2 * 3 * 13 * 3);
}

#[test]
fn a_rule_for_certain_hours_comes_before_one_for_any_and_the_position_before_both() {
    let desk = |rules| snapshot::Extension { hours: work(), rules, ..extension(21, "100", &[11]) };
    let others = || vec![extension(22, "200", &[12]), extension(23, "300", &[12])];
    let any = rule(1, Timescope::Any, Condition::Always, to(22));
    let certain = snapshot_rule(2, 1, Timescope::WorkHours, to(23));
    let first = |rules| {
        let mut extensions = others();
        extensions.push(desk(rules));
        told(&plan(extensions).route(&facts("100"), NOON).route)
    };
    assert_eq!(first(vec![any.clone(), certain.clone()]), "300");
    assert_eq!(first(vec![certain, any.clone()]), "300");
    assert_eq!(first(vec![any, snapshot_rule(2, 2, Timescope::WorkHours, to(23))]), "200");
}

fn snapshot_rule(n: u16, position: u16, timescope: Timescope, action: Action) -> contract::rules::Rule {
    contract::rules::Rule { position, ..rule(n, timescope, Condition::Always, action) }
}

#[test]
fn a_rule_that_leads_to_nobody_is_passed_over() {
    let rules = vec![
        contract::rules::Rule { is_enabled: false, ..rule(1, Timescope::Any, Condition::NoAnswer, to(22)) },
        rule(2, Timescope::Any, Condition::NoAnswer, to(23)),
        rule(3, Timescope::Any, Condition::NoAnswer, Action::ForwardStaff(UserId(id(13)))),
        rule(4, Timescope::OffHours, Condition::NoAnswer, to(22)),
        rule(5, Timescope::Any, Condition::NoAnswer, to(24)),
        rule(6, Timescope::Any, Condition::NoAnswer, to(22)),
    ];
    let plan = plan(vec![
        snapshot::Extension { rules, ..extension(21, "100", &[11]) },
        extension(22, "200", &[12]),
        // Switched off; and closed on that day of the week.
        snapshot::Extension { is_active: false, ..extension(23, "300", &[12]) },
        snapshot::Extension { hours: vec![window(2, 480, 1020)], ..extension(24, "400", &[12]) },
    ]);
    assert_eq!(story(&plan, "100", NOON, Condition::NoAnswer), ["100", "200"]);
    let rung = plan.route(&facts("100"), NOON);
    let next = plan.route_after(CALLER, &rung.trail, Condition::NoAnswer, NOON).unwrap();
    let said: Vec<String> = next
        .trace
        .0
        .iter()
        .filter_map(|step| match step {
            Step::PassedOver { rule, because } => Some(format!("{} {because:?}", rule.place)),
            Step::LedNowhere { rule } => Some(format!("{} nowhere", rule.place)),
            Step::Forward { rule, number, .. } => Some(format!("{} to {number}", rule.as_ref()?.place)),
            Step::Inactive => Some("inactive".into()),
            Step::Closed => Some("closed".into()),
            _ => None,
        })
        .collect();
    assert_eq!(
        said,
        [
            "1 Disabled",
            "2 to 300",
            "inactive",
            "2 nowhere",
            "3 to 1003",
            "inactive",
            "3 nowhere",
            "4 OtherHours",
            "5 to 400",
            "closed",
            "5 nowhere",
            "6 to 200"
        ]
    );
    let forwards: Vec<&str> = next.forwards.iter().map(|forward| &*forward.number).collect();
    assert_eq!(forwards, ["200"], "what was passed over is no forward");
}

#[test]
fn nobody_assigned_is_unreachable_and_the_caller_alone_is_refused() {
    let rules = |condition| vec![rule(1, Timescope::Any, condition, to(22))];
    let empty = |condition| {
        let desk = snapshot::Extension { rules: rules(condition), ..extension(21, "100", &[]) };
        story(&plan(vec![desk, extension(22, "200", &[12])]), "100", NOON, Condition::Busy)
    };
    assert_eq!(empty(Condition::Unreachable), ["200"]);
    assert_eq!(empty(Condition::Busy), ["no_staff"]);
    // The caller is the only one of both desks.
    let own = snapshot::Extension { rules: rules(Condition::Always), ..extension(21, "100", &[11]) };
    let plan = plan(vec![own, extension(22, "200", &[11])]);
    let facts = Facts { caller: person(31), ..facts("100") };
    assert_eq!(told(&plan.route(&facts, NOON).route), "self_call");
}

#[test]
fn chains_are_followed_and_then_the_further_rules_of_what_led_into_them() {
    let no_answer = |n, target| rule(n, Timescope::Any, Condition::NoAnswer, to(target));
    let plan = plan(vec![
        snapshot::Extension {
            rules: vec![no_answer(1, 22), no_answer(2, 24)],
            ..extension(21, "100", &[11])
        },
        snapshot::Extension {
            rules: vec![no_answer(3, 23), no_answer(4, 21)],
            ..extension(22, "200", &[12])
        },
        extension(23, "300", &[11]),
        snapshot::Extension {
            rules: vec![rule(5, Timescope::Any, Condition::NoAnswer, Action::AnnounceHangup("busy".into()))],
            ..extension(24, "400", &[12])
        },
    ]);
    assert_eq!(story(&plan, "100", NOON, Condition::NoAnswer), ["100", "200", "300", "400", "says busy"]);
    assert_eq!(story(&plan, "200", NOON, Condition::NoAnswer), ["200", "300", "100", "400", "says busy"]);
    assert_eq!(story(&plan, "100", NOON, Condition::Busy), ["100"]);
    let rung = plan.route(&facts("100"), NOON);
    let second = plan.route_after(CALLER, &rung.trail, Condition::NoAnswer, NOON).unwrap();
    let third = plan.route_after(CALLER, &second.trail, Condition::NoAnswer, NOON).unwrap();
    let path = |decision: &Decision| -> Vec<String> {
        decision.trail.path().iter().map(|forward| forward.number.to_string()).collect()
    };
    assert_eq!(
        (path(&rung), path(&second), path(&third)),
        (vec![], vec!["200".into()], vec!["200".into(), "300".into()])
    );
    assert_eq!(third.forwards.len(), 1, "only what is new");
}

#[test]
fn a_call_is_forwarded_no_further_than_it_may_be() {
    let last = FORWARDS_MAX as u128 + 5;
    let chain = (0..=last).map(|n| {
        let next = rule(n as u16 + 1, Timescope::Any, Condition::Busy, to(100 + n + 1));
        let rules = if n == last { Vec::new() } else { vec![next] };
        snapshot::Extension { rules, ..extension(100 + n, &(500 + n).to_string(), &[11]) }
    });
    let plan = plan(chain.collect());
    let story = story(&plan, "500", NOON, Condition::Busy);
    assert_eq!(story.len(), 1 + FORWARDS_MAX);
    assert_eq!(story.last().map(String::as_str), Some("508"));
}

/// What a simulated extension looks like: all that matters for where a call goes.
#[derive(Clone, Debug)]
struct Desk {
    is_active: bool,
    has_staff: bool,
    is_open: bool,
    rules: Vec<(Condition, Timescope, bool, Act)>,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Ring,
    Say,
    To(usize),
}

/// What came of trying something.
#[derive(Debug, PartialEq)]
enum Tried {
    /// Nobody could be rung.
    Nobody,
    /// Somebody was, and nobody answered.
    Rang,
    /// The caller has been told something: nothing follows.
    Said,
}

/// Follows rules as the manual says it, with the call stack for a memory.
struct ByHand<'d> {
    desks: &'d [Desk],
    outcomes: &'d [Condition],
    tried: BTreeSet<usize>,
    story: Vec<String>,
}

impl ByHand<'_> {
    fn call(&mut self, desk: usize) -> Tried {
        let Desk { is_active, has_staff, is_open, .. } = self.desks[desk];
        if !is_active {
            return Tried::Nobody;
        }
        match self.case(desk, Condition::Always) {
            Tried::Nobody => {}
            done => return done,
        }
        if !is_open {
            return Tried::Nobody;
        }
        if !has_staff {
            return self.case(desk, Condition::Unreachable);
        }
        self.ring(desk)
    }

    fn ring(&mut self, desk: usize) -> Tried {
        self.story.push((500 + desk).to_string());
        match self.case(desk, self.outcomes[desk]) {
            Tried::Said => Tried::Said,
            Tried::Rang | Tried::Nobody => Tried::Rang,
        }
    }

    fn case(&mut self, desk: usize, condition: Condition) -> Tried {
        let mut came = Tried::Nobody;
        let is_open = self.desks[desk].is_open;
        for (of, timescope, is_enabled, act) in self.desks[desk].rules.clone() {
            let is_now = match timescope {
                Timescope::Any => true,
                Timescope::WorkHours => is_open,
                Timescope::OffHours => !is_open,
            };
            if of != condition || !is_enabled || !is_now {
                continue;
            }
            let tried = match act {
                Act::Say => {
                    self.story.push("says closed".into());
                    Tried::Said
                }
                Act::Ring if self.desks[desk].has_staff => {
                    // Its people have been rung: no further rule of the case comes after that.
                    return self.ring(desk);
                }
                Act::Ring => Tried::Nobody,
                Act::To(to) if self.tried.contains(&to) || self.tried.len() > FORWARDS_MAX => continue,
                Act::To(to) => {
                    self.tried.insert(to);
                    self.call(to)
                }
            };
            match tried {
                Tried::Said => return Tried::Said,
                Tried::Rang => came = Tried::Rang,
                Tried::Nobody => {}
            }
        }
        came
    }
}

const DESKS: usize = 12;

fn conditions() -> impl Strategy<Value = Condition> {
    prop_oneof![
        1 => Just(Condition::Always),
        3 => Just(Condition::Busy),
        4 => Just(Condition::NoAnswer),
        2 => Just(Condition::Unreachable),
    ]
}

fn desks() -> impl Strategy<Value = Vec<Desk>> {
    let act = prop_oneof![1 => Just(Act::Ring), 1 => Just(Act::Say), 12 => (0..DESKS).prop_map(Act::To)];
    let timescope = prop_oneof![
        3 => Just(Timescope::Any),
        2 => Just(Timescope::WorkHours),
        1 => Just(Timescope::OffHours),
    ];
    let one = (conditions(), timescope, prop::bool::weighted(0.9), act);
    let desk = (
        prop::bool::weighted(0.95),
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.85),
        prop::collection::vec(one, 2..14),
    );
    let desk =
        desk.prop_map(|(is_active, has_staff, is_open, rules)| Desk { is_active, has_staff, is_open, rules });
    prop::collection::vec(desk, DESKS).prop_map(|mut desks| {
        for (at, desk) in desks.iter_mut().enumerate() {
            // What does not compile: a desk that forwards to itself, or to an earlier one before it rings.
            desk.rules.retain(|(condition, _, _, act)| match act {
                Act::Ring => *condition == Condition::Always,
                Act::Say => true,
                Act::To(to) => *to > at || *to < at && *condition != Condition::Always,
            });
        }
        desks
    })
}

fn rows(desks: &[Desk]) -> Vec<snapshot::Extension> {
    let rows = desks.iter().enumerate().map(|(at, desk)| {
        let rules = desk.rules.iter().enumerate().map(|(place, (condition, timescope, is_enabled, act))| {
            let n = u16::try_from(at * 100 + place).unwrap();
            let action = match act {
                Act::Ring => Action::Ring,
                Act::Say => Action::AnnounceHangup("closed".into()),
                Act::To(desk) => to(100 + *desk as u128),
            };
            contract::rules::Rule { is_enabled: *is_enabled, ..rule(n, *timescope, *condition, action) }
        });
        snapshot::Extension {
            is_active: desk.is_active,
            rules: rules.collect(),
            // Monday by day, or never on a Monday.
            hours: vec![window(if desk.is_open { 1 } else { 3 }, 480, 1020)],
            ..extension(100 + at as u128, &(500 + at).to_string(), if desk.has_staff { &[11] } else { &[] })
        }
    });
    rows.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_rules_are_followed_as_by_hand(
        desks in desks(),
        outcomes in prop::collection::vec(prop::sample::select(&OUTCOMES[..]), DESKS),
        dialled in 0..DESKS,
    ) {
        let rows = snapshot::Organisation { extensions: rows(&desks), ..organisation() };
        let compiled = compile(&Snapshot { revision: 1, organisations: vec![rows] });
        // Chains that are too long are refused, and asked about in a test of their own.
        prop_assume!(compiled.is_ok());
        let plan = compiled.unwrap();
        let number = (500 + dialled).to_string();
        let mut decision = plan.route(&facts(&number), NOON);
        let mut story = Vec::new();
        while let Route::Ring(ring) = &decision.route {
            story.push(ring.number.to_string());
            let Host::Extension(at) = ring.host else { panic!("only extensions ring here") };
            let outcome = outcomes[at.0.as_u128() as usize - 100];
            prop_assert!(story.len() <= 2 * DESKS, "it ends");
            match plan.route_after(CALLER, &decision.trail, outcome, NOON) {
                Some(next) => decision = next,
                None => break,
            }
        }
        if let Route::Announce(_) = decision.route {
            story.push(told(&decision.route));
        }
        let mut by_hand = ByHand { desks: &desks, outcomes: &outcomes, tried: BTreeSet::from([dialled]), story: Vec::new() };
        by_hand.call(dialled);
        prop_assert_eq!(story, by_hand.story);
    }
}

#[test]
fn generated_rules_are_worth_following() {
    // The generator above proves nothing if calls hardly ever go anywhere: count where they go.
    let mut lengths = BTreeMap::<usize, usize>::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..300 {
        let desks = desks().new_tree(&mut runner).unwrap().current();
        let rows = snapshot::Organisation { extensions: rows(&desks), ..organisation() };
        let Ok(plan) = compile(&Snapshot { revision: 1, organisations: vec![rows] }) else { continue };
        *lengths.entry(story(&plan, "500", NOON, Condition::NoAnswer).len()).or_default() += 1;
    }
    let long: usize = lengths.iter().filter(|(length, _)| **length >= 3).map(|(_, count)| count).sum();
    assert!(long >= 100, "{lengths:?}");
}

/// The plan of these extensions in which the people 11 and 12 have a mailbox.
fn with_mailboxes(extensions: Vec<snapshot::Extension>) -> Plan {
    let mut organisation = snapshot::Organisation { extensions, ..organisation() };
    for staff in organisation.staff.iter_mut().filter(|staff| [11, 12].contains(&staff.user.0.as_u128())) {
        staff.mailbox = Some(snapshot::Mailbox { greeting: Some("away".into()), ..Default::default() });
    }
    compile(&Snapshot { revision: 1, organisations: vec![organisation] }).unwrap()
}

#[test]
fn nobody_of_a_person_with_a_mailbox_takes_the_call_and_it_takes_a_message() {
    let plan = with_mailboxes(vec![]);
    for outcome in OUTCOMES {
        let expected = ["1001".to_owned(), format!("mailbox 1001 {}", outcome.as_str())];
        assert_eq!(story(&plan, "1001", NOON, outcome), expected);
    }
    let without = self::plan(vec![]);
    assert_eq!(story(&without, "1001", NOON, Condition::NoAnswer), ["1001"]);
    let first = plan.route(&facts("1001"), NOON);
    let next = plan.route_after(CALLER, &first.trail, Condition::Busy, NOON).unwrap();
    let Route::Voicemail(Voicemail { mailbox, .. }) = &next.route else { panic!("{:?}", next.route) };
    assert_eq!((mailbox.greeting.as_deref(), mailbox.messages_max), (Some("away"), 50));
    assert!(next.forwards.is_empty(), "who takes the message is written down by whoever takes it");
}

#[test]
fn a_rule_leads_to_a_mailbox_at_once_and_past_one_that_is_off() {
    let voicemail = |n: u128| Action::Voicemail(UserId(id(n)));
    let desk = |rules| snapshot::Extension { rules, ..extension(21, "100", &[11]) };
    let any = |n, condition, action| rule(n, Timescope::Any, condition, action);
    let at_once = with_mailboxes(vec![desk(vec![any(1, Condition::Always, voicemail(12))])]);
    assert_eq!(story(&at_once, "100", NOON, Condition::Busy), ["mailbox 1002 always"]);
    // The desk's own people have mailboxes, but it is the desk that was called.
    let ringing = with_mailboxes(vec![desk(vec![])]);
    assert_eq!(story(&ringing, "100", NOON, Condition::NoAnswer), ["100"]);
    let off = desk(vec![
        any(1, Condition::NoAnswer, voicemail(12)),
        any(2, Condition::NoAnswer, Action::AnnounceHangup("closed".into())),
    ]);
    assert_eq!(story(&plan(vec![off.clone()]), "100", NOON, Condition::NoAnswer), ["100", "says closed"]);
    assert_eq!(
        story(&with_mailboxes(vec![off]), "100", NOON, Condition::NoAnswer),
        ["100", "mailbox 1002 no_answer"]
    );
    // Whom a rule rings has a mailbox: it is asked before the further rules of the desk.
    let forwarded = with_mailboxes(vec![desk(vec![
        any(1, Condition::NoAnswer, Action::ForwardStaff(UserId(id(12)))),
        any(2, Condition::NoAnswer, Action::AnnounceHangup("closed".into())),
    ])]);
    assert_eq!(
        story(&forwarded, "100", NOON, Condition::NoAnswer),
        ["100", "1002", "mailbox 1002 no_answer"]
    );
}

/// An extension with a queue, in which 11 and 12 answer.
fn queued(n: u128, number: &str, rules: Vec<contract::rules::Rule>) -> snapshot::Extension {
    let queue = Some(contract::queues::Queue { id: QueueId(id(n + 50)), ..crate::route::tests::queue() });
    snapshot::Extension { queue, rules, ..extension(n, number, &[11, 12]) }
}

fn into_queue(n: u128, priority: u16) -> Action {
    Action::Queue { queue: QueueId(id(n + 50)), priority }
}

/// H-065: who calls an extension with a queue waits there, and its rules say where to when that comes to nothing.
#[test]
fn an_extension_with_a_queue_lets_its_callers_wait() {
    let rule = |n, condition, action| rule(n, Timescope::Any, condition, action);
    let plan = plan(vec![
        queued(
            21,
            "100",
            vec![rule(1, Condition::NoAnswer, to(22)), rule(2, Condition::Busy, into_queue(24, 3))],
        ),
        extension(22, "200", &[12]),
        // Whoever calls this one waits in another one's queue, before others.
        snapshot::Extension {
            rules: vec![rule(3, Condition::Always, into_queue(21, 7))],
            ..extension(23, "300", &[12])
        },
        queued(24, "400", Vec::new()),
    ]);
    assert_eq!(story(&plan, "100", NOON, Condition::NoAnswer), ["waits 100/0", "200"]);
    assert_eq!(story(&plan, "100", NOON, Condition::Busy), ["waits 100/0", "waits 400/3"]);
    assert_eq!(story(&plan, "300", NOON, Condition::NoAnswer), ["waits 100/7", "200"]);
    // Its own people wait for nobody but the others, and one who is alone there calls themselves.
    let of = |user, dialled| {
        let facts = Facts { org: CALLER.0, caller: PersonKey::User(UserId(id(user))), dialled };
        plan.route(&facts, NOON).route
    };
    let Route::Queue(queueing) = of(11, "100") else { panic!("it has a queue") };
    assert_eq!(queueing.ring.targets.len(), 1);
}

/// By night too: a rule that holds always sends callers into the extension's own queue though it is closed; nobody there
/// is nobody to wait for.
#[test]
fn a_closed_extension_may_let_its_callers_wait_and_one_of_nobody_does_not() {
    let off_hours = |n| {
        let own = rule(1, Timescope::OffHours, Condition::Always, into_queue(n, 0));
        snapshot::Extension {
            hours: vec![window(2, 480, 1020)],
            ..queued(n, &(100 + n).to_string(), vec![own])
        }
    };
    let nobody = snapshot::Extension { staff: Vec::new(), ..queued(23, "300", Vec::new()) };
    let plan = plan(vec![off_hours(21), nobody]);
    assert_eq!(story(&plan, "121", NOON, Condition::Busy), ["waits 121/0"]);
    assert_eq!(story(&plan, "300", NOON, Condition::Busy), ["no_staff"]);
}

#[test]
fn agents_are_asked_in_their_order_and_with_their_weights() {
    let agents = vec![contract::queues::Agent { user: UserId(id(12)), weight: 3 }];
    let mut desk = queued(21, "100", Vec::new());
    desk.queue = desk.queue.map(|queue| contract::queues::Queue { agents, ..queue });
    let plan = plan(vec![desk]);
    let queue = plan.organisation(CALLER.0).unwrap().queue(QueueId(id(71))).unwrap();
    let person = |n| PersonKey::User(UserId(id(n)));
    assert_eq!(queue.agents, [(person(12), 3), (person(11), 1)]);
}

/// In a conference nobody rings, whoever is assigned; hours and rules are as of any extension.
#[test]
fn an_extension_with_a_conference_is_a_room_while_it_is_open() {
    let room = |n: u128, staff: &[u128]| {
        let conference = contract::conferences::Conference::plain(ConferenceId(id(n + 100)));
        let closed = rule(2, Timescope::OffHours, Condition::Always, Action::AnnounceHangup("closed".into()));
        let (hours, rules) = (work(), vec![closed]);
        let conference = Some(conference);
        snapshot::Extension { conference, hours, rules, ..extension(n, &(100 + n).to_string(), staff) }
    };
    let busy = rule(1, Timescope::Any, Condition::Busy, to(21));
    let plan = plan(vec![
        room(21, &[]),
        room(22, &[11, 12]),
        snapshot::Extension { rules: vec![busy], ..extension(23, "300", &[11]) },
    ]);
    let route = |number, now| told(&plan.route(&facts(number), now).route);
    assert_eq!(route("121", NOON), "conference 121");
    assert_eq!(route("122", NOON), "conference 122");
    assert_eq!(route("122", EVENING), "says closed");
    assert_eq!(story(&plan, "300", NOON, Condition::Busy), ["300", "conference 121"]);
    let org = plan.organisation(CALLER.0).unwrap();
    let numbers: Vec<&str> = org.conferences().map(|conference| &*conference.number).collect();
    assert_eq!(numbers, ["121", "122"]);
    assert!(org.conference(ExtensionId(id(23))).is_none());
}
