//! Recordings in this process: opens recorder, spool and store, carries the switchboard's orders to the recorder, and
//! makes facts of its news (decision 0026).
//!
//! The engine never waits here. What the recorder has no room for waits in turn, and a recording stays in the spool until
//! the journal has on disk that the store has it.

mod open;
mod retention;

use std::{
    collections::VecDeque,
    fmt::Write as _,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use calls::{MessageFetch, RecordingOrder, StoredMessage};
use contract::{
    id::{CallId, OrgId, RecordingId, UserId},
    journal::{Entry, Fact, MessageFor, Recorded},
    time::Timestamp,
};
use recorder::{About, Begin, Format, Message, News, Order, Recorder, Stored};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::journal;
pub(crate) use open::{OWN_KEY, open};
pub use recorder::Counters;
use recorder::sealed::CALLER_BYTES_MAX;
pub use retention::Retention;

/// Orders that wait for room at the recorder: some for each call while its disk hangs.
const ORDERS_WAITING_MAX: usize = 262_144;

/// The engine's way to the recorder.
pub struct Desk {
    recorder: Recorder,
    counters: Arc<Counters>,
    format: Format,
    /// Where the time line of media begins.
    origin: Instant,
    waiting: VecDeque<Order>,
    journal: Arc<journal::Counters>,
    /// Entries that the journal had written before the first of this life.
    written_before: u64,
    /// Recordings whose fact was given to the journal as its entry of that number.
    unconfirmed: VecDeque<(u64, Uuid)>,
    /// It has been said that the recorder is gone.
    is_lost: bool,
    /// To whoever brings messages of mailboxes to the relay.
    fetches: mpsc::Sender<MessageFetch>,
}

impl Desk {
    /// From now on facts go to this journal, which has been given none yet.
    pub(crate) fn watch(&mut self, journal: Arc<journal::Counters>) {
        self.written_before = journal.written.load(Relaxed);
        self.journal = journal;
    }

    /// Carries out what the switchboard has decided at that instant.
    pub(crate) fn order(&mut self, now: Instant, order: &RecordingOrder) {
        let at_micros = self.micros(now);
        self.send(match order.clone() {
            RecordingOrder::Begin { recording, number, org, call, began_at, is_paused, message } => {
                let about = About {
                    number,
                    recording: recording.0,
                    call: call.0,
                    org: org.0,
                    began_at: began_at.0,
                    began_micros: at_micros,
                    format: self.format,
                    message: message.map(locked_message),
                };
                Order::Begin(Box::new(Begin { about, is_paused }))
            }
            RecordingOrder::Pause { number } => Order::Pause { number, at_micros },
            RecordingOrder::Resume { number } => Order::Resume { number, at_micros },
            RecordingOrder::End { number } => Order::End { number, at_micros },
        });
    }

    /// Somebody wants to hear a message. Where too many do, call control hears nothing of it, and tells its caller.
    pub(crate) fn fetch(&self, fetch: MessageFetch) {
        let _ = self.fetches.try_send(fetch);
    }

    /// All recordings of the former life that go on have been ordered.
    pub(crate) fn settle(&mut self) {
        self.send(Order::Settled);
    }

    /// What the recorder has to tell, if anything.
    pub(crate) fn receive(&mut self) -> Option<News> {
        self.recorder.receive()
    }

    /// The fact that the store has a recording was given to the journal.
    pub(crate) fn told(&mut self, recording: Uuid) {
        self.unconfirmed.push_back((self.journal.recorded.load(Relaxed), recording));
    }

    /// Brings on what waits: orders for room, recordings for the journal. Called once a second at least.
    pub(crate) fn mind(&mut self) {
        // Recordings are worth less than the calls, so these go on.
        if !self.recorder.is_running() && !std::mem::replace(&mut self.is_lost, true) {
            tracing::error!("the recorder has ended: nothing is recorded until the switch is started again");
        }
        while let Some(order) = self.waiting.pop_front() {
            if let Err(order) = self.recorder.send(order) {
                self.waiting.push_front(order);
                break;
            }
        }
        let written = self.journal.written.load(Relaxed).saturating_sub(self.written_before);
        while let Some((_, recording)) = self.unconfirmed.pop_front_if(|(recorded, _)| *recorded <= written) {
            self.send(Order::Recorded(recording));
        }
    }

    /// Figures.
    pub(crate) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    fn micros(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.origin);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn send(&mut self, order: Order) {
        if self.waiting.is_empty() {
            let Err(order) = self.recorder.send(order) else { return };
            self.waiting.push_back(order);
        } else if self.waiting.len() < ORDERS_WAITING_MAX {
            self.waiting.push_back(order);
        } else {
            self.counters.failed.fetch_add(1, Relaxed);
        }
    }
}

/// Longer numbers are cut: they are for people to read.
fn locked_message(MessageFor { user, caller }: MessageFor) -> Box<Message> {
    let cut = |number: String| number.chars().filter(char::is_ascii).take(CALLER_BYTES_MAX).collect();
    Box::new(Message { user: user.0, caller: caller.map(cut) })
}

fn message_for(message: &Message) -> MessageFor {
    MessageFor { user: UserId(message.user), caller: message.caller.clone() }
}

/// What the switchboard is told of a recording that is a message.
pub(crate) fn left(stored: &Stored) -> Option<StoredMessage> {
    let About { recording, call, org, began_at, .. } = stored.about;
    let MessageFor { user, caller } = stored.about.message.as_deref().map(message_for)?;
    Some(StoredMessage {
        recording: RecordingId(recording),
        call: CallId(call),
        org: OrgId(org),
        user,
        caller,
        left_at: Timestamp(began_at),
        length_ms: stored.length_ms,
        key: stored.key.clone(),
        is_heard: false,
    })
}

/// The fact that the store has a recording.
pub(crate) fn entry(at: Timestamp, stored: &Stored) -> Entry {
    let About { recording, call, org, began_at, format, .. } = &stored.about;
    let mut sha256 = String::with_capacity(64);
    for octet in stored.sha256 {
        // Writing to a String cannot fail.
        let _ = write!(sha256, "{octet:02x}");
    }
    let fact = Fact::Recorded(Recorded {
        recording: RecordingId(*recording),
        started_at: Timestamp(*began_at),
        format: format.as_str().to_owned(),
        length_ms: stored.length_ms,
        key: stored.key.clone(),
        bytes: stored.bytes,
        sha256,
        interruptions: stored.interruptions,
        message: stored.about.message.as_deref().map(message_for),
    });
    Entry { org: OrgId(*org), call: Some(CallId(*call)), at, fact }
}
