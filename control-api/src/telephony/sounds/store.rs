//! Rows of sounds. The file is read only where it is asked for.

use std::collections::BTreeMap;

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{File, Sound};
use crate::{
    database::Work,
    http::{
        error::{ApiError, Broken, broken},
        page::Cursor,
    },
    telephony::resource::{
        Resource,
        store::{Statements, statements},
    },
};

/// Sounds of an organisation.
const SOUNDS_MAX: i64 = 300;
/// Seconds of all of them together: switches keep them decoded.
const SECONDS_MAX: i64 = 900;

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[Broken::taken("sounds_name_key", "there is a sound of that name")];

impl Resource for Sound {
    /// Its name, where it is new, and its file.
    type Description = (String, File);
    const PATH: &'static str = "/api/telephony/sounds";
    const ACTIONS: [&'static str; 3] = ["sound.created", "sound.changed", "sound.deleted"];
    const STATEMENTS: Statements = statements!(
        "telephony.sounds",
        "id, name, media_type, octet_length(file) as octets, length_ms, created_at, updated_at, version"
    );

    fn version(&self) -> i32 {
        self.version
    }

    fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }

    fn check(new: Self::Description) -> Result<Self::Description, ApiError> {
        Ok(new)
    }

    fn insert<'c>(
        c: &'c mut PgConnection,
        (org, id): (OrgId, Uuid),
        (name, file): &'c Self::Description,
    ) -> Work<'c, (), ApiError> {
        Box::pin(async move {
            let insert = sqlx::query(
                "insert into telephony.sounds (org_id, id, name, media_type, file, length_ms) values ($1, $2, $3, $4, $5, $6)",
            );
            let insert = insert.bind(org.0).bind(id).bind(name).bind(file.media_type).bind(&file.octets);
            let done = insert.bind(file.length_ms).execute(&mut *c).await;
            done.map_err(|error| broken(error, CONSTRAINTS))?;
            fits(c, org).await
        })
    }

    fn update<'c>(
        &'c self,
        c: &'c mut PgConnection,
        (org, id): (OrgId, Uuid),
        (_, file): &'c Self::Description,
    ) -> Work<'c, (), ApiError> {
        Box::pin(async move {
            let update = sqlx::query(
                "update telephony.sounds set media_type = $3, file = $4, length_ms = $5 where org_id = $1 and id = $2",
            );
            let update = update.bind(org.0).bind(id).bind(file.media_type).bind(&file.octets);
            update.bind(file.length_ms).execute(&mut *c).await?;
            fits(c, org).await
        })
    }
}

/// Nobody else adds one meanwhile: whoever does takes the revision, which this unit of work has.
async fn fits(c: &mut PgConnection, org: OrgId) -> Result<(), ApiError> {
    let (sounds, seconds): (i64, i64) = sqlx::query_as(
        "select count(*), coalesce(sum(length_ms) / 1000, 0)::int8 from telephony.sounds where org_id = $1",
    )
    .bind(org.0)
    .fetch_one(c)
    .await?;
    if sounds > SOUNDS_MAX {
        return Err(ApiError::Conflict("an organisation has 300 sounds at most"));
    }
    if seconds > SECONDS_MAX {
        return Err(ApiError::Conflict("an organisation's sounds come to 15 minutes at most"));
    }
    Ok(())
}

/// The ids of all by name.
pub(super) async fn names(c: &mut PgConnection, org: OrgId) -> Result<BTreeMap<String, Uuid>, sqlx::Error> {
    let query = sqlx::query_as("select name, id from telephony.sounds where org_id = $1");
    let all: Vec<(String, Uuid)> = query.bind(org.0).fetch_all(c).await?;
    Ok(all.into_iter().collect())
}

/// What its file is and holds.
pub(super) async fn file(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
) -> Result<Option<(String, Vec<u8>)>, sqlx::Error> {
    let query = sqlx::query_as("select media_type, file from telephony.sounds where org_id = $1 and id = $2");
    query.bind(org.0).bind(id).fetch_optional(c).await
}
