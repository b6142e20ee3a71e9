//! Where guests come in, whatever they say at the door: which organisation a QR code leads to, what they see of it, and that they are in it.

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
};
use contract::{id::OrgId, qr_code};
use sqlx::PgConnection;

use super::{
    NOT_OPEN,
    model::{GuestOrganisation, GuestSession, Session},
    session, store, token,
};
use crate::{
    app::App,
    database::{Scope, enter},
    http::error::ApiError,
    identifier,
    identity::{google, qr_codes},
    openid::Proven,
    telephony::open_extensions,
};

/// What is told whoever is suspended.
const NOBODY: ApiError = ApiError::Refused("nobody may enter here by that");

/// What somebody says who wants to enter.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// What they call themselves. Two of one name are two.
    Name(String),
    /// What the provider of sign-ins says of them. It is the same guest each time.
    Proof(Proven),
}

/// Where whoever is at the door is in already, if their bearer says so and is good.
pub(super) async fn before(app: &App, headers: &HeaderMap) -> Result<Option<Session>, ApiError> {
    let bearer =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match bearer {
        Some(bearer) => session(app, bearer.trim()).await,
        None => Ok(None),
    }
}

/// Lets somebody in by a code, unless they are in elsewhere.
pub(super) async fn admit(
    app: &App,
    before: Option<Session>,
    (code, said): (String, Said),
) -> Result<(StatusCode, Json<GuestSession>), ApiError> {
    let (proofs, id, fresh) = (app.proofs.clone(), identifier::fresh()?, identifier::fresh()?);
    let entered = app.database.change(Scope::Nothing, move |c| {
        Box::pin(async move {
            let org = behind(c, &code).await?;
            let organisation = front(c, org).await?;
            let (status, session) = match before {
                Some(before) if before.org_id == org.0 => (StatusCode::OK, before),
                Some(_) => return Err(ApiError::Conflict("you are in another organisation: leave it first")),
                None => {
                    proofs.guests.enter_organisation(org)?;
                    let user = match said {
                        Said::Name(name) => {
                            store::add(c, fresh, &name).await?;
                            fresh
                        }
                        Said::Proof(proven) => {
                            let user = google::arrive_as_guest(c, &proven, fresh).await?;
                            store::leave_others(c, (org, user)).await?;
                            user
                        }
                    };
                    let session = store::begin(c, (org, id, user)).await?;
                    (StatusCode::CREATED, session.ok_or(NOBODY)?)
                }
            };
            Ok((status, session, organisation))
        })
    });
    let (status, session, organisation): (_, Session, _) = entered.await?;
    let token = token(app, session.id);
    Ok((status, Json(session.view(token, organisation))))
}

/// The organisation that a code lets guests into; its scope is entered.
pub(super) async fn behind(c: &mut PgConnection, code: &str) -> Result<OrgId, ApiError> {
    let found = match qr_code::is_code(code) {
        true => qr_codes::store::presented(c, code).await?,
        false => None,
    };
    match found {
        None => Err(ApiError::NotFound),
        Some((_, false)) => Err(ApiError::Gone("this QR code is not in use any more: scan the new one")),
        Some((org, true)) => {
            enter(c, Scope::Organisation(OrgId(org))).await?;
            Ok(OrgId(org))
        }
    }
}

/// What guests see of an organisation, whose scope it is.
pub(super) async fn front(c: &mut PgConnection, org: OrgId) -> Result<GuestOrganisation, ApiError> {
    let face = store::face(c, org).await?.filter(|face| face.is_approved).ok_or(NOT_OPEN)?;
    let directory = open_extensions::directory(c, org).await?.ok_or(NOT_OPEN)?;
    Ok(face.view(directory))
}
