//! The door: `/api/telephony/numbers`.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{Description, Number};
use crate::{
    app::App,
    telephony::doors::{list_door, put_door, remove_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, put, remove))
}

list_door!(part, Number, "/api/telephony/numbers", "Numbers of people, newest first");
show_door!(part, Number, "/api/telephony/numbers/{id}", "The number of a person", "The person");
put_door!(
    part,
    Number,
    Description,
    "/api/telephony/numbers/{id}",
    "Another number of a person, or their first",
    "The person"
);
remove_door!(part, Number, "/api/telephony/numbers/{id}", "No number of a person any more", "The person");
