//! The door: `/api/telephony/extensions/{id}/conference`.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{Conference, Description};
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
    Conference,
    "/api/telephony/extensions/{id}/conference",
    "The conference of an extension",
    "The extension"
);
put_door!(
    part,
    Conference,
    Description,
    "/api/telephony/extensions/{id}/conference",
    "Another conference of an extension, or its first",
    "The extension"
);
remove_door!(
    part,
    Conference,
    "/api/telephony/extensions/{id}/conference",
    "No conference of an extension any more",
    "The extension"
);
