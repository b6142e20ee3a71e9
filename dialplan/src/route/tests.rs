//! Routing, told number by number.

use std::fmt::Write as _;

use contract::{
    id::{AccountId, ExtensionId, OrgId, RuleId, UserId},
    language::Language,
    rules::{Action, Condition, Rule, Span, Timescope, Window},
    snapshot,
    time::Timestamp,
};
use uuid::Uuid;

use super::*;
use crate::compile;

pub(crate) const fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn staff(n: u128, number: &str, is_active: bool) -> snapshot::Staff {
    snapshot::Staff {
        user: UserId(id(n)),
        name: format!("staff {n}"),
        number: number.into(),
        is_active,
        mailbox: None,
    }
}

fn account(n: u128, user: Option<u128>, username: &str) -> snapshot::Account {
    snapshot::Account {
        id: AccountId(id(n)),
        user: user.map(|n| UserId(id(n))),
        username: username.into(),
        ha1_md5: "0".repeat(32),
        ha1_sha256: "0".repeat(64),
        is_active: true,
    }
}

pub(crate) fn extension(n: u128, number: &str, staff: &[u128]) -> snapshot::Extension {
    snapshot::Extension {
        id: ExtensionId(id(n)),
        name: format!("extension {number}"),
        number: number.into(),
        is_active: true,
        staff: staff.iter().map(|n| UserId(id(*n))).collect(),
        hours: Vec::new(),
        rules: Vec::new(),
        recording: None,
        takes_intercom: false,
        queue: None,
        menu: None,
        conference: None,
        supervisors: Vec::new(),
        page_group: None,
    }
}

pub(crate) fn queue() -> contract::queues::Queue {
    contract::queues::Queue {
        id: contract::id::QueueId(id(70)),
        strategy: contract::queues::Strategy::Linear,
        ring_secs: 20,
        capacity: 10,
        wait_max_secs: 600,
        wrap_up_secs: 0,
        misses_max: 0,
        announce_secs: 0,
        has_callback: false,
        agents: Vec::new(),
    }
}

pub(crate) fn menu(n: u128) -> contract::menus::Menu {
    contract::menus::Menu::plain(contract::id::MenuId(id(n)))
}

pub(crate) fn window(day: u8, start: u16, end: u16) -> Window {
    Window { day, span: Span { start, end } }
}

/// A rule whose id and position are `n`.
pub(crate) fn rule(n: u16, timescope: Timescope, condition: Condition, action: Action) -> Rule {
    Rule { id: RuleId(id(n.into())), position: n, is_enabled: true, timescope, condition, action }
}

pub(crate) fn organisation() -> snapshot::Organisation {
    snapshot::Organisation {
        id: OrgId(id(1)),
        sip_domain: "demo.sambung.test".into(),
        is_default: true,
        ring_timeout_secs: 60,
        language: Language::En,
        has_announcements: false,
        recording: contract::snapshot::RecordingPolicy::Never,
        has_recording_notice: false,
        has_recording_keys: false,
        timezone: snapshot::default_timezone(),
        holidays: Vec::new(),
        outside: Default::default(),
        staff: vec![staff(11, "1001", true), staff(12, "1002", true), staff(13, "1003", false)],
        extensions: vec![
            extension(21, "100", &[11, 12]),
            snapshot::Extension { is_active: false, ..extension(22, "200", &[11]) },
            extension(23, "300", &[]),
            extension(24, "400", &[13]),
            extension(25, "500", &[11]),
        ],
        accounts: vec![
            account(31, Some(11), "1001"),
            account(32, Some(12), "1002"),
            account(33, Some(12), "1002-mobile"),
            account(34, Some(13), "1003"),
            account(35, None, "callee"),
            account(36, None, "100"),
            account(38, None, "*43"),
            snapshot::Account { is_active: false, ..account(37, None, "gone") },
        ],
    }
}

/// Whose an account is.
pub(crate) fn person(account: u128) -> PersonKey {
    let rows = organisation();
    let row = rows.accounts.iter().find(|row| row.id.0 == id(account)).unwrap();
    row.user.map_or(PersonKey::Account(row.id), PersonKey::User)
}

/// The caller's account, what is dialled, and the decision in one line.
fn check(caller: u128, dialled: &str, expected: &str) {
    check_in(organisation(), (caller, dialled), expected);
}

