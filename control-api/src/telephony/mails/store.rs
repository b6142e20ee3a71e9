//! Rows of mails that are due. Which organisations there is something to do for is asked without a scope; everything else under
//! the scope of one.

use contract::{language::Language, time::Timestamp};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::{
    job::{LEASE_SECS, ORGANISATIONS_MAX, Outcome},
    letter::Notice,
};

/// Organisations with mails that are due, those that wait longest first.
pub(super) async fn due(c: &mut PgConnection) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar("select telephony.organisations_with_mails_due($1)")
        .bind(ORGANISATIONS_MAX)
        .fetch_all(c)
        .await
}

/// Takes the mail that has been due for longest and that nobody else has taken.
pub(super) async fn claim(c: &mut PgConnection, org: Uuid) -> Result<Option<Notice>, sqlx::Error> {
    let claimed: Option<(Uuid, i32)> = sqlx::query_as(
        "update telephony.voicemail_mails m
         set attempts = m.attempts + 1, due_at = now() + $2 * interval '1 second'
         from (select id from telephony.voicemail_mails
               where org_id = $1 and sent_at is null and dropped_at is null and due_at <= now()
               order by due_at, id limit 1 for update skip locked) due
         where m.org_id = $1 and m.id = due.id
         returning m.id, m.attempts",
    )
    .bind(org)
    .bind(LEASE_SECS)
    .fetch_optional(&mut *c)
    .await?;
    match claimed {
        Some((id, attempts)) => load(c, org, (id, attempts)).await.map(Some),
        None => Ok(None),
    }
}

async fn load(c: &mut PgConnection, org: Uuid, (id, attempts): (Uuid, i32)) -> Result<Notice, sqlx::Error> {
    let row = sqlx::query(
        "select case when b.is_enabled then b.mail_address end as address, b.has_mail_sound, b.is_deleted_when_mailed,
                m.deleted_at is not null or r.deleted_at is not null as is_deleted,
                coalesce(b.mail_language, s.language) as language, s.timezone, s.sip_domain,
                coalesce(owner.name, own.number, '') as owner, own.number, c.dialled, m.caller_number,
                coalesce(person.name, desk.name) as caller_name, m.length_ms, r.format, r.storage_key, r.bytes,
                (extract(epoch from m.left_at) * 1000000)::int8 as left_micros
         from telephony.voicemail_messages m
         join telephony.recordings r on r.org_id = m.org_id and r.id = m.id
         join telephony.calls c on c.org_id = m.org_id and c.id = m.call_id
         join telephony.organisation_settings s on s.org_id = m.org_id
         left join identity.users owner on owner.id = m.user_id
         left join telephony.voicemail_boxes b on b.org_id = m.org_id and b.user_id = m.user_id
         left join telephony.numbers own on own.org_id = m.org_id and own.user_id = m.user_id
         left join telephony.numbers theirs on theirs.org_id = m.org_id and theirs.number = m.caller_number
             and c.direction <> 'inbound'
         left join identity.users person on person.id = theirs.user_id
         left join telephony.extensions desk on desk.org_id = m.org_id and desk.id = theirs.extension_id
         where m.org_id = $1 and m.id = $2",
    )
    .bind(org)
    .bind(id)
    .fetch_one(c)
    .await?;
    Ok(Notice {
        id,
        attempts,
        address: row.try_get("address")?,
        has_sound: row.try_get::<Option<bool>, _>("has_mail_sound")?.unwrap_or_default(),
        is_deleted_when_mailed: row.try_get::<Option<bool>, _>("is_deleted_when_mailed")?.unwrap_or_default(),
        is_deleted: row.try_get("is_deleted")?,
        // The table has a check, so a language that this release does not know is of a newer one.
        language: Language::of(row.try_get("language")?).unwrap_or_default(),
        timezone: row.try_get("timezone")?,
        sip_domain: row.try_get("sip_domain")?,
        owner: row.try_get("owner")?,
        number: row.try_get("number")?,
        dialled: row.try_get("dialled")?,
        caller_number: row.try_get("caller_number")?,
        caller_name: row.try_get("caller_name")?,
        left_at: Timestamp(row.try_get("left_micros")?),
        length_ms: row.try_get("length_ms")?,
        format: row.try_get("format")?,
        storage_key: row.try_get("storage_key")?,
        bytes: row.try_get("bytes")?,
    })
}

/// Says what has become of a mail. What has come to an end stays as it is.
pub(super) async fn settle(
    c: &mut PgConnection,
    (org, id): (Uuid, Uuid),
    outcome: Outcome,
) -> Result<(), sqlx::Error> {
    let (secs, reason, is_sent) = match &outcome {
        Outcome::Sent { .. } => (None, None, true),
        Outcome::Later { secs, reason } => (Some(*secs), Some(reason.as_str()), false),
        Outcome::Dropped { reason } => (None, Some(reason.as_str()), false),
    };
    sqlx::query(
        "update telephony.voicemail_mails set reason = $3, sent_at = case when $4 then now() end,
           dropped_at = case when not $4 and $5::int4 is null then now() end,
           due_at = now() + coalesce($5, 0) * interval '1 second'
         where org_id = $1 and id = $2 and sent_at is null and dropped_at is null",
    )
    .bind(org)
    .bind(id)
    .bind(reason)
    .bind(is_sent)
    .bind(secs)
    .execute(&mut *c)
    .await?;
    if outcome == (Outcome::Sent { is_deleted: true }) {
        sqlx::query(
            "update telephony.voicemail_messages set heard_at = coalesce(heard_at, now()), deleted_at = now()
             where org_id = $1 and id = $2 and deleted_at is null",
        )
        .bind(org)
        .bind(id)
        .execute(c)
        .await?;
    }
    Ok(())
}
