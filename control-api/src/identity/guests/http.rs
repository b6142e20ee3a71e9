//! The doors of guests: `/api/guest/organisations/{code}`, to see where a QR code leads, and `/api/guest/session`, to be there.

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use contract::{id::OrgId, qr_code};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Guest, NOT_OPEN,
    model::{Entry, GuestOrganisation, GuestSession, Session},
    session, store, token,
};
use crate::{
    app::App,
    database::{Scope, enter},
    http::{
        error::{ApiError, Problem},
        extract::{Change, Path},
        source::Source,
    },
    identifier,
    identity::qr_codes,
    telephony::open_extensions,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(organisation)).routes(routes!(begin)).routes(routes!(show, end))
}

/// Where a QR code leads
#[utoipa::path(get, path = "/api/guest/organisations/{code}", tag = "guests",
    params(("code" = String, Path, description = "The code behind `/g/`")),
    responses((status = 200, description = "The organisation", body = GuestOrganisation),
        (status = 403, description = "It takes no calls at the moment", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such code", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "There is a newer QR code", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "More requests than are allowed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the database is away", body = Problem, content_type = "application/problem+json")))]
async fn organisation(
    State(app): State<App>,
    Extension(source): Extension<Source>,
    Path(code): Path<String>,
) -> Result<Json<GuestOrganisation>, ApiError> {
    app.proofs.guests.look(&source)?;
    let found = app.database.change(Scope::Nothing, move |c| {
        Box::pin(async move {
            let org = behind(c, &code).await?;
            front(c, org).await
        })
    });
    found.await.map(Json)
}

/// Enter an organisation
///
/// Whoever says that they are in it already (the token as bearer) stays who they are; in another one they must leave first.
#[utoipa::path(post, path = "/api/guest/sessions", tag = "guests",
    request_body = Entry,
    responses((status = 200, description = "You are in already", body = GuestSession),
        (status = 201, description = "You are in", body = GuestSession),
        (status = 403, description = "It takes no calls at the moment", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such code", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "You are in another organisation", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "There is a newer QR code", body = Problem, content_type = "application/problem+json")))]
async fn begin(
    State(app): State<App>,
    Extension(source): Extension<Source>,
    headers: HeaderMap,
    asked: Change,
) -> Result<(StatusCode, Json<GuestSession>), ApiError> {
    let Entry { code, name } = asked.body::<Entry>()?.check()?;
    app.proofs.guests.enter(&source)?;
    let bearer =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let before = match bearer {
        Some(bearer) => session(&app, bearer.trim()).await?,
        None => None,
    };
    let (proofs, id, user) = (app.proofs.clone(), identifier::fresh()?, identifier::fresh()?);
    let entered = app.database.change(Scope::Nothing, move |c| {
        Box::pin(async move {
            let org = behind(c, &code).await?;
            let organisation = front(c, org).await?;
            let (status, session) = match before {
                Some(before) if before.org_id == org.0 => (StatusCode::OK, before),
                Some(_) => return Err(ApiError::Conflict("you are in another organisation: leave it first")),
                None => {
                    proofs.guests.enter_organisation(org)?;
                    store::add(c, user, &name).await?;
                    let session = store::begin(c, (org, id, user)).await?;
                    (StatusCode::CREATED, session.ok_or(ApiError::Busy)?)
                }
            };
            Ok((status, session, organisation))
        })
    });
    let (status, session, organisation): (_, Session, _) = entered.await?;
    let token = token(&app, session.id);
    Ok((status, Json(session.view(token, organisation))))
}

/// Where I am a guest
#[utoipa::path(get, path = "/api/guest/session", tag = "guests",
    security(("guest" = [])),
    responses((status = 200, description = "The organisation, and who you are in it", body = GuestSession)))]
async fn show(State(app): State<App>, guest: Guest) -> Result<Json<GuestSession>, ApiError> {
    let (org, id) = (guest.org, guest.session);
    let found = app.database.change(Scope::Organisation(org), move |c| {
        Box::pin(async move {
            let session = store::used(c, id).await?.ok_or(ApiError::Unauthorized)?;
            Ok::<_, ApiError>((session, front(c, org).await?))
        })
    });
    let (session, organisation) = found.await?;
    let token = token(&app, session.id);
    Ok(Json(session.view(token, organisation)))
}

/// Leave the organisation
#[utoipa::path(delete, path = "/api/guest/session", tag = "guests",
    security(("guest" = [])),
    responses((status = 204, description = "You have left: the token is good no more")))]
async fn end(State(app): State<App>, guest: Guest) -> Result<StatusCode, ApiError> {
    let key = (guest.org, guest.session);
    app.database.write(Scope::Organisation(guest.org), move |c| Box::pin(store::end(c, key))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The organisation that a code lets guests into; its scope is entered.
async fn behind(c: &mut PgConnection, code: &str) -> Result<OrgId, ApiError> {
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
async fn front(c: &mut PgConnection, org: OrgId) -> Result<GuestOrganisation, ApiError> {
    let face = store::face(c, org).await?.filter(|face| face.is_approved).ok_or(NOT_OPEN)?;
    let directory = open_extensions::directory(c, org).await?.ok_or(NOT_OPEN)?;
    Ok(face.view(directory))
}
