//! The door: `/api/telephony/trunks`.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{Trunk, TrunkDescription};
use crate::{
    app::App,
    telephony::doors::{create_door, list_door, remove_door, replace_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, put, remove))
}

list_door!(resource, Trunk, "/api/telephony/trunks", "Trunks, newest first");
create_door!(resource, Trunk, TrunkDescription, "/api/telephony/trunks", "A new trunk");
show_door!(resource, Trunk, "/api/telephony/trunks/{id}", "One trunk", "Which one");
replace_door!(
    resource,
    Trunk,
    TrunkDescription,
    "/api/telephony/trunks/{id}",
    "Another description of a trunk. A password that is left out is kept as long as the username stays",
    "Which one"
);
remove_door!(
    resource,
    Trunk,
    "/api/telephony/trunks/{id}",
    "No trunk any more; routes that name it go first",
    "Which one"
);
