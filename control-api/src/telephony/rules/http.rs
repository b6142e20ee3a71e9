//! The door: `/api/telephony/extensions/{id}/rules`.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{Description, Rules};
use crate::{
    app::App,
    telephony::doors::{replace_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, put))
}

show_door!(
    part,
    Rules,
    "/api/telephony/extensions/{id}/rules",
    "What becomes of calls to an extension",
    "The extension"
);
replace_door!(
    part,
    Rules,
    Description,
    "/api/telephony/extensions/{id}/rules",
    "Other rules of an extension, all of them",
    "The extension"
);
