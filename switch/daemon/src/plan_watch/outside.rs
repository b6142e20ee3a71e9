//! Rows of trunks and of the numbers that people outside dial.

use contract::{
    id::{DidId, ExtensionId, TrunkId, UserId},
    outside::{Did, Trunk},
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

pub(super) fn trunk(row: &PgRow) -> Result<Trunk, sqlx::Error> {
    let channels_max: i32 = row.try_get("channels_max")?;
    Ok(Trunk {
        id: TrunkId(row.try_get("id")?),
        name: row.try_get("name")?,
        sources: row.try_get("sources")?,
        // Out of range either way is for the compiler to say.
        channels_max: u16::try_from(channels_max).unwrap_or(0),
        is_trusted: row.try_get("is_trusted")?,
        is_active: row.try_get("is_active")?,
    })
}

pub(super) fn did(row: &PgRow) -> Result<Did, sqlx::Error> {
    let (extension, user): (Option<Uuid>, Option<Uuid>) =
        (row.try_get("extension_id")?, row.try_get("user_id")?);
    Ok(Did {
        id: DidId(row.try_get("id")?),
        number: row.try_get("number")?,
        extension: extension.map(ExtensionId),
        user: user.map(UserId),
    })
}
