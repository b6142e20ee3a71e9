//! The journal's SQL. Every statement may run twice with the same entries and changes nothing the second time.
//!
//! One connection of its own instead of a pool: after an error or a timeout it is thrown away with whatever
//! transaction was open on it.

mod availability;
mod recordings;
mod supervisions;

use std::time::Duration;

use contract::{
    id::{CallId, OrgId},
    join_code::join_code,
    journal::{
        Call, Direction, Entry, Event, Fact, Leg, MessageMark, Participant, ParticipantKind, ParticipantRole,
        PersonAvailability, Quality, Recorded, Recording, Supervision,
    },
    time::Timestamp,
};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions, types::Json};
use uuid::Uuid;

/// One batch, from `begin` to `commit`.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Connecting, authentication included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Join codes tried for a call before it counts as refused; two would already be a rarity.
const JOIN_CODES_MAX: u32 = 8;

/// Why entries did not get in.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// They may get in later: no connection, no rights yet, a server that is stopping.
    #[error("{0}")]
    Away(String),
    /// They never will: the database says that the data is wrong.
    #[error("{0}")]
    Refused(String),
}

/// A connection to Postgres that comes and goes.
pub(super) struct Store {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
}

impl Store {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        // The cursor moves past what was committed, so a commit must not be lost with the server, whatever the
        // server's own setting.
        let options = options.options([("synchronous_commit", "on")]);
        Self { options, connection: None }
    }

    /// Adds all entries or none.
    pub(super) async fn write(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&self.options))
                .await
                .map_err(|_| StoreError::Away("connecting took too long".into()))?
                .map_err(|error| judge(&error))?,
        };
        let rows = Rows::of(entries);
        let mut outcome = Err(StoreError::Refused("no join code is free".into()));
        for attempt in 0..JOIN_CODES_MAX {
            let written = tokio::time::timeout(WRITE_TIMEOUT, write(&mut connection, &rows, attempt)).await;
            outcome = match written {
                Err(_) => return Err(StoreError::Away("writing took too long".into())),
                Ok(Err(error)) if is_taken_join_code(&error) => continue,
                Ok(Err(error)) => Err(judge(&error)),
                Ok(Ok(())) => Ok(()),
            };
            break;
        }
        if !matches!(outcome, Err(StoreError::Away(_))) {
            self.connection = Some(connection);
        }
        outcome
    }
}

/// SQLSTATE classes 22 (data exception) and 23 (integrity constraint violation) are about the data; everything
/// else may pass: the server, the network, missing rights or tables.
fn judge(error: &sqlx::Error) -> StoreError {
    let state = error.as_database_error().and_then(|e| e.code()).unwrap_or_default();
    let about_data = state.starts_with("22") || state.starts_with("23");
    let unencodable = matches!(error, sqlx::Error::Encode(_));
    if about_data || unencodable {
        StoreError::Refused(error.to_string())
    } else {
        StoreError::Away(error.to_string())
    }
}

fn is_taken_join_code(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|e| e.constraint()) == Some("calls_join_code_key")
}

