//! The door: `/api/telephony/extensions/{id}/menu`.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{Description, Menu};
use crate::{
    app::App,
    telephony::doors::{put_door, remove_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, put, remove))
}

show_door!(part, Menu, "/api/telephony/extensions/{id}/menu", "The menu of an extension", "The extension");
put_door!(
    part,
    Menu,
    Description,
    "/api/telephony/extensions/{id}/menu",
    "Another menu of an extension, or its first",
    "The extension"
);
remove_door!(
    part,
    Menu,
    "/api/telephony/extensions/{id}/menu",
    "No menu of an extension any more",
    "The extension"
);
