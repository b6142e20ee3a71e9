//! Rows of `platform.idempotency_keys`.

use sqlx::PgConnection;

use super::KEPT_HOURS;
use crate::{http::extract::Once, platform::audit::Actor};

/// Takes the name for this transaction; false: another one has it.
pub(super) async fn lock(c: &mut PgConnection, actor: Actor, key: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_xact_lock(hashtextextended($1 || $2, 0))")
        .bind(actor.id.to_string())
        .bind(key)
        .fetch_one(c)
        .await
}

/// The hash of the request that has this name, and its answer.
pub(super) async fn find(
    c: &mut PgConnection,
    actor: Actor,
    key: &str,
) -> Result<Option<(Vec<u8>, String)>, sqlx::Error> {
    sqlx::query_as(
        "select request_hash, answer from platform.idempotency_keys
         where org_id = $1 and actor_id = $2 and key = $3 and created_at > now() - make_interval(hours => $4)",
    )
    .bind(actor.org.0)
    .bind(actor.id)
    .bind(key)
    .bind(KEPT_HOURS)
    .fetch_optional(c)
    .await
}

pub(super) async fn keep(
    c: &mut PgConnection,
    actor: Actor,
    once: &Once,
    answer: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into platform.idempotency_keys (org_id, actor_id, key, request_hash, answer)
         values ($1, $2, $3, $4, $5)",
    )
    .bind(actor.org.0)
    .bind(actor.id)
    .bind(&once.key)
    .bind(once.request_hash.as_slice())
    .bind(answer)
    .execute(c)
    .await
    .map(drop)
}

pub(super) async fn forget_old(c: &mut PgConnection, actor: Actor) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from platform.idempotency_keys
         where org_id = $1 and created_at <= now() - make_interval(hours => $2)",
    )
    .bind(actor.org.0)
    .bind(KEPT_HOURS)
    .execute(c)
    .await
    .map(drop)
}
