//! The call journal: every fact is on local disk before anything else is done with it (DESIGN D2).
//!
//! Three parts. The engine hands entries to [`Journal`], which never waits. A thread of its own ([`writer`])
//! puts them on disk in groups. The [`feeder`] carries what is on disk to Postgres, exactly once in effect, and
//! deletes what has arrived. Postgres may be away for as long as the disk lasts.
//!
//! A call that was going on when the switch died gets its `failed` and `ended` at the next start
//! ([`open_calls`]), so that every `created` has its end whatever happens.

pub mod feeder;
mod missing;
mod open_calls;
mod refused;
mod store;
mod writer;

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use contract::{id::CallId, journal::Entry, time::Timestamp};
use crossbeam_channel::{Sender, TrySendError};
pub use open_calls::OpenCalls;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::append_log::Position;

/// Entries on their way to the writer thread.
const CHANNEL_ENTRIES_MAX: usize = 16_384;
/// Entries the engine keeps when the channel is full. New calls are refused long before; this is for what the
/// calls that are up still have to say.
const SPILL_ENTRIES_MAX: usize = 500_000;

/// How long a journal that is dropped, and not closed, waits for the disk.
const DROP_PATIENCE: Duration = Duration::from_secs(2);

/// One record in the log.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A fact, on its way to Postgres.
    Entry(Entry),
    /// All calls that are open at this place of the log; written once in every segment.
    Open(OpenCalls),
    /// The switch is alive and has calls; tells a restart when they must have ended.
    Alive(Timestamp),
}

/// What the parts count; read by metrics and health.
#[derive(Debug, Default)]
pub struct Counters {
    /// Entries the engine has recorded.
    pub recorded: AtomicU64,
    /// Entries that are on disk.
    pub written: AtomicU64,
    /// Commits, one `fdatasync` each.
    pub commits: AtomicU64,
    /// Commits that failed and were tried again.
    pub commit_failures: AtomicU64,
    /// Entries lost because disk and memory were both exhausted. Anything but 0 is an incident.
    pub lost: AtomicU64,
    /// Calls that a crash had left open and a start has ended.
    pub ended_at_start: AtomicU64,
    /// Entries that have reached Postgres.
    pub delivered: AtomicU64,
    /// Entries that Postgres refuses for good; they stand in `refused-*.jsonl`.
    pub refused: AtomicU64,
    /// Bytes on disk that Postgres does not have yet.
    pub undelivered_bytes: AtomicU64,
    /// When the fact became true that Postgres is to get next, unix microseconds; 0 while it has all of them.
    pub undelivered_since: AtomicI64,
    /// Records found damaged while reading.
    pub damaged: AtomicU64,
    /// The disk does not take entries at the moment.
    pub disk_in_trouble: AtomicBool,
    /// Postgres does not take entries at the moment.
    pub database_away: AtomicBool,
}

/// The engine's end of the journal.
///
/// Dropping it, also by a panic of its owner, waits a moment until what was recorded is on disk.
pub struct Journal {
    /// `None` once closed.
    sender: Option<Sender<Entry>>,
    spill: VecDeque<Entry>,
    counters: Arc<Counters>,
    under_pressure: bool,
    writer: Option<JoinHandle<()>>,
}

/// What [`open`] hands out.
pub struct Opened {
    /// For the engine.
    pub journal: Journal,
    /// For the feeder: everything before this place is on disk.
    pub durable: watch::Receiver<Position>,
    /// For metrics and health.
    pub counters: Arc<Counters>,
    /// The calls of the former life that go on.
    pub open: OpenCalls,
}

/// What a former life has left outside of the journal.
#[derive(Debug, Default)]
pub struct Former {
    /// Facts that the journal may not have; those that it has are left out.
    pub entries: Vec<Entry>,
    /// Calls that go on.
    pub calls: BTreeSet<CallId>,
}

