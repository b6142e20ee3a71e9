//! The door: `/api/telephony/did-numbers`.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{DidNumber, DidNumberDescription};
use crate::{
    app::App,
    telephony::doors::{create_door, list_door, remove_door, replace_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, put, remove))
}

list_door!(
    resource,
    DidNumber,
    "/api/telephony/did-numbers",
    "Numbers in the telephone network, newest first"
);
create_door!(
    resource,
    DidNumber,
    DidNumberDescription,
    "/api/telephony/did-numbers",
    "A new number in the telephone network"
);
show_door!(
    resource,
    DidNumber,
    "/api/telephony/did-numbers/{id}",
    "One number in the telephone network",
    "Which one"
);
replace_door!(
    resource,
    DidNumber,
    DidNumberDescription,
    "/api/telephony/did-numbers/{id}",
    "Another description of a number in the telephone network",
    "Which one"
);
remove_door!(resource, DidNumber, "/api/telephony/did-numbers/{id}", "No such number any more", "Which one");
