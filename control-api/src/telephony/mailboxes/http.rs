//! The door: `/api/telephony/voicemail-boxes`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::model::{Description, Mailbox};
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

list_door!(Mailbox, "/api/telephony/voicemail-boxes", "Mailboxes, newest first");
show_door!(Mailbox, "/api/telephony/voicemail-boxes/{id}", "The mailbox of a person", "The person");
put_door!(
    Mailbox,
    Description,
    "/api/telephony/voicemail-boxes/{id}",
    "Another mailbox of a person, or their first",
    "The person"
);
remove_door!(Mailbox, "/api/telephony/voicemail-boxes/{id}", "No mailbox of a person any more", "The person");
