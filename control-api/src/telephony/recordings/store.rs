//! Rows of recordings, and of links to them. Messages in mailboxes are recordings too, which have an aggregate of their own
//! (`telephony/messages`): here they are not found.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Filter, Recording};
use crate::{instant::Instant, platform::audit::Actor};

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

/// Makes the link of that hash good for so many seconds, in the name of whoever asks, and says until when. Links that are over go.
pub(in crate::telephony) async fn add_link(
    c: &mut PgConnection,
    (org, recording): (OrgId, Uuid),
    (hash, seconds): (&[u8], u16),
    actor: Actor,
) -> Result<Instant, sqlx::Error> {
    let gone = sqlx::query("delete from telephony.recording_links where org_id = $1 and expires_at <= now()");
    gone.bind(org.0).execute(&mut *c).await?;
    sqlx::query_scalar(
        "insert into telephony.recording_links (hash, org_id, recording_id, actor_kind, actor_id, expires_at) \
         values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6)) returning expires_at",
    )
    .bind(hash)
    .bind(org.0)
    .bind(recording)
    .bind(actor.kind)
    .bind(actor.id)
    .bind(f64::from(seconds))
    .fetch_one(c)
    .await
}

/// What a good link leads to.
pub(in crate::telephony) struct Linked {
    /// Who has made it.
    pub(in crate::telephony) maker: Actor,
    /// The name of the object in the store.
    pub(in crate::telephony) key: String,
    pub(in crate::telephony) format: String,
    /// It is a message in a mailbox.
    pub(in crate::telephony) is_message: bool,
}

/// What the link of that hash leads to, if it is good and somebody may still hear it.
pub(in crate::telephony) async fn linked(
    c: &mut PgConnection,
    (org, recording): (OrgId, Uuid),
    hash: &[u8],
) -> Result<Option<Linked>, sqlx::Error> {
    let found: Option<(String, Uuid, String, String, bool)> = sqlx::query_as(
        "select l.actor_kind, l.actor_id, r.storage_key, r.format, m.id is not null from telephony.recording_links l \
         join telephony.recordings r on r.org_id = l.org_id and r.id = l.recording_id \
         left join telephony.voicemail_messages m on m.org_id = r.org_id and m.id = r.id \
         where l.org_id = $1 and l.recording_id = $2 and l.hash = $3 and l.expires_at > now() \
           and r.deletion_ordered_at is null and r.deleted_at is null and m.deleted_at is null",
    )
    .bind(org.0)
    .bind(recording)
    .bind(hash)
    .fetch_optional(c)
    .await?;
    Ok(found.map(|(kind, id, key, format, is_message)| {
        let kind = if kind == "person" { "person" } else { "api_key" };
        Linked { maker: Actor { org, kind, id }, key, format, is_message }
    }))
}
