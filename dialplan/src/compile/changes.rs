//! Plans that are made of the plan before and of what has changed, beside the plan that all rows make at once.

use std::collections::BTreeMap;

use contract::{
    outside::Outside,
    rules::{Action, Condition, Timescope},
};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use super::*;
use crate::{
    index::Difference,
    outside::tests::{did, trunk},
    route::tests::{extension, id, organisation, rule},
};

/// Organisations that there may be.
const ORGANISATIONS: u128 = 6;

type Rows = BTreeMap<OrgId, snapshot::Organisation>;

/// What may be wrong with an organisation, and what two of them may both have: small numbers, so that they often do.
#[derive(Clone, Debug)]
struct Sketch {
    n: u128,
    domain: u8,
    is_default: bool,
    numbers: Vec<u8>,
    networks: Vec<u8>,
    /// Which of the extensions 21 … 25 each sends its calls on to.
    rules: Vec<(u128, u128)>,
    flaw: u8,
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let rules = prop::collection::vec((21_u128..26, 21_u128..26), 0..3);
    let some = || prop::collection::vec(0_u8..12, 0..3);
    let parts = (0..ORGANISATIONS, 0_u8..12, prop::bool::weighted(0.15), some(), some(), rules, 0_u8..20);
    parts.prop_map(|(n, domain, is_default, numbers, networks, rules, flaw)| Sketch {
        n,
        domain,
        is_default,
        numbers,
        networks,
        rules,
        flaw,
    })
}

impl Sketch {
    fn rows(&self) -> snapshot::Organisation {
        let mut rows = organisation();
        (rows.id, rows.is_default) = (OrgId(id(self.n)), self.is_default);
        rows.sip_domain = format!("d{}.test", self.domain);
        let dids = self.numbers.iter().zip(self.n * 100..);
        let trunks = self.networks.iter().zip(self.n * 100..);
        rows.outside = Outside {
            dids: dids.map(|(n, row)| did(row, &format!("+62215550{n:03}"), Some(21), None)).collect(),
            trunks: trunks
                .map(|(n, row)| trunk(row, &[&format!("203.0.113.{n}/32"), "198.51.100.0/24"]))
                .collect(),
            ..Outside::default()
        };
        for (position, (from, to)) in (1..).zip(&self.rules) {
            let leads = rule(
                position,
                Timescope::Any,
                Condition::Always,
                Action::ForwardExtension(ExtensionId(id(*to))),
            );
            let of = rows.extensions.iter_mut().filter(|extension| extension.id.0 == id(*from));
            of.for_each(|extension| extension.rules.push(leads.clone()));
        }
        match self.flaw {
            0 => rows.accounts[0].ha1_md5 = "no digest".into(),
            1 => rows.timezone = "Nowhere".into(),
            2 => rows.staff[0].number = "100".into(),
            3 => rows.extensions.push(extension(21, "600", &[11])),
            4 => rows.extensions[0].staff.push(UserId(id(99))),
            _ => {}
        }
        rows
    }
}

/// One change: some organisations as they are from now on, and some that are no more.
fn change() -> impl Strategy<Value = (Vec<Sketch>, Vec<u128>)> {
    (prop::collection::vec(sketch(), 0..4), prop::collection::vec(0..ORGANISATIONS, 0..2))
}

fn compiled(rows: &Rows, revision: i64) -> Result<Plan, Vec<Diagnostic>> {
    compile(&Snapshot { revision, organisations: rows.values().cloned().collect() })
}

/// Takes a change if it is sound. Whether it is, and what becomes of the plan, is as if all rows had been compiled.
fn take((rows, plan): &mut (Rows, Plan), revision: i64, (sketches, gone): &(Vec<Sketch>, Vec<u128>)) -> bool {
    let gone: Vec<OrgId> = gone.iter().map(|n| OrgId(id(*n))).collect();
    let changed: Rows = sketches.iter().map(|sketch| (OrgId(id(sketch.n)), sketch.rows())).collect();
    let mut wanted = rows.clone();
    wanted.retain(|id, _| !gone.contains(id));
    wanted.extend(changed.clone());
    let (before, whole) = (plan.clone(), compiled(&wanted, revision));
    let next = plan.with(revision, (&changed.into_values().collect::<Vec<_>>(), &gone));
    assert_eq!(*plan, before, "a plan is what it was whatever is made of it");
    assert_eq!(next.is_ok(), whole.is_ok(), "{next:?}");
    let Ok(next) = next else { return false };
    assert_eq!(next, whole.unwrap());
    for Difference { before, after } in next.changed_since(plan) {
        assert_ne!(before, after, "who has not changed is shared");
    }
    (*rows, *plan) = (wanted, next);
    true
}

/// 1,000 configurations, one after the other, of which many are unsound or take what another organisation has.
#[test]
fn any_change_makes_the_plan_that_all_rows_would_make_or_leaves_the_plan_as_it_is() {
    let mut runner = TestRunner::deterministic();
    let mut state = (Rows::new(), Plan::default());
    let (mut taken, mut refused) = (0, 0);
    for revision in 1..=1_000 {
        let change = change().new_tree(&mut runner).unwrap().current();
        *if take(&mut state, revision, &change) { &mut taken } else { &mut refused } += 1;
    }
    assert!(taken > 300 && refused > 300, "{taken} taken, {refused} refused");
    assert!(state.1.organisations().count() > 1);
}

#[test]
fn organisations_may_give_each_other_what_only_one_can_have() {
    let sketch = |n, number| Sketch {
        n,
        domain: number,
        is_default: number == 1,
        numbers: vec![number],
        networks: vec![number],
        rules: Vec::new(),
        flaw: 9,
    };
    let mut state = (Rows::new(), Plan::default());
    assert!(take(&mut state, 1, &(vec![sketch(1, 1), sketch(2, 2)], vec![])));
    assert!(!take(&mut state, 2, &(vec![sketch(2, 1)], vec![])), "the other one has it");
    assert!(take(&mut state, 3, &(vec![sketch(2, 1), sketch(1, 2)], vec![])));
    assert!(take(&mut state, 4, &(vec![sketch(3, 2)], vec![1])), "it is free");
    assert_eq!(state.1.organisation_by_host("d1.test").map(OrgPlan::id), Some(OrgId(id(2))));
}

#[test]
fn who_has_taken_what_is_another_ones_is_told_and_nobody_else() {
    let mut two = organisation();
    (two.id, two.is_default, two.sip_domain) = (OrgId(id(2)), false, "other.test".into());
    two.outside.dids = vec![did(73, "+62315550100", Some(21), None)];
    let plan = compile(&Snapshot { revision: 1, organisations: vec![organisation(), two.clone()] }).unwrap();
    let mut one = organisation();
    one.sip_domain = two.sip_domain;
    one.outside.dids = vec![did(74, "+62315550100", Some(21), None)];
    let wrong = plan.with(2, (&[one], &[])).unwrap_err();
    let told: Vec<String> =
        wrong.iter().map(|d| d.to_string().replace("00000000-0000-0000-0000-0000000000", "")).collect();
    assert_eq!(
        told,
        [
            "organisation 01, settings, sip_domain: is taken by another row",
            "organisation 01, did 4a, number: is taken by another row",
        ]
    );
}
