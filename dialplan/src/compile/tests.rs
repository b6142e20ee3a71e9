//! Rows that compile, and everything that is said about rows that do not.

use contract::snapshot::Organisation;

use super::*;
use crate::route::tests::{id, organisation};

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
