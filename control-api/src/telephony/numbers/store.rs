//! Rows of people's numbers.

use contract::id::OrgId;
use sqlx::PgConnection;

use super::model::{Description, Number};
use crate::{
    http::{
        error::{ApiError, Broken, broken},
        page::Cursor,
    },
    telephony::part::{self, Actions, Asked, Listed, Part, Place, Removable},
};

macro_rules! numbers {
    ($rest:literal) => {
        concat!(
            "select n.user_id, u.name, n.number, n.created_at, n.updated_at, n.version \
             from telephony.numbers n join identity.users u on u.id = n.user_id ",
            $rest
        )
    };
}

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] =
    &[Broken::taken("numbers_pkey", "the number is taken"), Broken::nowhere("numbers_staff_fkey")];

impl Part for Number {
    type Description = Description;
    const ACTIONS: Actions =
        Actions { created: "number.created", changed: "number.changed", deleted: "number.deleted" };

    fn version(&self) -> i32 {
        self.version
    }

    async fn one(c: &mut PgConnection, (org, user): Place) -> Result<Option<Self>, sqlx::Error> {
        let one = sqlx::query_as(numbers!("where n.org_id = $1 and n.user_id = $2"));
        one.bind(org.0).bind(user).fetch_optional(c).await
    }

    async fn put(
        c: &mut PgConnection,
        (org, user): Place,
        old: Option<&Self>,
        new: &Description,
    ) -> Result<(), ApiError> {
        let done = sqlx::query(if old.is_some() {
            "update telephony.numbers set number = $3 where org_id = $1 and user_id = $2"
        } else {
            "insert into telephony.numbers (org_id, user_id, number) values ($1, $2, $3)"
        });
        let done = done.bind(org.0).bind(user).bind(&new.number).execute(c).await;
        done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
    }
}

impl Removable for Number {
    async fn remove(c: &mut PgConnection, place: Place) -> Result<(), ApiError> {
        // Or their mailbox would be there again with the next number.
        sqlx::query(
            "update telephony.voicemail_boxes set is_enabled = false
             where org_id = $1 and user_id = $2 and is_enabled",
        )
        .bind(place.0.0)
        .bind(place.1)
        .execute(&mut *c)
        .await?;
        part::delete(c, "delete from telephony.numbers where org_id = $1 and user_id = $2", place).await
    }
}

impl Listed for Number {
    async fn list(c: &mut PgConnection, org: OrgId, asked: Asked) -> Result<Vec<Self>, sqlx::Error> {
        sqlx::query_as(numbers!(
            "where n.org_id = $1 and ($2::timestamptz is null or (n.created_at, n.user_id) < ($2, $3::uuid)) \
             order by n.created_at desc, n.user_id desc limit $4"
        ))
        .bind(org.0)
        .bind(asked.1.map(|cursor| cursor.at))
        .bind(asked.1.map(|cursor| cursor.id))
        .bind(i64::from(asked.0) + 1)
        .fetch_all(c)
        .await
    }

    fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.user_id }
    }
}