fn check_in(own: snapshot::Organisation, (caller, dialled): (u128, &str), expected: &str) {
    let rows = snapshot::Snapshot { revision: 7, organisations: vec![own] };
    let plan = compile(&rows).unwrap();
    let facts = Facts { org: OrgId(id(1)), caller: person(caller), dialled };
    let decision = plan.route(&facts, Timestamp(0));
    let mut told = String::new();
    match decision.route {
        Route::Refuse(refusal) => write!(told, "{} {:?}", refusal.reason(), refusal.host()).unwrap(),
        Route::Feature(feature) => write!(told, "feature {}", feature.as_str()).unwrap(),
        Route::Intercom(ring) => write!(told, "intercom {}", ring.number).unwrap(),
        Route::Queue(queueing) => write!(told, "waits for {}", queueing.ring.name).unwrap(),
        Route::Announce(announcement) => write!(told, "says {}", announcement.sound).unwrap(),
        Route::Menu(menu) => write!(told, "menu {}", menu.number).unwrap(),
        Route::Conference(room) => write!(told, "conference {}", room.number).unwrap(),
        Route::Page(paging) => write!(told, "page {}", paging.group.number).unwrap(),
        Route::Voicemail(voicemail) => write!(told, "mailbox {}", voicemail.mailbox.number).unwrap(),
        Route::Ring(ring) => {
            write!(told, "{:?} {} {}s", ring.host, ring.name, ring.ring_timeout_secs).unwrap();
            for target in &ring.targets {
                let accounts: Vec<u128> = target.accounts.iter().map(|a| a.0.as_u128()).collect();
                write!(told, " {accounts:?}").unwrap();
            }
        }
    }
    let told = told.replace("00000000-0000-0000-0000-0000000000", "");
    assert_eq!(told, expected, "dialled {dialled}, trace {:?}", decision.trace);
}

#[test]
fn a_staff_number_rings_all_accounts_of_that_person() {
    check(31, "1002", "User(UserId(0c)) staff 12 60s [32, 33]");
}

#[test]
fn an_extension_rings_everybody_assigned_but_the_caller() {
    check(35, "100", "Extension(ExtensionId(15)) extension 100 60s [31] [32, 33]");
    check(31, "100", "Extension(ExtensionId(15)) extension 100 60s [32, 33]");
}

#[test]
fn a_bare_account_answers_to_its_username_unless_a_number_shadows_it() {
    check(31, "callee", "Account(AccountId(23)) callee 60s [35]");
    check(31, "gone", "inactive Some(Account(AccountId(25)))");
}

#[test]
fn every_organisation_has_the_feature_codes_and_no_account_shadows_them() {
    check(31, "*43", "feature echo");
    check(31, "*97", "feature voicemail");
    check(31, "*46", "feature pause");
    check(31, "*70", "feature call_waiting");
    check(31, "*71", "feature call_waiting_off");
    check(31, "*78", "feature do_not_disturb");
    check(31, "*79", "feature do_not_disturb_off");
    check(31, "*44", "unknown_number None");
}

#[test]
fn a_star_before_a_persons_number_is_their_mailbox_if_they_have_one() {
    let mut own = organisation();
    let (with, without) = (own.staff[0].number.clone(), own.staff[1].number.clone());
    own.staff[0].mailbox = Some(snapshot::Mailbox::default());
    let extension = own.extensions[0].number.clone();
    check_in(own.clone(), (31, &format!("*{with}")), &format!("mailbox {with}"));
    for nobody in [without, extension, String::new()] {
        check_in(own.clone(), (31, &format!("*{nobody}")), "unknown_number None");
    }
}

#[test]
fn how_callers_are_spoken_to_is_the_organisation_s() {
    let rows = snapshot::Snapshot { revision: 7, organisations: vec![organisation()] };
    let plan = compile(&rows).unwrap();
    let org = plan.organisation(OrgId(id(1))).unwrap();
    assert_eq!((org.language(), org.has_announcements()), (Language::En, false));
}

#[test]
fn refusals_name_their_reason() {
    check(31, "9999", "unknown_number None");
    check(31, "1002-mobile", "unknown_number None");
    check(31, "1003", "inactive Some(User(UserId(0d)))");
    check(31, "200", "inactive Some(Extension(ExtensionId(16)))");
    check(31, "300", "no_staff Some(Extension(ExtensionId(17)))");
    check(31, "400", "no_staff Some(Extension(ExtensionId(18)))");
    check(31, "1001", "self_call Some(User(UserId(0b)))");
    check(31, "500", "self_call Some(Extension(ExtensionId(19)))");
}

#[test]
fn the_trace_tells_how_the_decision_came_about() {
    let rows = snapshot::Snapshot { revision: 7, organisations: vec![organisation()] };
    let plan = compile(&rows).unwrap();
    let caller = person(31);
    let route =
        |org, dialled| plan.route(&Facts { org: OrgId(id(org)), caller, dialled }, Timestamp(0)).trace.0;
    let host = Host::Extension(ExtensionId(id(21)));
    let extension = Step::Number { number: "100".into(), host, name: "extension 100".into() };
    let rings = Step::Rings { people: 1, accounts: 2, seconds: 60 };
    assert_eq!(route(1, "100"), [extension, Step::CallerLeftOut, rings]);
    assert_eq!(route(1, "55"), [Step::NoNumber]);
    assert_eq!(route(1, "*43"), [Step::Feature(Feature::Echo)]);
    assert_eq!(route(2, "100"), [Step::NoOrganisation]);
}

