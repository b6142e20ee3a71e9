//! A migrated database with one organisation, and entries to put into it.

use std::{sync::LazyLock, time::Duration};

use contract::{
    id::{CallId, OrgId},
    journal::{
        Call, Detail, Direction, Entry, Event, EventKind, Fact, Leg, Participant, ParticipantKind,
        ParticipantRole, Quality,
    },
    time::Timestamp,
};
use migrations::Role;
use sambung::postgres::Cluster;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

/// The organisation of every fixture.
pub const ORG: OrgId = OrgId(Uuid::from_u128(0x0a));
/// An instant with microseconds, 2026-11-21T04:00:00.123456Z.
pub const AT: Timestamp = Timestamp(1_795_233_600_123_456);
const PASSWORD: &str = "switch";

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::throw_away().expect("a throw-away PostgreSQL"));

/// A database as the superuser and as the switch see it.
pub struct Database {
    pub admin: PgPool,
    pub switch: PgConnectOptions,
    pub switch_url: String,
}

/// Roles belong to the whole server, so their passwords are set by one test at a time.
static MAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A fresh database on the server that the tests share.
pub async fn database(name: &str) -> Database {
    let _turn = MAKING.lock().await;
    database_on(&CLUSTER, name).await
}

pub async fn database_on(cluster: &Cluster, name: &str) -> Database {
    let url = cluster.create_database(name).await.unwrap();
    let admin = PgPoolOptions::new().max_connections(3).connect(&url).await.unwrap();
    migrations::run(&admin).await.unwrap();
    migrations::set_password(&admin, Role::Switch, PASSWORD).await.unwrap();
    sqlx::query("insert into identity.organisations (id, name, status) values ($1, 'Demo', 'approved')")
        .bind(ORG.0)
        .execute(&admin)
        .await
        .unwrap();
    let switch_url = cluster.url_as("sambung_switch", PASSWORD, name);
    Database { admin, switch: switch_url.parse().unwrap(), switch_url }
}

/// Somebody in the organisation.
pub const SARI: Uuid = Uuid::from_u128(0xc1);

/// Lets Sari in.
pub async fn add_sari(admin: &PgPool) {
    let statement = "with person as (insert into identity.users (id, name) values ($1, 'Sari')) \
                     insert into identity.memberships (id, org_id, user_id, email, role, status) \
                     values ($1, $2, $1, 'sari@x.test', 'call_agent', 'active')";
    sqlx::query(statement).bind(SARI).bind(ORG.0).execute(admin).await.unwrap();
}

/// A recording that began so long ago, of a call of its own.
pub async fn insert_recording(
    admin: &PgPool,
    (id, org, key): (Uuid, Uuid, &str),
    began: &str,
    length_ms: i64,
) {
    sqlx::query(
        "with call as ( \
           insert into telephony.calls (org_id, id, created_at, join_code, direction, dialled) \
           values ($2, $1, now(), translate(substr(md5($1::text), 1, 10), '0123456789', 'ghijkmnopq'), 'internal', '100') returning id) \
         insert into telephony.recordings (org_id, call_id, stored_at, id, started_at, format, length_ms, storage_key, \
           bytes, sha256, interruptions) \
         select $2, id, now(), $1, now() - $4::text::interval, 'wav', $5, $3, 6, repeat('0', 64), 0 from call",
    )
    .bind(id)
    .bind(org)
    .bind(key)
    .bind(began)
    .bind(length_ms)
    .execute(admin)
    .await
    .unwrap();
}

/// Makes messages for Sari of all recordings.
pub async fn leave_messages(admin: &PgPool) {
    let statement = "insert into telephony.voicemail_messages (id, org_id, call_id, user_id, left_at, length_ms) \
                     select r.id, r.org_id, r.call_id, $1, r.started_at, r.length_ms from telephony.recordings r \
                     on conflict do nothing";
    sqlx::query(statement).bind(SARI).execute(admin).await.unwrap();
}

/// Rows of a table.
pub async fn count(admin: &PgPool, table: &'static str) -> i64 {
    let statement = format!("select count(*) from telephony.{table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(admin).await.unwrap()
}

/// Waits until `condition` holds, for longer than a connection, a write and a pause of the feeder take at most (55 s).
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..4_000 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never: {what}");
}

/// All entries of an answered call, each kind of fact at least once.
pub fn whole_call(number: u128) -> Vec<Entry> {
    let call = CallId(Uuid::from_u128(number));
    let entry = |fact| Entry { org: ORG, call: Some(call), at: AT, fact };
    let participant = |no, role, kind| {
        entry(Fact::Participant(Participant { no, role, kind, reference: Uuid::from_u128(u128::from(no)) }))
    };
    let event = |seq, kind, participant| {
        let detail = Detail { reason: (seq == 4).then(|| "peer".into()), ..Detail::default() };
        entry(Fact::Event(Event { seq, kind, participant, attempt: 1, queue_count: 0, detail }))
    };
    let leg = Leg {
        no: 1,
        participant: Some(2),
        transport: "udp".into(),
        created_at: AT,
        answered_at: Some(AT.plus_micros(2_000_000)),
        sip_status: Some(200),
        payer: Some(contract::journal::Payer::User(contract::id::UserId(uuid::Uuid::from_u128(1)))),
        rupiah_per_minute: Some(500),
    };
    vec![
        entry(Fact::Call(Call { direction: Direction::Internal, dialled: "1\u{0}00".into() })),
        participant(1, ParticipantRole::Host, ParticipantKind::Extension),
        participant(2, ParticipantRole::Caller, ParticipantKind::User),
        event(1, EventKind::Created, None),
        event(2, EventKind::Ringing, None),
        participant(3, ParticipantRole::Recipient, ParticipantKind::User),
        event(3, EventKind::Answered, Some(3)),
        event(4, EventKind::Ended, None),
        entry(Fact::Quality(Quality {
            leg: 1,
            packets_received: 50,
            packets_lost: -1,
            ..Quality::default()
        })),
        entry(Fact::Leg(leg)),
    ]
}
