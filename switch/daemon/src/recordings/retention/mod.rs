//! Deletes recordings whose time is over (HX-22, decision 0037) or that somebody has ordered to be deleted (decision 0068), and
//! messages that their owner wants no more (decision 0036):
//! first the object in the store, then the row says so.
//!
//! Only what the database says that the store has is ever looked at, and not while the spool has it too, because it would be
//! put into the store once more. A process that dies in between deletes what is gone already, which does no harm. It looks
//! every [`LOOK_EVERY`], whatever its last look came to: nobody waits for it.

mod store;

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use recorder::{Counters, Spool, Store};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

/// How often it is looked for what is to be deleted.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Recordings deleted before the database is asked again.
const BATCH_MAX: usize = 200;
/// Objects that the store does not delete before the rest of their kind waits for the next look.
const REFUSALS_MAX: usize = 10;
/// Connecting, or one statement.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The task that deletes.
pub struct Retention {
    /// Where the rows are.
    pub database: PgConnectOptions,
    /// Where the recordings are.
    pub store: Store,
    /// Where they are until the store has them.
    pub spool: Spool,
    /// Figures.
    pub counters: Arc<Counters>,
}

/// A recording that is to be deleted.
#[derive(Debug, sqlx::FromRow)]
struct Overdue {
    id: Uuid,
    storage_key: String,
}

/// Why a recording is to be deleted.
#[derive(Clone, Copy, Debug)]
enum Because {
    /// It is a message that its owner has deleted.
    Owner,
    /// Somebody who may has ordered it.
    Order,
    /// Its organisation does not want it for longer.
    Retention,
}

impl Because {
    /// The word for it of `recordings.deleted_because`.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Order => "order",
            Self::Retention => "retention",
        }
    }
}

impl Retention {
    /// Never done.
    pub(crate) async fn run(self) {
        let mut is_away = false;
        loop {
            match self.look().await {
                Ok(()) => is_away = false,
                Err(error) => {
                    if !std::mem::replace(&mut is_away, true) {
                        tracing::warn!(%error, "recordings that are to be deleted cannot be looked for now");
                    }
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Deletes all that is to be deleted now. What the store does not delete is left for the next look.
    pub async fn look(&self) -> Result<(), sqlx::Error> {
        let mut connection = within(PgConnection::connect_with(&self.database)).await?;
        for because in [Because::Owner, Because::Order, Because::Retention] {
            self.delete(&mut connection, because).await?;
        }
        connection.close().await
    }

    async fn delete(&self, connection: &mut PgConnection, because: Because) -> Result<(), sqlx::Error> {
        let (mut left, mut refusals) = (Vec::new(), 0);
        while refusals < REFUSALS_MAX {
            let overdue = within(store::overdue(connection, because, &left, BATCH_MAX)).await?;
            if overdue.is_empty() {
                break;
            }
            for Overdue { id, storage_key } in overdue {
                if refusals == REFUSALS_MAX {
                    break;
                }
                if self.spool.done(id).exists() {
                    left.push(id);
                } else if let Err(error) = self.store.delete(&storage_key).await {
                    self.counters.store_failures.fetch_add(1, Relaxed);
                    tracing::warn!(recording = %id, %error, because = because.as_str(), "the store does not delete a recording");
                    refusals += 1;
                    left.push(id);
                } else {
                    within(store::deleted(connection, id, because)).await?;
                    self.counters.deleted.fetch_add(1, Relaxed);
                    tracing::info!(recording = %id, because = because.as_str(), "a recording was deleted");
                }
            }
        }
        Ok(())
    }
}

async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(TIMEOUT, work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}
