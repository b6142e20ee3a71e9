//! A person's number as clients see and describe it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::fields::Fields,
    instant::Instant,
    telephony::{
        extensions::model::{NUMBER, is_number},
        part,
    },
};

/// What rings a person.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Number {
    /// Who.
    pub user_id: Uuid,
    /// Their name.
    pub name: Option<String>,
    /// What is dialled, 2 … 6 digits.
    #[schema(example = "1001")]
    pub number: String,
    /// Since when they have one.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// All that can be said of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NumberDescription)]
pub struct Description {
    /// What is dialled, 2 … 6 digits, nobody else's in the organisation
    #[schema(example = "1001", pattern = "^[0-9]{2,6}$")]
    pub number: String,
}

impl part::Description for Description {
    fn check(&self, fields: &mut Fields) {
        fields.must(is_number(&self.number), "number", NUMBER);
    }
}
