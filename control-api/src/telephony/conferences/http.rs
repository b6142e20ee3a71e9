//! The door: `/api/telephony/extensions/{id}/conference`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::model::{Conference, Description};
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

show_door!(
    Conference,
    "/api/telephony/extensions/{id}/conference",
    "The conference of an extension",
    "The extension"
);
put_door!(
    Conference,
    Description,
    "/api/telephony/extensions/{id}/conference",
    "Another conference of an extension, or its first",
    "The extension"
);
remove_door!(
    Conference,
    "/api/telephony/extensions/{id}/conference",
    "No conference of an extension any more",
    "The extension"
);
