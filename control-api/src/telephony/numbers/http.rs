//! The door: `/api/telephony/numbers`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::model::{Description, Number};
use crate::{
    app::App,
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::{Change, Path, Query},
        page::Page,
    },
    telephony::{
        part::{self, list_door, put_door, remove_door, show_door},
        resource::ListQuery,
    },
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, put, remove))
}

list_door!(Number, "/api/telephony/numbers", "Numbers of people, newest first");
show_door!(Number, "/api/telephony/numbers/{id}", "The number of a person", "The person");
put_door!(
    Number,
    Description,
    "/api/telephony/numbers/{id}",
    "Another number of a person, or their first",
    "The person"
);
remove_door!(Number, "/api/telephony/numbers/{id}", "No number of a person any more", "The person");
