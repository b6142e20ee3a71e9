//! The door: `/api/telephony/extensions`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    model::{Extension, ExtensionDescription, ExtensionsQuery},
    store,
};
use crate::{
    app::App,
    database::Scope,
    http::{actor::Actor, error::ApiError, extract::Query, page::Page},
    identity::permission::Permission,
    telephony::{
        doors::{create_door, remove_door, replace_door, show_door},
        resource,
    },
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, put, remove))
}

/// Extensions, newest first
#[utoipa::path(get, path = "/api/telephony/extensions", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(ExtensionsQuery),
    responses((status = 200, description = "A page of extensions", body = Page<Extension>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ExtensionsQuery>,
) -> Result<Json<Page<Extension>>, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    let (number, page) = query.check()?;
    let Some(number) = number else {
        return resource::list(&app, &actor, &page).await.map(Json);
    };
    let org = actor.org;
    let scope = Scope::Organisation(org);
    let found = app.database.read(scope, move |c| Box::pin(store::of_number(c, org, number))).await?;
    Ok(Json(Page::new(found.into_iter().collect(), 1, resource::Resource::cursor)))
}

create_door!(resource, Extension, ExtensionDescription, "/api/telephony/extensions", "A new extension");
show_door!(resource, Extension, "/api/telephony/extensions/{id}", "One extension", "The extension");
replace_door!(
    resource,
    Extension,
    ExtensionDescription,
    "/api/telephony/extensions/{id}",
    "Another description of an extension",
    "The extension"
);
remove_door!(
    resource,
    Extension,
    "/api/telephony/extensions/{id}",
    "No extension any more, nor its number, hours and rules; what it leads to (a queue, a menu, a conference, a page group) goes first",
    "The extension"
);
