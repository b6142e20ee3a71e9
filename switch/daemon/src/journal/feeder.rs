//! Carries the journal from disk to Postgres, exactly once in effect, for as long as it takes.
//!
//! A batch is tried until Postgres takes it; between tries the pause doubles up to [`PAUSE_MAX`], with jitter.
//! The cursor is written after Postgres has committed, so a crash in between delivers a batch twice, which its
//! natural keys make harmless. A batch that Postgres refuses for good is split to find the entry it is about.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use contract::journal::Entry;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch;

use super::{
    Counters, Record,
    refused::Refused,
    store::{Store, StoreError},
};
use crate::{
    append_log::{self, Batch, Position, Reader},
    atomic_file,
    backoff::Backoff,
    disk::aside,
};

/// Where delivery stands, as JSON, beside the segments.
const CURSOR_FILE: &str = "cursor";
/// Entries in one transaction.
const BATCH_ENTRIES_MAX: usize = 512;
/// The longest pause between two tries.
pub const PAUSE_MAX: Duration = Duration::from_secs(15);
/// After a delivery what comes next gathers for so long: a transaction for every entry would cost more than the call
/// it is about. The switch's own event stream does not wait for it.
const GATHER: Duration = Duration::from_millis(500);
/// The cursor is written at most this often. What a crash makes it forget is delivered twice, which does no harm.
const CURSOR_EVERY: Duration = Duration::from_secs(1);

/// The task between the log on disk and Postgres.
pub struct Feeder {
    folder: PathBuf,
    reader: Reader,
    durable: watch::Receiver<Position>,
    store: Store,
    refused: Refused,
    counters: Arc<Counters>,
    backoff: Backoff,
    saved: Position,
    saved_at: Instant,
    damaged: Option<Position>,
    kept_segments: u64,
}

impl Feeder {
    /// Starts at the cursor in `folder`; without one, or with one that cannot be right, at the oldest entry.
    pub fn new(
        folder: &Path,
        durable: watch::Receiver<Position>,
        options: PgConnectOptions,
        counters: Arc<Counters>,
    ) -> Self {
        let saved = read_cursor(folder, *durable.borrow());
        Self {
            folder: folder.to_path_buf(),
            reader: Reader::new(folder, saved),
            durable,
            store: Store::new(options),
            refused: Refused::new(folder),
            counters,
            backoff: Backoff::new(PAUSE_MAX),
            saved,
            saved_at: Instant::now(),
            damaged: None,
            kept_segments: 0,
        }
    }

    /// Lets so many segments that have arrived stay, for readers of the event stream.
    pub fn keeping(mut self, segments: u64) -> Self {
        self.kept_segments = segments;
        self
    }

    /// Delivers until the journal is closed and everything in it has arrived. Dropping it at any point is safe.
    pub async fn run(mut self) {
        loop {
            let end = *self.durable.borrow_and_update();
            // Before too: a database that hangs holds up the delivery, not the figure.
            self.measure_backlog(end);
            let everything_arrived = self.deliver_up_to(end).await;
            self.measure_backlog(end);
            if !everything_arrived {
                tokio::time::sleep(self.backoff.pause()).await;
                continue;
            }
            if !self.more_is_durable().await {
                return self.save_cursor().await;
            }
        }
    }

    /// Waits until there is more to deliver; false when the journal is closed. Closed it is when its last position has
    /// been seen too. The reader need not stand there: a damaged record ends its segment.
    async fn more_is_durable(&mut self) -> bool {
        let gathered = tokio::time::Instant::now() + GATHER;
        let is_open = match tokio::time::timeout(CURSOR_EVERY, self.durable.changed()).await {
            Ok(outcome) => outcome.is_ok(),
            Err(_) => {
                self.save_cursor().await;
                self.durable.changed().await.is_ok()
            }
        };
        if is_open && self.durable.has_changed().is_ok() {
            tokio::time::sleep_until(gathered).await;
        }
        is_open
    }

