//! An event of a person as it is shown.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{http::page::Cursor, instant::Instant};

/// Something that was done to what somebody proves themselves by.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct PersonEvent {
    /// Which one.
    pub id: Uuid,
    /// What was done.
    #[schema(example = "second_factor.on")]
    pub action: String,
    /// Who did it: they themselves, or one of the platform's staff.
    pub actor_id: Uuid,
    /// Why, in words of the staff.
    pub reason: Option<String>,
    /// When.
    pub created_at: Instant,
}

impl PersonEvent {
    /// Where the list goes on after this one.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }
}
