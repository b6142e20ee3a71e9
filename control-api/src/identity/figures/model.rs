//! Figures as the platform's staff read them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::instant::Instant;

/// How many there are at this moment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Figures {
    /// Organisations by how they stand.
    pub organisations: OrganisationFigures,
    /// People with an account, members or not; guests are none.
    pub people: PeopleFigures,
}

/// Organisations by how they stand.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct OrganisationFigures {
    /// Wait to be reviewed.
    #[schema(example = 2)]
    pub pending: i64,
    /// May do what they are there for.
    #[schema(example = 40)]
    pub approved: i64,
    /// Were not taken.
    #[schema(example = 1)]
    pub rejected: i64,
    /// May do nothing for now.
    #[schema(example = 3)]
    pub suspended: i64,
    /// Registered within the last thirty days, however they stand.
    #[schema(example = 5)]
    pub registered_lately: i64,
    /// Since when the first of those that wait has waited.
    pub pending_since: Option<Instant>,
}

/// People by how they stand.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct PeopleFigures {
    /// May sign in.
    #[schema(example = 120)]
    pub active: i64,
    /// May not for now.
    #[schema(example = 4)]
    pub suspended: i64,
    /// Came within the last thirty days, however they stand.
    #[schema(example = 9)]
    pub registered_lately: i64,
}
