//! Rows of conferences. Their PINs cannot be read by the role that this runs as.

use sqlx::{PgConnection, Row as _, postgres::PgRow};

use super::model::{Conference, Description};
use crate::{
    http::error::{ApiError, Broken, FieldError, broken},
    identifier,
    telephony::part::{self, Actions, Part, Place, Removable, small},
};

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[Broken::nowhere("conferences_extension_fkey")];

impl Part for Conference {
    type Description = Description;
    const ACTIONS: Actions = Actions {
        created: "conference.created",
        changed: "conference.changed",
        deleted: "conference.deleted",
    };

    fn version(&self) -> i32 {
        self.version
    }

    async fn one(c: &mut PgConnection, (org, extension): Place) -> Result<Option<Self>, sqlx::Error> {
        let row = sqlx::query(
            "select id, has_pin, members_max, has_tones, created_at, updated_at, version from telephony.conferences \
             where org_id = $1 and extension_id = $2",
        );
        row.bind(org.0).bind(extension).fetch_optional(c).await?.map(|row| conference(&row)).transpose()
    }

    async fn put(
        c: &mut PgConnection,
        (org, extension): Place,
        old: Option<&Self>,
        new: &Description,
    ) -> Result<(), ApiError> {
        let keeps_pin = new.pin.is_none() && new.has_pin == Some(true);
        if keeps_pin && !old.is_some_and(|old| old.has_pin) {
            return Err(ApiError::Unprocessable(vec![FieldError::new(
                "pin",
                "must be given: there is none yet",
            )]));
        }
        let id = old.map_or_else(identifier::fresh, |old| Ok(old.id))?;
        let done = sqlx::query(match old {
            None => {
                "insert into telephony.conferences (org_id, extension_id, id, members_max, has_tones, pin) \
                 values ($1, $2, $3, $4, $5, $6)"
            }
            Some(_) if keeps_pin => {
                "update telephony.conferences set members_max = $4, has_tones = $5 \
                 where org_id = $1 and extension_id = $2 and id = $3 and $6::text is null"
            }
            Some(_) => {
                "update telephony.conferences set members_max = $4, has_tones = $5, pin = $6 \
                 where org_id = $1 and extension_id = $2 and id = $3"
            }
        })
        .bind(org.0)
        .bind(extension)
        .bind(id)
        .bind(i32::from(new.members_max))
        .bind(new.has_tones)
        .bind(new.pin.as_ref().map(|pin| &pin.0))
        .execute(c)
        .await;
        done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
    }
}

impl Removable for Conference {
    async fn remove(c: &mut PgConnection, place: Place) -> Result<(), ApiError> {
        part::delete(c, "delete from telephony.conferences where org_id = $1 and extension_id = $2", place)
            .await
    }
}

fn conference(row: &PgRow) -> Result<Conference, sqlx::Error> {
    Ok(Conference {
        id: row.try_get("id")?,
        has_pin: row.try_get("has_pin")?,
        members_max: small(row, "members_max")?,
        has_tones: row.try_get("has_tones")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: row.try_get("version")?,
    })
}
