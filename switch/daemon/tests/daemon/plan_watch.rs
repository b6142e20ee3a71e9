//! Stories of configuration rows on their way into the switch.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, atomic::Ordering},
};

use calls::{OutsideUse, StoredAvailability, StoredMessage};
use contract::{
    availability::{Availability, Person},
    id::{AccountId, ExtensionId, UserId},
    snapshot::Snapshot,
    time::Timestamp,
};
use dialplan::{Payer, PersonKey, Plan};
use sambungd::plan_watch::{Counters, PlanWatch, read_kept};
use sqlx::PgPool;
use tokio::{sync::oneshot, task::JoinHandle};
use uuid::Uuid;

use crate::database::{
    Database, ORG, SARI, add_sari, database, eventually, insert_recording, leave_messages,
};

/// A watch whose plans, and what else it tells, end up in lists.
pub struct Watching {
    pub plans: Arc<Mutex<Vec<Arc<Plan>>>>,
    mailboxes: Arc<Mutex<Vec<Vec<StoredMessage>>>>,
    availability: Arc<Mutex<Vec<Vec<StoredAvailability>>>>,
    pub counters: Arc<Counters>,
    pub kept: PathBuf,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

/// A watch as the tests make it.
type Watch = PlanWatch<Box<dyn Fn(Arc<Plan>) -> oneshot::Receiver<()> + Send + Sync>>;

impl Watching {
    pub fn start(database: &Database) -> Self {
        Self::start_as(database, |watch| watch)
    }

    fn start_as(database: &Database, change: impl FnOnce(Watch) -> Watch) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plans = Arc::new(Mutex::new(Vec::new()));
        let install = {
            let plans = Arc::clone(&plans);
            move |plan: Arc<Plan>| {
                plans.lock().unwrap().push(plan);
                let (answer, answered) = oneshot::channel();
                answer.send(()).unwrap();
                answered
            }
        };
        let kept = folder.path().join("plan.json");
        let counters = Arc::new(Counters::default());
        let watch = PlanWatch::new(
            database.switch.clone(),
            kept.clone(),
            Box::new(install) as _,
            Arc::clone(&counters),
        );
        let mailboxes = Arc::new(Mutex::new(Vec::new()));
        let tell = {
            let mailboxes = Arc::clone(&mailboxes);
            move |all| {
                mailboxes.lock().unwrap().push(all);
                true
            }
        };
        let availability = Arc::new(Mutex::new(Vec::new()));
        let of_people = {
            let availability = Arc::clone(&availability);
            move |all| {
                availability.lock().unwrap().push(all);
                true
            }
        };
        let watch = change(watch).with_mailboxes(tell).with_availability(of_people);
        let task = tokio::spawn(watch.run());
        Self { plans, mailboxes, availability, counters, kept, task, _folder: folder }
    }

    /// Waits until messages have been told so many times; the latest.
    async fn messages(&self, times: usize) -> Vec<StoredMessage> {
        eventually("messages are told", async || self.mailboxes.lock().unwrap().len() >= times).await;
        self.mailboxes.lock().unwrap().last().cloned().unwrap()
    }

    /// Waits until what people have turned on and off has been told so many times; the latest.
    async fn availability(&self, times: usize) -> Vec<StoredAvailability> {
        eventually("it is told", async || self.availability.lock().unwrap().len() >= times).await;
        self.availability.lock().unwrap().last().cloned().unwrap()
    }

    pub async fn revision(&self, wanted: i64) -> Arc<Plan> {
        eventually("the revision is in use", async || {
            self.plans.lock().unwrap().last().is_some_and(|plan| plan.revision() == wanted)
        })
        .await;
        Arc::clone(self.plans.lock().unwrap().last().unwrap())
    }
}

pub async fn execute(admin: &PgPool, statement: &'static str) {
    sqlx::raw_sql(statement).execute(admin).await.unwrap();
}

pub async fn revision(admin: &PgPool) -> i64 {
    sqlx::query_scalar("select revision from telephony.revisions").fetch_one(admin).await.unwrap()
}

pub async fn applied(admin: &PgPool) -> Option<i64> {
    sqlx::query_scalar("select applied from telephony.revisions").fetch_one(admin).await.unwrap()
}

