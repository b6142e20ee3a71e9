//! The door: `/api/telephony/outbound-prices`.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{OutboundPrice, OutboundPriceDescription};
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
    OutboundPrice,
    "/api/telephony/outbound-prices",
    "Prices of calls to the telephone network, newest first"
);
create_door!(
    resource,
    OutboundPrice,
    OutboundPriceDescription,
    "/api/telephony/outbound-prices",
    "A new price"
);
show_door!(resource, OutboundPrice, "/api/telephony/outbound-prices/{id}", "One price", "Which one");
replace_door!(
    resource,
    OutboundPrice,
    OutboundPriceDescription,
    "/api/telephony/outbound-prices/{id}",
    "Another description of a price",
    "Which one"
);
remove_door!(
    resource,
    OutboundPrice,
    "/api/telephony/outbound-prices/{id}",
    "No such price any more",
    "Which one"
);
