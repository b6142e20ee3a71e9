//! A member as clients see it, and what they may say of one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sqlx::{FromRow, Row as _, postgres::PgRow};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::page::Cursor,
    identity::permission::{Permission, Role, of_member},
    instant::Instant,
};

/// Somebody who belongs to an organisation, or is asked to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Member {
    /// The membership's id.
    pub id: Uuid,
    /// Whose it is; null while nobody has accepted.
    pub user_id: Option<Uuid>,
    /// The person's name.
    pub name: Option<String>,
    /// The address that was invited.
    pub email: String,
    /// What they are.
    pub role: Option<Role>,
    /// `pending` and `rejected` are invitations; `active` and `suspended` are members.
    #[schema(example = "active")]
    pub status: String,
    /// What they may beside their role.
    pub granted: BTreeSet<Permission>,
    /// What they may not although their role may.
    pub withheld: BTreeSet<Permission>,
    /// What they may, all in all.
    pub permissions: BTreeSet<Permission>,
    /// Since when.
    pub created_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

impl FromRow<'_, PgRow> for Member {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let role = Role::of(row.try_get("role")?);
        let (granted, withheld): (Vec<String>, Vec<String>) =
            (row.try_get("granted")?, row.try_get("withheld")?);
        Ok(Self {
            id: row.try_get("id")?,
            user_id: row.try_get("user_id")?,
            name: row.try_get("name")?,
            email: row.try_get("email")?,
            role,
            status: row.try_get("status")?,
            permissions: of_member(role, &granted, &withheld),
            granted: Permission::among(&granted),
            withheld: Permission::among(&withheld),
            created_at: row.try_get("created_at")?,
            version: row.try_get("version")?,
        })
    }
}

impl Member {
    /// Where the list goes on after this one.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }

    /// Whether the organisation is theirs, and they may act for it.
    pub(super) fn is_acting_owner(&self) -> bool {
        let may = !self.withheld.contains(&Permission::MembersWrite);
        self.role == Some(Role::Owner) && self.status == "active" && may
    }

    /// What whoever changes them must have.
    pub(in crate::identity) fn reach(&self) -> BTreeSet<Permission> {
        reach(self.role, &self.granted)
    }
}

/// What a role permits and what is granted beside it, whatever is withheld of it for now.
pub(in crate::identity) fn reach(role: Option<Role>, granted: &BTreeSet<Permission>) -> BTreeSet<Permission> {
    role.map(Role::permissions).unwrap_or_default().iter().chain(granted).copied().collect()
}

/// All that can be said of a member. What is left out is as for a new one.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MemberDescription)]
pub struct Description {
    /// What they are
    pub role: Role,
    /// Whether they may act for the organisation
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub is_active: bool,
    /// What they may beside their role
    #[serde(default)]
    #[schema(value_type = Vec<Permission>)]
    pub granted: BTreeSet<Permission>,
    /// What they may not although their role may
    #[serde(default)]
    #[schema(value_type = Vec<Permission>)]
    pub withheld: BTreeSet<Permission>,
}

impl Description {
    /// What whoever says so must have.
    pub(super) fn reach(&self) -> BTreeSet<Permission> {
        reach(Some(self.role), &self.granted)
    }
}

const fn yes() -> bool {
    true
}
