//! A job as clients see it, and what they may ask for.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields, page::Cursor},
    instant::Instant,
};

/// How it is with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum State {
    /// It is to be done, or is being done.
    Waiting,
    /// It is done.
    Done,
    /// It is given up until somebody asks for another try.
    Dead,
}

impl State {
    fn of(word: &str) -> Option<Self> {
        match word {
            "waiting" => Some(Self::Waiting),
            "done" => Some(Self::Done),
            "dead" => Some(Self::Dead),
            _ => None,
        }
    }
}

/// Work that nobody waits for.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// What is to be done.
    #[schema(example = "webhook.deliver")]
    pub kind: String,
    /// Which of its kind.
    pub key: String,
    /// How it is with it.
    pub state: State,
    /// Attempts that have been made.
    pub attempts: i32,
    /// What came of the last one, as a word for programs.
    #[schema(example = "status_500")]
    pub reason: Option<String>,
    /// When it was ordered.
    pub created_at: Instant,
    /// When it is tried next, if it waits.
    pub due_at: Instant,
}

impl Job {
    /// Where the list goes on after this one.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }
}

/// What can be asked of the list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct JobsQuery {
    /// Only those with which it is so
    #[param(inline, value_type = Option<State>)]
    state: Option<String>,
    /// Only of this kind
    kind: Option<String>,
    /// Jobs on a page
    #[param(inline, value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// The same, understood.
#[derive(Clone, Debug)]
pub struct Filter {
    pub(super) state: Option<State>,
    pub(super) kind: Option<String>,
    pub(super) limit: u16,
    pub(super) after: Option<Cursor>,
}

impl JobsQuery {
    /// Understands all of it, or says everything that is wrong with it.
    pub fn check(self) -> Result<Filter, ApiError> {
        let mut fields = Fields::default();
        let words = "must be waiting, done or dead";
        let (state, limit, after) = (
            fields.read("state", self.state.as_deref(), State::of, words),
            fields.limit(self.limit.as_deref()),
            fields.read(
                "cursor",
                self.cursor.as_deref(),
                Cursor::parse,
                "must be the next_cursor of a page before",
            ),
        );
        fields.done().map(|()| Filter { state, kind: self.kind, limit, after })
    }
}
