//! The door: `/api/telephony/divisions`.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{Division, DivisionDescription};
use crate::{
    app::App,
    telephony::doors::{create_door, list_door, remove_door, replace_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, put, remove))
}

list_door!(resource, Division, "/api/telephony/divisions", "Divisions, newest first");
create_door!(resource, Division, DivisionDescription, "/api/telephony/divisions", "A new division");
show_door!(resource, Division, "/api/telephony/divisions/{id}", "One division", "Which one");
replace_door!(
    resource,
    Division,
    DivisionDescription,
    "/api/telephony/divisions/{id}",
    "Another description of a division, with its people and extensions",
    "Which one"
);
remove_door!(
    resource,
    Division,
    "/api/telephony/divisions/{id}",
    "No such division any more; its people and extensions stay",
    "Which one"
);
