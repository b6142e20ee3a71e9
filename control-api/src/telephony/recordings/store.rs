//! Rows of recordings. Messages in mailboxes are recordings too, which have an aggregate of their own
//! (`telephony/messages`): here they are not found.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Filter, Recording};

macro_rules! recordings {
    ($rest:literal) => {
        concat!(
            "select id, call_id, started_at, format, length_ms, interruptions, stored_at, deletion_ordered_at, \
               deletion_ordered_by, deleted_at, deleted_because \
             from telephony.recordings r \
             where org_id = $1 and not exists (select from telephony.voicemail_messages m where m.id = r.id) ",
            $rest
        )
    };
}

/// Up to `filter.limit` + 1 recordings, newest first.
pub(super) async fn list(
    c: &mut PgConnection,
    org: OrgId,
    filter: Filter,
) -> Result<Vec<Recording>, sqlx::Error> {
    sqlx::query_as(recordings!(
        "and ($2::uuid is null or call_id = $2) \
           and ($3::timestamptz is null or (started_at, id) < ($3, $4::uuid)) \
         order by started_at desc, id desc limit $5"
    ))
    .bind(org.0)
    .bind(filter.call)
    .bind(filter.after.map(|cursor| cursor.at))
    .bind(filter.after.map(|cursor| cursor.id))
    .bind(i64::from(filter.limit) + 1)
    .fetch_all(c)
    .await
}

/// The recording `id`.
pub(super) async fn one(
    c: &mut PgConnection,
    org: OrgId,
    id: Uuid,
) -> Result<Option<Recording>, sqlx::Error> {
    let query = sqlx::query_as(recordings!("and id = $2"));
    query.bind(org.0).bind(id).fetch_optional(c).await
}

/// The same, which nobody else changes until this unit of work ends.
pub(super) async fn hold(
    c: &mut PgConnection,
    org: OrgId,
    id: Uuid,
) -> Result<Option<Recording>, sqlx::Error> {
    let query = sqlx::query_as(recordings!("and id = $2 for update"));
    query.bind(org.0).bind(id).fetch_optional(c).await
}

/// The switch is to delete it, and who says so.
pub(super) async fn order_deletion(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    by: Uuid,
) -> Result<(), sqlx::Error> {
    let order = "update telephony.recordings set deletion_ordered_at = now(), deletion_ordered_by = $3 \
                 where org_id = $1 and id = $2";
    sqlx::query(order).bind(org.0).bind(id).bind(by).execute(c).await.map(drop)
}
