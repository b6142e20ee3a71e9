//! Rows of links.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Fresh, Linked, hash_of};
use crate::{instant::Instant, platform::audit::Actor};

/// Makes the link good in the name of whoever asks, and says until when. Links that are over go.
pub(super) async fn add(
    c: &mut PgConnection,
    (org, recording): (OrgId, Uuid),
    fresh: &Fresh,
    actor: Actor,
) -> Result<Instant, sqlx::Error> {
    let gone = sqlx::query("delete from telephony.recording_links where org_id = $1 and expires_at <= now()");
    gone.bind(org.0).execute(&mut *c).await?;
    sqlx::query_scalar(
        "insert into telephony.recording_links (hash, org_id, recording_id, actor_kind, actor_id, expires_at) \
         values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6)) returning expires_at",
    )
    .bind(hash_of(&fresh.secret))
    .bind(org.0)
    .bind(recording)
    .bind(actor.kind)
    .bind(actor.id)
    .bind(f64::from(fresh.seconds))
    .fetch_one(c)
    .await
}

/// What the link of that hash leads to, if it is good and somebody may still hear it.
pub(super) async fn linked(
    c: &mut PgConnection,
    (org, recording): (OrgId, Uuid),
    (hash, is_message): (Vec<u8>, bool),
) -> Result<Option<Linked>, sqlx::Error> {
    let found: Option<(String, Uuid, String, String)> = sqlx::query_as(
        "select l.actor_kind, l.actor_id, r.storage_key, r.format from telephony.recording_links l \
         join telephony.recordings r on r.org_id = l.org_id and r.id = l.recording_id \
         left join telephony.voicemail_messages m on m.org_id = r.org_id and m.id = r.id \
         where l.org_id = $1 and l.recording_id = $2 and l.hash = $3 and l.expires_at > now() \
           and (m.id is not null) = $4 \
           and r.deletion_ordered_at is null and r.deleted_at is null and m.deleted_at is null",
    )
    .bind(org.0)
    .bind(recording)
    .bind(hash)
    .bind(is_message)
    .fetch_optional(c)
    .await?;
    Ok(found.map(|(kind, id, key, format)| {
        let kind = if kind == "person" { "person" } else { "api_key" };
        Linked { maker: Actor { org, kind, id }, id: recording, key, format }
    }))
}
