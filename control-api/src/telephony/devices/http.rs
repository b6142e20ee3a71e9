//! The door: `/api/telephony/devices`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    files,
    model::{Device, DeviceAddress, DeviceDescription, Vendor},
    store,
};
use crate::{
    app::App,
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::{Change, Path, Query},
        page::Page,
    },
    identity::{permission::Permission, signing::Kind},
    platform::{
        audit::Event,
        change::{Done, change},
    },
    telephony::resource::{self, ListQuery},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, replace, remove))
        .routes(routes!(rotate_address))
}

/// Devices, newest first
#[utoipa::path(get, path = "/api/telephony/devices", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(ListQuery),
    responses((status = 200, description = "A page of them", body = Page<Device>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Device>>, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    resource::list(&app, &actor, &query).await
}

/// A new device
#[utoipa::path(post, path = "/api/telephony/devices", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = DeviceDescription,
    responses((status = 201, description = "It is there", body = Device)))]
async fn create(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    resource::create::<Device>(&app, &actor, asked).await
}

/// One device
#[utoipa::path(get, path = "/api/telephony/devices/{id}", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 200, description = "It; its version is the ETag", body = Device)))]
async fn show(State(app): State<App>, actor: Actor, Path(id): Path<Uuid>) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    resource::show::<Device>(&app, &actor, id).await
}

/// Another description of a device, which it is told when it asks again
#[utoipa::path(put, path = "/api/telephony/devices/{id}", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = DeviceDescription,
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 200, description = "It is so now", body = Device)))]
async fn replace(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    resource::replace::<Device>(&app, &actor, id, asked).await
}

/// No device any more; its accounts stay
#[utoipa::path(delete, path = "/api/telephony/devices/{id}", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 204, description = "It is there no more")))]
async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    resource::remove::<Device>(&app, &actor, id, asked).await
}

/// Another address at which a device finds its configuration, shown this once; the one before leads nowhere from now on
#[utoipa::path(post, path = "/api/telephony/devices/{id}/rotate-address", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 200, description = "The address", body = DeviceAddress)))]
async fn rotate_address(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let (whose, made) = (actor.identity(), app.proofs.signing.word(Kind::Address, id)?);
    let phones = app.phones.clone();
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let device = store::set_address(c, (whose, id), made.no).await?.ok_or(ApiError::NotFound)?;
            let none = "phones.provisioning_url of api.toml does not say where phones are configured";
            let base = phones.provisioning_url.as_deref().ok_or(ApiError::Conflict(none))?;
            let vendor = Vendor::of(&device.vendor).unwrap_or(Vendor::Generic);
            let file = files::name(vendor, device.model.as_deref(), &device.mac);
            let again = DeviceAddress { url: None, file };
            let url = format!("{base}/provisioning/{id}/{}/", made.text);
            let first = DeviceAddress { url: Some(url), ..again.clone() };
            let events = vec![Event::of("device.addressed", id, None, Some(&again))];
            Ok(Done { answer: Answer::done(&again).once(&first), events })
        })
    })
    .await
}
