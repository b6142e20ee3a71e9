//! What has happened in an organisation, in one order, for whoever follows it: changes as they are made, and calls as the switch
//! tells of them. A list to follow, not the record: that is [`super::audit`] and the tables of calls.

pub mod feed;
pub mod http;
pub mod model;
mod store;
mod teller;

use contract::{id::OrgId, time::Timestamp};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::webhooks;
use crate::http::{actor::Actor, error::ApiError};

/// Something that has happened.
#[derive(Clone, Debug, PartialEq)]
pub struct New {
    /// What, to what kind of thing: `extension.changed`.
    pub kind: String,
    /// To which one.
    pub subject: Uuid,
    /// When; `None`: now.
    pub at: Option<Timestamp>,
    /// What there is to know, up to 64 KiB and nothing secret.
    pub data: Option<Value>,
    /// Extensions and people whom it is about.
    pub audience: Vec<Uuid>,
}

/// Adds to the list, as the last step of the unit of work that does what it tells of: nobody else's can be added to the organisation's
/// until that ends, which is what keeps readers from missing one.
pub async fn publish(c: &mut PgConnection, org: OrgId, news: &[New]) -> Result<(), sqlx::Error> {
    if !news.is_empty()
        && let Some(seq) = store::append(c, org, news).await?
    {
        webhooks::send(c, org, seq).await?;
    }
    Ok(())
}

/// Refuses unless this actor may read all events of these kinds (`call.ended`, `call.*`).
pub(super) fn may_read(actor: &Actor, kinds: &[String]) -> Result<(), ApiError> {
    kinds.iter().try_for_each(|kind| actor.must(model::permission(kind)))
}

/// The event of that number, if it is still kept.
pub(super) async fn one(
    c: &mut PgConnection,
    org: OrgId,
    seq: i64,
) -> Result<Option<model::Event>, sqlx::Error> {
    let next = store::after(c, org, seq.saturating_sub(1), 1).await?;
    Ok(next.into_iter().find(|event| event.seq == seq))
}

/// Whom events about each of these were about.
pub(crate) async fn audiences(
    c: &mut PgConnection,
    org: OrgId,
    subjects: Vec<Uuid>,
) -> Result<Vec<(Uuid, Vec<Uuid>)>, sqlx::Error> {
    store::audiences(c, org, subjects).await
}
