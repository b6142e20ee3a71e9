//! The doors: `/api/identity/organisation/qr`, and its picture.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use contract::qr_code;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{QR_CODES_A_DAY_MAX, model::QrCode, picture, store};
use crate::{
    app::App,
    database::{Scope, one_at_a_time},
    http::{
        actor::Actor,
        answer::Answer,
        error::{ApiError, Problem},
        extract::Change,
    },
    identifier,
    identity::permission::Permission,
    platform::{
        audit::Event,
        change::{Done, change},
    },
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, generate)).routes(routes!(as_svg)).routes(routes!(as_png))
}

/// The QR code by which guests enter the organisation that one acts in
#[utoipa::path(get, path = "/api/identity/organisation/qr", tag = "identity",
    security(("api_key" = ["organisation.read"])),
    responses((status = 200, description = "The one that lets guests in", body = QrCode),
        (status = 404, description = "None was made yet", body = Problem, content_type = "application/problem+json")))]
async fn show(State(app): State<App>, actor: Actor) -> Result<Answer, ApiError> {
    live(&app, &actor).await.map(|code| Answer::done(&code))
}

/// A new QR code, in place of the one before
///
/// Who scans the one before is told that it is good no more; guests who are in stay.
#[utoipa::path(post, path = "/api/identity/organisation/qr", tag = "identity",
    security(("api_key" = ["organisation.write"])),
    responses((status = 201, description = "It lets guests in from now on", body = QrCode)))]
async fn generate(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::OrganisationWrite)?;
    let (org, id, code) = (actor.org, identifier::fresh()?, qr_code::code(identifier::random()?));
    let public_url = app.public_url.clone();
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            one_at_a_time(c, org).await?;
            if store::made_lately(c, org).await? >= QR_CODES_A_DAY_MAX {
                return Err(ApiError::Conflict("as many QR codes were made within a day as may be"));
            }
            let before = store::live(c, org).await?.map(|row| QrCode::of(row, &public_url));
            let made = QrCode::of(store::replace(c, (org, id), &code).await?, &public_url);
            let events = vec![Event::of("organisation.qr_generated", org.0, before.as_ref(), Some(&made))];
            Ok(Done { answer: Answer::made("/api/identity/organisation/qr".to_owned(), &made), events })
        })
    })
    .await
}

/// Its picture to print
#[utoipa::path(get, path = "/api/identity/organisation/qr.svg", tag = "identity",
    security(("api_key" = ["organisation.read"])),
    responses((status = 200, description = "The picture", content_type = "image/svg+xml", body = String),
        (status = 404, description = "None was made yet", body = Problem, content_type = "application/problem+json")))]
async fn as_svg(State(app): State<App>, actor: Actor) -> Result<Response, ApiError> {
    let code = live(&app, &actor).await?;
    let picture = picture::svg(&code.url).map_err(ApiError::Internal)?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"))], picture).into_response())
}

/// Its picture to show
#[utoipa::path(get, path = "/api/identity/organisation/qr.png", tag = "identity",
    security(("api_key" = ["organisation.read"])),
    responses((status = 200, description = "The picture", content_type = "image/png", body = String),
        (status = 404, description = "None was made yet", body = Problem, content_type = "application/problem+json")))]
async fn as_png(State(app): State<App>, actor: Actor) -> Result<Response, ApiError> {
    let code = live(&app, &actor).await?;
    let picture = picture::png(&code.url).map_err(ApiError::Internal)?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("image/png"))], picture).into_response())
}

async fn live(app: &App, actor: &Actor) -> Result<QrCode, ApiError> {
    actor.must(Permission::OrganisationRead)?;
    let org = actor.org;
    let found = app.database.read(Scope::Organisation(org), move |c| Box::pin(store::live(c, org))).await?;
    found.map(|row| QrCode::of(row, &app.public_url)).ok_or(ApiError::NotFound)
}
