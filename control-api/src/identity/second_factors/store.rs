//! Rows of `identity.second_factors`, each in the scope of its person.

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::SecondFactor;
use crate::identity::signing::Locked;

/// What codes are looked at with.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Held {
    pub(super) locked: Vec<u8>,
    pub(super) key_name: String,
    pub(super) is_confirmed: bool,
    /// Codes that were wrong since one was right.
    pub(super) failures: i32,
}

/// That of `user`, which nobody else changes until this unit of work ends.
pub(super) async fn held(c: &mut PgConnection, user: Uuid) -> Result<Option<Held>, sqlx::Error> {
    let query = sqlx::query_as(
        "select locked, key_name, confirmed_at is not null as is_confirmed, failures
         from identity.second_factors where user_id = $1 for update",
    );
    query.bind(user).fetch_optional(c).await
}

/// How it stands with `user`.
pub(super) async fn one(c: &mut PgConnection, user: Uuid) -> Result<Option<SecondFactor>, sqlx::Error> {
    let query = sqlx::query_as(
        "select confirmed_at, cardinality(recovery) as recovery_codes_left
         from identity.second_factors where user_id = $1",
    );
    query.bind(user).fetch_optional(c).await
}

/// Another secret for `user`, unless one counts already.
pub(super) async fn begin(c: &mut PgConnection, user: Uuid, secret: &Locked) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(
        "insert into identity.second_factors (user_id, locked, key_name) values ($1, $2, $3)
         on conflict (user_id) do update
         set locked = excluded.locked, key_name = excluded.key_name, last_step = 0, failures = 0, created_at = now()
         where second_factors.confirmed_at is null",
    );
    let done = query.bind(user).bind(&secret.bytes).bind(&secret.key_name).execute(c).await?;
    Ok(done.rows_affected() == 1)
}

/// It counts from now on.
pub(super) async fn confirm(
    c: &mut PgConnection,
    user: Uuid,
    recovery: &[Vec<u8>],
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "update identity.second_factors set confirmed_at = now(), recovery = $2 where user_id = $1",
    );
    query.bind(user).bind(recovery).execute(c).await.map(drop)
}

/// Whether the code of that step is used for the first time.
pub(super) async fn spend_step(c: &mut PgConnection, user: Uuid, step: i64) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(
        "update identity.second_factors set last_step = $2, failures = 0 where user_id = $1 and last_step < $2",
    );
    Ok(query.bind(user).bind(step).execute(c).await?.rows_affected() == 1)
}

/// Whether that recovery code is among those that are left, which it is not any more.
pub(super) async fn spend_recovery(
    c: &mut PgConnection,
    user: Uuid,
    hash: &[u8],
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(
        "update identity.second_factors set recovery = array_remove(recovery, $2), failures = 0
         where user_id = $1 and $2 = any (recovery)",
    );
    Ok(query.bind(user).bind(hash).execute(c).await?.rows_affected() == 1)
}

/// One more code was wrong.
pub(super) async fn failed(c: &mut PgConnection, user: Uuid) -> Result<(), sqlx::Error> {
    let query = sqlx::query("update identity.second_factors set failures = failures + 1 where user_id = $1");
    query.bind(user).execute(c).await.map(drop)
}

/// The same secret, locked by another key.
pub(super) async fn relock(c: &mut PgConnection, user: Uuid, secret: &Locked) -> Result<(), sqlx::Error> {
    let query =
        sqlx::query("update identity.second_factors set locked = $2, key_name = $3 where user_id = $1");
    query.bind(user).bind(&secret.bytes).bind(&secret.key_name).execute(c).await.map(drop)
}

/// None any more.
pub(super) async fn delete(c: &mut PgConnection, user: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("delete from identity.second_factors where user_id = $1")
        .bind(user)
        .execute(c)
        .await
        .map(drop)
}
