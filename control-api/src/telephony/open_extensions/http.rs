//! The door: `/api/telephony/open-extensions`.

use axum::{Json, extract::State};
use contract::id::OrgId;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{OpenExtension, OpenExtensionsQuery};
use crate::{
    app::App,
    database::Scope,
    http::{actor::Person, error::ApiError, extract::Query, page::Page},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// To which extensions a call can be sent on now, by number
///
/// For every member of the organisation, whatever they may read of its configuration. The switch refuses to send a call on to one that is
/// closed.
#[utoipa::path(get, path = "/api/telephony/open-extensions", tag = "telephony",
    security(("sign_in" = [])),
    params(OpenExtensionsQuery),
    responses((status = 200, description = "A page of those that are open", body = Page<OpenExtension>)))]
async fn list(
    State(app): State<App>,
    person: Person,
    Query(query): Query<OpenExtensionsQuery>,
) -> Result<Json<Page<OpenExtension>>, ApiError> {
    let org = OrgId(person.acts()?);
    let asked = query.check()?;
    let found =
        app.database.change(Scope::Organisation(org), move |c| Box::pin(super::directory(c, org))).await?;
    // Without settings there is nobody to call by.
    Ok(Json(asked.page(found.into_iter().flat_map(super::Directory::open))))
}
