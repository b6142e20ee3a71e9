//! One change at a time to rows that are all filled in: each must be seen, and no digest shown.

use contract::{
    conferences::Pin,
    language::Language,
    menus::MenuKey,
    outside::{Allowance, Credentials, NumberFormat, Registering},
    queues::Strategy,
    rules::{Condition, Timescope},
};
use uuid::Uuid;

use super::*;
use crate::organisation::{
    Action, Outside, PageGroup,
    hours::{span, windows},
};

fn outside() -> Outside {
    let trunk = Trunk {
        id: Uuid::nil(),
        sources: BTreeSet::from(["203.0.113.0/28".to_owned()]),
        targets: vec!["sip:sip.telkom.example".into()],
        credentials: Some(Credentials { username: "021".into(), password: "5ec2e7".into(), realm: None }),
        registration: None,
        options_interval_secs: 0,
        number_format: NumberFormat::E164,
        from_number: None,
        channels_max: 30,
        is_trusted: true,
        is_active: true,
    };
    let did = Did { id: Uuid::nil(), extension: Some("100".into()), staff: None };
    let route = OutboundRoute {
        id: Uuid::nil(),
        position: 1,
        prefix: "0".into(),
        strip_digits: 0,
        prepend_digits: String::new(),
        trunks: vec!["telkom".into()],
        is_active: true,
    };
    let budget = Budget {
        id: Uuid::nil(),
        staff: None,
        account: None,
        allowance: Allowance::default(),
        hours_of: None,
    };
    Outside {
        trunks: BTreeMap::from([("telkom".into(), trunk)]),
        dids: BTreeMap::from([("+62215550100".into(), did)]),
        routes: BTreeMap::from([("all".into(), route)]),
        budgets: BTreeMap::from([(budget.key(), budget)]),
        ..Outside::default()
    }
}

fn queue() -> Queue {
    Queue {
        id: Uuid::nil(),
        strategy: Strategy::Linear,
        ring_secs: 20,
        capacity: 10,
        wait_max_secs: 600,
        wrap_up_secs: 5,
        misses_max: 3,
        announce_secs: 60,
        has_callback: false,
        agents: vec![("sari@x".into(), 1)],
    }
}

fn menu() -> Menu {
    Menu {
        id: Uuid::nil(),
        greeting: None,
        language: None,
        timeout_secs: 5,
        key_timeout_secs: 3,
        tries_max: 3,
        has_direct_dialling: false,
        choices: vec![
            (MenuKey::One, Action::Queue("100".into(), 2)),
            (MenuKey::Two, Action::ForwardStaff("sari@x".into())),
            (MenuKey::Star, Action::Ivr("100".into())),
        ],
    }
}

fn conference() -> Conference {
    Conference { id: Uuid::nil(), pin: Some(Pin("5ec2e7".into())), members_max: 12, has_tones: true }
}

fn rows() -> Rows {
    let staff = |name: &str, number: &str| Staff {
        user: Uuid::nil(),
        name: name.into(),
        number: number.into(),
        is_active: true,
        mailbox: None,
        mails: None,
    };
    let account = |digest: &str| Account {
        id: Uuid::nil(),
        owner: Some("sari@x".into()),
        ha1_md5: digest.into(),
        ha1_sha256: digest.into(),
        is_active: true,
    };
    let extension = Extension {
        id: Uuid::nil(),
        name: "Front".into(),
        is_active: true,
        staff: BTreeSet::from(["sari@x".to_owned()]),
        supervisors: BTreeSet::new(),
        hours: windows("mon-fri 08:00-17:00").unwrap().into_iter().collect(),
        recording: None,
        takes_intercom: false,
    };
    let rule = Rule {
        id: Uuid::nil(),
        extension: "100".into(),
        position: 1,
        is_enabled: true,
        timescope: Timescope::OffHours,
        condition: Condition::Always,
        action: Action::AnnounceHangup("closed".into()),
    };
    let holiday = Holiday {
        date: "2026-12-25".into(),
        extension: None,
        name: "Natal".into(),
        spans: BTreeSet::from([span("08:00-12:00").unwrap()]),
    };
    Rows {
        id: Uuid::nil(),
        name: "Demo".into(),
        domain: "demo.test".into(),
        status: "approved".into(),
        is_default: true,
        ring_timeout_secs: 60,
        language: Language::Id,
        has_announcements: true,
        recording: Default::default(),
        has_recording_notice: false,
        has_recording_keys: false,
        recording_retention_days: None,
        timezone: "Asia/Jakarta".into(),
        staff: BTreeMap::from([
            ("sari@x".into(), staff("Sari", "1001")),
            ("budi@x".into(), staff("Budi", "1002")),
        ]),
        extensions: BTreeMap::from([("100".into(), extension)]),
        accounts: BTreeMap::from([("1001".into(), account("5ec2e7"))]),
        rules: BTreeMap::from([(rule.key(), rule)]),
        queues: BTreeMap::from([("100".into(), queue())]),
        menus: BTreeMap::from([("100".into(), menu())]),
        page_groups: BTreeMap::from([("100".into(), PageGroup { id: Uuid::nil(), is_duplex: false })]),
        conferences: BTreeMap::from([("100".into(), conference())]),
        holidays: BTreeMap::from([(holiday.key(), holiday)]),
        outside: outside(),
    }
}

