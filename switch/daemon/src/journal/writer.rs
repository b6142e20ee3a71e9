//! The thread that puts entries on disk, a group at a time.
//!
//! The first entry of a group waits [`GATHER`] for others, and while the group is being synced the next one gathers in
//! the channel. A disk that refuses is asked again until it takes the group: nothing is dropped here, the channel
//! fills up behind.

use std::{
    io,
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use contract::journal::{Entry, EventKind, Fact};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use tokio::sync::watch;

use super::{Counters, Former, Record, missing::missing, open_calls::OpenCalls};
use crate::{
    append_log::{AppendLog, Position},
    clock,
};

/// How long the first entry of a group waits for others. A sync and a wake-up for each entry would cost more than the
/// call they are about. A process that dies loses nothing of it (`survival::tail`); only a machine that loses its power
/// loses what it said in this time.
const GATHER: Duration = Duration::from_millis(100);
/// While calls are up the log shows this often that the switch lives: the error of an end after a crash.
const ALIVE_EVERY: Duration = Duration::from_secs(1);
/// Between the first two tries on a disk that refuses; each further pause is longer, because a try that fails leaves
/// a segment behind.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// The longest pause.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// A disk in trouble is logged again after this.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

pub(super) struct Writer {
    log: AppendLog,
    open: OpenCalls,
    durable: watch::Sender<Position>,
    counters: Arc<Counters>,
    complained_at: Option<Instant>,
    entries_in_group: u64,
}

impl Writer {
    pub(super) fn open(
        folder: &Path,
        segment_bytes: u64,
        former: &Former,
        counters: Arc<Counters>,
    ) -> io::Result<(Self, watch::Receiver<Position>)> {
        let (log, torn_bytes) = AppendLog::open(folder, segment_bytes)?;
        if torn_bytes > 0 {
            tracing::warn!(torn_bytes, "the journal ended in the middle of a record, which was cut off");
        }
        let mut writer = Self {
            log,
            open: OpenCalls::read(folder)?,
            durable: watch::Sender::new(Position { segment: u64::MAX, offset: u64::MAX }),
            counters,
            complained_at: None,
            entries_in_group: 0,
        };
        for entry in missing(folder, &former.entries)? {
            writer.push_entry(entry);
        }
        let endings = writer.open.endings(|call| former.calls.contains(&call));
        if !endings.is_empty() {
            let is_end =
                |entry: &&Entry| matches!(&entry.fact, Fact::Event(event) if event.kind == EventKind::Ended);
            let calls = endings.iter().filter(is_end).count();
            tracing::warn!(calls, "calls were up when the switch stopped; they are recorded as failed");
            writer.counters.ended_at_start.store(calls as u64, Ordering::Relaxed);
        }
        for entry in endings {
            writer.push_entry(entry);
        }
        // Also without endings: the first commit shows that the disk takes entries, before any call is taken.
        writer.push(&Record::Alive(clock::unix_now()));
        writer.commit_once()?;
        let durable = writer.durable.subscribe();
        Ok((writer, durable))
    }

    /// The calls that are open now.
    pub(super) fn open_calls(&self) -> OpenCalls {
        self.open.clone()
    }

    /// Runs until the engine's end is closed and everything is on disk.
    pub(super) fn run(mut self, receiver: &Receiver<Entry>) {
        let mut alive_due = Instant::now();
        loop {
            match receiver.recv_timeout(ALIVE_EVERY) {
                Ok(entry) => {
                    self.push_entry(entry);
                    self.gather(receiver);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if !self.open.is_empty() && Instant::now() >= alive_due {
                self.push(&Record::Alive(clock::unix_now()));
                alive_due = Instant::now() + ALIVE_EVERY;
            }
            if !self.log.group_is_empty() {
                self.commit();
            }
        }
    }

    /// Takes what comes within [`GATHER`], up to a full group. It sleeps instead of listening, so that the engine need not
    /// wake this thread for every entry; the end of the journal cuts it short.
    fn gather(&mut self, receiver: &Receiver<Entry>) {
        std::thread::park_timeout(GATHER);
        while !self.log.group_is_full()
            && let Ok(entry) = receiver.try_recv()
        {
            self.push_entry(entry);
        }
    }

    fn push_entry(&mut self, entry: Entry) {
        self.open.note(&entry);
        self.push(&Record::Entry(entry));
        self.entries_in_group += 1;
    }

    fn push(&mut self, record: &Record) {
        let pushed = serde_json::to_vec(record).map(|payload| self.log.push(&payload));
        if !matches!(pushed, Ok(true)) {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
            tracing::error!(?pushed, "a journal record cannot be written");
        }
    }

    /// Commits, however long the disk needs.
    fn commit(&mut self) {
        let mut pause = RETRY_AFTER;
        while let Err(error) = self.commit_once() {
            self.counters.disk_in_trouble.store(true, Ordering::Relaxed);
            self.counters.commit_failures.fetch_add(1, Ordering::Relaxed);
            if self.complained_at.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
                self.complained_at = Some(Instant::now());
                tracing::error!(%error, "the disk does not take the journal: new calls are refused until it does");
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(RETRY_AFTER_MAX);
        }
        if self.complained_at.take().is_some() {
            tracing::info!("the disk takes the journal again");
        }
        self.counters.disk_in_trouble.store(false, Ordering::Relaxed);
    }

    fn commit_once(&mut self) -> io::Result<()> {
        let mut committed = self.log.commit()?;
        if committed.rotated {
            self.push(&Record::Open(self.open.clone()));
            committed = self.log.commit()?;
        }
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        self.counters.written.fetch_add(self.entries_in_group, Ordering::Relaxed);
        self.entries_in_group = 0;
        // Not before the list of open calls is there too: the feeder deletes older segments behind this place.
        self.durable.send_replace(committed.durable);
        Ok(())
    }
}
