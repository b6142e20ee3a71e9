//! The registrar's contacts on disk, so that phones can be called right after a restart.
//!
//! A log of puts and removes in an [`AppendLog`], and a thread that keeps the same contacts in memory to write the
//! log anew when most of it is history. Losing the last moments costs little (phones register again), so nobody
//! waits for the disk here: a phone is answered before its contact is written.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use calls::{Binding, BindingChange};
use contract::id::AccountId;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use serde::{Deserialize, Serialize};

use crate::append_log::{self, AppendLog, Position, Reader, SEGMENT_BYTES_MIN};

/// Changes on their way to the thread.
const CHANNEL_CHANGES_MAX: usize = 65_536;
/// How long the first change of a group waits for others.
const GATHER: Duration = Duration::from_millis(50);
/// Between two tries on a disk that refuses.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// A log is written anew when it is longer than this and than [`REWRITE_FACTOR`] times its contacts.
const REWRITE_BYTES_MIN: u64 = 8 * 1024 * 1024;
const REWRITE_FACTOR: u64 = 4;
/// Records read at a time.
const BATCH_RECORDS_MAX: usize = 1_024;

/// One record in the log.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Put(Arc<Binding>),
    Remove {
        account: AccountId,
        key: Arc<str>,
    },
    /// What follows, up to [`Record::SnapshotEnd`], is all contacts. Without the end it never happened.
    SnapshotBegin,
    SnapshotEnd,
}

type Contacts = BTreeMap<(AccountId, Arc<str>), Arc<Binding>>;

/// What is counted.
#[derive(Debug, Default)]
pub struct Counters {
    /// Changes on disk.
    pub written: AtomicU64,
    /// Changes dropped because the disk did not keep up.
    pub dropped: AtomicU64,
    /// Commits that failed and were tried again.
    pub commit_failures: AtomicU64,
}

/// The engine's end.
pub struct Bindings {
    sender: Sender<BindingChange>,
    writer: JoinHandle<()>,
    counters: Arc<Counters>,
}

/// Opens the log in `folder`, gives the contacts it holds, and starts the thread.
pub fn open(folder: &Path) -> io::Result<(Bindings, Vec<Arc<Binding>>)> {
    let (log, _) = AppendLog::open(folder, SEGMENT_BYTES_MIN)?;
    let contacts = read(folder)?;
    let restored = contacts.values().cloned().collect();
    let counters = Arc::new(Counters::default());
    let mut writer = Writer {
        folder: folder.to_path_buf(),
        log,
        contacts,
        bytes: 0,
        snapshot_bytes: 0,
        counters: Arc::clone(&counters),
    };
    writer.rewrite()?;
    let (sender, receiver) = crossbeam_channel::bounded(CHANNEL_CHANGES_MAX);
    let writer = std::thread::Builder::new().name("bindings".into()).spawn(move || writer.run(&receiver))?;
    Ok((Bindings { sender, writer, counters }, restored))
}

impl Bindings {
    /// Notes a change. Never waits; a change that finds no room is dropped and counted.
    pub fn note(&self, change: BindingChange) {
        match self.sender.try_send(change) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.counters.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Whether the thread works; false only after a defect in it.
    pub fn is_running(&self) -> bool {
        !self.writer.is_finished()
    }

    /// What is counted.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Waits until everything is on disk, at most `patience`.
    pub fn close(self, patience: Duration) -> bool {
        drop(self.sender);
        let give_up_at = Instant::now() + patience;
        while !self.writer.is_finished() {
            if Instant::now() >= give_up_at {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.writer.join().is_ok()
    }
}

struct Writer {
    folder: PathBuf,
    log: AppendLog,
    contacts: Contacts,
    /// Bytes of payload since the last snapshot began, and those of that snapshot.
    bytes: u64,
    snapshot_bytes: u64,
    counters: Arc<Counters>,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<BindingChange>) {
        while let Ok(change) = receiver.recv() {
            let mut changes = 1;
            self.take(change);
            let until = Instant::now() + GATHER;
            while !self.log.group_is_full() {
                match receiver.recv_deadline(until) {
                    Ok(change) => self.take(change),
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
                changes += 1;
            }
            while let Err(error) = self.log.commit() {
                if self.counters.commit_failures.fetch_add(1, Ordering::Relaxed).is_multiple_of(60) {
                    tracing::error!(%error, "the disk does not take registrations; they live in memory only");
                }
                std::thread::sleep(RETRY_AFTER);
            }
            self.counters.written.fetch_add(changes, Ordering::Relaxed);
            if self.bytes > REWRITE_BYTES_MIN.max(self.snapshot_bytes * REWRITE_FACTOR)
                && let Err(error) = self.rewrite()
            {
                tracing::warn!(%error, "the registrations cannot be written anew; the log grows on");
            }
        }
    }

    fn take(&mut self, change: BindingChange) {
        let record = match change {
            BindingChange::Put(binding) => {
                let key = (binding.account, Arc::clone(&binding.key));
                self.contacts.insert(key, Arc::clone(&binding));
                Record::Put(binding)
            }
            BindingChange::Remove { account, key } => {
                self.contacts.remove(&(account, key.clone()));
                Record::Remove { account, key }
            }
        };
        self.push(&record);
    }

    fn push(&mut self, record: &Record) {
        match serde_json::to_vec(record) {
            Ok(payload) if self.log.push(&payload) => self.bytes += payload.len() as u64,
            refused => tracing::error!(?refused, "a registration cannot be written"),
        }
    }

    /// Writes all contacts into fresh segments and deletes the older ones.
    fn rewrite(&mut self) -> io::Result<()> {
        self.log.end_segment();
        self.bytes = 0;
        self.push(&Record::SnapshotBegin);
        let mut first = self.log.commit().map(|committed| committed.durable.segment);
        let contacts = std::mem::take(&mut self.contacts);
        for binding in contacts.values() {
            self.push(&Record::Put(Arc::clone(binding)));
            if self.log.group_is_full()
                && first.is_ok()
                && let Err(error) = self.log.commit()
            {
                first = Err(error);
            }
        }
        self.contacts = contacts;
        // Also when the disk refuses: the beginning waits in the group, and what followed it would be lost.
        self.push(&Record::SnapshotEnd);
        let first = first?;
        self.log.commit()?;
        self.snapshot_bytes = self.bytes;
        append_log::remove_before(&self.folder, first).map(|_| ())
    }
}

/// The contacts at the end of the log.
fn read(folder: &Path) -> io::Result<Contacts> {
    let mut reader = Reader::new(folder, Position::default());
    let end = Position { segment: u64::MAX, offset: u64::MAX };
    let mut contacts = Contacts::new();
    let mut snapshot: Option<Contacts> = None;
    loop {
        let batch = reader.read(end, BATCH_RECORDS_MAX)?;
        if batch.records.is_empty() {
            return Ok(contacts);
        }
        for payload in &batch.records {
            let target = snapshot.as_mut().unwrap_or(&mut contacts);
            match serde_json::from_slice(payload) {
                Ok(Record::Put(binding)) => {
                    target.insert((binding.account, Arc::clone(&binding.key)), binding);
                }
                Ok(Record::Remove { account, key }) => {
                    target.remove(&(account, key));
                }
                Ok(Record::SnapshotBegin) => snapshot = Some(Contacts::new()),
                Ok(Record::SnapshotEnd) => contacts = snapshot.take().unwrap_or(contacts),
                Err(error) => tracing::error!(%error, "a stored registration cannot be read"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
