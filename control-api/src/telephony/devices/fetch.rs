//! The door of the devices themselves: `/provisioning/{id}/{secret}/{file}`. They have no key and follow a link that was typed into
//! them; what makes it good is made of a signing key and of a number in the device's row, and neither is told by how long an answer takes.

use axum::{
    Extension,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{files, model::Vendor, sheet::Sheet, store};
use crate::{
    app::App,
    database::Scope,
    http::{
        error::{ApiError, Problem},
        extract::Path,
        source::Source,
    },
    identity::signing::Kind,
    platform::{audit::Event, change::tell},
};

/// The routes of the devices.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(fetch))
}

/// What the record says of a fetch.
#[derive(Clone, Debug, Serialize)]
struct Fetched {
    file: String,
}

/// The configuration of a device, for the device itself
#[utoipa::path(get, path = "/provisioning/{id}/{secret}/{file}", tag = "telephony",
    params(
        ("id" = Uuid, Path, description = "The device"),
        ("secret" = String, Path, description = "What makes the address good"),
        ("file" = String, Path, description = "As the vendor's devices ask for it")
    ),
    responses(
        (status = 200, description = "The file", content_type = "text/plain", body = String),
        (status = 403, description = "It was not asked for over HTTPS", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "The address is good no more, or never was, or there is no such file", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "A password is not known, or it is not known where the switch is", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "More requests than are allowed", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the database is away", body = Problem,
            content_type = "application/problem+json")
    ))]
async fn fetch(
    State(app): State<App>,
    Extension(source): Extension<Source>,
    Path((id, secret, file)): Path<(Uuid, String, String)>,
) -> Result<Response, ApiError> {
    if !source.is_https {
        return Err(ApiError::NotForYou("phones are configured over HTTPS alone"));
    }
    app.proofs.spend_fetch(id)?;
    let proofs = app.proofs.clone();
    let found = app.database.read(Scope::Device(id), move |c| {
        Box::pin(async move {
            let presented = store::presented(c, id).await?;
            // As much is done for a device that there is not.
            let no = presented.as_ref().map_or(0, |(no, _)| *no);
            let is_good = proofs.signing.is_word(&secret, Kind::Address, id, no);
            let Some((_, maker)) = presented.filter(|_| is_good) else { return Ok(None) };
            Ok(store::rows(c, (maker.org, id)).await?.map(|rows| (maker, rows)))
        })
    });
    let (maker, rows) = found.await?.ok_or(ApiError::NotFound)?;
    let vendor = Vendor::of(&rows.device.vendor).ok_or(ApiError::NotFound)?;
    if !files::is_of(vendor, &rows.device.mac, &file) {
        return Err(ApiError::NotFound);
    }
    let sheet = Sheet::new(rows, &app.phones, &app.proofs.signing, Timestamp::now())?;
    let text = files::text(vendor, &sheet).map_err(ApiError::Internal)?;
    // Who was told a password is written down before it is told, in the name of whoever has made the address.
    let events = vec![Event::of("device.configured", id, None, Some(&Fetched { file }))];
    tell(&app, maker, events).await?;
    let kind = HeaderValue::from_static(files::content_type(vendor));
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
