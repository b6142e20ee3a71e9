//! The door: `/api/telephony/extensions/{id}/queue`.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{Description, Queue};
use crate::{
    app::App,
    telephony::doors::{put_door, remove_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, put, remove))
}

show_door!(part, Queue, "/api/telephony/extensions/{id}/queue", "The queue of an extension", "The extension");
put_door!(
    part,
    Queue,
    Description,
    "/api/telephony/extensions/{id}/queue",
    "Another queue of an extension, or its first",
    "The extension"
);
remove_door!(
    part,
    Queue,
    "/api/telephony/extensions/{id}/queue",
    "No queue of an extension any more",
    "The extension"
);
