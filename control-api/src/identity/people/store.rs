//! Rows of people in the scope of one of the platform's staff.

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::Account;
use crate::http::{error::ApiError, page::Cursor};

macro_rules! accounts {
    ($rest:literal) => {
        concat!(
            "select u.id, u.name, u.email, u.status, u.platform_role, u.judged_at, u.judged_by, u.judged_for, \
               u.created_at, u.version, \
               array(select m.org_id from identity.memberships m \
                     where m.user_id = u.id and m.role = 'owner' and m.status = 'active' and m.removed_at is null \
                     order by m.created_at, m.id) as owns \
             from identity.users u where u.email is not null ",
            $rest
        )
    };
}

/// Up to `limit` + 1 of them, newest first.
pub(super) async fn list(
    c: &mut PgConnection,
    (limit, after): (u16, Option<Cursor>),
) -> Result<Vec<Account>, sqlx::Error> {
    sqlx::query_as(accounts!(
        "and ($1::timestamptz is null or (u.created_at, u.id) < ($1, $2::uuid)) \
         order by u.created_at desc, u.id desc limit $3"
    ))
    .bind(after.map(|cursor| cursor.at))
    .bind(after.map(|cursor| cursor.id))
    .bind(i64::from(limit) + 1)
    .fetch_all(c)
    .await
}

/// The one called `id`.
pub(super) async fn one(c: &mut PgConnection, id: Uuid) -> Result<Account, ApiError> {
    let found = sqlx::query_as(accounts!("and u.id = $1")).bind(id).fetch_optional(c).await?;
    found.ok_or(ApiError::NotFound)
}

/// They are so from now on, and with them what is theirs; false: they are already, or it is oneself.
pub(super) async fn judge(
    c: &mut PgConnection,
    id: Uuid,
    verdict: &str,
    reason: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let judged = sqlx::query_scalar("select identity.judge_person($1, $2, $3)");
    judged.bind(id).bind(verdict).bind(reason).fetch_one(c).await
}

/// They are asked for no code any more; false: they are not now either, or it is oneself.
pub(super) async fn reset_second_factor(c: &mut PgConnection, id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select identity.reset_second_factor($1)").bind(id).fetch_one(c).await
}
