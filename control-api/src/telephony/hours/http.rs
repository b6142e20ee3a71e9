//! The door: `/api/telephony/extensions/{id}/hours`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::model::{Description, Hours};
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

show_door!(Hours, "/api/telephony/extensions/{id}/hours", "When an extension is open", "The extension");
replace_door!(
    Hours,
    Description,
    "/api/telephony/extensions/{id}/hours",
    "Other hours of an extension, all of its week",
    "The extension"
);
