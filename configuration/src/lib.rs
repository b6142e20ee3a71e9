//! Configuration rows as the switch and the control plane read them, into `contract::snapshot`. One reader, so that what the control
//! plane finds sound is what the switch will compile.
//!
//! It opens no transaction and knows no revision: that all is read at one instant is the caller's business, and so is which
//! organisations they may see. It does not judge rows; that is `dialplan::compile`.

mod menus;
mod outside;
mod rows;
mod store;

use contract::{id::OrgId, snapshot::Organisation};
use sqlx::PgConnection;

/// Whether digests of passwords, passwords at providers and PINs are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// As they are.
    Read,
    /// By a role that may not: each is replaced by one of its shape that opens nothing.
    Withheld,
}

/// The approved ones of these organisations, or of all that the connection's role and scope show, with all that calls are decided by,
/// each list ordered by id. Fails on a word that this release does not know.
pub async fn load(
    connection: &mut PgConnection,
    whose: Option<&[OrgId]>,
    secrets: Secrets,
) -> Result<Vec<Organisation>, sqlx::Error> {
    store::load(connection, whose, secrets).await
}
