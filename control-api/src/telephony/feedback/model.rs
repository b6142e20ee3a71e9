//! Feedback as clients see and give it. No I/O.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields, page::Cursor},
    instant::Instant,
};

/// Characters of what is said besides the score.
const FEEDBACK_CHARS_MAX: usize = 500;

/// Who says it, as in the call's participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Guest(Uuid),
    User(Uuid),
}

impl By {
    /// The words of the row.
    pub(super) const fn row(self) -> (&'static str, Uuid) {
        match self {
            Self::Guest(id) => ("guest", id),
            Self::User(id) => ("user", id),
        }
    }
}

/// What somebody has said of a call.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
#[schema(as = CallFeedback)]
pub struct Feedback {
    /// Its id.
    pub id: Uuid,
    /// The call.
    pub call_id: Uuid,
    /// `user` or `guest`.
    #[schema(example = "guest")]
    pub kind: String,
    /// The user's or guest's id, as among the call's participants.
    pub ref_id: Uuid,
    /// 1 (bad) … 5 (good).
    #[schema(minimum = 1, maximum = 5)]
    pub score: i16,
    /// What they say besides.
    pub text: Option<String>,
    /// When it was said.
    pub created_at: Instant,
    /// When it was said last.
    pub updated_at: Instant,
}

impl Feedback {
    /// Where the list goes on after this one.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }
}

/// All that can be said.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CallFeedbackDescription)]
pub struct Description {
    /// 1 (bad) … 5 (good)
    #[schema(minimum = 1, maximum = 5)]
    pub score: i16,
    /// What there is to say besides
    #[serde(default)]
    #[schema(max_length = 500)]
    pub text: Option<String>,
}

impl Description {
    /// Itself, or everything that is wrong with it.
    pub(super) fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        fields.within("score", &self.score, &(1..=5));
        let is_text = |text: &str| {
            (1..=FEEDBACK_CHARS_MAX).contains(&text.chars().count())
                && !text.chars().any(|character| character.is_control() && character != '\n')
        };
        let reason = format!("must be 1 … {FEEDBACK_CHARS_MAX} printable characters");
        fields.must(self.text.as_deref().is_none_or(is_text), "text", reason);
        fields.done().map(|()| self)
    }
}

/// A call of a guest's own.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct GuestCall {
    /// The call.
    pub id: Uuid,
    /// What was called.
    #[schema(example = "100")]
    pub dialled: String,
    /// When.
    pub created_at: Instant,
    /// When it was over; null: it goes on.
    pub ended_at: Option<Instant>,
    /// What the guest has said of it.
    #[schema(minimum = 1, maximum = 5)]
    pub score: Option<i16>,
    /// And besides.
    pub text: Option<String>,
}

impl GuestCall {
    /// Where the list goes on after this one.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }
}
