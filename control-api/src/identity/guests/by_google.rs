//! The doors of guests who would rather not type a name: `/api/guest/google`. Who they are is the provider's word; where they may go is the QR code's,
//! as for everybody.

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    entrance::{Said, admit, before, behind, front},
    model::{GuestReturn, GuestSession, GuestVisit},
};
use crate::{
    app::App,
    database::Scope,
    http::{
        error::{ApiError, Problem},
        extract::Change,
        source::Source,
    },
    identity::google::{
        model::Authorization,
        visit::{self, Aim},
    },
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(authorize)).routes(routes!(enter))
}

/// Go and enter an organisation with Google
///
/// The browser keeps the token and goes to the address. It comes back to `/sign-in/google` of the console, with `state` and `code` in its address.
#[utoipa::path(post, path = "/api/guest/google/authorizations", tag = "guests",
    request_body = GuestVisit,
    responses((status = 201, description = "Where to go", body = Authorization),
        (status = 403, description = "It takes no calls at the moment", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such code", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "There is a newer QR code", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "No provider is configured, or it does not answer", body = Problem, content_type = "application/problem+json")))]
async fn authorize(
    State(app): State<App>,
    Extension(source): Extension<Source>,
    asked: Change,
) -> Result<(StatusCode, Json<Authorization>), ApiError> {
    let GuestVisit { code } = asked.body()?;
    app.proofs.guests.look(&source)?;
    let looked = code.clone();
    let found = app.database.change(Scope::Nothing, move |c| {
        Box::pin(async move {
            let org = behind(c, &looked).await?;
            front(c, org).await.map(drop)
        })
    });
    found.await?;
    Ok((StatusCode::CREATED, Json(visit::begin(&app, Aim::Guest(&code)).await?)))
}

/// Enter the organisation with what the browser has come back with
///
/// By the name that they have at the provider. It is the same guest each time, who is a guest nowhere else any more, and has no account by this.
/// Whoever says that they are in already (the token as bearer) stays who they are; in another organisation they must leave first.
#[utoipa::path(post, path = "/api/guest/google/sessions", tag = "guests",
    request_body = GuestReturn,
    responses((status = 200, description = "You are in already", body = GuestSession),
        (status = 201, description = "You are in", body = GuestSession),
        (status = 403, description = "It takes no calls at the moment", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such code", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "You are in another organisation", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "There is a newer QR code", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "No provider is configured, or it does not answer", body = Problem, content_type = "application/problem+json")))]
async fn enter(
    State(app): State<App>,
    Extension(source): Extension<Source>,
    headers: HeaderMap,
    asked: Change,
) -> Result<(StatusCode, Json<GuestSession>), ApiError> {
    let GuestReturn { code, visit } = asked.body()?;
    app.proofs.guests.enter(&source)?;
    let before = before(&app, &headers).await?;
    let proven = visit::end(&app, Aim::Guest(&code), visit).await?;
    admit(&app, before, (code, Said::Proof(proven))).await
}