type Step = fn(&mut Rows);

/// Each step changes what its line says, and nothing else.
fn compare(steps: &[(&str, Step)]) {
    let before = rows();
    for (line, step) in steps {
        let mut after = before.clone();
        step(&mut after);
        let text = text(&changes(Some(&before), &after));
        assert!(text.contains(*line) && text.lines().count() == 3, "{line}:\n{text}");
    }
    assert!(changes(Some(&before), &before).is_empty());
}

#[test]
fn every_field_that_can_be_described_is_compared() {
    let steps: [(&str, Step); 28] = [
        ("~ organisation demo.test  name", |r| r.name = "X".into()),
        ("~ organisation demo.test  recording_retention_days 90", |r| r.recording_retention_days = Some(90)),
        ("~ organisation demo.test  status", |r| r.status = "pending".into()),
        ("~ organisation demo.test  default", |r| r.is_default = false),
        ("~ organisation demo.test  ring_timeout_secs 60 → 30", |r| r.ring_timeout_secs = 30),
        ("~ organisation demo.test  language \"id\" → \"en\"", |r| r.language = Language::En),
        ("~ organisation demo.test  announcements true → false", |r| r.has_announcements = false),
        ("~ staff sari@x  number \"1001\" → \"1009\"", |r| {
            r.staff.get_mut("sari@x").unwrap().number = "1009".into();
        }),
        ("~ staff budi@x  active true → false", |r| r.staff.get_mut("budi@x").unwrap().is_active = false),
        ("~ staff sari@x  voicemail false → true, voicemail_messages_max 50", |r| {
            r.staff.get_mut("sari@x").unwrap().mailbox = Some(Default::default());
        }),
        ("- staff budi@x", |r| drop(r.staff.remove("budi@x"))),
        ("~ extension 100  name", |r| r.extensions.get_mut("100").unwrap().name = "X".into()),
        ("~ extension 100  staff [\"sari@x\"] → []", |r| {
            r.extensions.get_mut("100").unwrap().staff.clear();
        }),
        ("~ account 1001  staff \"sari@x\" → null", |r| r.accounts.get_mut("1001").unwrap().owner = None),
        ("~ account 1001  password \"****\" → \"****\"", |r| {
            r.accounts.get_mut("1001").unwrap().ha1_md5 = "other".into();
        }),
        ("~ organisation demo.test  timezone \"Asia/Jakarta\" → \"Asia/Jayapura\"", |r| {
            r.timezone = "Asia/Jayapura".into();
        }),
        ("~ extension 100  hours [\"mon-fri 08:00-17:00\"] → []", |r| {
            r.extensions.get_mut("100").unwrap().hours.clear();
        }),
        ("~ extension 100  recording \"never\"", |r| {
            r.extensions.get_mut("100").unwrap().recording = Some(contract::snapshot::RecordingPolicy::Never);
        }),
        ("~ extension 100  intercom false → true", |r| {
            r.extensions.get_mut("100").unwrap().takes_intercom = true;
        }),
        ("~ rule 100/01  timescope \"off_hours\" → \"any\"", |r| {
            r.rules.get_mut("100/01").unwrap().timescope = Timescope::Any;
        }),
        ("~ rule 100/01  condition \"always\" → \"busy\"", |r| {
            r.rules.get_mut("100/01").unwrap().condition = Condition::Busy;
        }),
        ("~ rule 100/01  action \"announce_hangup\" → \"ring\", target \"closed\" → null", |r| {
            r.rules.get_mut("100/01").unwrap().action = Action::Ring;
        }),
        ("~ rule 100/01  enabled true → false", |r| r.rules.get_mut("100/01").unwrap().is_enabled = false),
        ("~ queue 100  strategy \"linear\" → \"ring_all\"", |r| {
            r.queues.get_mut("100").unwrap().strategy = Strategy::RingAll;
        }),
        ("~ queue 100  agents [\"sari@x*1\"] → []", |r| r.queues.get_mut("100").unwrap().agents.clear()),
        ("~ holiday 2026-12-25  name", |r| r.holidays.get_mut("2026-12-25").unwrap().name = "X".into()),
        ("~ holiday 2026-12-25  hours [\"08:00-12:00\"] → []", |r| {
            r.holidays.get_mut("2026-12-25").unwrap().spans.clear();
        }),
        ("~ account 1001  active", |r| r.accounts.get_mut("1001").unwrap().is_active = false),
    ];
    compare(&steps);
}