    /// False: Postgres (or the disk) is away; the reader stands before what has not arrived.
    async fn deliver_up_to(&mut self, end: Position) -> bool {
        loop {
            let start = self.reader.position();
            let batch = match self.read(end) {
                Ok(batch) if batch.records.is_empty() => {
                    self.counters.undelivered_since.store(0, Ordering::Relaxed);
                    return true;
                }
                Ok(batch) => batch,
                Err(error) => {
                    tracing::error!(%error, "the journal cannot be read");
                    return false;
                }
            };
            let entries = entries_of(&batch.records);
            let since = entries.first().map_or(0, |entry| entry.at.0);
            self.counters.undelivered_since.store(since, Ordering::Relaxed);
            if let Err(reason) = self.deliver(&entries).await {
                if !self.counters.database_away.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%reason, "the database does not take call records; they wait on disk");
                }
                self.reader.rewind(start);
                return false;
            }
            if self.counters.database_away.swap(false, Ordering::Relaxed) {
                tracing::info!("the database takes call records again");
            }
            self.backoff.reset();
            if self.saved_at.elapsed() >= CURSOR_EVERY {
                self.save_cursor().await;
            }
        }
    }

    async fn deliver(&mut self, entries: &[Entry]) -> Result<(), String> {
        if entries.is_empty() {
            return Ok(());
        }
        match self.store.write(entries).await {
            Ok(()) => {
                self.counters.delivered.fetch_add(entries.len() as u64, Ordering::Relaxed);
                return Ok(());
            }
            Err(StoreError::Away(reason)) => return Err(reason),
            Err(StoreError::Refused(_)) => {}
        }
        for entry in entries {
            match self.store.write(std::slice::from_ref(entry)).await {
                Ok(()) => {
                    self.counters.delivered.fetch_add(1, Ordering::Relaxed);
                }
                Err(StoreError::Away(reason)) => return Err(reason),
                Err(StoreError::Refused(reason)) => self.park(entry, reason).await?,
            }
        }
        Ok(())
    }

    async fn park(&self, entry: &Entry, reason: String) -> Result<(), String> {
        let (refused, kept, why) = (self.refused.clone(), entry.clone(), reason.clone());
        aside(move || refused.park(&kept, &why))
            .await
            .map_err(|error| format!("a refused entry cannot be kept: {error}"))?;
        self.counters.refused.fetch_add(1, Ordering::Relaxed);
        let call = entry.call.map(tracing::field::display);
        tracing::error!(call, reason, "the database refuses a call record; it is in journal/refused-*.jsonl");
        Ok(())
    }

    fn read(&mut self, end: Position) -> std::io::Result<Batch> {
        // Reading 256 KiB that were written a moment ago: the page cache has them, no thread is worth it.
        let batch = self.reader.read(end, BATCH_ENTRIES_MAX)?;
        if let Some(place) = batch.damaged.filter(|place| self.damaged != Some(*place)) {
            self.damaged = Some(place);
            self.counters.damaged.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(?place, "a journal segment ends in a damaged record");
        }
        Ok(batch)
    }

    fn measure_backlog(&self, end: Position) {
        let position = self.reader.position();
        let segments = end.segment.saturating_sub(position.segment);
        let bytes = (segments * append_log::SEGMENT_BYTES + end.offset).saturating_sub(position.offset);
        self.counters.undelivered_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Remembers how far Postgres has everything, and deletes the segments that lie behind.
    async fn save_cursor(&mut self) {
        self.saved_at = Instant::now();
        let position = self.reader.position();
        if position == self.saved {
            return;
        }
        let (folder, kept_segments) = (self.folder.clone(), self.kept_segments);
        match aside(move || write_cursor(&folder, position, kept_segments)).await {
            Ok(()) => self.saved = position,
            Err(error) => tracing::warn!(%error, "the journal's cursor cannot be written; it is tried again"),
        }
    }
}

fn write_cursor(folder: &Path, position: Position, kept_segments: u64) -> std::io::Result<()> {
    atomic_file::replace(&folder.join(CURSOR_FILE), &serde_json::to_vec(&position)?)?;
    append_log::remove_before(folder, position.segment.saturating_sub(kept_segments)).map(drop)
}

fn entries_of(records: &[Vec<u8>]) -> Vec<Entry> {
    let entries = records.iter().filter_map(|payload| match serde_json::from_slice(payload) {
        Ok(Record::Entry(entry)) => Some(entry),
        Ok(Record::Open(_) | Record::Alive(_)) => None,
        Err(error) => {
            tracing::error!(%error, "a journal record cannot be read");
            None
        }
    });
    entries.collect()
}

fn read_cursor(folder: &Path, end: Position) -> Position {
    let text = match std::fs::read(folder.join(CURSOR_FILE)) {
        Ok(text) => text,
        Err(_) => return Position::default(),
    };
    let cursor = serde_json::from_slice(&text).map_err(|error| error.to_string());
    // Beyond the end it stems from segments that somebody has deleted: what is written from now on would count as
    // delivered.
    let cursor =
        cursor.and_then(|at: Position| if at <= end { Ok(at) } else { Err("beyond the end".into()) });
    cursor.unwrap_or_else(|reason: String| {
        tracing::warn!(reason, "the journal's cursor is unusable: everything on disk is delivered again");
        Position::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::tests::StuckDisk;

    /// The thread that would wait for the disk also answers the watchdog.
    #[test]
    fn a_cursor_that_the_disk_does_not_take_holds_up_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let (_end, durable) = watch::channel(Position::default());
        let options = PgConnectOptions::new();
        let mut feeder = Feeder::new(folder.path(), durable, options, Arc::default());
        feeder.reader = Reader::new(folder.path(), Position { segment: 1, offset: 100 });
        let disk = StuckDisk::under(&folder.path().join(CURSOR_FILE));
        assert!(disk.leaves_the_thread_to_others(feeder.save_cursor()));
    }

    #[test]
    fn a_cursor_beyond_the_journal_counts_nothing_as_delivered() {
        let folder = tempfile::tempdir().unwrap();
        let at = |segment| Position { segment, offset: 100 };
        std::fs::write(folder.path().join(CURSOR_FILE), serde_json::to_vec(&at(5)).unwrap()).unwrap();
        assert_eq!(read_cursor(folder.path(), at(5)), at(5));
        assert_eq!(read_cursor(folder.path(), at(1)), Position::default());
        std::fs::write(folder.path().join(CURSOR_FILE), "{").unwrap();
        assert_eq!(read_cursor(folder.path(), at(5)), Position::default());
    }
}
