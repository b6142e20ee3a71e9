//! Rows of mailboxes.

use contract::{id::OrgId, language::Language};
use sqlx::{PgConnection, Row as _, postgres::PgRow};

use super::model::{Description, Mailbox};
use crate::{
    http::{
        error::{ApiError, Broken, broken},
        page::Cursor,
    },
    telephony::part::{self, Actions, Asked, Listed, Part, Place, Removable, small},
};

macro_rules! mailboxes {
    ($rest:literal) => {
        concat!(
            "select user_id, is_enabled, greeting_sound, messages_max, message_seconds_max, mail_address, has_mail_sound, \
               is_deleted_when_mailed, mail_language, created_at, updated_at, version \
             from telephony.voicemail_boxes ",
            $rest
        )
    };
}

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[
    Broken::nowhere("voicemail_boxes_staff_fkey"),
    Broken::unknown("voicemail_boxes_mail_address_check", "mail_address", "must be an e-mail address"),
];

impl Part for Mailbox {
    type Description = Description;
    const ACTIONS: Actions = Actions {
        created: "voicemail_box.created",
        changed: "voicemail_box.changed",
        deleted: "voicemail_box.deleted",
    };

    fn version(&self) -> i32 {
        self.version
    }

    async fn one(c: &mut PgConnection, (org, user): Place) -> Result<Option<Self>, sqlx::Error> {
        let row = sqlx::query(mailboxes!("where org_id = $1 and user_id = $2"));
        row.bind(org.0).bind(user).fetch_optional(c).await?.map(|row| mailbox(&row)).transpose()
    }

    async fn put(
        c: &mut PgConnection,
        (org, user): Place,
        old: Option<&Self>,
        new: &Description,
    ) -> Result<(), ApiError> {
        let done = sqlx::query(if old.is_some() {
            "update telephony.voicemail_boxes set is_enabled = $3, greeting_sound = $4, messages_max = $5, \
               message_seconds_max = $6, mail_address = $7, has_mail_sound = $8, is_deleted_when_mailed = $9, \
               mail_language = $10 where org_id = $1 and user_id = $2"
        } else {
            "insert into telephony.voicemail_boxes (org_id, user_id, is_enabled, greeting_sound, messages_max, \
               message_seconds_max, mail_address, has_mail_sound, is_deleted_when_mailed, mail_language) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        })
        .bind(org.0)
        .bind(user)
        .bind(new.is_enabled)
        .bind(&new.greeting)
        .bind(i32::from(new.messages_max))
        .bind(i32::from(new.message_secs_max))
        .bind(&new.mail_address)
        .bind(new.has_mail_sound)
        .bind(new.is_deleted_when_mailed)
        .bind(new.mail_language.map(Language::as_str))
        .execute(c)
        .await;
        done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
    }
}

impl Removable for Mailbox {
    async fn remove(c: &mut PgConnection, place: Place) -> Result<(), ApiError> {
        let has_messages: bool = sqlx::query_scalar(
            "select exists (select from telephony.voicemail_messages
                            where org_id = $1 and user_id = $2 and deleted_at is null)",
        )
        .bind(place.0.0)
        .bind(place.1)
        .fetch_one(&mut *c)
        .await?;
        if has_messages {
            return Err(ApiError::Conflict("there are messages in it: delete them, or only switch it off"));
        }
        part::delete(c, "delete from telephony.voicemail_boxes where org_id = $1 and user_id = $2", place)
            .await
    }
}

impl Listed for Mailbox {
    async fn list(c: &mut PgConnection, org: OrgId, asked: Asked) -> Result<Vec<Self>, sqlx::Error> {
        let rows = sqlx::query(mailboxes!(
            "where org_id = $1 and ($2::timestamptz is null or (created_at, user_id) < ($2, $3::uuid)) \
             order by created_at desc, user_id desc limit $4"
        ))
        .bind(org.0)
        .bind(asked.1.map(|cursor| cursor.at))
        .bind(asked.1.map(|cursor| cursor.id))
        .bind(i64::from(asked.0) + 1)
        .fetch_all(c)
        .await?;
        rows.iter().map(mailbox).collect()
    }

    fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.user_id }
    }
}

fn mailbox(row: &PgRow) -> Result<Mailbox, sqlx::Error> {
    let described = Description {
        is_enabled: row.try_get("is_enabled")?,
        greeting: row.try_get("greeting_sound")?,
        messages_max: small(row, "messages_max")?,
        message_secs_max: small(row, "message_seconds_max")?,
        mail_address: row.try_get("mail_address")?,
        has_mail_sound: row.try_get("has_mail_sound")?,
        is_deleted_when_mailed: row.try_get("is_deleted_when_mailed")?,
        mail_language: row.try_get::<Option<&str>, _>("mail_language")?.and_then(Language::of),
    };
    Ok(Mailbox {
        user_id: row.try_get("user_id")?,
        described,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: row.try_get("version")?,
    })
}
