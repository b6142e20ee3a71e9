//! Rows of people that come of registrations, and their passwords.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    database::{Scope, enter, enter_login},
    http::error::{ApiError, Broken, broken},
};

/// Who has this address, and whether they have a password; from here on the unit of work is in its scope.
pub(super) async fn account_of(
    c: &mut PgConnection,
    address: &str,
) -> Result<Option<(Uuid, bool)>, sqlx::Error> {
    enter_login(c, address).await?;
    sqlx::query_as(
        "select u.id, u.status = 'active' and exists (select from identity.auth_methods m
             where m.user_id = u.id and m.provider = 'password' and m.provider_user_id = $1)
         from identity.users u where u.email = $1",
    )
    .bind(address)
    .fetch_optional(c)
    .await
}

const CONSTRAINTS: &[Broken] = &[
    Broken::taken("users_email_key", "the account is there already"),
    Broken::taken("auth_methods_pkey", "the account is there already"),
];

/// A person whose address is verified.
pub(super) async fn add(
    c: &mut PgConnection,
    id: Uuid,
    (name, address): (&str, &str),
    password_hash: &str,
) -> Result<(), ApiError> {
    enter(c, Scope::Person(id)).await?;
    let made = sqlx::query(
        "insert into identity.users (id, name, email, email_verified_at) values ($1, $2, $3, now())",
    );
    let made = made.bind(id).bind(name).bind(address).execute(&mut *c).await;
    made.map_err(|error| broken(error, CONSTRAINTS))?;
    let method = sqlx::query(
        "insert into identity.auth_methods (provider, provider_user_id, user_id, password_hash)
         values ('password', $1, $2, $3)",
    );
    let done = method.bind(address).bind(id).bind(password_hash).execute(c).await;
    done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}

/// Another password for `user`, whose scope it is.
pub(super) async fn set_password(c: &mut PgConnection, user: Uuid, hash: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update identity.auth_methods set password_hash = $2 where user_id = $1 and provider = 'password'",
    )
    .bind(user)
    .bind(hash)
    .execute(c)
    .await
    .map(drop)
}
