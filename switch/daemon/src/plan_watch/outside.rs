//! Rows of trunks and of the numbers that people outside dial.

use contract::{
    id::{DidId, ExtensionId, TrunkId, UserId},
    outside::{Credentials, Did, NumberFormat, Registering, Trunk},
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

pub(super) fn trunk(row: &PgRow) -> Result<Trunk, sqlx::Error> {
    let channels_max: i32 = row.try_get("channels_max")?;
    let (expiry, options): (i32, i32) =
        (row.try_get("registration_expiry_seconds")?, row.try_get("options_interval_seconds")?);
    let login: (Option<String>, Option<String>) =
        (row.try_get("auth_username")?, row.try_get("auth_password")?);
    let realm = row.try_get("auth_realm")?;
    let registration = Registering { expiry_secs: u32::try_from(expiry).unwrap_or(0) };
    let format: &str = row.try_get("number_format")?;
    let unknown = || sqlx::Error::Decode(format!("a trunk of another release: {format}").into());
    Ok(Trunk {
        id: TrunkId(row.try_get("id")?),
        name: row.try_get("name")?,
        sources: row.try_get("sources")?,
        targets: row.try_get("targets")?,
        credentials: login.0.zip(login.1).map(|(username, password)| Credentials {
            username,
            password,
            realm,
        }),
        registration: row.try_get::<bool, _>("is_registering")?.then_some(registration),
        options_interval_secs: u16::try_from(options).unwrap_or(u16::MAX),
        number_format: NumberFormat::of(format).ok_or_else(unknown)?,
        from_number: row.try_get("from_number")?,
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
