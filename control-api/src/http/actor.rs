//! Who is asking. An [`Actor`], a [`Person`] or a [`Guest`] in a handler's signature is the authentication: without a valid key or token
//! the handler does not run.

use std::collections::BTreeSet;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use contract::id::OrgId;
use uuid::Uuid;

use super::{error::ApiError, rate::Admission, source::Source};
use crate::{
    app::App,
    identity::{
        api_keys,
        guests::{self, Guest},
        permission::Permission,
        sign_ins::{self, SignedIn},
    },
    platform::audit,
};

/// Whoever acts for an organisation: a program with a valid key, or a person who has signed in.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The only organisation whose rows it can reach.
    pub org: OrgId,
    who: Who,
    permissions: BTreeSet<Permission>,
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Key(Uuid),
    Person(Uuid),
}

impl Actor {
    /// A key of `org` with what it may do.
    pub fn key(key: Uuid, org: OrgId, permissions: BTreeSet<Permission>) -> Self {
        Self { org, who: Who::Key(key), permissions }
    }

    /// A person in `org` with what they may do there.
    pub fn person(user: Uuid, org: OrgId, permissions: BTreeSet<Permission>) -> Self {
        Self { org, who: Who::Person(user), permissions }
    }

    /// Refuses to give, change or take away what it does not have itself.
    pub fn may_give(&self, permissions: &BTreeSet<Permission>) -> Result<(), ApiError> {
        permissions.iter().try_for_each(|permission| self.must(*permission))
    }

    /// Who it is, for the record.
    pub const fn identity(&self) -> audit::Actor {
        let (kind, id) = match self.who {
            Who::Key(key) => ("api_key", key),
            Who::Person(user) => ("person", user),
        };
        audit::Actor { org: self.org, kind, id }
    }

    /// Whose things it may do this to: everybody's (`None`) if that is permitted, otherwise a person's own. A key has none.
    pub fn own_or(&self, permission: Permission) -> Result<Option<Uuid>, ApiError> {
        match (self.must(permission), self.who) {
            (Ok(()), _) => Ok(None),
            (Err(_), Who::Person(user)) => Ok(Some(user)),
            (Err(refused), Who::Key(_)) => Err(refused),
        }
    }

    /// Refuses unless it is permitted.
    pub fn must(&self, permission: Permission) -> Result<(), ApiError> {
        if self.permissions.contains(&permission) {
            Ok(())
        } else {
            Err(ApiError::Forbidden(permission.as_str()))
        }
    }
}

/// A person who has signed in, in their own affairs.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// Who.
    pub user: Uuid,
    /// Where.
    pub sign_in: Uuid,
    /// The organisation they act in now.
    pub organisation: Option<Uuid>,
}

/// What is told of an organisation's things to whoever has none to act in.
const NOWHERE: ApiError = ApiError::NotForYou("you act in no organisation that is approved");

impl Person {
    /// The organisation they act in, where something is about that too.
    pub fn acts(&self) -> Result<Uuid, ApiError> {
        self.organisation.ok_or(NOWHERE)
    }
}

/// One of the platform's staff (§2.3): sees organisations and says how they stand, and acts in none by that.
#[derive(Clone, Copy, Debug)]
pub struct Staff {
    /// Who.
    pub user: Uuid,
}

fn bearer(parts: &Parts) -> Result<&str, ApiError> {
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = header.and_then(|value| value.split_once(' ')).ok_or(ApiError::Unauthorized)?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).ok_or(ApiError::Unauthorized)
}

async fn key(parts: &Parts, app: &App, token: &str) -> Result<Actor, ApiError> {
    let source = parts.extensions.get::<Source>().ok_or(ApiError::Unauthorized)?;
    let actor = api_keys::authenticate(&app.database, token, source.address).await?;
    let actor = actor.ok_or(ApiError::Unauthorized)?;
    count(parts, actor.identity().id)?;
    Ok(actor)
}

async fn signed_in(parts: &Parts, app: &App, token: &str) -> Result<SignedIn, ApiError> {
    let person = sign_ins::authenticate(app, token).await?.ok_or(ApiError::Unauthorized)?;
    count(parts, person.user)?;
    Ok(person)
}

fn count(parts: &Parts, actor: Uuid) -> Result<(), ApiError> {
    parts.extensions.get::<Admission>().map_or(Ok(()), |admission| admission.actor(actor))
}

impl FromRequestParts<App> for Actor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = bearer(parts)?;
        if token.starts_with(api_keys::PREFIX) {
            return key(parts, app, token).await;
        }
        let SignedIn { user, acts, .. } = signed_in(parts, app, token).await?;
        let (org, permissions) = acts.ok_or(NOWHERE)?;
        Ok(Self::person(user, org, permissions))
    }
}

impl FromRequestParts<App> for Person {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let SignedIn { user, sign_in, acts, .. } = person(parts, app).await?;
        Ok(Self { user, sign_in, organisation: acts.map(|(org, _)| org.0) })
    }
}

impl FromRequestParts<App> for Staff {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match person(parts, app).await? {
            SignedIn { user, is_staff: true, .. } => Ok(Self { user }),
            SignedIn { .. } => Err(ApiError::NotForYou("is for the platform's staff")),
        }
    }
}

impl FromRequestParts<App> for Guest {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let guest = guests::authenticate(app, bearer(parts)?).await?.ok_or(ApiError::Unauthorized)?;
        count(parts, guest.user)?;
        Ok(guest)
    }
}

async fn person(parts: &Parts, app: &App) -> Result<SignedIn, ApiError> {
    let token = bearer(parts)?;
    if token.starts_with(api_keys::PREFIX) {
        key(parts, app, token).await?;
        return Err(ApiError::NotForYou("is for people who sign in"));
    }
    signed_in(parts, app, token).await
}
