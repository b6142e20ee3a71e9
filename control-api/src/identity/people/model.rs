//! A person as the platform's staff see one, and what may be said of one.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields, page::Cursor},
    identity::organisations::model::reason,
    instant::Instant,
};

/// Somebody who has an account.
#[derive(Clone, Debug, Serialize, ToSchema, FromRow)]
pub struct Account {
    /// Who.
    pub id: Uuid,
    /// The name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// `active` or `suspended`.
    #[schema(example = "active")]
    pub status: String,
    /// `super_admin`, or `none`.
    pub platform_role: String,
    /// When staff suspended them, or let them go on, last.
    pub judged_at: Option<Instant>,
    /// Who did.
    pub judged_by: Option<Uuid>,
    /// And why.
    pub judged_for: Option<String>,
    /// Organisations that are theirs.
    pub owns: Vec<Uuid>,
    /// Since when the account is there.
    pub created_at: Instant,
    /// Its version.
    pub version: i32,
}

impl Account {
    /// Where the list goes on after this one.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }
}

/// Why somebody is suspended, or is not any more.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// In words of the platform's staff
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

impl Suspension {
    /// Itself, if the reason may be one.
    pub(super) fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        reason(&mut fields, self.reason.as_deref());
        fields.done().map(|()| self)
    }
}