/// A batch, by table.
#[derive(Default)]
struct Rows<'a> {
    calls: Vec<(Key, &'a Call)>,
    participants: Vec<(Key, &'a Participant)>,
    events: Vec<(Key, &'a Event)>,
    legs: Vec<(Key, &'a Leg)>,
    qualities: Vec<(Key, &'a Quality)>,
    recording_steps: Vec<(Key, &'a Recording)>,
    recordings: Vec<(Key, &'a Recorded)>,
    marks: Vec<(Key, &'a MessageMark)>,
    supervision_steps: Vec<(Key, &'a Supervision)>,
    /// What people have turned on and off, in order.
    availability: Vec<(OrgId, Timestamp, PersonAvailability)>,
}

#[derive(Clone, Copy)]
struct Key {
    org: OrgId,
    call: CallId,
    at: Timestamp,
}

impl<'a> Rows<'a> {
    fn of(entries: &'a [Entry]) -> Self {
        let mut rows = Self::default();
        for entry in entries {
            if let Fact::Availability(one) = entry.fact {
                rows.availability.push((entry.org, entry.at, one));
            }
            let Some(call) = entry.call else { continue };
            let key = Key { org: entry.org, call, at: entry.at };
            match &entry.fact {
                Fact::Availability(_) => {}
                Fact::Call(call) => rows.calls.push((key, call)),
                Fact::Participant(participant) => rows.participants.push((key, participant)),
                Fact::Event(event) => rows.events.push((key, event)),
                Fact::Leg(leg) => rows.legs.push((key, leg)),
                Fact::Quality(quality) => rows.qualities.push((key, quality)),
                Fact::Recording(step) => rows.recording_steps.push((key, step)),
                Fact::Recorded(recorded) => rows.recordings.push((key, recorded)),
                Fact::Message(mark) => rows.marks.push((key, mark)),
                Fact::Supervision(step) => rows.supervision_steps.push((key, step)),
            }
        }
        rows
    }
}

/// Parents before children: calls, participants, then what refers to them.
async fn write(connection: &mut PgConnection, rows: &Rows<'_>, attempt: u32) -> Result<(), sqlx::Error> {
    let mut unit = connection.begin().await?;
    insert_calls(&mut unit, &rows.calls, attempt).await?;
    insert_participants(&mut unit, &rows.participants).await?;
    insert_events(&mut unit, &rows.events).await?;
    insert_legs(&mut unit, &rows.legs).await?;
    insert_qualities(&mut unit, &rows.qualities).await?;
    recordings::insert_steps(&mut unit, &rows.recording_steps).await?;
    recordings::insert(&mut unit, &rows.recordings).await?;
    recordings::insert_messages(&mut unit, &rows.recordings).await?;
    recordings::mark_messages(&mut unit, &rows.marks).await?;
    supervisions::insert_steps(&mut unit, &rows.supervision_steps).await?;
    availability::upsert(&mut unit, &rows.availability).await?;
    unit.commit().await
}

/// The columns every row starts with: organisations, calls, instants.
fn keys<T>(rows: &[(Key, T)]) -> (Vec<Uuid>, Vec<Uuid>, Vec<i64>) {
    let orgs = rows.iter().map(|(key, _)| key.org.0).collect();
    let calls = rows.iter().map(|(key, _)| key.call.0).collect();
    let instants = rows.iter().map(|(key, _)| key.at.0).collect();
    (orgs, calls, instants)
}

fn column<'a, T, C>(rows: &'a [(Key, &'a T)], cell: impl Fn(&'a T) -> C) -> Vec<C> {
    rows.iter().map(|(_, row)| cell(row)).collect()
}

async fn insert_calls(
    unit: &mut PgConnection,
    rows: &[(Key, &Call)],
    attempt: u32,
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let (orgs, calls, instants) = keys(rows);
    let codes: Vec<String> = rows.iter().map(|(key, _)| join_code(key.call, attempt)).collect();
    sqlx::query(
        "insert into telephony.calls (org_id, id, created_at, join_code, direction, dialled) \
         select org, call, timestamptz 'epoch' + at * interval '1 microsecond', code, direction, dialled \
         from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[]) \
           as row (org, call, at, code, direction, dialled) \
         on conflict (id) do nothing",
    )
    .bind(orgs)
    .bind(calls)
    .bind(instants)
    .bind(codes)
    .bind(column(rows, |row| direction(row.direction)))
    .bind(column(rows, |row| row.dialled.replace('\0', "")))
    .execute(unit)
    .await?;
    Ok(())
}

async fn insert_participants(
    unit: &mut PgConnection,
    rows: &[(Key, &Participant)],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let (orgs, calls, instants) = keys(rows);
    sqlx::query(
        "insert into telephony.call_participants (org_id, call_id, created_at, no, role, kind, ref_id) \
         select org, call, timestamptz 'epoch' + at * interval '1 microsecond', no, role, kind, reference \
         from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::uuid[]) \
           with ordinality as row (org, call, at, no, role, kind, reference, position) \
         order by position \
         on conflict (call_id, no) do nothing",
    )
    .bind(orgs)
    .bind(calls)
    .bind(instants)
    .bind(column(rows, |row| i32::from(row.no)))
    .bind(column(rows, |row| role(row.role)))
    .bind(column(rows, |row| kind(row.kind)))
    .bind(column(rows, |row| row.reference))
    .execute(unit)
    .await?;
    Ok(())
}

async fn insert_events(unit: &mut PgConnection, rows: &[(Key, &Event)]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let (orgs, calls, instants) = keys(rows);
    sqlx::query(
        "insert into telephony.call_events (org_id, call_id, created_at, seq, event_type, participant_no, \
           attempt_count, queue_count, detail) \
         select org, call, timestamptz 'epoch' + at * interval '1 microsecond', seq, kind, participant, \
           attempt, queue, detail \
         from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::int[], $5::text[], $6::int[], $7::int[], \
           $8::int[], $9::jsonb[]) \
           with ordinality as row (org, call, at, seq, kind, participant, attempt, queue, detail, position) \
         order by position \
         on conflict (call_id, seq) do nothing",
    )
    .bind(orgs)
    .bind(calls)
    .bind(instants)
    .bind(column(rows, |row| i32::try_from(row.seq).unwrap_or(i32::MAX)))
    .bind(column(rows, |row| row.kind.as_str()))
    .bind(column(rows, |row| row.participant.map(i32::from)))
    .bind(column(rows, |row| i32::from(row.attempt)))
    .bind(column(rows, |row| i32::from(row.queue_count)))
    .bind(column(rows, |row| Json(&row.detail)))
    .execute(unit)
    .await?;
    Ok(())
}

async fn insert_legs(unit: &mut PgConnection, rows: &[(Key, &Leg)]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let (orgs, calls, instants) = keys(rows);
    sqlx::query(
        "insert into telephony.call_legs (org_id, call_id, ended_at, no, participant_no, transport, \
           created_at, answered_at, sip_status, payer_kind, payer_id, rupiah_per_minute) \
         select org, call, timestamptz 'epoch' + ended * interval '1 microsecond', no, participant, transport, \
           timestamptz 'epoch' + created * interval '1 microsecond', \
           timestamptz 'epoch' + answered * interval '1 microsecond', status, payer_kind, payer_id, rupiah \
         from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::int[], $5::int[], $6::text[], $7::bigint[], \
           $8::bigint[], $9::int[], $10::text[], $11::uuid[], $12::int[]) \
           as row (org, call, ended, no, participant, transport, created, answered, status, payer_kind, payer_id, rupiah) \
         on conflict (call_id, no) do nothing",
    )
    .bind(orgs)
    .bind(calls)
    .bind(instants)
    .bind(column(rows, |row| i32::from(row.no)))
    .bind(column(rows, |row| row.participant.map(i32::from)))
    .bind(column(rows, |row| row.transport.as_str()))
    .bind(column(rows, |row| row.created_at.0))
    .bind(column(rows, |row| row.answered_at.map(|at| at.0)))
    .bind(column(rows, |row| row.sip_status.map(i32::from)))
    .bind(column(rows, |row| row.payer.map(|payer| payer.row().0)))
    .bind(column(rows, |row| row.payer.map(|payer| payer.row().1)))
    .bind(column(rows, |row| row.rupiah_per_minute.map(|rupiah| i32::try_from(rupiah).unwrap_or(i32::MAX))))
    .execute(unit)
    .await?;
    Ok(())
}

async fn insert_qualities(unit: &mut PgConnection, rows: &[(Key, &Quality)]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let (orgs, calls, instants) = keys(rows);
    sqlx::query(
        "insert into telephony.quality_reports (org_id, call_id, created_at, leg_no, packets_received, \
           bytes_received, packets_sent, bytes_sent, packets_lost, jitter_micros, packets_foreign, rtcp_received, \
           packets_unauthentic, rtt_micros, mos, mos_lowest, far_packets_lost, far_jitter_micros, diagnosis) \
         select org, call, timestamptz 'epoch' + at * interval '1 microsecond', leg, received, \
           received_bytes, sent, sent_bytes, lost, jitter, strangers, rtcp, \
           unauthentic, rtt, mos / 100.0, lowest / 100.0, far_lost, far_jitter, diagnosis \
         from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::int[], $5::bigint[], $6::bigint[], $7::bigint[], \
           $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], \
           $15::int[], $16::int[], $17::bigint[], $18::bigint[], $19::text[]) \
           as row (org, call, at, leg, received, received_bytes, sent, sent_bytes, lost, jitter, strangers, rtcp, \
             unauthentic, rtt, mos, lowest, far_lost, far_jitter, diagnosis) \
         on conflict (call_id, leg_no) do nothing",
    )
    .bind(orgs)
    .bind(calls)
    .bind(instants)
    .bind(column(rows, |row| i32::from(row.leg)))
    .bind(column(rows, |row| count(row.packets_received)))
    .bind(column(rows, |row| count(row.bytes_received)))
    .bind(column(rows, |row| count(row.packets_sent)))
    .bind(column(rows, |row| count(row.bytes_sent)))
    .bind(column(rows, |row| row.packets_lost))
    .bind(column(rows, |row| i64::from(row.jitter_micros)))
    .bind(column(rows, |row| count(row.packets_foreign)))
    .bind(column(rows, |row| count(row.rtcp_received)))
    .bind(column(rows, |row| count(row.packets_unauthentic)))
    .bind(column(rows, |row| row.rtt_micros.map(i64::from)))
    .bind(column(rows, |row| row.mos_hundredths.map(i32::from)))
    .bind(column(rows, |row| row.mos_lowest_hundredths.map(i32::from)))
    .bind(column(rows, |row| row.far_packets_lost.map(i64::from)))
    .bind(column(rows, |row| row.far_jitter_micros.map(i64::from)))
    .bind(column(rows, |row| row.diagnosis.as_deref()))
    .execute(unit)
    .await?;
    Ok(())
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
        Direction::Internal => "internal",
    }
}

fn role(role: ParticipantRole) -> &'static str {
    match role {
        ParticipantRole::Host => "host",
        ParticipantRole::Caller => "caller",
        ParticipantRole::Recipient => "recipient",
    }
}

fn kind(kind: ParticipantKind) -> &'static str {
    match kind {
        ParticipantKind::User => "user",
        ParticipantKind::Guest => "guest",
        ParticipantKind::Extension => "extension",
    }
}
