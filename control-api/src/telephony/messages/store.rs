//! Rows of messages. Their owner stands in every statement beside the organisation, unless whoever asks may do it to everybody's. What is written here reaches phones: the switch is
//! told that a mailbox has changed, and takes from the store what was deleted.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Filter, VoicemailMessage};

macro_rules! messages {
    ($before:literal, $after:literal) => {
        concat!($before, " id, call_id, user_id, caller_number, left_at, length_ms, heard_at ", $after)
    };
}

/// Whose messages, or everybody's.
pub(super) type Whose = (OrgId, Option<Uuid>);

/// The same, and which.
pub(super) type Key = (OrgId, Option<Uuid>, Uuid);

/// Up to `filter.limit` + 1 messages, newest first.
pub(super) async fn list(
    c: &mut PgConnection,
    (org, owner): Whose,
    filter: Filter,
) -> Result<Vec<VoicemailMessage>, sqlx::Error> {
    sqlx::query_as(messages!(
        "select",
        "from telephony.voicemail_messages
         where org_id = $1 and ($2::uuid is null or user_id = $2) and deleted_at is null
           and ($7::uuid is null or user_id = $7) and ($3::bool is null or $3 = (heard_at is not null))
           and ($4::timestamptz is null or (left_at, id) < ($4, $5::uuid))
         order by left_at desc, id desc limit $6"
    ))
    .bind(org.0)
    .bind(owner)
    .bind(filter.is_heard)
    .bind(filter.after.map(|cursor| cursor.at))
    .bind(filter.after.map(|cursor| cursor.id))
    .bind(i64::from(filter.limit) + 1)
    .bind(filter.user)
    .fetch_all(c)
    .await
}

/// The message, which nobody else changes until this unit of work ends.
pub(super) async fn hold(
    c: &mut PgConnection,
    (org, owner, id): Key,
) -> Result<Option<VoicemailMessage>, sqlx::Error> {
    sqlx::query_as(messages!(
        "select",
        "from telephony.voicemail_messages
         where org_id = $1 and ($2::uuid is null or user_id = $2) and id = $3 and deleted_at is null for update"
    ))
    .bind(org.0)
    .bind(owner)
    .bind(id)
    .fetch_optional(c)
    .await
}

/// Counts as heard from now on, or as new.
pub(super) async fn mark(
    c: &mut PgConnection,
    (org, owner, id): Key,
    is_heard: bool,
) -> Result<VoicemailMessage, sqlx::Error> {
    sqlx::query_as(messages!(
        "update telephony.voicemail_messages set heard_at = case when $4 then coalesce(heard_at, now()) end
         where org_id = $1 and ($2::uuid is null or user_id = $2) and id = $3 returning",
        ""
    ))
    .bind(org.0)
    .bind(owner)
    .bind(id)
    .bind(is_heard)
    .fetch_one(c)
    .await
}

/// Nobody's any more.
pub(super) async fn delete(c: &mut PgConnection, (org, owner, id): Key) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update telephony.voicemail_messages set heard_at = coalesce(heard_at, now()), deleted_at = now()
         where org_id = $1 and ($2::uuid is null or user_id = $2) and id = $3",
    )
    .bind(org.0)
    .bind(owner)
    .bind(id)
    .execute(c)
    .await
    .map(drop)
}
