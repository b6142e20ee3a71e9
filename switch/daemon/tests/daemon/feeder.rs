//! Stories of records on their way from disk to Postgres.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use contract::{
    availability::{Availability, Person},
    command::SupervisionMode,
    id::{CallId, RecordingId, UserId},
    join_code::join_code,
    journal::{
        Entry, Fact, MessageFor, MessageMark, MessageStep, PersonAvailability, Recorded, Recording,
        RecordingStep, Supervision,
    },
    live::AgentPause,
    time::Timestamp,
};
use sambung::postgres::Cluster;
use sambungd::{
    append_log::SEGMENT_BYTES_MIN,
    journal::{self, Counters, feeder::Feeder},
};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::database::{
    AT, Database, ORG, SARI, add_sari, count, database, database_on, eventually, whole_call,
};

/// A journal with its feeder.
struct Running {
    journal: journal::Journal,
    counters: Arc<Counters>,
    feeder: JoinHandle<()>,
}

impl Running {
    fn start(folder: &Path, database: &Database) -> Self {
        let opened = journal::open(folder, SEGMENT_BYTES_MIN).unwrap();
        let counters = opened.counters;
        let feeder = Feeder::new(folder, opened.durable, database.switch.clone(), Arc::clone(&counters));
        Self { journal: opened.journal, counters, feeder: tokio::spawn(feeder.run()) }
    }

    fn record(&mut self, entries: Vec<Entry>) {
        entries.into_iter().for_each(|entry| self.journal.record(entry));
    }

