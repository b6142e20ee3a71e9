//! The statements about the page groups of an organisation. The caller acts as the switch to read them and as the API to change
//! them.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::PageGroup;
use crate::organisation::{
    store::{Extensions, number_of},
    write::store::take_away,
};

/// Page groups of extensions that have a number, by it.
pub(crate) async fn load(
    c: &mut PgConnection,
    organisation: Uuid,
    extensions: &Extensions,
) -> anyhow::Result<BTreeMap<String, PageGroup>> {
    let rows = sqlx::query("select id, extension_id, is_duplex from telephony.page_groups where org_id = $1")
        .bind(organisation)
        .fetch_all(c)
        .await?;
    let mut groups = BTreeMap::new();
    for row in rows {
        let Some(extension) = number_of(extensions, row.try_get("extension_id")?) else { continue };
        let group = PageGroup { id: row.try_get("id")?, is_duplex: row.try_get("is_duplex")? };
        groups.insert(extension, group);
    }
    Ok(groups)
}

pub(crate) async fn delete(c: &mut PgConnection, organisation: Uuid, id: Uuid) -> Result<(), sqlx::Error> {
    take_away(c, "delete from telephony.page_groups where org_id = $1 and id = $2", (organisation, id)).await
}

/// A page group, be it new or changed.
pub(crate) async fn put(
    c: &mut PgConnection,
    organisation: Uuid,
    extension: Uuid,
    group: &PageGroup,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into telephony.page_groups (id, org_id, extension_id, is_duplex) values ($1, $2, $3, $4)
         on conflict (id) do update set is_duplex = $4",
    )
    .bind(group.id)
    .bind(organisation)
    .bind(extension)
    .bind(group.is_duplex)
    .execute(c)
    .await
    .map(drop)
}
