//! Which calls have been created and not ended, at any place of the log.
//!
//! The writer keeps this beside the log and writes it into every new segment, so that the latest segment alone
//! tells a restart which calls died with the switch.

use std::{collections::BTreeMap, io, path::Path};

use contract::{
    id::{CallId, OrgId},
    journal::{Detail, Entry, Event, EventKind, Fact},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::Record;
use crate::append_log::{self, Position, Reader};

/// The word in the `failed` event of a call that died with the switch.
const REASON: &str = "switch_stopped";
/// Records read at a time.
const BATCH_RECORDS_MAX: usize = 1_024;

/// The open calls and the last instant the switch was known to live.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OpenCalls {
    /// The latest instant in the log.
    pub alive_at: Timestamp,
    calls: BTreeMap<CallId, OpenCall>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct OpenCall {
    org: OrgId,
    /// Number of its latest event.
    seq: u32,
    /// That one says what the call came to: only its end is not written.
    #[serde(default, alias = "has_failed")]
    has_cause: bool,
}

impl OpenCalls {
    /// The state at the end of the log in `folder`. Reads from the latest segment that has such a state in it.
    pub fn read(folder: &Path) -> io::Result<Self> {
        for segment in append_log::segments(folder)?.into_iter().rev() {
            let (open, has_state) = Self::read_from(folder, segment)?;
            if has_state {
                return Ok(open);
            }
        }
        let (open, _) = Self::read_from(folder, 0)?;
        Ok(open)
    }

    fn read_from(folder: &Path, segment: u64) -> io::Result<(Self, bool)> {
        let mut open = Self::default();
        let mut has_state = false;
        let mut reader = Reader::new(folder, Position::start_of(segment));
        let end = Position { segment: u64::MAX, offset: u64::MAX };
        loop {
            let batch = reader.read(end, BATCH_RECORDS_MAX)?;
            if batch.records.is_empty() {
                return Ok((open, has_state));
            }
            for payload in &batch.records {
                match serde_json::from_slice(payload) {
                    Ok(Record::Entry(entry)) => open.note(&entry),
                    Ok(Record::Alive(at)) => open.alive_at = open.alive_at.max(at),
                    Ok(Record::Open(state)) => {
                        open = state;
                        has_state = true;
                    }
                    Err(error) => tracing::error!(%error, "a journal record cannot be read"),
                }
            }
        }
    }

    /// Takes an entry into account.
    pub fn note(&mut self, entry: &Entry) {
        self.alive_at = self.alive_at.max(entry.at);
        let Some(call) = entry.call else { return };
        match &entry.fact {
            Fact::Call(_) => {
                self.calls.entry(call).or_insert(OpenCall { org: entry.org, seq: 0, has_cause: false });
            }
            Fact::Event(event) if event.kind == EventKind::Ended => {
                self.calls.remove(&call);
            }
            Fact::Event(event) => {
                if let Some(open) = self.calls.get_mut(&call) {
                    open.seq = open.seq.max(event.seq);
                    open.has_cause = is_cause(event.kind);
                }
            }
            Fact::Participant(_)
            | Fact::Leg(_)
            | Fact::Quality(_)
            | Fact::Recording(_)
            | Fact::Recorded(_)
            | Fact::Message(_)
            | Fact::Supervision(_)
            | Fact::Availability(_) => {}
        }
    }

    /// Whether any call is open.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// How many calls are open.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// The number of the latest event of a call; `None` when it is not open.
    pub fn latest_event(&self, call: CallId) -> Option<u32> {
        self.calls.get(&call).map(|open| open.seq)
    }

    /// The entries that end every open call for which nobody stands up, at the last instant the switch was known to
    /// live.
    pub fn endings(&self, goes_on: impl Fn(CallId) -> bool) -> Vec<Entry> {
        let over = self.calls.iter().filter(|(call, _)| !goes_on(**call));
        let ends = over.flat_map(|(call, open)| {
            // An announcement may follow the cause, and a life that was cut off too may have written the first of the two.
            let steps: &[EventKind] =
                if open.has_cause { &[EventKind::Ended] } else { &[EventKind::Failed, EventKind::Ended] };
            (1..).zip(steps).map(|(step, kind)| Entry {
                org: open.org,
                call: Some(*call),
                at: self.alive_at,
                fact: Fact::Event(Event {
                    seq: open.seq + step,
                    kind: *kind,
                    participant: None,
                    attempt: 1,
                    queue_count: 0,
                    detail: Detail { reason: Some(REASON.into()), ..Detail::default() },
                }),
            })
        });
        ends.collect()
    }
}

/// Whether it says what a call came to that nobody has answered.
fn is_cause(kind: EventKind) -> bool {
    matches!(kind, EventKind::Failed | EventKind::Busy | EventKind::Missed | EventKind::Canceled)
}
