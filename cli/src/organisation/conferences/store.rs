//! The statements about the conferences of an organisation. The caller acts as the switch to read them and as the API to
//! change them.

use std::collections::BTreeMap;

use contract::conferences::Pin;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::Conference;
use crate::organisation::{
    store::{Extensions, number_of},
    write::store::take_away,
};

/// Conferences of extensions that have a number, by it.
pub(crate) async fn load(
    c: &mut PgConnection,
    organisation: Uuid,
    extensions: &Extensions,
) -> anyhow::Result<BTreeMap<String, Conference>> {
    let rows = sqlx::query(
        "select id, extension_id, pin, members_max, has_tones from telephony.conferences where org_id = $1",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    let mut conferences = BTreeMap::new();
    for row in rows {
        let Some(extension) = number_of(extensions, row.try_get("extension_id")?) else { continue };
        let pin: Option<String> = row.try_get("pin")?;
        let conference = Conference {
            id: row.try_get("id")?,
            pin: pin.map(Pin),
            members_max: u16::try_from(row.try_get::<i32, _>("members_max")?)?,
            has_tones: row.try_get("has_tones")?,
        };
        conferences.insert(extension, conference);
    }
    Ok(conferences)
}

pub(crate) async fn delete(c: &mut PgConnection, organisation: Uuid, id: Uuid) -> Result<(), sqlx::Error> {
    take_away(c, "delete from telephony.conferences where org_id = $1 and id = $2", (organisation, id)).await
}

/// A conference, be it new or changed.
pub(crate) async fn put(
    c: &mut PgConnection,
    organisation: Uuid,
    extension: Uuid,
    conference: &Conference,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into telephony.conferences (id, org_id, extension_id, pin, members_max, has_tones)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (id) do update set pin = $4, members_max = $5, has_tones = $6",
    )
    .bind(conference.id)
    .bind(organisation)
    .bind(extension)
    .bind(conference.pin.as_ref().map(|pin| &pin.0))
    .bind(i32::from(conference.members_max))
    .bind(conference.has_tones)
    .execute(c)
    .await
    .map(drop)
}
