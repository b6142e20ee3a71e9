//! The door: `/api/telephony/extensions/{id}/hours`.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{Description, Hours};
use crate::{
    app::App,
    telephony::doors::{replace_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, put))
}

show_door!(part, Hours, "/api/telephony/extensions/{id}/hours", "When an extension is open", "The extension");
replace_door!(
    part,
    Hours,
    Description,
    "/api/telephony/extensions/{id}/hours",
    "Other hours of an extension, all of its week",
    "The extension"
);
