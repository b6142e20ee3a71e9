//! Events sent to where an organisation wants them (Standard Webhooks): signed, tried again for three days, and turned off when nothing
//! was taken for longer. A delivery is a job, written in the unit of work of its event; who may read an event is asked when somebody
//! wants its kind; when it is sent, whether it is wanted still.

pub mod deliver;
pub mod http;
pub mod model;
mod store;

use contract::id::OrgId;
use sqlx::PgConnection;

/// Has the events after number `seq` delivered to whoever wants their kinds.
pub(super) async fn send(c: &mut PgConnection, org: OrgId, seq: i64) -> Result<(), sqlx::Error> {
    store::order(c, org, seq).await
}
