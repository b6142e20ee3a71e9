//! Rows of `identity.memberships` in the scope of their organisation.

use std::collections::BTreeSet;

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Description, Member};
use crate::{
    http::{error::ApiError, page::Cursor},
    identity::permission::Permission,
};

/// How somebody stands to an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Standing {
    /// They belong to it, also while they are suspended.
    Member,
    /// They were asked to, and have not said yes.
    Invited,
}

impl Standing {
    const fn statuses(self) -> &'static [&'static str] {
        match self {
            Self::Member => &["active", "suspended"],
            Self::Invited => &["pending", "rejected"],
        }
    }
}

macro_rules! members {
    ($rest:literal) => {
        concat!(
            "select m.id, m.user_id, u.name, m.email, m.role, m.status, m.granted, m.withheld, m.created_at, m.version \
             from identity.memberships m left join identity.users u on u.id = m.user_id \
             where m.org_id = $1 and m.status = any($2) and m.removed_at is null ",
            $rest
        )
    };
}

/// Up to `limit` + 1 of them, newest first.
pub(in crate::identity) async fn list(
    c: &mut PgConnection,
    (org, standing): (OrgId, Standing),
    (limit, after): (u16, Option<Cursor>),
) -> Result<Vec<Member>, sqlx::Error> {
    sqlx::query_as(members!(
        "and ($3::timestamptz is null or (m.created_at, m.id) < ($3, $4::uuid)) \
         order by m.created_at desc, m.id desc limit $5"
    ))
    .bind(org.0)
    .bind(standing.statuses())
    .bind(after.map(|cursor| cursor.at))
    .bind(after.map(|cursor| cursor.id))
    .bind(i64::from(limit) + 1)
    .fetch_all(c)
    .await
}

/// The one called `id`.
pub(in crate::identity) async fn one(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    standing: Standing,
) -> Result<Member, ApiError> {
    let found = sqlx::query_as(members!("and m.id = $3")).bind(org.0).bind(standing.statuses()).bind(id);
    found.fetch_optional(c).await?.ok_or(ApiError::NotFound)
}

/// The same, if it is still the version that the client has read. The unit of work is the only one that changes telephony, of which
/// members are a part, so nobody else changes it meanwhile.
pub(in crate::identity) async fn hold(
    c: &mut PgConnection,
    key: (OrgId, Uuid),
    standing: Standing,
    version: i32,
) -> Result<Member, ApiError> {
    let held = one(c, key, standing).await?;
    if held.version == version { Ok(held) } else { Err(ApiError::Stale) }
}

/// As they are written into rows.
pub(in crate::identity) fn words(permissions: &BTreeSet<Permission>) -> Vec<&'static str> {
    permissions.iter().map(|permission| permission.as_str()).collect()
}

/// Makes of the member what is described.
pub(super) async fn update(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    new: &Description,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update identity.memberships set role = $3, granted = $4, withheld = $5,
             status = case when $6 then 'active' else 'suspended' end
         where org_id = $1 and id = $2",
    )
    .bind(org.0)
    .bind(id)
    .bind(new.role.as_str())
    .bind(words(&new.granted))
    .bind(words(&new.withheld))
    .bind(new.is_active)
    .execute(c)
    .await
    .map(drop)
}

/// They are there no more; their row stays, for what others say of it, and for when they come back.
pub(in crate::identity) async fn remove(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
) -> Result<(), sqlx::Error> {
    sqlx::query("update identity.memberships set removed_at = now() where org_id = $1 and id = $2")
        .bind(org.0)
        .bind(id)
        .execute(c)
        .await
        .map(drop)
}

/// Whether anybody is there whose organisation it is, and who may sign in and make others what they should be.
pub(super) async fn has_owner(c: &mut PgConnection, org: OrgId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select from identity.memberships m join identity.users u on u.id = m.user_id
                        where m.org_id = $1 and m.role = 'owner' and m.status = 'active' and m.removed_at is null
                          and u.status = 'active' and $2 <> all (m.withheld))",
    )
    .bind(org.0)
    .bind(Permission::MembersWrite.as_str())
    .fetch_one(c)
    .await
}
