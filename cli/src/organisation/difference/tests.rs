//! One change at a time to rows that are all filled in: each must be seen, and no digest shown.

use contract::{
    conferences::Pin,
    language::Language,
    menus::MenuKey,
    outside::{Allowance, Credentials, NumberFormat, Registering},
    queues::Strategy,
    rules::{Condition, Timescope},
    snapshot::Mailbox,
};
use uuid::Uuid;

use super::*;
use crate::organisation::{
    Outside,
    hours::{span, windows},
    mailboxes::Mails,
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
        prices: BTreeMap::from([("+62".into(), Price { id: Uuid::nil(), rupiah_per_minute: 500 })]),
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

fn staff(name: &str, number: &str, mailbox: Option<Mailbox>) -> Staff {
    Staff {
        user: Uuid::nil(),
        name: name.into(),
        number: number.into(),
        is_active: true,
        mails: mailbox.as_ref().map(|_| Mails::to("sari@x".into())),
        mailbox,
    }
}

fn rows() -> Rows {
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
    let queued = Rule { position: 2, action: Action::Queue("100".into(), 2), ..rule.clone() };
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
            ("sari@x".into(), staff("Sari", "1001", Some(Mailbox::default()))),
            ("budi@x".into(), staff("Budi", "1002", None)),
        ]),
        extensions: BTreeMap::from([("100".into(), extension)]),
        accounts: BTreeMap::from([("1001".into(), account("5ec2e7"))]),
        rules: BTreeMap::from([(rule.key(), rule), (queued.key(), queued)]),
        queues: BTreeMap::from([("100".into(), queue())]),
        menus: BTreeMap::from([("100".into(), menu())]),
        page_groups: BTreeMap::from([("100".into(), PageGroup { id: Uuid::nil(), is_duplex: false })]),
        conferences: BTreeMap::from([("100".into(), conference())]),
        holidays: BTreeMap::from([(holiday.key(), holiday)]),
        outside: outside(),
    }
}

type Step = fn(&mut Rows);

fn login(rows: &mut Rows) -> &mut Credentials {
    rows.outside.trunks.get_mut("telkom").unwrap().credentials.as_mut().unwrap()
}

fn allowance(rows: &mut Rows) -> &mut Allowance {
    &mut rows.outside.budgets.get_mut("everybody else").unwrap().allowance
}

/// Each step changes what its line says and nothing else, and no field is left that none of them changes.
#[test]
fn every_field_that_can_be_described_is_compared() {
    let before = rows();
    assert!(changes(Some(&before), &before).is_empty());
    let shown = |change: &Change| {
        let fields = change.fields.iter().map(|field| (change.row, field.field));
        fields.collect::<Vec<_>>()
    };
    let mut compared = BTreeSet::new();
    for (line, step) in [INSIDE, MAILBOXES, QUEUES, OUTSIDE, MENUS, CONFERENCES, PAGE_GROUPS].concat() {
        let mut after = before.clone();
        step(&mut after);
        let changes = changes(Some(&before), &after);
        let text = text(&changes);
        assert!(text.contains(line) && text.lines().count() == 3, "{line}:\n{text}");
        compared.extend(changes.iter().flat_map(shown));
    }
    let all: BTreeSet<_> = changes(None, &before).iter().flat_map(shown).collect();
    assert_eq!(all.difference(&compared).collect::<Vec<_>>(), Vec::<&(&str, &str)>::new());
}

