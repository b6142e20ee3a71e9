//! The door: `/api/telephony/extensions/{id}/page-group`.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{Description, PageGroup};
use crate::{
    app::App,
    telephony::doors::{put_door, remove_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, put, remove))
}

show_door!(
    part,
    PageGroup,
    "/api/telephony/extensions/{id}/page-group",
    "The page group of an extension",
    "The extension"
);
put_door!(
    part,
    PageGroup,
    Description,
    "/api/telephony/extensions/{id}/page-group",
    "Another page group of an extension, or its first",
    "The extension"
);
remove_door!(
    part,
    PageGroup,
    "/api/telephony/extensions/{id}/page-group",
    "No page group of an extension any more",
    "The extension"
);
