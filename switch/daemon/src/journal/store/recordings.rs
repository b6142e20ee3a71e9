//! The SQL of recordings: their steps, and those that the store has; of these, the messages in mailboxes.

use contract::journal::{MessageMark, MessageStep, Recorded, Recording};
use sqlx::PgConnection;

use super::{Key, column, count, keys};

pub(super) async fn insert_steps(
    unit: &mut PgConnection,
    rows: &[(Key, &Recording)],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let (orgs, calls, instants) = keys(rows);
    sqlx::query(
        "insert into telephony.recording_steps (org_id, call_id, created_at, recording_id, no, step, reason) \
         select org, call, timestamptz 'epoch' + at * interval '1 microsecond', recording, no, step, reason \
         from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::int[], $6::text[], $7::text[]) \
           as row (org, call, at, recording, no, step, reason) \
         on conflict (recording_id, no) do nothing",
    )
    .bind(orgs)
    .bind(calls)
    .bind(instants)
    .bind(column(rows, |row| row.recording.0))
    .bind(column(rows, |row| i32::from(row.no)))
    .bind(column(rows, |row| row.step.as_str()))
    .bind(column(rows, |row| row.reason.as_str()))
    .execute(unit)
    .await?;
    Ok(())
}

pub(super) async fn insert(unit: &mut PgConnection, rows: &[(Key, &Recorded)]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let (orgs, calls, instants) = keys(rows);
    sqlx::query(
        "insert into telephony.recordings (org_id, call_id, stored_at, id, started_at, format, length_ms, \
           storage_key, bytes, sha256, interruptions) \
         select org, call, timestamptz 'epoch' + at * interval '1 microsecond', recording, \
           timestamptz 'epoch' + started * interval '1 microsecond', format, length, key, bytes, sha256, \
           interruptions \
         from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::bigint[], $6::text[], $7::bigint[], \
           $8::text[], $9::bigint[], $10::text[], $11::int[]) \
           as row (org, call, at, recording, started, format, length, key, bytes, sha256, interruptions) \
         on conflict (id) do nothing",
    )
    .bind(orgs)
    .bind(calls)
    .bind(instants)
    .bind(column(rows, |row| row.recording.0))
    .bind(column(rows, |row| row.started_at.0))
    .bind(column(rows, |row| row.format.as_str()))
    .bind(column(rows, |row| count(row.length_ms)))
    .bind(column(rows, |row| row.key.as_str()))
    .bind(column(rows, |row| count(row.bytes)))
    .bind(column(rows, |row| row.sha256.as_str()))
    .bind(column(rows, |row| i32::try_from(row.interruptions).unwrap_or(i32::MAX)))
    .execute(unit)
    .await?;
    Ok(())
}

/// Those recordings that are messages, after all recordings; and the mails about them, where somebody wants some.
pub(super) async fn insert_messages(
    unit: &mut PgConnection,
    rows: &[(Key, &Recorded)],
) -> Result<(), sqlx::Error> {
    let messages: Vec<(Key, &Recorded)> =
        rows.iter().filter(|(_, row)| row.message.is_some()).copied().collect();
    if messages.is_empty() {
        return Ok(());
    }
    let (orgs, calls, _) = keys(&messages);
    let message = |row: &Recorded| row.message.clone();
    sqlx::query(
        "with message as ( \
           insert into telephony.voicemail_messages (id, org_id, call_id, user_id, caller_number, left_at, length_ms) \
           select recording, org, call, person, caller, timestamptz 'epoch' + started * interval '1 microsecond', length \
           from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::bigint[]) \
             as row (recording, org, call, person, caller, started, length) \
           on conflict (id) do nothing \
           returning id, org_id, user_id) \
         insert into telephony.voicemail_mails (id, org_id) \
         select message.id, message.org_id from message \
         join telephony.voicemail_boxes b on b.org_id = message.org_id and b.user_id = message.user_id \
         where b.is_enabled and b.mail_address is not null",
    )
    .bind(column(&messages, |row| row.recording.0))
    .bind(orgs)
    .bind(calls)
    .bind(column(&messages, |row| message(row).map(|message| message.user.0)))
    .bind(column(&messages, |row| message(row).and_then(|message| message.caller)))
    .bind(column(&messages, |row| row.started_at.0))
    .bind(column(&messages, |row| count(row.length_ms)))
    .execute(unit)
    .await?;
    Ok(())
}

/// What has become of messages. The first time counts, so that marking twice changes nothing.
pub(super) async fn mark_messages(
    unit: &mut PgConnection,
    rows: &[(Key, &MessageMark)],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let (orgs, _, instants) = keys(rows);
    sqlx::query(
        "update telephony.voicemail_messages m set heard_at = coalesce(m.heard_at, row.first), \
           deleted_at = coalesce(m.deleted_at, row.deleted) \
         from (select org, recording, min(instant) as first, min(instant) filter (where is_deleted) as deleted \
           from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bool[]) as given (org, recording, at, is_deleted), \
             lateral (select timestamptz 'epoch' + at * interval '1 microsecond') as told (instant) \
           group by org, recording) as row \
         where m.org_id = row.org and m.id = row.recording",
    )
    .bind(orgs)
    .bind(column(rows, |row| row.recording.0))
    .bind(instants)
    .bind(column(rows, |row| row.step == MessageStep::Deleted))
    .execute(unit)
    .await?;
    Ok(())
}
