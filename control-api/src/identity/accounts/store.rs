//! Rows of people that come of registrations, and their passwords.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    database::{Scope, enter, enter_login},
    http::error::{ApiError, Broken, broken},
};

/// Somebody who has an address.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(in crate::identity) struct Account {
    pub(in crate::identity) user: Uuid,
    pub(in crate::identity) is_active: bool,
    pub(in crate::identity) is_verified: bool,
    /// Not so of people whom an administrator has entered: they set their first one by a letter.
    pub(in crate::identity) has_password: bool,
}

/// Who has this address; from here on the unit of work is in its scope.
pub(in crate::identity) async fn account_of(
    c: &mut PgConnection,
    address: &str,
) -> Result<Option<Account>, sqlx::Error> {
    enter_login(c, address).await?;
    sqlx::query_as(
        "select u.id as user, u.status = 'active' as is_active, u.email_verified_at is not null as is_verified,
             exists (select from identity.auth_methods m
             where m.user_id = u.id and m.provider = 'password' and m.provider_user_id = $1) as has_password
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

/// A person whose address is verified, and whose scope it is from here on.
pub(in crate::identity) async fn add_person(
    c: &mut PgConnection,
    id: Uuid,
    (name, address): (&str, &str),
) -> Result<(), ApiError> {
    enter(c, Scope::Person(id)).await?;
    let made = sqlx::query(
        "insert into identity.users (id, name, email, email_verified_at) values ($1, $2, $3, now())",
    );
    let made = made.bind(id).bind(name).bind(address).execute(c).await;
    made.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}

/// The same with a password.
pub(in crate::identity) async fn add(
    c: &mut PgConnection,
    id: Uuid,
    (name, address): (&str, &str),
    password_hash: &str,
) -> Result<(), ApiError> {
    add_person(c, id, (name, address)).await?;
    let method = sqlx::query(
        "insert into identity.auth_methods (provider, provider_user_id, user_id, password_hash)
         values ('password', $1, $2, $3)",
    );
    let done = method.bind(address).bind(id).bind(password_hash).execute(c).await;
    done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}

/// Whether `user`, whose scope it is, has an account here, and is not only a guest.
pub(in crate::identity) async fn is_one(c: &mut PgConnection, user: Uuid) -> Result<bool, sqlx::Error> {
    let query = sqlx::query_scalar("select email is not null from identity.users where id = $1");
    query.bind(user).fetch_one(c).await
}

/// `user`, whose scope it is, was a guest so far, and has an account with this address from now on. It is verified.
pub(in crate::identity) async fn add_address(
    c: &mut PgConnection,
    user: Uuid,
    address: &str,
) -> Result<(), ApiError> {
    let done = sqlx::query(
        "update identity.users set email = $2, email_verified_at = now() where id = $1 and email is null",
    );
    let done = done.bind(user).bind(address).execute(c).await;
    done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}

/// Another password, or the first one, for `user`, whose scope it is and who has read a letter to `address`. False: that is not theirs any
/// more, or they are suspended.
pub(super) async fn set_password(
    c: &mut PgConnection,
    (user, address): (Uuid, &str),
    hash: &str,
) -> Result<bool, sqlx::Error> {
    let verified = sqlx::query(
        "update identity.users set email_verified_at = coalesce(email_verified_at, now())
         where id = $1 and email = $2 and status = 'active'",
    );
    if verified.bind(user).bind(address).execute(&mut *c).await?.rows_affected() == 0 {
        return Ok(false);
    }
    let set = sqlx::query(
        "insert into identity.auth_methods (provider, provider_user_id, user_id, password_hash)
         values ('password', $1, $2, $3)
         on conflict (provider, provider_user_id) do update set password_hash = excluded.password_hash
         where auth_methods.user_id = excluded.user_id",
    );
    let set = set.bind(address).bind(user).bind(hash).execute(c).await?;
    Ok(set.rows_affected() == 1)
}

/// Where `user`, whose scope it is, is a member, suspended or not: the organisation, and what the membership is called.
pub(super) async fn memberships(c: &mut PgConnection, user: Uuid) -> Result<Vec<(OrgId, Uuid)>, sqlx::Error> {
    let query = sqlx::query_as(
        "select org_id, id from identity.memberships
         where user_id = $1 and status in ('active', 'suspended') and removed_at is null order by org_id",
    );
    let found: Vec<(Uuid, Uuid)> = query.bind(user).fetch_all(c).await?;
    Ok(found.into_iter().map(|(org, id)| (OrgId(org), id)).collect())
}

/// `user`, whose scope it is, is called `name`; false: they are already.
pub(super) async fn rename(c: &mut PgConnection, user: Uuid, name: &str) -> Result<bool, sqlx::Error> {
    let query = sqlx::query("update identity.users set name = $2 where id = $1 and name is distinct from $2");
    Ok(query.bind(user).bind(name).execute(c).await?.rows_affected() == 1)
}
