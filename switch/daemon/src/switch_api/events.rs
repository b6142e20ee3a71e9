//! The event stream: every entry of the journal as a server-sent event, from a cursor on (`GET /v1/events?after=`).
//!
//! A cursor is a place in the journal, `SEGMENT-OFFSET`; it stays true across restarts of the switch. What is behind
//! the cursor comes from the segments on disk, what is new as soon as it is durable, and both are read by the same
//! reader, so nothing is missed or told twice. Without a cursor only what is new is told. A cursor whose segment is
//! gone gets 410. Nothing is kept for a reader but the entries on their way: a slow one is waited for and then closed.

use std::{
    convert::Infallible,
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use contract::journal::{Entry, Fact};
use http_body::Frame;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::{Problem, Switch};
use crate::{
    append_log::{self, Position, RECORD_HEADER_BYTES, Reader},
    journal::Record,
};

/// Readers at the same time.
const READERS_MAX: usize = 32;
/// Records read from disk at a time, about 40 KiB of text.
const RECORDS_AT_A_TIME: usize = 128;
/// Such portions on their way to one reader: with the one in hand far less than 1 MiB.
const PORTIONS_MAX: usize = 4;
/// A reader that takes nothing for so long is closed; it comes back with its cursor.
const STALLED_MAX: Duration = Duration::from_secs(30);
/// A quiet stream says that it lives this often.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What the streams count.
#[derive(Debug)]
pub struct Streams {
    places: Arc<Semaphore>,
    /// Readers closed because they did not keep up.
    pub closed_slow: AtomicU64,
    /// Entries told, to all readers together.
    pub told: AtomicU64,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(READERS_MAX)),
            closed_slow: AtomicU64::new(0),
            told: AtomicU64::new(0),
        }
    }
}

impl Streams {
    /// Readers that are connected now.
    pub fn readers(&self) -> usize {
        READERS_MAX.saturating_sub(self.places.available_permits())
    }
}

/// Where the stream reads.
#[derive(Clone, Debug)]
pub struct Source {
    /// The journal's folder.
    pub folder: PathBuf,
    /// Everything before this place is on disk.
    pub durable: watch::Receiver<Position>,
}

#[derive(Debug, Deserialize)]
pub(super) struct From {
    after: Option<String>,
}

pub(super) async fn events(
    State(switch): State<Switch>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // A browser that comes back says by header where it was, with the address it first used.
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let source = switch.events.clone();
    let end = *source.durable.borrow();
    let cursor = match last.or(from.after).as_deref() {
        None => end,
        Some(text) => {
            let wanted = parse(text).ok_or_else(|| {
                Problem::new(
                    StatusCode::BAD_REQUEST,
                    "a cursor is SEGMENT-OFFSET, as in the id of an event, or 0",
                )
            })?;
            let folder = source.folder.clone();
            let checked = tokio::task::spawn_blocking(move || check(&folder, wanted, end)).await;
            checked.map_err(|_| Problem::busy())??
        }
    };
    let Ok(place) = Arc::clone(&switch.streams.places).try_acquire_owned() else {
        let problem = format!("{READERS_MAX} readers are connected, more are not taken");
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, problem));
    };
    let (portions, taken) = mpsc::channel(PORTIONS_MAX);
    let reader = Reader::new(&source.folder, cursor);
    let teller = Teller { reader, source, portions, streams: Arc::clone(&switch.streams), _place: place };
    tokio::spawn(teller.run());
    let kind = (header::CONTENT_TYPE, "text/event-stream");
    Ok(([kind, (header::CACHE_CONTROL, "no-store")], Body::new(Portions(taken))).into_response())
}

/// Reads a cursor; `0` is the oldest entry there is.
fn parse(text: &str) -> Option<Position> {
    if text == "0" {
        return Some(Position::default());
    }
    let (segment, offset) = text.split_once('-')?;
    Some(Position { segment: segment.parse().ok()?, offset: offset.parse().ok()? })
}

/// Makes sure that the journal can be read from the cursor on without a hole.
fn check(folder: &Path, cursor: Position, end: Position) -> Result<Position, Problem> {
    let failed = |error: io::Error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string());
    let gone = |why: &str| Problem::new(StatusCode::GONE, why);
    if cursor == Position::default() {
        return Ok(cursor);
    }
    if cursor > end {
        return Err(gone(
            "the cursor is beyond the end of this journal: it is another switch's, or the data folder was emptied",
        ));
    }
    let oldest = append_log::segments(folder).map_err(failed)?.first().copied();
    if oldest.is_none_or(|oldest| cursor.segment < oldest) {
        return Err(gone(
            "what follows the cursor is not on disk any more: read what was missed from the database",
        ));
    }
    let mut reader = Reader::new(folder, Position::start_of(cursor.segment));
    while reader.position() < cursor {
        if reader.read(cursor, usize::MAX).map_err(failed)?.records.is_empty() {
            break;
        }
    }
    if reader.position() == cursor {
        return Ok(cursor);
    }
    Err(Problem::new(StatusCode::BAD_REQUEST, "the cursor is none that this journal has given out"))
}

