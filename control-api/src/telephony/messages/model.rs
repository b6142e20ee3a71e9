//! Messages as clients see them, and what may be asked and said of them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields, page::Cursor},
    instant::Instant,
};

/// What somebody has said who was not answered.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct VoicemailMessage {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// The call in which it was left.
    pub call_id: Uuid,
    /// Whose mailbox it is in.
    pub user_id: Uuid,
    /// Who called; null: the caller did not want it shown.
    pub caller_number: Option<String>,
    /// When.
    pub left_at: Instant,
    /// How long it is.
    pub length_ms: i64,
    /// When it was heard first; null: it is new.
    pub heard_at: Option<Instant>,
}

impl VoicemailMessage {
    /// Where the list goes on after this one.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.left_at, id: self.id }
    }
}

/// What can be asked of the list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MessagesQuery {
    /// Only those in this person's mailbox
    #[param(inline, value_type = Option<Uuid>)]
    user_id: Option<String>,
    /// Only those that were heard, or only new ones
    #[param(inline, value_type = Option<bool>)]
    is_heard: Option<String>,
    /// Messages on a page
    #[param(inline, value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// The same, understood.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    pub(super) user: Option<Uuid>,
    pub(super) is_heard: Option<bool>,
    pub(super) limit: u16,
    pub(super) after: Option<Cursor>,
}

impl MessagesQuery {
    /// Understands all of it, or says everything that is wrong with it.
    pub fn check(self) -> Result<Filter, ApiError> {
        let mut fields = Fields::default();
        let uuid = |text: &str| Uuid::parse_str(text).ok();
        let is = |text: &str| text.parse().ok();
        let cursor = "must be the next_cursor of a page before";
        let filter = Filter {
            user: fields.read("user_id", self.user_id.as_deref(), uuid, "must be a UUID"),
            is_heard: fields.read("is_heard", self.is_heard.as_deref(), is, "must be true or false"),
            limit: fields.limit(self.limit.as_deref()),
            after: fields.read("cursor", self.cursor.as_deref(), Cursor::parse, cursor),
        };
        fields.done().map(|()| filter)
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Whether it counts as heard; the lamp of the mailbox's phones says whether there is any that does not
    pub is_heard: bool,
}
