//! The door: `/api/telephony/extensions/{id}/rules`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::model::{Description, Rules};
use crate::{
    app::App,
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::{Change, Path},
    },
    telephony::part::{self, replace_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, put))
}

show_door!(
    Rules,
    "/api/telephony/extensions/{id}/rules",
    "What becomes of calls to an extension",
    "The extension"
);
replace_door!(
    Rules,
    Description,
    "/api/telephony/extensions/{id}/rules",
    "Other rules of an extension, all of them",
    "The extension"
);
