//! Rows of `identity.auth_methods` that say what the provider calls somebody.

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::Link;
use crate::{
    database::enter_login,
    http::error::{ApiError, Broken, broken},
};

const CONSTRAINTS: &[Broken] = &[
    Broken::taken("auth_methods_pkey", "it is somebody's already"),
    Broken::taken("auth_methods_google_key", "you sign in with another one already: unlink that first"),
];

/// Whom this issuer calls so; from here on the unit of work is in the scope of that.
pub(super) async fn linked(
    c: &mut PgConnection,
    (issuer, subject): (&str, &str),
) -> Result<Option<Uuid>, sqlx::Error> {
    enter_login(c, subject).await?;
    let query = sqlx::query_scalar(
        "select user_id from identity.auth_methods
         where provider = 'google_login' and provider_user_id = $1 and issuer = $2",
    );
    query.bind(subject).bind(issuer).fetch_optional(c).await
}

/// This issuer calls `user` so, whose scope it is.
pub(super) async fn link(
    c: &mut PgConnection,
    user: Uuid,
    (issuer, subject): (&str, &str),
) -> Result<(), ApiError> {
    let query = sqlx::query(
        "insert into identity.auth_methods (provider, provider_user_id, user_id, issuer)
         values ('google_login', $1, $2, $3)",
    );
    let done = query.bind(subject).bind(user).bind(issuer).execute(c).await;
    done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}

/// Not any more; false: not before either.
pub(super) async fn unlink(c: &mut PgConnection, user: Uuid) -> Result<bool, sqlx::Error> {
    let query =
        sqlx::query("delete from identity.auth_methods where user_id = $1 and provider = 'google_login'");
    Ok(query.bind(user).execute(c).await?.rows_affected() == 1)
}

/// How it stands with `user`.
pub(super) async fn link_of(c: &mut PgConnection, user: Uuid) -> Result<Link, sqlx::Error> {
    let query = sqlx::query_as(
        "select min(created_at) filter (where provider = 'google_login') as linked_at,
             coalesce(bool_or(provider = 'password'), false) as has_password
         from identity.auth_methods where user_id = $1",
    );
    query.bind(user).fetch_one(c).await
}

/// That `address` is theirs is proven.
pub(super) async fn verify(c: &mut PgConnection, user: Uuid, address: &str) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "update identity.users set email_verified_at = coalesce(email_verified_at, now())
         where id = $1 and email = $2",
    );
    query.bind(user).bind(address).execute(c).await.map(drop)
}
