//! The statements about mailboxes. The caller acts as the switch to read them and as the API to change them.

use std::collections::BTreeMap;

use contract::{language::Language, snapshot::Mailbox};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::Mails;
use crate::organisation::{Staff, write::store::take_away};

/// Mailboxes that are on, with the mails about what comes into them, by their owners.
pub(crate) async fn load(
    c: &mut PgConnection,
    organisation: Uuid,
) -> anyhow::Result<BTreeMap<Uuid, (Mailbox, Option<Mails>)>> {
    let rows = sqlx::query(
        "select user_id, greeting_sound, messages_max, message_seconds_max, mail_address, has_mail_sound,
           is_deleted_when_mailed, mail_language
         from telephony.voicemail_boxes where org_id = $1 and is_enabled",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    let mut mailboxes = BTreeMap::new();
    for row in rows {
        let number = |column| anyhow::Ok(u16::try_from(row.try_get::<i32, _>(column)?)?);
        let mailbox = Mailbox {
            greeting: row.try_get("greeting_sound")?,
            messages_max: number("messages_max")?,
            message_secs_max: number("message_seconds_max")?,
        };
        let (address, language): (Option<String>, Option<&str>) =
            (row.try_get("mail_address")?, row.try_get("mail_language")?);
        let (has_sound, is_deleted) =
            (row.try_get("has_mail_sound")?, row.try_get("is_deleted_when_mailed")?);
        let language = language.and_then(Language::of);
        let mails = address.map(|address| Mails { address, has_sound, is_deleted, language });
        mailboxes.insert(row.try_get("user_id")?, (mailbox, mails));
    }
    Ok(mailboxes)
}

/// A mailbox that is off keeps its messages, and its greeting for whoever switches it on again.
pub(crate) async fn close(c: &mut PgConnection, organisation: Uuid, user: Uuid) -> Result<(), sqlx::Error> {
    let closing =
        "update telephony.voicemail_boxes set is_enabled = false where org_id = $1 and user_id = $2";
    take_away(c, closing, (organisation, user)).await
}

/// Somebody's mailbox, if they have one, be it new, changed, or one that was off.
pub(crate) async fn put(c: &mut PgConnection, organisation: Uuid, staff: &Staff) -> Result<(), sqlx::Error> {
    let Some(mailbox) = &staff.mailbox else { return Ok(()) };
    let mails = staff.mails.as_ref();
    sqlx::query(
        "insert into telephony.voicemail_boxes (org_id, user_id, greeting_sound, messages_max, message_seconds_max,
           mail_address, has_mail_sound, is_deleted_when_mailed, mail_language)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (org_id, user_id) do update set is_enabled = true, greeting_sound = $3, messages_max = $4,
           message_seconds_max = $5, mail_address = $6, has_mail_sound = $7, is_deleted_when_mailed = $8,
           mail_language = $9",
    )
    .bind(organisation)
    .bind(staff.user)
    .bind(&mailbox.greeting)
    .bind(i32::from(mailbox.messages_max))
    .bind(i32::from(mailbox.message_secs_max))
    .bind(mails.map(|mails| &mails.address))
    .bind(mails.is_none_or(|mails| mails.has_sound))
    .bind(mails.is_some_and(|mails| mails.is_deleted))
    .bind(mails.and_then(|mails| mails.language).map(Language::as_str))
    .execute(c)
    .await
    .map(drop)
}