/// Two people, an extension with both, one bare account, and an organisation that is not approved.
async fn seed(admin: &PgPool) {
    execute(
        admin,
        "insert into telephony.organisation_settings (org_id, sip_domain, is_default, ring_timeout_seconds) \
           values ('00000000-0000-0000-0000-00000000000a', 'demo.sambung.test', true, 20); \
         insert into identity.users (id, name) values \
           ('00000000-0000-0000-0000-000000000001', 'Sari'), ('00000000-0000-0000-0000-000000000002', null); \
         insert into identity.memberships (id, org_id, user_id, email, role, status) \
           select gen_random_uuid(), '00000000-0000-0000-0000-00000000000a', id, id || '@x.test', 'call_agent', \
             case when name is null then 'suspended' else 'active' end from identity.users; \
         insert into telephony.extensions (id, org_id, name) values \
           ('00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-00000000000a', 'Resepsionis'); \
         insert into telephony.numbers (org_id, number, extension_id, user_id) values \
           ('00000000-0000-0000-0000-00000000000a', '100', '00000000-0000-0000-0000-0000000000e1', null), \
           ('00000000-0000-0000-0000-00000000000a', '1001', null, '00000000-0000-0000-0000-000000000001'), \
           ('00000000-0000-0000-0000-00000000000a', '1002', null, '00000000-0000-0000-0000-000000000002'); \
         insert into telephony.extension_assigned_staffs (org_id, extension_id, user_id) \
           select '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000e1', id \
           from identity.users; \
         insert into telephony.sip_accounts (id, org_id, user_id, username, ha1_md5, ha1_sha256) values \
           ('00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-00000000000a', \
            '00000000-0000-0000-0000-000000000001', '1001', repeat('0', 32), repeat('1', 64)), \
           ('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-00000000000a', \
            null, 'callee', repeat('2', 32), repeat('3', 64)); \
         insert into identity.organisations (id, name, status) values \
           ('00000000-0000-0000-0000-00000000000b', 'Waiting', 'pending'); \
         insert into telephony.organisation_settings (org_id, sip_domain) \
           values ('00000000-0000-0000-0000-00000000000b', 'waiting.sambung.test');",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_become_the_plan_and_the_applied_revision() {
    let database = database("plan_rows").await;
    seed(&database.admin).await;
    let watching = Watching::start(&database);
    let wanted = revision(&database.admin).await;
    let plan = watching.revision(wanted).await;
    eventually("applied is written", async || applied(&database.admin).await == Some(wanted)).await;
    assert_eq!(plan.organisations().count(), 1, "an organisation that is not approved is left out");
    assert!(plan.account(ORG, "callee").is_some());

    let kept: Snapshot = serde_json::from_slice(&std::fs::read(&watching.kept).unwrap()).unwrap();
    let organisation = &kept.organisations[0];
    assert_eq!((organisation.sip_domain.as_str(), organisation.ring_timeout_secs), ("demo.sambung.test", 20));
    let staff: Vec<_> =
        organisation.staff.iter().map(|s| (s.name.as_str(), s.number.as_str(), s.is_active)).collect();
    assert_eq!(staff, [("Sari", "1001", true), ("1002", "1002", false)]);
    let people: Vec<Uuid> = organisation.extensions[0].staff.iter().map(|user| user.0).collect();
    assert_eq!(people, [Uuid::from_u128(1), Uuid::from_u128(2)]);
    assert_eq!(organisation.accounts[0].ha1_sha256, "1".repeat(64));
    assert_eq!(read_kept(&watching.kept).unwrap().revision(), wanted);
}

/// A zone, hours, holidays, and five rules of which one is switched off and one deleted.
async fn seed_rules(admin: &PgPool) {
    execute(
        admin,
        "update telephony.organisation_settings set timezone = 'Asia/Makassar' where is_default; \
         insert into telephony.extensions (id, org_id, name) values \
           ('00000000-0000-0000-0000-0000000000e2', '00000000-0000-0000-0000-00000000000a', 'Gudang'); \
         insert into telephony.numbers (org_id, number, extension_id) values \
           ('00000000-0000-0000-0000-00000000000a', '101', '00000000-0000-0000-0000-0000000000e2'); \
         insert into telephony.extension_operational_hours (org_id, extension_id, day_of_week, start_time, end_time) \
           values \
           ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000e1', 1, '08:00', '24:00'), \
           ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000e1', 7, '22:30', '06:00'); \
         insert into telephony.holidays (id, org_id, extension_id, on_date, name, start_time, end_time) values \
           ('00000000-0000-0000-0000-0000000000d1', '00000000-0000-0000-0000-00000000000a', null, \
            '2026-12-25', 'Natal', null, null), \
           ('00000000-0000-0000-0000-0000000000d2', '00000000-0000-0000-0000-00000000000a', \
            '00000000-0000-0000-0000-0000000000e1', '2026-12-26', 'Natal', '09:00', '12:00'); \
         insert into telephony.extension_rules (id, org_id, extension_id, timescope, condition, action, \
             target_extension_id, target_user_id, target_sound, position, is_enabled, deleted_at) \
           select rule.id::uuid, '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000e1', \
             rule.timescope, rule.condition, rule.action, rule.extension::uuid, rule.person::uuid, rule.sound, \
             rule.position, rule.position < 4, case when rule.position = 5 then now() end \
           from (values \
             ('00000000-0000-0000-0000-0000000000f1', 'off_hours', 'always', 'announce_hangup', null, null, \
              'closed', 1), \
             ('00000000-0000-0000-0000-0000000000f2', 'any', 'no_answer', 'forward_extension', \
              '00000000-0000-0000-0000-0000000000e2', null, null, 2), \
             ('00000000-0000-0000-0000-0000000000f3', 'work_hours', 'busy', 'forward_staff', null, \
              '00000000-0000-0000-0000-000000000001', null, 3), \
             ('00000000-0000-0000-0000-0000000000f4', 'any', 'always', 'ring', null, null, null, 4), \
             ('00000000-0000-0000-0000-0000000000f5', 'any', 'busy', 'forward_extension', \
              '00000000-0000-0000-0000-0000000000e2', null, null, 5)) \
             as rule (id, timescope, condition, action, extension, person, sound, position)",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_holidays_and_rules_become_the_plan_and_deleted_rules_hold_nobody() {
    let database = database("plan_rules").await;
    seed(&database.admin).await;
    seed_rules(&database.admin).await;
    let watching = Watching::start(&database);
    let wanted = revision(&database.admin).await;
    watching.revision(wanted).await;
    eventually("applied is written", async || applied(&database.admin).await == Some(wanted)).await;
    let kept: Snapshot = serde_json::from_slice(&std::fs::read(&watching.kept).unwrap()).unwrap();
    let organisation = &kept.organisations[0];
    assert_eq!(organisation.timezone, "Asia/Makassar");
    let extension = &organisation.extensions[0];
    let hours: Vec<_> =
        extension.hours.iter().map(|window| format!("{} {}", window.day, window.span)).collect();
    assert_eq!(hours, ["1 08:00–24:00", "7 22:30–06:00"]);
    let holidays: Vec<_> = organisation
        .holidays
        .iter()
        .map(|day| (day.date.as_str(), day.extension.is_some(), day.span.map(|span| span.to_string())))
        .collect();
    assert_eq!(holidays, [("2026-12-25", false, None), ("2026-12-26", true, Some("09:00–12:00".to_owned()))]);
    let rules: Vec<_> = extension
        .rules
        .iter()
        .map(|rule| (rule.timescope.as_str(), rule.condition.as_str(), rule.action.as_str(), rule.is_enabled))
        .collect();
    assert_eq!(
        rules,
        [
            ("off_hours", "always", "announce_hangup", true),
            ("any", "no_answer", "forward_extension", true),
            ("work_hours", "busy", "forward_staff", true),
            ("any", "always", "ring", false),
        ]
    );
    // What a living rule leads to stays; what only a deleted one led to may go.
    let remove = "delete from telephony.extensions where name = 'Gudang'";
    let refused = sqlx::raw_sql(remove).execute(&database.admin).await.unwrap_err();
    let constraint = refused.as_database_error().and_then(|error| error.constraint());
    assert_eq!(constraint, Some("extension_rules_target_extension_fkey"));
    execute(
        &database.admin,
        "update telephony.extension_rules set deleted_at = now() where condition = 'no_answer'; \
         delete from telephony.extensions where name = 'Gudang'",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_in_use_long_before_the_next_poll() {
    let database = database("plan_change").await;
    seed(&database.admin).await;
    let watching = Watching::start(&database);
    let first = revision(&database.admin).await;
    watching.revision(first).await;
    for round in 1..=3 {
        execute(
            &database.admin,
            "update telephony.sip_accounts set is_active = not is_active where username = 'callee'",
        )
        .await;
        let plan = watching.revision(first + round).await;
        assert_eq!(plan.account(ORG, "callee").is_some(), round % 2 == 0, "round {round}");
    }
    assert_eq!(watching.plans.lock().unwrap().len(), 4, "each revision is loaded once");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_compile_are_refused_and_the_plan_stays() {
    let database = database("plan_refused").await;
    seed(&database.admin).await;
    let watching = Watching::start(&database);
    let good = revision(&database.admin).await;
    watching.revision(good).await;
    // Upper-case digits are no digest; no constraint of the database is asked.
    execute(
        &database.admin,
        "alter table telephony.sip_accounts drop constraint sip_accounts_ha1_md5_check; \
         update telephony.sip_accounts set ha1_md5 = 'no digest' where username = 'callee'",
    )
    .await;
    eventually("it is refused", async || watching.counters.refused.load(Ordering::Relaxed) > 0).await;
    assert_eq!(watching.plans.lock().unwrap().len(), 1);
    assert_eq!(applied(&database.admin).await, Some(good));
    assert_eq!(read_kept(&watching.kept).unwrap().revision(), good, "the file keeps the good one");
    execute(
        &database.admin,
        "update telephony.sip_accounts set ha1_md5 = repeat('4', 32) where username = 'callee'",
    )
    .await;
    watching.revision(revision(&database.admin).await).await;
}

/// A bug: rows were read before it was asked whose they are, so one that another release had written for an organisation that is left
/// out kept everybody from a new plan.
#[tokio::test(flavor = "multi_thread")]
async fn an_odd_row_of_an_organisation_that_is_not_approved_keeps_nobody_from_a_plan() {
    let database = database("plan_odd_row").await;
    seed(&database.admin).await;
    execute(
        &database.admin,
        "insert into telephony.extensions (id, org_id, name) values \
           ('00000000-0000-0000-0000-0000000000e9', '00000000-0000-0000-0000-00000000000b', 'Odd'); \
         insert into telephony.numbers (org_id, number, extension_id) values \
           ('00000000-0000-0000-0000-00000000000b', '100', '00000000-0000-0000-0000-0000000000e9'); \
         alter table telephony.extension_rules drop constraint extension_rules_timescope_check; \
         insert into telephony.extension_rules (id, org_id, extension_id, timescope, condition, action, position) \
           values ('00000000-0000-0000-0000-0000000000f9', '00000000-0000-0000-0000-00000000000b', \
             '00000000-0000-0000-0000-0000000000e9', 'full_moon', 'always', 'ring', 1)",
    )
    .await;
    let watching = Watching::start(&database);
    watching.revision(revision(&database.admin).await).await;
    // Once it is approved, there is no plan that says what its rule means.
    execute(
        &database.admin,
        "update identity.organisations set status = 'approved' where name = 'Waiting'; \
         update telephony.sip_accounts set is_active = not is_active where username = 'callee'",
    )
    .await;
    eventually("it is refused", async || watching.counters.database_away.load(Ordering::Relaxed)).await;
    assert_eq!(watching.plans.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_of_budgets_before_is_told_with_its_payer_and_nothing_of_this_life() {
    let database = database("plan_budgets").await;
    seed(&database.admin).await;
    execute(
        &database.admin,
        "insert into telephony.calls (org_id, id, created_at, join_code, direction, dialled) \
           values ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000c1', now(), 'ghijkmnopq', \
             'outbound', '+62215550000'); \
         insert into telephony.call_legs (org_id, call_id, no, transport, created_at, answered_at, ended_at, payer_kind, \
             payer_id, rupiah_per_minute) \
           select '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000c1', leg.no, 'udp', \
             now() - leg.ago * interval '1 second', now() - leg.answered_ago * interval '1 second', \
             now() - leg.ended_ago * interval '1 second', leg.kind, \
             case when leg.kind is not null then '00000000-0000-0000-0000-000000000001'::uuid end, leg.rupiah \
           from (values (1, 90, 60, 30, 'user', 500), (2, 120, null, 100, 'account', null), \
             (3, 150, 149, 140, 'extension', 0), (4, 20, null, 10, null, null), (5, 20, 10, -3600, 'user', 500), \
             (6, 90100, 90000, 86500, 'user', 500)) as leg (no, ago, answered_ago, ended_ago, kind, rupiah)",
    )
    .await;
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let tell = move |all: Vec<OutsideUse>| sender.send(all).is_ok();
    let watching = Watching::start_as(&database, |watch| watch.with_budgets(tell));
    let uses = told.recv().await.unwrap();
    let id = Uuid::from_u128(1);
    let seconds = |from: Timestamp, to: Timestamp| (to.0 - from.0) / 1_000_000;
    let of = |used: &OutsideUse| {
        assert_eq!(used.org, ORG);
        let talked = used.answered_at.map(|at| seconds(at, used.ended_at));
        (used.payer, seconds(used.begun_at, used.ended_at), talked, used.rupiah_per_minute)
    };
    assert_eq!(
        uses.iter().map(of).collect::<Vec<_>>(),
        [
            (Payer::Person(PersonKey::User(UserId(id))), 60, Some(30), Some(500)),
            (Payer::Person(PersonKey::Account(AccountId(id))), 20, None, None),
            (Payer::Extension(ExtensionId(id)), 10, Some(9), Some(0)),
        ],
        "the latest first, without legs that nobody pays for, of this life or of the day before"
    );
    drop(watching);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_whose_report_failed_is_reported_later() {
    let database = database("plan_unreported").await;
    seed(&database.admin).await;
    execute(
        &database.admin,
        "revoke update (applied, applied_at) on telephony.revisions from sambung_switch",
    )
    .await;
    let watching = Watching::start(&database);
    let wanted = revision(&database.admin).await;
    watching.revision(wanted).await;
    eventually("the report fails", async || watching.counters.database_away.load(Ordering::Relaxed)).await;
    execute(&database.admin, "grant update (applied, applied_at) on telephony.revisions to sambung_switch")
        .await;
    eventually("applied is written", async || applied(&database.admin).await == Some(wanted)).await;
    assert_eq!(watching.plans.lock().unwrap().len(), 1, "the plan in use is not taken a second time");
}

/// Ends the connections of the switch.
async fn cut(admin: &PgPool) {
    execute(
        admin,
        "select pg_terminate_backend(pid) from pg_stat_activity \
         where usename = 'sambung_switch' and datname = current_database()",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_made_again_and_misses_nothing() {
    let database = database("plan_lost").await;
    seed(&database.admin).await;
    let watching = Watching::start(&database);
    watching.revision(revision(&database.admin).await).await;
    cut(&database.admin).await;
    execute(
        &database.admin,
        "update telephony.organisation_settings set ring_timeout_seconds = 30 where is_default",
    )
    .await;
    let plan = watching.revision(revision(&database.admin).await).await;
    assert!(plan.default_organisation().is_some());
    assert!(!watching.task.is_finished());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_turn_on_and_off_is_told_whenever_it_changes_and_after_each_plan() {
    let database = database("plan_availability").await;
    seed(&database.admin).await;
    let watching = Watching::start(&database);
    assert_eq!(watching.availability(1).await, []);
    execute(
        &database.admin,
        "insert into telephony.availability (org_id, account_id, setting, value, changed_at) \
           select org_id, id, 'call_waiting', 'off', 'epoch' from telephony.sip_accounts where username = 'callee'",
    )
    .await;
    let told = StoredAvailability {
        org: ORG,
        person: Person::Account(AccountId(Uuid::from_u128(0xa2))),
        availability: Availability::CallWaiting(false),
        changed_at: Timestamp(0),
    };
    assert_eq!(watching.availability(2).await, [told]);
    execute(&database.admin, "update telephony.sip_accounts set is_active = false").await;
    assert_eq!(watching.availability(3).await, [told], "there may be others in the plan now");
    execute(&database.admin, "update telephony.availability set value = 'on'").await;
    assert_eq!(watching.availability(4).await[0].availability, Availability::CallWaiting(true));
    execute(&database.admin, "delete from telephony.sip_accounts where username = 'callee'").await;
    eventually("it goes with whose it is", async || {
        watching.availability.lock().unwrap().last().is_some_and(Vec::is_empty)
    })
    .await;
}

/// A bug: each change read what everybody has ever turned on or off, and had the engine walk it.
#[tokio::test(flavor = "multi_thread")]
async fn of_what_people_turn_on_and_off_only_news_are_read_again_until_there_is_another_plan() {
    let database = database("plan_availability_news").await;
    seed(&database.admin).await;
    let row = "insert into telephony.availability (org_id, account_id, setting, value, changed_at) \
       select org_id, id, 'call_waiting', 'off', now() - interval '1 day' from telephony.sip_accounts where username = 'callee'";
    execute(&database.admin, row).await;
    let watching = Watching::start(&database);
    assert_eq!(watching.availability(1).await.len(), 1);
    execute(
        &database.admin,
        "insert into telephony.availability (org_id, account_id, setting, value, changed_at) \
           select org_id, id, 'do_not_disturb', 'on', now() from telephony.sip_accounts where username = 'callee'",
    )
    .await;
    assert_eq!(watching.availability(2).await.len(), 2, "later than the last by no more than a day");
    let late = "update telephony.availability set changed_at = now() - interval '9 minutes', value = 'off' \
       where setting = 'do_not_disturb'";
    execute(&database.admin, late).await;
    let told = watching.availability(3).await;
    assert!(
        matches!(told.as_slice(), [one] if one.availability == Availability::DoNotDisturb(false)),
        "{told:?}"
    );
    execute(&database.admin, "update telephony.sip_accounts set is_active = false").await;
    assert_eq!(watching.availability(4).await.len(), 2, "there may be others in the plan now");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_told_at_first_whenever_they_change_and_after_a_lost_connection() {
    let database = database("plan_messages").await;
    seed(&database.admin).await;
    add_sari(&database.admin).await;
    let left = async |id: u128, began: &str| {
        let row = (Uuid::from_u128(id), ORG.0, &*format!("object {id}"));
        insert_recording(&database.admin, row, began, 3_060).await;
        leave_messages(&database.admin).await;
    };
    left(1, "2 hours").await;
    let watching = Watching::start(&database);
    let told = watching.messages(1).await;
    let StoredMessage { recording, call, org, user, caller, length_ms, key, is_heard, .. } = &told[0];
    assert_eq!((recording.0, call.0, *org, user.0), (Uuid::from_u128(1), Uuid::from_u128(1), ORG, SARI));
    assert_eq!((caller, *length_ms, key.as_str(), *is_heard), (&None, 3_060, "object 1", false));
    // A change of configuration is none of theirs.
    execute(&database.admin, "update telephony.sip_accounts set is_active = false").await;
    watching.revision(revision(&database.admin).await).await;
    assert_eq!(watching.mailboxes.lock().unwrap().len(), 1);
    left(2, "1 hour").await;
    let numbers = |told: Vec<StoredMessage>| -> Vec<(u128, bool)> {
        told.iter().map(|message| (message.recording.0.as_u128(), message.is_heard)).collect()
    };
    assert_eq!(numbers(watching.messages(2).await), [(2, false), (1, false)], "the latest first");
    execute(
        &database.admin,
        "update telephony.voicemail_messages set heard_at = now() where left_at < now() - interval '90 minutes'",
    )
    .await;
    assert_eq!(numbers(watching.messages(3).await), [(2, false), (1, true)]);
    execute(
        &database.admin,
        "update telephony.voicemail_messages set deleted_at = now() where heard_at is null",
    )
    .await;
    assert_eq!(numbers(watching.messages(4).await), [(1, true)]);
    cut(&database.admin).await;
    assert_eq!(numbers(watching.messages(5).await), [(1, true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_plan_that_is_damaged_is_as_good_as_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    assert!(read_kept(&path).is_none());
    std::fs::write(&path, b"{\"revision\": 3, \"organ").unwrap();
    assert!(read_kept(&path).is_none());
}

/// What the database let in and the compiler refuses would keep every organisation from a new plan.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_takes_no_target_of_a_trunk_that_no_plan_can_be_made_of() {
    let database = database("plan_targets").await;
    for (target, is_taken) in [
        ("sip:203.0.113.5:5080", true),
        ("sip:[2001:db8::7]:5061;transport=tls", true),
        ("sip:a-1.example:65535;transport=tcp", true),
        ("sip:a.example:65536", false),
        ("sip:a.example:0", false),
        ("sip:a..example", false),
        ("sip:A.example", false),
        ("sip:[2001:DB8::7]", false),
        ("sip:[::::]", false),
        ("sip:[1.2.3.4]", false),
        ("sip:a.example;transport=ws", false),
        ("sip:user@a.example", false),
    ] {
        let taken = sqlx::query_scalar("select telephony.are_targets(array[$1])").bind(target);
        let taken: bool = taken.fetch_one(&database.admin).await.unwrap_or(false);
        assert_eq!(taken, is_taken, "{target}");
    }
}
