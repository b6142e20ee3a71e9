//! The door: `/api/telephony/outbound-routes`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    model::{OutboundRoutes, OutboundRoutesDescription},
    store,
};
use crate::{
    app::App,
    database::Scope,
    http::{actor::Actor, answer::Answer, error::ApiError, extract::Change},
    identity::permission::Permission,
    platform::{audit::Event, change::Done},
    telephony::plan,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, replace))
}

/// The routes to the telephone network, in the order in which they are tried
#[utoipa::path(get, path = "/api/telephony/outbound-routes", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    responses((status = 200, description = "All of them; the version of the list is the ETag", body = OutboundRoutes)))]
async fn show(State(app): State<App>, actor: Actor) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    let org = actor.org;
    let scope = Scope::Organisation(org);
    let all = app.database.read(scope, move |c| Box::pin(store::all(c, org))).await?;
    Ok(Answer::found(all.version, &all))
}

/// Other routes to the telephone network, in the order in which they are tried
#[utoipa::path(put, path = "/api/telephony/outbound-routes", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = OutboundRoutesDescription,
    responses((status = 200, description = "They are so now", body = OutboundRoutes)))]
async fn replace(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let (org, version) = (actor.org, asked.version()?);
    let new = asked.body::<OutboundRoutesDescription>()?.check()?;
    plan::change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::all(c, org).await?;
            if old.version != version {
                return Err(ApiError::Stale);
            }
            store::replace(c, org, (&old, &new)).await?;
            let made = store::all(c, org).await?;
            let events = vec![Event::of("outbound_routes.changed", org.0, Some(&old), Some(&made))];
            Ok(Done { answer: Answer::found(made.version, &made), events })
        })
    })
    .await
}