const INSIDE: &[(&str, Step)] = &[
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
    ("~ staff budi@x  voicemail false → true, voicemail_messages_max 50", |r| {
        r.staff.get_mut("budi@x").unwrap().mailbox = Some(Default::default());
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
    ("~ organisation demo.test  recording \"never\" → \"always\"", |r| {
        r.recording = contract::snapshot::RecordingPolicy::Always;
    }),
    ("~ organisation demo.test  recording_notice false → true", |r| r.has_recording_notice = true),
    ("~ organisation demo.test  recording_keys false → true", |r| r.has_recording_keys = true),
    ("~ staff sari@x  name \"Sari\" → \"X\"", |r| r.staff.get_mut("sari@x").unwrap().name = "X".into()),
    ("~ extension 100  supervisors [] → [\"budi@x\"]", |r| {
        r.extensions.get_mut("100").unwrap().supervisors.insert("budi@x".into());
    }),
    ("~ extension 100  active true → false", |r| {
        r.extensions.get_mut("100").unwrap().is_active = false;
    }),
    ("~ rule 100/02  priority 2 → 3", |r| {
        r.rules.get_mut("100/02").unwrap().action = Action::Queue("100".into(), 3);
    }),
    ("- rule 100/02", |r| drop(r.rules.remove("100/02"))),
];

/// What Sari's mailbox has, and how it is mailed.
const MAILBOXES: &[(&str, Step)] = &[
    ("~ staff sari@x  voicemail_greeting \"away\"", |r| mailbox(r).0.greeting = Some("away".into())),
    ("~ staff sari@x  voicemail_messages_max 50 → 5", |r| mailbox(r).0.messages_max = 5),
    ("~ staff sari@x  voicemail_secs_max 180 → 20", |r| mailbox(r).0.message_secs_max = 20),
    ("~ staff sari@x  voicemail_email \"sari@x\" → \"s@x\"", |r| mailbox(r).1.address = "s@x".into()),
    ("~ staff sari@x  voicemail_email_sound true → false", |r| mailbox(r).1.has_sound = false),
    ("~ staff sari@x  voicemail_email_delete false → true", |r| mailbox(r).1.is_deleted = true),
    ("~ staff sari@x  voicemail_email_language \"en\"", |r| mailbox(r).1.language = Some(Language::En)),
];

fn mailbox(rows: &mut Rows) -> (&mut Mailbox, &mut Mails) {
    let sari = rows.staff.get_mut("sari@x").unwrap();
    (sari.mailbox.as_mut().unwrap(), sari.mails.as_mut().unwrap())
}

const QUEUES: &[(&str, Step)] = &[
    ("~ queue 100  ring_secs 20 → 21", |r| r.queues.get_mut("100").unwrap().ring_secs = 21),
    ("~ queue 100  capacity 10 → 11", |r| r.queues.get_mut("100").unwrap().capacity = 11),
    ("~ queue 100  wait_max_secs 600 → 601", |r| r.queues.get_mut("100").unwrap().wait_max_secs = 601),
    ("~ queue 100  wrap_up_secs 5 → 6", |r| r.queues.get_mut("100").unwrap().wrap_up_secs = 6),
    ("~ queue 100  misses_max 3 → 4", |r| r.queues.get_mut("100").unwrap().misses_max = 4),
    ("~ queue 100  announce_secs 60 → 61", |r| r.queues.get_mut("100").unwrap().announce_secs = 61),
    ("~ queue 100  callback false → true", |r| r.queues.get_mut("100").unwrap().has_callback = true),
];

const OUTSIDE: &[(&str, Step)] = &[
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
        login(r).password = "other".into();
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
        allowance(r).destinations = vec!["+65".into()];
    }),
    ("~ budget everybody else  minutes_per_day_max 480 → 5", |r| {
        allowance(r).minutes_per_day_max = 5;
    }),
    ("~ trunk telkom  auth_username \"021\" → \"022\"", |r| {
        login(r).username = "022".into();
    }),
    ("~ trunk telkom  auth_realm \"telkom.example\"", |r| {
        login(r).realm = Some("telkom.example".into());
    }),
    ("~ trunk telkom  active true → false", |r| {
        r.outside.trunks.get_mut("telkom").unwrap().is_active = false;
    }),
    ("~ outbound_route all  position 1 → 2, prepend_digits \"\" → \"0\", active true → false", |r| {
        let route = r.outside.routes.get_mut("all").unwrap();
        (route.position, route.is_active) = (2, false);
        route.prepend_digits = "0".into();
    }),
    ("~ budget everybody else  rupiah_per_day_max 250000", |r| {
        allowance(r).rupiah_per_day_max = Some(250_000);
    }),
    ("~ budget everybody else  calls_at_once_max 3 → 4", |r| allowance(r).calls_at_once_max = 4),
    ("~ budget everybody else  calls_per_minute_max 10 → 4", |r| allowance(r).calls_per_minute_max = 4),
    ("~ budget everybody else  calls_per_hour_max 60 → 4", |r| allowance(r).calls_per_hour_max = 4),
    ("~ budget everybody else  calls_per_day_max 300 → 4", |r| allowance(r).calls_per_day_max = 4),
    ("~ budget everybody else  hours_of \"100\"", |r| {
        r.outside.budgets.get_mut("everybody else").unwrap().hours_of = Some("100".into());
    }),
    ("~ price +62  rupiah_per_minute 500 → 600", |r| {
        r.outside.prices.get_mut("+62").unwrap().rupiah_per_minute = 600;
    }),
    ("- price +62", |r| r.outside.prices.clear()),
    ("~ did +62215550100  extension \"100\" → null, staff \"sari@x\"", |r| {
        let did = r.outside.dids.get_mut("+62215550100").unwrap();
        (did.extension, did.staff) = (None, Some("sari@x".into()));
    }),
];

const MENUS: &[(&str, Step)] = &[
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
];

const CONFERENCES: &[(&str, Step)] = &[
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
];

const PAGE_GROUPS: &[(&str, Step)] = &[
    ("~ page_group 100  duplex false → true", |r| {
        r.page_groups.get_mut("100").unwrap().is_duplex = true;
    }),
    ("- page_group 100", |r| r.page_groups.clear()),
];

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
            added("rule", "100/02"),
            added("queue", "100"),
            added("menu", "100"),
            added("conference", "100"),
            added("page_group", "100"),
            added("trunk", "telkom"),
            added("did", "+62215550100"),
            added("outbound_route", "all"),
            added("budget", "everybody else"),
            added("price", "+62"),
            added("holiday", "2026-12-25")
        ]
    );
    let shown = format!("{}{}", text(&all), serde_json::to_string(&all).unwrap());
    assert!(!shown.contains("5ec2e7") && shown.contains("****"), "{shown}");
}
