//! Rows of `identity.memberships` of whom nobody knows yet whether they come.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::Invitation;
use crate::{
    http::error::{ApiError, Broken, broken},
    identity::{letters::NOT_GOOD, members::store::words},
};

const CONSTRAINTS: &[Broken] = &[Broken::taken(
    "memberships_org_email_key",
    "somebody of this address is a member, or invited, already",
)];

/// A member who waits for the person.
pub(super) async fn add(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    new: &Invitation,
) -> Result<(), ApiError> {
    let made = sqlx::query(
        "insert into identity.memberships (id, org_id, email, role, granted) values ($1, $2, $3, $4, $5)",
    );
    let made = made.bind(id).bind(org.0).bind(&new.email).bind(new.role.as_str()).bind(words(&new.granted));
    made.execute(c).await.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}

/// How many the organisation has sent in the last day, whatever has become of them.
pub(super) async fn sent_lately(c: &mut PgConnection, org: OrgId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "select count(*) from identity.memberships where org_id = $1 and created_at > now() - interval '1 day'",
    )
    .bind(org.0)
    .fetch_one(c)
    .await
}

/// The organisation's name, for its letters.
pub(super) async fn name_of(c: &mut PgConnection, org: OrgId) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("select name from identity.organisations where id = $1").bind(org.0).fetch_one(c).await
}

/// They have said no to an invitation that waits.
pub(super) async fn reject(c: &mut PgConnection, (org, id): (OrgId, Uuid)) -> Result<(), ApiError> {
    let done = sqlx::query(
        "update identity.memberships set status = 'rejected'
         where org_id = $1 and id = $2 and status = 'pending' and removed_at is null",
    );
    match done.bind(org.0).bind(id).execute(c).await?.rows_affected() {
        0 => Err(NOT_GOOD),
        _ => Ok(()),
    }
}

/// `user` has said yes to an invitation that waits. Whoever was a member before comes back into the row they left; which one it is.
pub(super) async fn accept(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    user: Uuid,
) -> Result<Uuid, ApiError> {
    let before: Option<(Uuid, bool)> = sqlx::query_as(
        "select id, removed_at is null from identity.memberships where org_id = $1 and user_id = $2",
    )
    .bind(org.0)
    .bind(user)
    .fetch_optional(&mut *c)
    .await?;
    let joined = match before {
        Some((_, true)) => return Err(ApiError::Conflict("you are a member already")),
        Some((_, false)) => sqlx::query_scalar(
            "with asked as (
                 update identity.memberships set removed_at = now()
                 where org_id = $1 and id = $2 and status = 'pending' and removed_at is null
                 returning email, role, granted)
             update identity.memberships m
             set email = asked.email, role = asked.role, granted = asked.granted, withheld = '{}',
                 status = 'active', removed_at = null
             from asked where m.org_id = $1 and m.user_id = $3 returning m.id",
        ),
        None => sqlx::query_scalar(
            "update identity.memberships set user_id = $3, status = 'active'
             where org_id = $1 and id = $2 and status = 'pending' and removed_at is null returning id",
        ),
    };
    joined.bind(org.0).bind(id).bind(user).fetch_optional(c).await?.ok_or(NOT_GOOD)
}
