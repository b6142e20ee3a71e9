//! Whether the process lives and whether it can work. The switch is not asked: the control plane works
//! without it.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{ApiError, Problem};
use crate::app::App;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Health {
    /// The process answers.
    pub live: bool,
    /// The database answers, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
}

/// Whether requests can be served
#[utoipa::path(get, path = "/health", tag = "health", security(()), responses(
    (status = 200, description = "Ready", body = Health),
    (status = 503, description = "Not ready: the database is away", body = Problem)
))]
pub async fn ready(State(app): State<App>) -> Result<Json<Health>, ApiError> {
    app.database.answers().await?;
    Ok(Json(Health { live: true, ready: Some(true) }))
}

/// Whether the process answers at all
#[utoipa::path(get, path = "/health/live", tag = "health", security(()), responses(
    (status = 200, description = "Alive", body = Health)
))]
pub async fn live() -> Json<Health> {
    Json(Health { live: true, ready: None })
}
