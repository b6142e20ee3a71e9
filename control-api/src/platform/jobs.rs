//! Work that nobody waits for: a row written in the unit of work that it follows from, and done once in effect, whoever dies
//! meanwhile. What is done is for the [`runner::Worker`] of its kind.

pub mod http;
pub mod model;
pub mod runner;
mod store;

pub(super) use store::{hold, revive};

use contract::id::OrgId;
use serde_json::Value;
use sqlx::PgConnection;

/// Work to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct New {
    /// Of what kind: `webhook.deliver`.
    pub kind: &'static str,
    /// Which of its kind. Another one of the same key is none.
    pub key: String,
    /// What its worker needs to know, up to 64 KiB.
    pub payload: Value,
}

/// Has it done, once this unit of work is through, and not if it comes to nothing. `false`: it has been ordered before.
pub async fn order(c: &mut PgConnection, org: OrgId, new: &New) -> Result<bool, sqlx::Error> {
    store::insert(c, org, new).await
}
