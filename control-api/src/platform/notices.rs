//! What the database announces to all who listen (`LISTEN`), told to whoever in this process waits for it. A notification says that
//! there is something new, never what; one that is lost costs the time until the next look, and nothing else.

use std::{sync::Arc, time::Duration};

use sqlx::postgres::PgListener;
use tokio::{
    sync::{Notify, watch},
    time,
};

use crate::database::Database;

/// A job was ordered.
const JOBS: &str = "platform_jobs";

/// Between two attempts to listen.
const PAUSE: Duration = Duration::from_secs(1);

/// Who waits for what.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    /// Jobs.
    pub jobs: Arc<Notify>,
}

impl Notices {
    /// Listens until the other end of `stop` is dropped.
    pub async fn run(self, database: Database, mut stop: watch::Receiver<()>) {
        loop {
            let listening = async {
                if let Ok(listener) = database.listen(&[JOBS]).await {
                    // Whatever was announced while nobody listened.
                    self.tell(JOBS);
                    self.listen(listener).await;
                }
                time::sleep(PAUSE).await;
            };
            tokio::select! {
                _ = stop.changed() => return,
                () = listening => {}
            }
        }
    }

    /// Until the connection is lost.
    async fn listen(&self, mut listener: PgListener) {
        while let Ok(Some(notice)) = listener.try_recv().await {
            self.tell(notice.channel());
        }
    }

    fn tell(&self, channel: &str) {
        if channel == JOBS {
            self.jobs.notify_one();
        }
    }
}
