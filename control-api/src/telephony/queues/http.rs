//! The door: `/api/telephony/extensions/{id}/queue`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::model::{Description, Queue};
use crate::{
    app::App,
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::{Change, Path},
    },
    telephony::part::{self, put_door, remove_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, put, remove))
}

show_door!(Queue, "/api/telephony/extensions/{id}/queue", "The queue of an extension", "The extension");
put_door!(
    Queue,
    Description,
    "/api/telephony/extensions/{id}/queue",
    "Another queue of an extension, or its first",
    "The extension"
);
remove_door!(
    Queue,
    "/api/telephony/extensions/{id}/queue",
    "No queue of an extension any more",
    "The extension"
);
