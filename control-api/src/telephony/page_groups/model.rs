//! The page group of an extension as clients see and describe it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{http::fields::Fields, instant::Instant, telephony::part};

/// Phones of an extension's people that all hear whoever dials it.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct PageGroup {
    /// Its id.
    pub id: Uuid,
    /// Whether they are heard too.
    pub is_duplex: bool,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// All that can be said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PageGroupDescription)]
pub struct Description {
    /// Whether they are heard too
    #[serde(default)]
    pub is_duplex: bool,
}

impl part::Description for Description {
    fn check(&self, _: &mut Fields) {}
}
