//! The doors of guests: `/api/guest/organisations/{code}`, to see where a QR code leads, and `/api/guest/session`, to be there.

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Guest, by_google,
    entrance::{Said, admit, before, behind, front},
    model::{Entry, GuestOrganisation, GuestSession},
    store, token,
};
use crate::{
    app::App,
    database::Scope,
    http::{
        error::{ApiError, Problem},
        extract::{Change, Path},
        source::Source,
    },
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(organisation))
        .routes(routes!(begin))
        .routes(routes!(show, end))
        .merge(by_google::routes())
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
    let before = before(&app, &headers).await?;
    admit(&app, before, (code, Said::Name(name))).await
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
