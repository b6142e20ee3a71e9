//! What the database announces to all who listen (`LISTEN`), told to whoever in this process waits for it. A notification says that
//! there is something new, never what; one that is lost costs the time until the next look, and nothing else.

use std::{sync::Arc, time::Duration};

use sqlx::postgres::{PgListener, PgNotification};
use tokio::{
    sync::{Notify, watch},
    time,
};

use super::events::feed::Feed;
use crate::database::Database;

/// A job was ordered.
const JOBS: &str = "platform_jobs";
/// Something has happened in the organisation that is named.
const EVENTS: &str = "platform_events";

/// Between two attempts to listen.
const PAUSE: Duration = Duration::from_secs(1);

/// Who waits for what.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    /// Jobs.
    pub jobs: Arc<Notify>,
    /// Followers of events.
    pub feed: Feed,
}

impl Notices {
    /// Listens until the other end of `stop` is dropped.
    pub async fn run(self, database: Database, mut stop: watch::Receiver<()>) {
        loop {
            let listening = async {
                if let Ok(listener) = database.listen(&[JOBS, EVENTS]).await {
                    // Whatever was announced while nobody listened.
                    self.jobs.notify_one();
                    self.listen(listener).await;
                }
                time::sleep(PAUSE).await;
            };
            tokio::select! {
                _ = stop.changed() => return self.feed.end(),
                () = listening => {}
            }
        }
    }

    /// Until the connection is lost.
    async fn listen(&self, mut listener: PgListener) {
        while let Ok(Some(notice)) = listener.try_recv().await {
            self.tell(&notice);
        }
    }

    fn tell(&self, notice: &PgNotification) {
        match (notice.channel(), notice.payload().parse()) {
            (EVENTS, Ok(org)) => self.feed.tell(org),
            _ => self.jobs.notify_one(),
        }
    }
}