#[test]
fn trunks_and_numbers_outside_are_compared() {
    compare(&[
        ("~ organisation demo.test  country_code \"62\" → \"65\"", |r| {
            r.outside.country_code = "65".into();
        }),
        ("~ trunk telkom  sources [\"203.0.113.0/28\"] → []", |r| {
            r.outside.trunks.get_mut("telkom").unwrap().sources.clear();
        }),
        ("~ trunk telkom  channels_max 30 → 2", |r| {
            r.outside.trunks.get_mut("telkom").unwrap().channels_max = 2;
        }),
        ("~ trunk telkom  trusted true → false", |r| {
            r.outside.trunks.get_mut("telkom").unwrap().is_trusted = false;
        }),
        ("~ trunk telkom  targets [\"sip:sip.telkom.example\"] → []", |r| {
            r.outside.trunks.get_mut("telkom").unwrap().targets.clear();
        }),
        ("~ trunk telkom  password \"****\" → \"****\"", |r| {
            let trunk = r.outside.trunks.get_mut("telkom").unwrap();
            trunk.credentials.as_mut().unwrap().password = "other".into();
        }),
        ("~ trunk telkom  register false → true, registration_expiry_secs 600", |r| {
            let registration = Some(Registering { expiry_secs: 600 });
            r.outside.trunks.get_mut("telkom").unwrap().registration = registration;
        }),
        ("~ trunk telkom  options_interval_secs 0 → 30", |r| {
            r.outside.trunks.get_mut("telkom").unwrap().options_interval_secs = 30;
        }),
        ("~ trunk telkom  number_format \"e164\" → \"national\"", |r| {
            r.outside.trunks.get_mut("telkom").unwrap().number_format = NumberFormat::National;
        }),
        ("~ trunk telkom  from_number \"+62215550100\"", |r| {
            r.outside.trunks.get_mut("telkom").unwrap().from_number = Some("+62215550100".into());
        }),
        ("- trunk telkom", |r| r.outside.trunks.clear()),
        (
            "~ organisation demo.test  emergency_numbers [\"110\",\"112\",\"113\",\"118\",\"119\"] → [\"112\"]",
            |r| {
                r.outside.emergency_numbers = vec!["112".into()];
            },
        ),
        ("~ outbound_route all  prefix \"0\" → \"9\", strip_digits 0 → 1", |r| {
            let route = r.outside.routes.get_mut("all").unwrap();
            (route.prefix, route.strip_digits) = ("9".into(), 1);
        }),
        ("~ outbound_route all  trunks [\"telkom\"] → []", |r| {
            r.outside.routes.get_mut("all").unwrap().trunks.clear();
        }),
        ("~ budget everybody else  destinations [\"national\"] → [\"+65\"]", |r| {
            r.outside.budgets.get_mut("everybody else").unwrap().allowance.destinations = vec!["+65".into()];
        }),
        ("~ budget everybody else  minutes_per_day_max 480 → 5", |r| {
            r.outside.budgets.get_mut("everybody else").unwrap().allowance.minutes_per_day_max = 5;
        }),
        ("~ did +62215550100  extension \"100\" → null, staff \"sari@x\"", |r| {
            let did = r.outside.dids.get_mut("+62215550100").unwrap();
            (did.extension, did.staff) = (None, Some("sari@x".into()));
        }),
    ]);
}

