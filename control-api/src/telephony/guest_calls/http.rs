//! The door: `/api/guest/calls`.

use axum::{Extension, Json, extract::State, http::StatusCode};
use contract::{id::ExtensionId, time::Timestamp};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{GuestCallDescription, GuestCallPass};
use crate::{
    app::App,
    database::Scope,
    http::{
        error::{ApiError, FieldError, Problem},
        extract::Change,
        source::Source,
    },
    identifier,
    identity::guests::Guest,
    telephony::open_extensions,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(pass))
}

/// What a call to an extension is begun with
///
/// Good for one call to this extension, which must be begun within two minutes by SIP over WebSocket. It needs no REGISTER and permits none.
#[utoipa::path(post, path = "/api/guest/calls", tag = "guests",
    security(("guest" = [])),
    request_body = GuestCallDescription,
    responses((status = 201, description = "Call with this", body = GuestCallPass),
        (status = 409, description = "The extension is closed at the moment: `code` is `EXTENSION_CLOSED`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "The organisation has no such extension", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the database is away, or guests are not let through to the switch", body = Problem,
            content_type = "application/problem+json")))]
async fn pass(
    State(app): State<App>,
    guest: Guest,
    Extension(source): Extension<Source>,
    asked: Change,
) -> Result<(StatusCode, Json<GuestCallPass>), ApiError> {
    let wanted = ExtensionId(asked.body::<GuestCallDescription>()?.extension);
    let none = "guests cannot call: [guests] of api.toml names no secret that the switch has, too";
    let secret = app.pass_secret.clone().ok_or(ApiError::SwitchUnavailable(none))?;
    app.proofs.guests.pass(&source, (guest.org, guest.user))?;
    let org = guest.org;
    let scope = Scope::Organisation(org);
    let directory = app.database.change(scope, move |c| Box::pin(open_extensions::directory(c, org)));
    let found = directory.await?.and_then(|directory| directory.extension(wanted));
    let unknown =
        || ApiError::Unprocessable(vec![FieldError::new("extension", "is none of the organisation's")]);
    let (extension, realm) = found.ok_or_else(unknown)?;
    if !extension.is_open {
        return Err(ApiError::Coded("EXTENSION_CLOSED", "this extension is closed at the moment"));
    }
    let now = Timestamp(jiff::Timestamp::now().as_microsecond());
    let places = (now, app.web.websocket_urls.clone());
    let made = GuestCallPass::new((&secret, identifier::fresh()?), &guest, (extension, realm), places)?;
    Ok((StatusCode::CREATED, Json(made)))
}
