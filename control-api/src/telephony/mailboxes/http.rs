//! The door: `/api/telephony/voicemail-boxes`.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{Description, Mailbox};
use crate::{
    app::App,
    telephony::doors::{list_door, put_door, remove_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, put, remove))
}

list_door!(part, Mailbox, "/api/telephony/voicemail-boxes", "Mailboxes, newest first");
show_door!(part, Mailbox, "/api/telephony/voicemail-boxes/{id}", "The mailbox of a person", "The person");
put_door!(
    part,
    Mailbox,
    Description,
    "/api/telephony/voicemail-boxes/{id}",
    "Another mailbox of a person, or their first",
    "The person"
);
remove_door!(
    part,
    Mailbox,
    "/api/telephony/voicemail-boxes/{id}",
    "No mailbox of a person any more",
    "The person"
);