#[test]
fn menus_are_compared() {
    compare(&[
        ("~ menu 100  greeting \"sales\"", |r| {
            r.menus.get_mut("100").unwrap().greeting = Some("sales".into());
        }),
        ("~ menu 100  language \"en\"", |r| r.menus.get_mut("100").unwrap().language = Some(Language::En)),
        ("~ menu 100  timeout_secs 5 → 9", |r| r.menus.get_mut("100").unwrap().timeout_secs = 9),
        ("~ menu 100  key_timeout_secs 3 → 2", |r| r.menus.get_mut("100").unwrap().key_timeout_secs = 2),
        ("~ menu 100  tries_max 3 → 1", |r| r.menus.get_mut("100").unwrap().tries_max = 1),
        ("~ menu 100  direct_dialling false → true", |r| {
            r.menus.get_mut("100").unwrap().has_direct_dialling = true;
        }),
        (
            "choices [\"1: queue 100 2\",\"2: forward_staff sari@x\",\"*: repeat\"] → [\"1: queue 100 2\",\"2: ring\",\"*: repeat\"]",
            |r| r.menus.get_mut("100").unwrap().choices[1].1 = Action::Ring,
        ),
        ("- menu 100", |r| r.menus.clear()),
    ]);
}

#[test]
fn conferences_are_compared() {
    compare(&[
        ("~ conference 100  pin \"****\" → \"****\"", |r| {
            r.conferences.get_mut("100").unwrap().pin = Some(Pin("4711".into()));
        }),
        ("~ conference 100  pin \"****\" → null", |r| r.conferences.get_mut("100").unwrap().pin = None),
        ("~ conference 100  members_max 12 → 3", |r| {
            r.conferences.get_mut("100").unwrap().members_max = 3;
        }),
        ("~ conference 100  tones true → false", |r| {
            r.conferences.get_mut("100").unwrap().has_tones = false;
        }),
        ("- conference 100", |r| r.conferences.clear()),
    ]);
}

#[test]
fn page_groups_are_compared() {
    compare(&[
        ("~ page_group 100  duplex false → true", |r| {
            r.page_groups.get_mut("100").unwrap().is_duplex = true;
        }),
        ("- page_group 100", |r| r.page_groups.clear()),
    ]);
}

#[test]
fn a_new_organisation_is_added_whole_and_no_digest_is_shown() {
    let all = changes(None, &rows());
    let keys: Vec<_> = all.iter().map(|change| (change.row, change.key.as_str(), change.change)).collect();
    let added = |row, key| (row, key, Kind::Added);
    assert_eq!(
        keys,
        [
            added("organisation", "demo.test"),
            added("staff", "budi@x"),
            added("staff", "sari@x"),
            added("extension", "100"),
            added("account", "1001"),
            added("rule", "100/01"),
            added("queue", "100"),
            added("menu", "100"),
            added("conference", "100"),
            added("page_group", "100"),
            added("trunk", "telkom"),
            added("did", "+62215550100"),
            added("outbound_route", "all"),
            added("budget", "everybody else"),
            added("holiday", "2026-12-25")
        ]
    );
    let shown = format!("{}{}", text(&all), serde_json::to_string(&all).unwrap());
    assert!(!shown.contains("5ec2e7") && shown.contains("****"), "{shown}");
}