/// Reads the journal for one reader.
struct Teller {
    reader: Reader,
    source: Source,
    portions: mpsc::Sender<Bytes>,
    streams: Arc<Streams>,
    _place: OwnedSemaphorePermit,
}

impl Teller {
    async fn run(mut self) {
        loop {
            let end = *self.source.durable.borrow_and_update();
            loop {
                // From disk when the reader is far behind, so not on a thread that others need.
                let read = tokio::task::spawn_blocking(move || {
                    let portion = portion(&mut self.reader, &self.source.folder, end);
                    (self, portion)
                });
                let Ok((teller, portion)) = read.await else { return };
                self = teller;
                match portion {
                    Ok(Some(portion)) => {
                        self.streams.told.fetch_add(portion.entries, Ordering::Relaxed);
                        if !portion.text.is_empty() && !self.tell(portion.text).await {
                            return;
                        }
                    }
                    Ok(None) => break,
                    Err(why) => {
                        self.tell(format!("event: gone\ndata: {why}\n\n")).await;
                        return;
                    }
                }
            }
            tokio::select! {
                changed = self.source.durable.changed() => if changed.is_err() { return },
                () = self.portions.closed() => return,
                () = tokio::time::sleep(HEARTBEAT) => if !self.tell(":\n\n".into()).await { return },
            }
        }
    }

    async fn tell(&self, text: String) -> bool {
        match self.portions.send_timeout(Bytes::from(text), STALLED_MAX).await {
            Ok(()) => true,
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                self.streams.closed_slow.fetch_add(1, Ordering::Relaxed);
                false
            }
            Err(mpsc::error::SendTimeoutError::Closed(_)) => false,
        }
    }
}

struct Portion {
    text: String,
    entries: u64,
}

/// What comes next before `end`; `None` when nothing does. An error is a hole: segments were deleted meanwhile.
fn portion(reader: &mut Reader, folder: &Path, end: Position) -> Result<Option<Portion>, String> {
    let from = reader.position();
    let batch = reader.read(end, RECORDS_AT_A_TIME).map_err(|error| error.to_string())?;
    if batch.records.is_empty() {
        return Ok(None);
    }
    let to = reader.position();
    let is_from_elsewhere = from.segment != 0 && to.segment != from.segment;
    if is_from_elsewhere {
        // The segment that was being read is deleted before any that follows it.
        let oldest = append_log::segments(folder).map_err(|error| error.to_string())?.first().copied();
        if oldest.is_none_or(|oldest| oldest > from.segment) {
            return Err("the reader was too slow: what follows its cursor is not on disk any more".into());
        }
    }
    let bytes = |record: &Vec<u8>| RECORD_HEADER_BYTES + record.len() as u64;
    let mut offset = to.offset - batch.records.iter().map(bytes).sum::<u64>();
    let mut portion = Portion { text: String::new(), entries: 0 };
    for record in &batch.records {
        offset += bytes(record);
        if let Ok(Record::Entry(entry)) = serde_json::from_slice(record) {
            tell(&mut portion.text, to.segment, offset, &entry);
            portion.entries += 1;
        }
    }
    Ok(Some(portion))
}

fn tell(text: &mut String, segment: u64, offset: u64, entry: &Entry) {
    let kind = match &entry.fact {
        Fact::Call(_) => "call",
        Fact::Participant(_) => "participant",
        Fact::Event(event) => event.kind.as_str(),
        Fact::Leg(_) => "leg",
        Fact::Quality(_) => "quality",
        Fact::Recording(_) => "recording",
        Fact::Recorded(_) => "recorded",
        Fact::Message(_) => "message",
        Fact::Supervision(_) => "supervision",
        Fact::Availability(_) => "availability",
    };
    let Ok(json) = serde_json::to_string(entry) else { return };
    // Writing to a String cannot fail.
    let _ = write!(text, "id: {segment}-{offset}\nevent: {kind}\ndata: {json}\n\n");
}

/// The body of the answer: portions as they come.
pub(super) struct Portions(pub(super) mpsc::Receiver<Bytes>);

impl http_body::Body for Portions {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|portion| portion.map(|portion| Ok(Frame::data(portion))))
    }
}

#[cfg(test)]
mod tests;
