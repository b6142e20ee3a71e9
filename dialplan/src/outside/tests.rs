//! Numbers as they are written, and whose call it is that comes from an address.

use contract::{
    id::{DidId, ExtensionId, TrunkId, UserId},
    outside::{Did, NumberFormat, Outside, Trunk},
    snapshot::Snapshot,
};
use uuid::Uuid;

use super::*;
use crate::{
    Facts, Host, PersonKey, Route, Step, compile,
    route::tests::{id, organisation},
};

fn check(number: &str, expected: Option<&str>) {
    assert_eq!(e164(number, "62").as_deref(), expected, "{number}");
}

#[test]
fn e_164_is_made_of_what_people_and_providers_write() {
    for text in ["+62215550100", "62215550100", "0215550100", "0062215550100", "+62 21-555.01(00)"] {
        check(text, Some("+62215550100"));
    }
    check("0215550100;phone-context=+62", Some("+62215550100"));
    check("+6598765432", Some("+6598765432"));
    check("006598765432", Some("+6598765432"));
}

#[test]
fn what_is_no_number_by_e_164_stays_none() {
    let none =
        ["", "+", "1001", "5550100", "+062215550100", "+1234567890123456", "0", "00", "sari", "+62x15550100"];
    for text in none {
        check(text, None);
    }
}

pub(crate) fn trunk(n: u128, sources: &[&str]) -> Trunk {
    Trunk {
        id: TrunkId(id(n)),
        name: format!("trunk {n}"),
        sources: sources.iter().map(|source| (*source).to_owned()).collect(),
        targets: Vec::new(),
        credentials: None,
        registration: None,
        options_interval_secs: 0,
        number_format: NumberFormat::E164,
        from_number: None,
        channels_max: 30,
        is_trusted: true,
        is_active: true,
    }
}

pub(crate) fn did(n: u128, number: &str, extension: Option<u128>, user: Option<u128>) -> Did {
    Did {
        id: DidId(id(n)),
        number: number.into(),
        extension: extension.map(|n| ExtensionId(id(n))),
        user: user.map(|n| UserId(id(n))),
    }
}

/// Two organisations with the same provider.
fn plan() -> Plan {
    let mut one = organisation();
    one.outside = Outside {
        trunks: vec![trunk(61, &["203.0.113.0/28", "2001:db8::7"])],
        dids: vec![did(71, "+62215550100", Some(21), None), did(72, "+62215550102", None, Some(12))],
        ..Outside::default()
    };
    let mut two = organisation();
    (two.id, two.sip_domain, two.is_default) = (OrgId(id(2)), "other.test".into(), false);
    two.outside = Outside {
        trunks: vec![
            trunk(62, &["203.0.113.0/28"]),
            Trunk { is_active: false, ..trunk(63, &["192.0.2.0/24"]) },
        ],
        dids: vec![did(73, "+62315550100", Some(21), None)],
        ..Outside::default()
    };
    compile(&Snapshot { revision: 1, organisations: vec![one, two] }).unwrap()
}

#[test]
fn a_call_from_outside_is_known_by_its_address_and_by_whose_number_it_is_for() {
    let plan = plan();
    let of = |address: &str, number| {
        let incoming =
            plan.trunks_at(address.parse().unwrap()).find_map(|trunk| plan.incoming(trunk, number))?;
        Some((incoming.org.id().0.as_u128(), incoming.trunk.id.0.as_u128(), incoming.number))
    };
    let number = || "+62215550100".to_owned();
    assert_eq!(of("203.0.113.5", "0215550100"), Some((1, 61, number())));
    assert_eq!(of("::ffff:203.0.113.5", "62215550100"), Some((1, 61, number())));
    assert_eq!(of("2001:db8::7", "+62215550100"), Some((1, 61, number())));
    assert_eq!(of("203.0.113.5", "0315550100"), Some((2, 62, "+62315550100".to_owned())));
    assert_eq!(of("203.0.113.16", "0215550100"), None, "an address that is no trunk's");
    assert_eq!(of("2001:db8::7", "0315550100"), None, "a number of another organisation");
    assert_eq!(of("192.0.2.1", "0315550100"), None, "a trunk that is switched off");
    for inside in ["1001", "100", "*43", "callee"] {
        assert_eq!(of("203.0.113.5", inside), None, "{inside} is not dialled from outside");
    }
    assert!(plan.is_trunk("203.0.113.15".parse().unwrap()) && !plan.is_trunk("192.0.2.1".parse().unwrap()));
}

#[test]
fn what_a_number_of_the_telephone_network_stands_for_is_rung_and_the_trace_says_so() {
    let plan = plan();
    let caller = PersonKey::Trunk(TrunkId(id(61)));
    let route = |dialled| plan.route(&Facts { org: OrgId(id(1)), caller, dialled }, Default::default());
    let decision = route("+62215550100");
    let Route::Ring(ring) = decision.route else { panic!("{:?}", decision.route) };
    assert_eq!((ring.host, ring.targets.len()), (Host::Extension(ExtensionId(id(21))), 2));
    assert_eq!(decision.trace.0.first(), Some(&Step::Did("+62215550100".into())));
    let Route::Ring(ring) = route("+62215550102").route else { panic!() };
    assert_eq!(ring.host, Host::User(UserId(Uuid::from_u128(12))));
}
