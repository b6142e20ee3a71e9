//! The recordings that the store has, by the word of the database.

use migrations::Role;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::database::store::act_as;

/// Rows that are shown at once.
const ROWS_MAX: i64 = 200;
/// How instants are shown: RFC 3339, in UTC.
const INSTANT: &str = "YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"";

/// One of them.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Recording {
    pub(super) id: Uuid,
    pub(super) call_id: Uuid,
    pub(super) dialled: String,
    pub(super) started_at: String,
    pub(super) format: String,
    pub(super) length_ms: i64,
    pub(super) bytes: i64,
    pub(super) storage_key: String,
    /// When and why the store does not have it any more.
    pub(super) deleted: Option<String>,
}

/// The latest whose id or whose call's id begins so.
pub(super) async fn recordings(c: &mut PgConnection, beginning: &str) -> Result<Vec<Recording>, sqlx::Error> {
    let mut unit = c.begin().await?;
    act_as(&mut unit, Role::Switch, None).await?;
    let found = sqlx::query_as(
        "select recordings.id, call_id, dialled, to_char(started_at at time zone 'utc', $3) as started_at, \
           to_char(deleted_at at time zone 'utc', $3) || ' ' || deleted_because as deleted, format, length_ms, bytes, storage_key \
         from telephony.recordings join telephony.calls on calls.id = call_id \
         where starts_with(recordings.id::text, lower($1)) or starts_with(call_id::text, lower($1)) \
         order by recordings.started_at desc, recordings.id desc \
         limit $2",
    )
    .bind(beginning)
    .bind(ROWS_MAX)
    .bind(INSTANT)
    .fetch_all(&mut *unit)
    .await?;
    unit.rollback().await?;
    Ok(found)
}
