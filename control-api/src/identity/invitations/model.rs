//! What is said to invite somebody, and in answer to it.

use std::collections::BTreeSet;

use contract::language::Language;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{error::ApiError, fields::Fields},
    identity::{
        accounts::model::{address, name},
        members::model::reach,
        password,
        permission::{Permission, Role},
    },
};

/// Whom to invite.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// Where the letter goes
    #[schema(example = "budi@example.com")]
    pub email: String,
    /// What they are to be
    pub role: Role,
    /// What they may beside their role
    #[serde(default)]
    #[schema(value_type = Vec<Permission>)]
    pub granted: BTreeSet<Permission>,
    /// The language of the letter: `id` or `en`
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "id")]
    pub language: Language,
}

impl Invitation {
    /// Itself, if its address could be one.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        let email = address(&mut fields, &self.email);
        fields.done().map(|()| Self { email, ..self })
    }

    /// What whoever says so must have.
    pub(super) fn reach(&self) -> BTreeSet<Permission> {
        reach(Some(self.role), &self.granted)
    }
}

/// The token of an invitation, and who takes it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// As it stands in the letter; it is good once
    pub token: String,
    /// Of whom has no account yet: the name that others see
    #[serde(default)]
    #[schema(example = "Budi Santoso", max_length = 100)]
    pub name: Option<String>,
    /// Of whom has no account yet: at least 8 characters, with a digit and a symbol
    #[serde(default)]
    pub password: Option<String>,
}

impl Acceptance {
    /// Name and password of an account that there is not yet, or everything that is wrong with them.
    pub(super) fn account(self) -> Result<(String, String), ApiError> {
        let mut fields = Fields::default();
        let name = name(&mut fields, &self.name.unwrap_or_default());
        let password = self.password.unwrap_or_default();
        password::check(&mut fields, "password", &password);
        fields.done().map(|()| (name, password))
    }
}

/// The token of an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// As it stands in the letter; it is good once
    pub token: String,
}