/// Opens the journal in `folder`: cuts a torn tail, ends the calls that a crash left open, starts the writer.
pub fn open(folder: &Path, segment_bytes: u64) -> io::Result<Opened> {
    reopen(folder, segment_bytes, &Former::default())
}

/// As [`open`], but calls that survived the end of the process are not ended, and what it could not write any more
/// is written first.
pub fn reopen(folder: &Path, segment_bytes: u64, former: &Former) -> io::Result<Opened> {
    let counters = Arc::new(Counters::default());
    let (writer, durable) = writer::Writer::open(folder, segment_bytes, former, Arc::clone(&counters))?;
    let open = writer.open_calls();
    let (sender, receiver) = crossbeam_channel::bounded(CHANNEL_ENTRIES_MAX);
    let writer = std::thread::Builder::new().name("journal".into()).spawn(move || writer.run(&receiver))?;
    let journal = Journal {
        sender: Some(sender),
        spill: VecDeque::new(),
        counters: Arc::clone(&counters),
        under_pressure: false,
        writer: Some(writer),
    };
    Ok(Opened { journal, durable, counters, open })
}

impl Journal {
    /// Records a fact. Never waits; order is kept.
    pub fn record(&mut self, entry: Entry) {
        self.counters.recorded.fetch_add(1, Ordering::Relaxed);
        self.pass_on_spilled();
        if !self.spill.is_empty() {
            return self.spill(entry);
        }
        if let Some(entry) = self.pass_on(entry) {
            self.spill(entry);
        }
    }

    /// Whether new calls should be refused because their facts might not find room.
    pub fn pressure(&mut self) -> bool {
        self.pass_on_spilled();
        let waiting = self.sender.as_ref().map_or(0, Sender::len);
        let limit = if self.under_pressure { CHANNEL_ENTRIES_MAX / 4 } else { CHANNEL_ENTRIES_MAX / 2 };
        self.under_pressure = !self.spill.is_empty()
            || waiting > limit
            || self.counters.disk_in_trouble.load(Ordering::Relaxed);
        self.under_pressure
    }

    /// Whether the writer works; false only after a defect in it.
    pub fn is_running(&self) -> bool {
        self.writer.as_ref().is_some_and(|writer| !writer.is_finished())
    }

    /// Hands over what is left and waits until it is on disk, at most `patience`. False: it was not enough.
    pub fn close(mut self, patience: Duration) -> bool {
        self.finish(patience)
    }

    fn finish(&mut self, patience: Duration) -> bool {
        let give_up_at = Instant::now() + patience;
        let (Some(sender), Some(writer)) = (self.sender.take(), self.writer.take()) else { return true };
        while let Some(entry) = self.spill.pop_front() {
            if sender.send_deadline(entry, give_up_at).is_err() {
                return false;
            }
        }
        drop(sender);
        writer.thread().unpark();
        while !writer.is_finished() {
            if Instant::now() >= give_up_at {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        writer.join().is_ok()
    }

    /// Gives the entry back when there is no room for it now.
    fn pass_on(&self, entry: Entry) -> Option<Entry> {
        let Some(sender) = &self.sender else { return Some(entry) };
        match sender.try_send(entry) {
            Ok(()) => None,
            Err(TrySendError::Full(entry) | TrySendError::Disconnected(entry)) => Some(entry),
        }
    }

    fn spill(&mut self, entry: Entry) {
        if self.spill.len() < SPILL_ENTRIES_MAX {
            self.spill.push_back(entry);
        } else if self.counters.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(
                entries = SPILL_ENTRIES_MAX,
                "the journal has no room left: call records are being lost"
            );
        }
    }

    fn pass_on_spilled(&mut self) {
        while let Some(entry) = self.spill.pop_front() {
            if let Some(entry) = self.pass_on(entry) {
                self.spill.push_front(entry);
                return;
            }
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.finish(DROP_PATIENCE);
    }
}

#[cfg(test)]
mod tests;
