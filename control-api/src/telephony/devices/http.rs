//! The door: `/api/telephony/devices`.

use axum::extract::State;
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
        extract::{Change, Path},
    },
    identity::{permission::Permission, signing::Kind},
    platform::{
        audit::Event,
        change::{Done, change},
    },
    telephony::doors::{create_door, list_door, remove_door, replace_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, put, remove))
        .routes(routes!(rotate_address))
}

list_door!(resource, Device, "/api/telephony/devices", "Devices, newest first");
create_door!(resource, Device, DeviceDescription, "/api/telephony/devices", "A new device");
show_door!(resource, Device, "/api/telephony/devices/{id}", "One device", "Which one");
replace_door!(
    resource,
    Device,
    DeviceDescription,
    "/api/telephony/devices/{id}",
    "Another description of a device, which it is told when it asks again",
    "Which one"
);
remove_door!(
    resource,
    Device,
    "/api/telephony/devices/{id}",
    "No device any more; its accounts stay",
    "Which one"
);

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
