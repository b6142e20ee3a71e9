//! `Plan::route` and `compile` over an organisation with 5,000 staff (target: a route within 5 µs).
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion writes its own items; a bench may stop")]

use std::hint::black_box;

use contract::{
    id::{AccountId, ExtensionId, OrgId, UserId},
    language::Language,
    snapshot::{Account, Extension, Organisation, Snapshot, Staff},
    time::Timestamp,
};
use criterion::{Criterion, criterion_group, criterion_main};
use dialplan::{Facts, PersonKey, compile};

const STAFF: u128 = 5_000;

fn rows() -> Snapshot {
    let id = uuid::Uuid::from_u128;
    let staff = |n: u128| Staff {
        user: UserId(id(n)),
        name: format!("staff {n}"),
        number: (100_000 + n).to_string(),
        is_active: true,
        mailbox: None,
    };
    let account = |n: u128| Account {
        id: AccountId(id(10_000 + n)),
        user: Some(UserId(id(n))),
        username: (100_000 + n).to_string(),
        ha1_md5: "0".repeat(32),
        ha1_sha256: "0".repeat(64),
        is_active: true,
    };
    let extension = |n: u128| Extension {
        id: ExtensionId(id(20_000 + n)),
        name: format!("extension {n}"),
        number: (1_000 + n).to_string(),
        is_active: true,
        staff: (n * 50..n * 50 + 50).map(|n| UserId(id(n))).collect(),
        hours: Vec::new(),
        rules: Vec::new(),
        recording: None,
        takes_intercom: false,
        queue: None,
        menu: None,
        conference: None,
        supervisors: Vec::new(),
        page_group: None,
    };
    let organisation = Organisation {
        id: OrgId(id(1)),
        sip_domain: "bench.sambung.test".into(),
        is_default: true,
        ring_timeout_secs: 60,
        language: Language::Id,
        has_announcements: true,
        recording: contract::snapshot::RecordingPolicy::Never,
        has_recording_notice: false,
        has_recording_keys: false,
        timezone: contract::snapshot::default_timezone(),
        holidays: Vec::new(),
        outside: Default::default(),
        staff: (0..STAFF).map(staff).collect(),
        extensions: (0..STAFF / 50).map(extension).collect(),
        accounts: (0..STAFF).map(account).collect(),
    };
    Snapshot { revision: 1, organisations: vec![organisation] }
}

fn route(c: &mut Criterion) {
    let rows = rows();
    let plan = compile(&rows).unwrap();
    let org = OrgId(uuid::Uuid::from_u128(1));
    let caller = PersonKey::User(UserId(uuid::Uuid::from_u128(7)));
    let cases = [
        ("route/staff_number", "104321"),
        ("route/extension_of_50", "1099"),
        ("route/extension_with_the_caller_in_it", "1000"),
        ("route/unknown_number", "999999"),
    ];
    for (name, dialled) in cases {
        c.bench_function(name, |b| {
            b.iter(|| plan.route(black_box(&Facts { org, caller, dialled }), Timestamp(0)));
        });
    }
    c.bench_function("compile/5000_staff", |b| b.iter(|| compile(black_box(&rows))));
}

criterion_group!(benches, route);
criterion_main!(benches);
