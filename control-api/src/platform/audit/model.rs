//! An event of the record as clients see it, and what they may ask for.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields},
    instant::Instant,
};

/// Something that was done (H-044, H-049).
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct AuditEvent {
    /// Its number in the organisation, from 1 and without gaps.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// When.
    pub created_at: Instant,
    /// What kind of actor did it.
    #[schema(example = "api_key")]
    pub actor_kind: String,
    /// Which one.
    pub actor_id: Uuid,
    /// What was done to what kind of thing.
    #[schema(example = "extension.changed")]
    pub action: String,
    /// To which one.
    pub subject_id: Uuid,
    /// How it was; null where it was not there.
    pub before: Option<Value>,
    /// How it is since; null where it is there no more.
    pub after: Option<Value>,
}

/// What can be asked of the list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only what was done to this one
    #[param(inline, value_type = Option<Uuid>)]
    subject_id: Option<String>,
    /// Events on a page
    #[param(inline, value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// The same, understood.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    pub(super) subject: Option<Uuid>,
    pub(super) before: Option<i64>,
    pub(super) limit: u16,
}

impl AuditQuery {
    /// Understands all of it, or says everything that is wrong with it.
    pub fn check(self) -> Result<Filter, ApiError> {
        let mut fields = Fields::default();
        let uuid = |text: &str| Uuid::parse_str(text).ok();
        let seq = |text: &str| text.parse().ok();
        let filter = Filter {
            subject: fields.read("subject_id", self.subject_id.as_deref(), uuid, "must be a UUID"),
            before: fields.read(
                "cursor",
                self.cursor.as_deref(),
                seq,
                "must be the next_cursor of a page before",
            ),
            limit: fields.limit(self.limit.as_deref()),
        };
        fields.done().map(|()| filter)
    }
}
