//! The door of the platform's staff: `/api/platform/figures`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{model::Figures, store};
use crate::{
    app::App,
    database::Scope,
    http::{actor::Staff, error::ApiError},
};

/// The route.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(figures))
}

/// Organisations and people by how they stand, and what waits to be reviewed
#[utoipa::path(get, path = "/api/platform/figures", tag = "platform",
    security(("sign_in" = ["super_admin"])),
    responses((status = 200, description = "As they are now", body = Figures)))]
async fn figures(State(app): State<App>, staff: Staff) -> Result<Json<Figures>, ApiError> {
    let scope = Scope::Staff(staff.user);
    Ok(Json(app.database.read(scope, |c| Box::pin(store::figures(c))).await?))
}