#[test]
fn calls_are_parked_where_the_organisation_has_not_given_the_number_to_somebody() {
    let mut rows = organisation();
    let parks = |rows: &snapshot::Organisation, dialled: &str| {
        let snapshot = snapshot::Snapshot { revision: 1, organisations: vec![rows.clone()] };
        let plan = compile(&snapshot).unwrap();
        let facts = Facts { org: OrgId(id(1)), caller: person(31), dialled };
        match plan.route(&facts, Timestamp(0)).route {
            Route::Feature(Feature::Park(slot)) => Some(slot.map(|slot| slot.to_string())),
            _ => None,
        }
    };
    assert_eq!(parks(&rows, "700"), Some(None));
    assert_eq!(parks(&rows, "701"), Some(Some("701".to_owned())));
    assert_eq!(parks(&rows, "709"), Some(Some("709".to_owned())));
    assert_eq!((parks(&rows, "710"), parks(&rows, "0701")), (None, None));
    rows.extensions[0].number = "701".into();
    assert_eq!(parks(&rows, "701"), None);
    let plan = compile(&snapshot::Snapshot { revision: 1, organisations: vec![rows] }).unwrap();
    assert_eq!(plan.organisation(OrgId(id(1))).unwrap().slots().count(), 8);
}

/// Decision 0049: nobody who is not named, nobody else's people, and not by an extension that is switched off.
#[test]
fn a_supervisor_may_listen_to_the_staff_of_their_extension_and_to_nobody_else() {
    let mut rows = organisation();
    let people: Vec<UserId> = rows.extensions[0].staff.clone();
    rows.staff.iter_mut().for_each(|staff| staff.is_active = true);
    let supervisor = rows.staff.iter().map(|staff| staff.user).find(|user| !people.contains(user)).unwrap();
    let plan = |rows: &snapshot::Organisation| {
        compile(&snapshot::Snapshot { revision: 1, organisations: vec![rows.clone()] })
    };
    let supervises = |rows: &snapshot::Organisation, one: UserId, other: UserId| {
        let plan = plan(rows).unwrap();
        plan.organisation(rows.id).unwrap().supervises(PersonKey::User(one), PersonKey::User(other))
    };
    assert!(!supervises(&rows, supervisor, people[0]), "nobody may who is not named");
    rows.extensions[0].supervisors = vec![supervisor];
    assert!(supervises(&rows, supervisor, people[0]));
    assert!(!supervises(&rows, people[0], supervisor) && !supervises(&rows, supervisor, supervisor));
    let number = rows.extensions[0].number.clone();
    let own = plan(&rows).unwrap();
    let own = own.organisation(rows.id).unwrap();
    assert_eq!(own.supervised_at(&format!("*33{number}")), Some(Host::Extension(rows.extensions[0].id)));
    assert_eq!((own.supervised_at(&number), own.supervised_at("*33999")), (None, None));
    rows.extensions[0].is_active = false;
    assert!(!supervises(&rows, supervisor, people[0]));
    rows.extensions[0].is_active = true;
    assert!(supervises(&rows, supervisor, people[0]));
    rows.staff.iter_mut().filter(|staff| staff.user == supervisor).for_each(|staff| staff.is_active = false);
    assert!(!supervises(&rows, supervisor, people[0]), "a bug: who was suspended went on listening");
    rows.extensions[0].supervisors = vec![UserId(id(99))];
    let wrong = plan(&rows).unwrap_err();
    assert_eq!((wrong[0].field, wrong[0].problem.clone()), ("supervisors", crate::Problem::Dangling));
}

#[test]
fn what_is_no_call_reaches_whoever_has_the_number_whatever_its_hours_and_rules() {
    let mut rows = organisation();
    rows.extensions[0].hours = vec![window(1, 0, 1)];
    rows.extensions[0].rules =
        vec![rule(1, Timescope::Any, Condition::Always, Action::AnnounceHangup("closed".into()))];
    let plan = compile(&snapshot::Snapshot { revision: 7, organisations: vec![rows] }).unwrap();
    let people = |dialled| {
        let ring = plan.people(&Facts { org: OrgId(id(1)), caller: person(35), dialled })?;
        Ok(ring.targets.iter().map(|target| target.accounts.len()).collect::<Vec<_>>())
    };
    assert_eq!(people("100"), Ok(vec![1, 2]));
    assert_eq!(people("1002"), Ok(vec![2]));
    assert_eq!(people("callee"), Err(Refusal::SelfCall(Host::Account(AccountId(id(35))))));
    assert_eq!(people("200"), Err(Refusal::Inactive(Host::Extension(ExtensionId(id(22))))));
    assert_eq!(people("300"), Err(Refusal::NoStaff(Host::Extension(ExtensionId(id(23))))));
    assert_eq!(people("gone"), Err(Refusal::Inactive(Host::Account(AccountId(id(37))))));
    assert_eq!((people("*43"), people("9")), (Err(Refusal::UnknownNumber), Err(Refusal::UnknownNumber)));
    let org = plan.organisation(OrgId(id(1))).unwrap();
    let holders = ["100", "300", "1003", "gone", "*43"].map(|number| org.holder(number));
    let extension = |n| Some(Host::Extension(ExtensionId(id(n))));
    let user = Some(Host::User(UserId(id(13))));
    assert_eq!(holders, [extension(21), extension(23), user, Some(Host::Account(AccountId(id(37)))), None]);
}
