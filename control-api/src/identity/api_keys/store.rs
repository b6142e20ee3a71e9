//! Rows of `identity.api_keys`, and when each was used.

use std::net::IpAddr;

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{KEYS_OF_ONE_MAX, Key, KeyDescription, StoredKey};
use crate::{
    database::one_at_a_time,
    http::{error::ApiError, page::Cursor},
};

#[derive(sqlx::FromRow)]
struct Presented {
    org_id: Uuid,
    key_hash: Vec<u8>,
    permissions: Vec<String>,
    is_valid: bool,
}

/// The key `id`, in a unit of work whose scope is that key, presented from `address`. Its organisation's scope is taken on the way, to
/// see the state of the organisation.
pub(super) async fn find(
    c: &mut PgConnection,
    id: Uuid,
    address: IpAddr,
) -> Result<Option<StoredKey>, sqlx::Error> {
    let found: Option<Presented> = sqlx::query_as(
        "select org_id, key_hash, permissions,
                revoked_at is null and (expires_at is null or expires_at > now())
                    and (sources = '{}' or $2::inet <<= any (sources)) as is_valid,
                set_config('app.org', org_id::text, true)
         from identity.api_keys where id = $1",
    )
    .bind(id)
    .bind(address.to_string())
    .fetch_optional(&mut *c)
    .await?;
    let Some(Presented { org_id, key_hash, permissions, is_valid }) = found else { return Ok(None) };
    let org = OrgId(org_id);
    let state: Option<(bool, bool)> = sqlx::query_as(
        "select status = 'approved', exists (
             select from identity.api_key_uses
             where org_id = $1 and key_id = $2 and used_at > now() - interval '1 minute')
         from identity.organisations where id = $1",
    )
    .bind(org.0)
    .bind(id)
    .fetch_optional(c)
    .await?;
    let (is_approved, is_told) = state.unwrap_or_default();
    Ok(Some(StoredKey { id, org, key_hash, permissions, is_usable: is_valid && is_approved, is_told }))
}

/// It is used now.
pub(super) async fn used(c: &mut PgConnection, org: OrgId, id: Uuid) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "insert into identity.api_key_uses (org_id, key_id) values ($1, $2)
         on conflict (org_id, key_id) do update set used_at = excluded.used_at
         where api_key_uses.used_at < excluded.used_at",
    );
    query.bind(org.0).bind(id).execute(c).await.map(drop)
}

macro_rules! keys {
    ($rest:literal) => {
        concat!(
            "select k.id, 'sambung_' || replace(k.id::text, '-', '') as prefix, k.name, k.permissions, \
                    k.sources::text[] as sources, k.expires_at, k.rotated_at, k.revoked_at, \
                    u.used_at as last_used_at, k.created_at, k.version \
             from identity.api_keys k \
             left join identity.api_key_uses u on u.org_id = k.org_id and u.key_id = k.id \
             where k.org_id = $1 ",
            $rest
        )
    };
}

/// Up to `limit` + 1 keys, newest first.
pub(super) async fn list(
    c: &mut PgConnection,
    org: OrgId,
    (limit, after): (u16, Option<Cursor>),
) -> Result<Vec<Key>, sqlx::Error> {
    sqlx::query_as(keys!(
        "and ($2::timestamptz is null or (k.created_at, k.id) < ($2, $3::uuid)) \
         order by k.created_at desc, k.id desc limit $4"
    ))
    .bind(org.0)
    .bind(after.map(|cursor| cursor.at))
    .bind(after.map(|cursor| cursor.id))
    .bind(i64::from(limit) + 1)
    .fetch_all(c)
    .await
}

/// The key `id`.
pub(super) async fn one(c: &mut PgConnection, (org, id): (OrgId, Uuid)) -> Result<Key, ApiError> {
    let query = sqlx::query_as(keys!("and k.id = $2")).bind(org.0).bind(id);
    query.fetch_optional(c).await?.ok_or(ApiError::NotFound)
}

/// The key `id`, which nobody else changes until this unit of work ends, if it is not revoked.
pub(super) async fn hold(c: &mut PgConnection, (org, id): (OrgId, Uuid)) -> Result<Key, ApiError> {
    let query = sqlx::query_as(keys!("and k.id = $2 for update of k")).bind(org.0).bind(id);
    let key: Key = query.fetch_optional(c).await?.ok_or(ApiError::NotFound)?;
    if key.revoked_at.is_some() {
        return Err(ApiError::Conflict("the key is revoked"));
    }
    Ok(key)
}

/// A key more, unless there are too many.
pub(super) async fn add(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    new: &KeyDescription,
    key_hash: [u8; 32],
) -> Result<(), ApiError> {
    let permissions: Vec<&str> = new.permissions.iter().map(|permission| permission.as_str()).collect();
    one_at_a_time(c, org).await?;
    let query = sqlx::query(
        "insert into identity.api_keys (id, org_id, name, key_hash, permissions, expires_at, sources)
         select $2, $1, $3, $4, $5, $6, $7::text[]::cidr[]
         where (select count(*) from identity.api_keys where org_id = $1 and revoked_at is null) < $8",
    );
    let query = query.bind(org.0).bind(id).bind(&new.name).bind(key_hash).bind(permissions);
    let query = query.bind(new.expires_at).bind(&new.sources).bind(KEYS_OF_ONE_MAX);
    match query.execute(c).await?.rows_affected() {
        0 => Err(ApiError::Conflict("there are too many keys: revoke one first")),
        _ => Ok(()),
    }
}

/// Another secret is the good one from now on.
pub(super) async fn rotate(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    key_hash: [u8; 32],
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "update identity.api_keys set key_hash = $3, rotated_at = now() where org_id = $1 and id = $2",
    );
    query.bind(org.0).bind(id).bind(key_hash).execute(c).await.map(drop)
}

/// It is good no more.
pub(super) async fn revoke(c: &mut PgConnection, (org, id): (OrgId, Uuid)) -> Result<(), sqlx::Error> {
    let query = sqlx::query("update identity.api_keys set revoked_at = now() where org_id = $1 and id = $2");
    query.bind(org.0).bind(id).execute(c).await.map(drop)
}
