//! Rows of `identity.api_keys`.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::StoredKey;
use crate::database::{Scope, enter};

/// The key `id`, in a unit of work whose scope is that key. Its organisation's scope is taken on the way, to
/// see the state of the organisation.
pub(super) async fn find(connection: &mut PgConnection, id: Uuid) -> Result<Option<StoredKey>, sqlx::Error> {
    let found: Option<(Uuid, Vec<u8>, Vec<String>, bool)> = sqlx::query_as(
        "select org_id, key_hash, permissions,
                revoked_at is null and (expires_at is null or expires_at > now()) as is_valid
         from identity.api_keys where id = $1",
    )
    .bind(id)
    .fetch_optional(&mut *connection)
    .await?;
    let Some((org, key_hash, permissions, is_valid)) = found else { return Ok(None) };
    let org = OrgId(org);
    enter(connection, Scope::Organisation(org)).await?;
    let status: Option<String> =
        sqlx::query_scalar("select status from identity.organisations where id = $1")
            .bind(org.0)
            .fetch_optional(connection)
            .await?;
    let is_approved = status.is_some_and(|status| status == "approved");
    let is_usable = is_valid && is_approved;
    Ok(Some(StoredKey { id, org, key_hash, permissions, is_usable }))
}