    /// Closes the journal and waits until everything has arrived.
    async fn finish(self) {
        assert!(self.journal.close(Duration::from_secs(10)));
        tokio::time::timeout(Duration::from_secs(20), self.feeder).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_every_fact_arrives() {
    let (folder, database) = (tempfile::tempdir().unwrap(), database("fields").await);
    let mut running = Running::start(folder.path(), &database);
    running.record(whole_call(7));
    running.finish().await;

    let rows: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', org_id = $1, join_code = $2, direction, dialled, \
           (extract(epoch from created_at) * 1000000)::bigint = $3) from telephony.calls \
         union all select concat_ws(' ', no, role, kind, ref_id = ('00000000-0000-0000-0000-00000000000' || no)::uuid) \
           from telephony.call_participants \
         union all select concat_ws(' ', seq, event_type, coalesce(participant_no, 0), attempt_count, queue_count, detail) \
           from telephony.call_events \
         union all select concat_ws(' ', no, participant_no, transport, answered_at - created_at, \
           ended_at - created_at, sip_status, payer_kind, payer_id, rupiah_per_minute) from telephony.call_legs \
         union all select concat_ws(' ', leg_no, packets_received, packets_lost, bytes_sent) \
           from telephony.quality_reports",
    )
    .bind(ORG.0)
    .bind(join_code(CallId(Uuid::from_u128(7)), 0))
    .bind(AT.0)
    .fetch_all(&database.admin)
    .await
    .unwrap();
    assert_eq!(
        rows,
        [
            "t t internal 100 t",
            "1 host extension t",
            "2 caller user t",
            "3 recipient user t",
            "1 created 0 1 0 {}",
            "2 ringing 0 1 0 {}",
            "3 answered 3 1 0 {}",
            "4 ended 0 1 0 {\"reason\": \"peer\"}",
            "1 2 udp 00:00:02 00:00:00 200 user 00000000-0000-0000-0000-000000000001 500",
            "1 50 -1 0",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn delivering_everything_again_changes_nothing() {
    let (folder, database) = (tempfile::tempdir().unwrap(), database("again").await);
    let mut running = Running::start(folder.path(), &database);
    (1..=300).for_each(|call| running.record(whole_call(call)));
    running.finish().await;
    std::fs::remove_file(folder.path().join("cursor")).unwrap();
    let running = Running::start(folder.path(), &database);
    let counters = Arc::clone(&running.counters);
    running.finish().await;
    assert_eq!(counters.delivered.load(Ordering::Relaxed), 3_000, "it was delivered once more");
    for (table, rows) in
        [("calls", 300), ("call_participants", 900), ("call_events", 1_200), ("call_legs", 300)]
    {
        assert_eq!(count(&database.admin, table).await, rows, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_arrived_is_deleted_and_not_delivered_again() {
    let (folder, database) = (tempfile::tempdir().unwrap(), database("cursor").await);
    for call in 1..=3 {
        let mut running = Running::start(folder.path(), &database);
        let counters = Arc::clone(&running.counters);
        running.record(whole_call(call));
        running.finish().await;
        assert_eq!(counters.delivered.load(Ordering::Relaxed), 10, "only what is new");
    }
    assert_eq!(count(&database.admin, "calls").await, 3);
    assert_eq!(sambungd::append_log::segments(folder.path()).unwrap(), [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_entry_is_parked_and_everything_else_arrives() {
    let (folder, database) = (tempfile::tempdir().unwrap(), database("poison").await);
    let mut running = Running::start(folder.path(), &database);
    let mut foreign = whole_call(50);
    foreign.iter_mut().for_each(|entry| entry.org.0 = Uuid::from_u128(0xbad));
    running.record(whole_call(49));
    running.record(foreign);
    running.record(whole_call(51));
    let counters = Arc::clone(&running.counters);
    running.finish().await;
    assert_eq!(count(&database.admin, "calls").await, 2);
    assert_eq!(count(&database.admin, "call_events").await, 8);
    assert_eq!(counters.refused.load(Ordering::Relaxed), 10);
    let parked: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("refused-"))
        .collect();
    let text = std::fs::read_to_string(&parked[0]).unwrap();
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((parked.len(), text.lines().count()), (1, 10));
    assert!(first["reason"].as_str().unwrap().contains("calls_org_fkey"), "{first}");
    let entry: Entry = serde_json::from_value(first["entry"].clone()).unwrap();
    assert_eq!(entry.call, Some(CallId(Uuid::from_u128(50))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_join_code_is_taken_gets_the_next() {
    let (folder, database) = (tempfile::tempdir().unwrap(), database("join_code").await);
    let call = CallId(Uuid::from_u128(9));
    sqlx::query(
        "insert into telephony.calls (id, org_id, join_code, direction, dialled, created_at) \
         values (gen_random_uuid(), $1, $2, 'internal', '100', now())",
    )
    .bind(ORG.0)
    .bind(join_code(call, 0))
    .execute(&database.admin)
    .await
    .unwrap();
    let mut running = Running::start(folder.path(), &database);
    running.record(whole_call(9));
    running.finish().await;
    let code: String = sqlx::query_scalar("select join_code from telephony.calls where id = $1")
        .bind(call.0)
        .fetch_one(&database.admin)
        .await
        .unwrap();
    assert_eq!(code, join_code(call, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_wait_on_disk_while_postgres_is_away_or_dies() {
    let mut cluster = Cluster::throw_away().unwrap();
    let (folder, database) = (tempfile::tempdir().unwrap(), database_on(&cluster, "away").await);
    let mut running = Running::start(folder.path(), &database);
    running.record(whole_call(1));
    eventually("the first call arrives", async || count(&database.admin, "call_legs").await == 1).await;
    for round in 0..3 {
        cluster.kill();
        (0..200).for_each(|call| running.record(whole_call(1_000 * (round + 1) + call)));
        let away = Arc::clone(&running.counters);
        eventually("the feeder notices", async || away.database_away.load(Ordering::Relaxed)).await;
        assert!(running.counters.undelivered_bytes.load(Ordering::Relaxed) > 0);
        cluster.start().unwrap();
        let back = Arc::clone(&running.counters);
        eventually("the feeder is back", async || !back.database_away.load(Ordering::Relaxed)).await;
    }
    running.finish().await;
    let admin = sqlx::PgPool::connect(&cluster.url("away")).await.unwrap();
    for (table, rows) in [("calls", 601), ("call_participants", 1_803), ("call_events", 2_404)] {
        assert_eq!(count(&admin, table).await, rows, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_missing_are_waited_for_and_not_taken_for_poison() {
    let (folder, database) = (tempfile::tempdir().unwrap(), database("rights").await);
    sqlx::query("revoke insert on telephony.calls from sambung_switch")
        .execute(&database.admin)
        .await
        .unwrap();
    let mut running = Running::start(folder.path(), &database);
    let counters = Arc::clone(&running.counters);
    running.record(whole_call(1));
    eventually("the feeder notices", async || counters.database_away.load(Ordering::Relaxed)).await;
    sqlx::query("grant insert on telephony.calls to sambung_switch").execute(&database.admin).await.unwrap();
    running.finish().await;
    assert_eq!(counters.refused.load(Ordering::Relaxed), 0);
    assert_eq!(count(&database.admin, "calls").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_the_distant_past_keeps_its_microseconds() {
    let (folder, database) = (tempfile::tempdir().unwrap(), database("instants").await);
    let mut running = Running::start(folder.path(), &database);
    let instants = [1, 999_999, 1_795_233_600_123_457, 4_102_444_799_999_999];
    for (number, at) in (1..).zip(instants) {
        let mut call = whole_call(number).swap_remove(0);
        call.at = Timestamp(at);
        running.record(vec![call]);
    }
    running.finish().await;
    let stored: Vec<i64> = sqlx::query_scalar(
        "select (extract(epoch from created_at) * 1000000)::bigint from telephony.calls order by id",
    )
    .fetch_all(&database.admin)
    .await
    .unwrap();
    assert_eq!(stored, instants);
}

fn recorded(recording: RecordingId, message: Option<MessageFor>) -> Recorded {
    Recorded {
        recording,
        started_at: AT.plus_micros(-3_000_000),
        format: "opus".into(),
        length_ms: 3_060,
        key: format!("o/d/c/{}.opus.sealed", recording.0.as_u128()),
        bytes: 12_345,
        sha256: "0f".repeat(32),
        interruptions: 1,
        message,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_arrives_with_its_steps_and_twice_is_once() {
    let (folder, database) = (tempfile::tempdir().unwrap(), database("recordings").await);
    let (call, recording) = (CallId(Uuid::from_u128(7)), RecordingId(Uuid::from_u128(9)));
    let entry = |fact| Entry { org: ORG, call: Some(call), at: AT, fact };
    let step = |no, step, reason: &str| {
        entry(Fact::Recording(Recording { recording, no, step, reason: reason.into() }))
    };
    let recorded = entry(Fact::Recorded(recorded(recording, None)));
    for _ in 0..2 {
        let mut running = Running::start(folder.path(), &database);
        running.record(whole_call(7));
        running.record(vec![
            step(1, RecordingStep::Started, "policy"),
            step(2, RecordingStep::Stopped, "call_ended"),
            recorded.clone(),
        ]);
        running.finish().await;
    }
    let rows: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', org_id = $1, call_id = $2, recording_id = $3, no, step, reason) \
           from telephony.recording_steps \
         union all select concat_ws(' ', org_id = $1, call_id = $2, id = $3, stored_at - started_at, format, length_ms, \
           storage_key, bytes, sha256, interruptions) from telephony.recordings",
    )
    .bind(ORG.0)
    .bind(call.0)
    .bind(recording.0)
    .fetch_all(&database.admin)
    .await
    .unwrap();
    let object = format!("t t t 00:00:03 opus 3060 o/d/c/9.opus.sealed 12345 {} 1", "0f".repeat(32));
    assert_eq!(rows, ["t t t 1 started policy", "t t t 2 stopped call_ended", &object]);
}

/// Decision 0049: who has listened to whom, when, and who heard them.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_listened_arrives_once() {
    let (folder, database) = (tempfile::tempdir().unwrap(), database("supervisions").await);
    let (own, other) = (CallId(Uuid::from_u128(8)), CallId(Uuid::from_u128(7)));
    let (supervisor, supervised) = (UserId(Uuid::from_u128(11)), UserId(Uuid::from_u128(12)));
    let step = |no, mode, reason: &str| {
        let fact =
            Supervision { no, supervisor, supervised, supervised_call: other, mode, reason: reason.into() };
        Entry { org: ORG, call: Some(own), at: AT, fact: Fact::Supervision(fact) }
    };
    for _ in 0..2 {
        let mut running = Running::start(folder.path(), &database);
        running.record(whole_call(7));
        running.record(whole_call(8));
        running.record(vec![
            step(1, Some(SupervisionMode::Listen), "dialled"),
            step(2, Some(SupervisionMode::Whisper), "key"),
            step(3, None, "hung_up"),
        ]);
        running.finish().await;
    }
    let rows: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', no, call_id = $1, supervised_call_id = $2, supervisor_id = $3, supervised_id = $4, \
           step, reason) from telephony.supervision_steps where org_id = $5 order by no",
    )
    .bind(own.0)
    .bind(other.0)
    .bind(supervisor.0)
    .bind(supervised.0)
    .bind(ORG.0)
    .fetch_all(&database.admin)
    .await
    .unwrap();
    assert_eq!(rows, ["1 t t t t listen dialled", "2 t t t t whisper key", "3 t t t t ended hung_up"]);
}

/// A mail that was sent is not due again because the journal tells its message once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_orders_its_mail_once_and_only_where_one_is_wanted() {
    let (folder, database) = (tempfile::tempdir().unwrap(), database("mails").await);
    add_sari(&database.admin).await;
    let (call, run) = (CallId(Uuid::from_u128(7)), async |statement| {
        sqlx::raw_sql(statement).execute(&database.admin).await.unwrap();
    });
    let left = |number| {
        let message = MessageFor { user: UserId(SARI), caller: None };
        let fact = Fact::Recorded(recorded(RecordingId(Uuid::from_u128(number)), Some(message)));
        Entry { org: ORG, call: Some(call), at: AT, fact }
    };
    let changes = [
        "insert into telephony.voicemail_boxes (org_id, user_id) select org_id, user_id from identity.memberships",
        "update telephony.voicemail_boxes set mail_address = 'sari@example.test', is_enabled = false",
        "update telephony.voicemail_boxes set is_enabled = true",
        "update telephony.voicemail_mails set sent_at = now()",
    ];
    for (change, message) in changes.into_iter().zip([1, 2, 3, 3]) {
        run(change).await;
        let mut running = Running::start(folder.path(), &database);
        running.record(whole_call(7));
        running.record(vec![left(message)]);
        running.finish().await;
    }
    let mails: Vec<(Uuid, bool)> =
        sqlx::query_as("select id, sent_at is not null from telephony.voicemail_mails")
            .fetch_all(&database.admin)
            .await
            .unwrap();
    assert_eq!(mails, [(Uuid::from_u128(3), true)]);
    assert_eq!(count(&database.admin, "voicemail_messages").await, 3);
}

/// Of what is said twice of a message the first time counts; each of its marks has its own instant, in one batch too.
#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_with_their_recordings_and_are_marked_once() {
    let (folder, database) = (tempfile::tempdir().unwrap(), database("messages").await);
    add_sari(&database.admin).await;
    let call = CallId(Uuid::from_u128(7));
    let after =
        |secs: i64, fact| Entry { org: ORG, call: Some(call), at: AT.plus_micros(secs * 1_000_000), fact };
    let left = |number, caller: Option<&str>| {
        let message = MessageFor { user: UserId(SARI), caller: caller.map(str::to_owned) };
        after(0, Fact::Recorded(recorded(RecordingId(Uuid::from_u128(number)), Some(message))))
    };
    let mark = |secs, number, step| {
        after(secs, Fact::Message(MessageMark { recording: RecordingId(Uuid::from_u128(number)), step }))
    };
    for _ in 0..2 {
        let mut running = Running::start(folder.path(), &database);
        running.record(whole_call(7));
        running.record(vec![left(1, Some("+628120000")), left(2, None), left(3, None), left(4, None)]);
        running.record(vec![mark(10, 2, MessageStep::Heard), mark(20, 2, MessageStep::Heard)]);
        running.record(vec![mark(10, 3, MessageStep::Heard), mark(20, 3, MessageStep::Deleted)]);
        running.record(vec![mark(30, 4, MessageStep::Deleted)]);
        running.finish().await;
        // What is said of it in another batch, later.
        let mut running = Running::start(folder.path(), &database);
        running.record(vec![mark(40, 3, MessageStep::Deleted), mark(40, 2, MessageStep::Heard)]);
        running.finish().await;
    }
    let rows: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', m.org_id = $1 and m.call_id = $2 and m.user_id = $3, coalesce(m.caller_number, '-'), m.length_ms, \
           r.stored_at - m.left_at, coalesce((m.heard_at - r.stored_at)::text, '-'), \
           coalesce((m.deleted_at - r.stored_at)::text, '-')) \
         from telephony.voicemail_messages m join telephony.recordings r on r.id = m.id order by m.id",
    )
    .bind(ORG.0)
    .bind(call.0)
    .bind(SARI)
    .fetch_all(&database.admin)
    .await
    .unwrap();
    assert_eq!(
        rows,
        [
            "t +628120000 3060 00:00:03 - -",
            "t - 3060 00:00:03 00:00:10 -",
            "t - 3060 00:00:03 00:00:10 00:00:20",
            "t - 3060 00:00:03 00:00:30 00:00:30",
        ]
    );
}

/// Of what is said of the same thing the latest counts, in whatever order it comes and how often.
#[tokio::test(flavor = "multi_thread")]
async fn what_people_turn_on_and_off_is_as_it_was_said_last() {
    let (folder, database) = (tempfile::tempdir().unwrap(), database("availability").await);
    add_sari(&database.admin).await;
    let said = |secs: i64, availability| {
        let fact = PersonAvailability { person: Person::User(UserId(SARI)), availability };
        Entry { org: ORG, call: None, at: AT.plus_micros(secs * 1_000_000), fact: Fact::Availability(fact) }
    };
    let nobody = Entry {
        fact: Fact::Availability(PersonAvailability {
            person: Person::User(UserId(Uuid::from_u128(0xdead))),
            availability: Availability::DoNotDisturb(true),
        }),
        ..said(0, Availability::DoNotDisturb(true))
    };
    for _ in 0..2 {
        let mut running = Running::start(folder.path(), &database);
        running.record(vec![
            said(10, Availability::DoNotDisturb(true)),
            said(20, Availability::DoNotDisturb(false)),
            said(15, Availability::CallWaiting(false)),
            said(15, Availability::Pause(Some(AgentPause::Missed))),
        ]);
        running.record(whole_call(7));
        running.finish().await;
        let mut running = Running::start(folder.path(), &database);
        running.record(vec![
            said(5, Availability::DoNotDisturb(true)),
            said(30, Availability::Pause(Some(AgentPause::Order))),
            nobody.clone(),
        ]);
        running.finish().await;
    }
    let rows: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', org_id = $1 and user_id = $2 and account_id is null, setting, value, \
           extract(epoch from changed_at)::int8 - $3) from telephony.availability order by setting",
    )
    .bind(ORG.0)
    .bind(SARI)
    .bind(AT.0 / 1_000_000)
    .fetch_all(&database.admin)
    .await
    .unwrap();
    assert_eq!(rows, ["t call_waiting off 15", "t do_not_disturb off 20", "t pause order 30"]);
    assert_eq!(count(&database.admin, "calls").await, 1, "what is about nobody's call holds up no call");
}
