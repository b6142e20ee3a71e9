//! Who is asking. An [`Actor`] in a handler's signature is the authentication: without a valid key the
//! handler does not run.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use contract::id::OrgId;
use uuid::Uuid;

use super::{error::ApiError, rate::Admission};
use crate::{
    app::App,
    identity::api_keys::{self, Permission},
    platform::audit,
};

/// A program with a valid key.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The key's id.
    pub key: Uuid,
    /// The organisation it acts for, and the only one whose rows it can reach.
    pub org: OrgId,
    permissions: Vec<Permission>,
}

impl Actor {
    /// A key of `org` with what it may do.
    pub fn new(key: Uuid, org: OrgId, permissions: Vec<Permission>) -> Self {
        Self { key, org, permissions }
    }

    /// Who it is, for the record.
    pub const fn identity(&self) -> audit::Actor {
        audit::Actor { org: self.org, kind: "api_key", id: self.key }
    }

    /// Refuses unless the key permits it.
    pub fn must(&self, permission: Permission) -> Result<(), ApiError> {
        if self.permissions.contains(&permission) {
            Ok(())
        } else {
            Err(ApiError::Forbidden(permission.as_str()))
        }
    }
}

impl FromRequestParts<App> for Actor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) = header.and_then(|value| value.split_once(' ')).ok_or(ApiError::Unauthorized)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::Unauthorized);
        }
        let actor = api_keys::authenticate(&app.database, token.trim()).await?;
        let actor = actor.ok_or(ApiError::Unauthorized)?;
        if let Some(admission) = parts.extensions.get::<Admission>() {
            admission.actor(actor.identity().id)?;
        }
        Ok(actor)
    }
}
