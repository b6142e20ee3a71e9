//! A division as clients see and describe it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields},
    instant::Instant,
};

/// People of a division, and extensions.
const DIVISION_MAX: usize = 500;
/// Characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 2_000;

/// A division of the organisation.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Division {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// Its name.
    #[schema(example = "Cabang Bandung")]
    pub name: String,
    /// What it is, in words.
    pub description: Option<String>,
    /// Its people. A branch admin among them changes its extensions alone.
    pub members: Vec<Uuid>,
    /// Its extensions.
    pub extensions: Vec<Uuid>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// All that can be said of a division.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DivisionDescription {
    /// Its name, no other division's
    #[schema(example = "Cabang Bandung", min_length = 1, max_length = 100)]
    pub name: String,
    /// What it is, in words
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// Its people, members of the organisation
    #[serde(default)]
    #[schema(max_items = 500)]
    pub members: Vec<Uuid>,
    /// Its extensions
    #[serde(default)]
    #[schema(max_items = 500)]
    pub extensions: Vec<Uuid>,
}

impl DivisionDescription {
    /// Itself, or everything that is wrong with it as far as it can be seen without looking at other rows.
    pub(super) fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        fields.name("name", &self.name);
        let is_text = |text: &str| {
            (1..=DESCRIPTION_CHARS_MAX).contains(&text.chars().count())
                && !text.chars().any(|character| character.is_control() && character != '\n')
        };
        let reason = format!("must be 1 … {DESCRIPTION_CHARS_MAX} printable characters");
        fields.must(self.description.as_deref().is_none_or(is_text), "description", reason);
        for (field, ids) in [("members", &self.members), ("extensions", &self.extensions)] {
            fields.must(ids.len() <= DIVISION_MAX, field, format!("must be {DIVISION_MAX} at most"));
            let is_once = ids.iter().collect::<BTreeSet<_>>().len() == ids.len();
            fields.must(is_once, field, "must name nothing twice");
        }
        fields.done().map(|()| self)
    }
}
