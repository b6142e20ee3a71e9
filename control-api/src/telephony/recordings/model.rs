//! Recordings as clients see them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields, page::Cursor},
    instant::Instant,
};

/// A recording that the store has, or had.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Recording {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// The call.
    pub call_id: Uuid,
    /// When it began.
    pub started_at: Instant,
    /// `wav` or `opus`.
    #[schema(example = "wav")]
    pub format: String,
    /// How long it is, pauses and holes included.
    pub length_ms: i64,
    /// How often the switch died while it was made.
    pub interruptions: i32,
    /// When the store had it.
    pub stored_at: Instant,
    /// When somebody ordered that it be deleted, if so; the store has it for a minute or two after that.
    pub deletion_ordered_at: Option<Instant>,
    /// Which person, or which key.
    pub deletion_ordered_by: Option<Uuid>,
    /// When the store had it no more, if so.
    pub deleted_at: Option<Instant>,
    /// Why: `retention`, or `order`.
    #[schema(example = "retention")]
    pub deleted_because: Option<String>,
}

impl Recording {
    /// Nobody hears it any more.
    pub const fn is_gone(&self) -> bool {
        self.deletion_ordered_at.is_some() || self.deleted_at.is_some()
    }

    /// Where the list goes on after this one.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.started_at, id: self.id }
    }
}

/// What can be asked of the list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordingsQuery {
    /// Only those of this call
    #[param(inline, value_type = Option<Uuid>)]
    call_id: Option<String>,
    /// Recordings on a page
    #[param(inline, value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// The same, understood.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    pub(super) call: Option<Uuid>,
    pub(super) limit: u16,
    pub(super) after: Option<Cursor>,
}

impl RecordingsQuery {
    /// Understands all of it, or says everything that is wrong with it.
    pub fn check(self) -> Result<Filter, ApiError> {
        let mut fields = Fields::default();
        let uuid = |text: &str| Uuid::parse_str(text).ok();
        let cursor = "must be the next_cursor of a page before";
        let filter = Filter {
            call: fields.read("call_id", self.call_id.as_deref(), uuid, "must be a UUID"),
            limit: fields.limit(self.limit.as_deref()),
            after: fields.read("cursor", self.cursor.as_deref(), Cursor::parse, cursor),
        };
        fields.done().map(|()| filter)
    }
}
