//! The reusable result of parsing: where things stand in a message, not copies of them.
//!
//! One `Index` per receiving thread is enough. Its vector keeps its capacity from message to message, so parsing
//! allocates nothing once it has seen its largest message. Offsets are bytes into the head's text.

use crate::header::{COUNT, HeaderName, SINGLE};
use crate::limits::HEADERS_MAX;
use crate::method::Method;
use crate::parse::ParseError;

/// A range of the head's text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Span {
    pub(crate) at: u32,
    pub(crate) end: u32,
}

impl Span {
    /// Offsets fit: a head is at most twice [`crate::limits::MESSAGE_BYTES_MAX`] long after transcoding.
    pub(crate) fn new(at: usize, end: usize) -> Self {
        let offset = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Self { at: offset(at), end: offset(end) }
    }

    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.at as usize..self.end as usize).unwrap_or("")
    }
}

/// One header line: which header, where its name and its trimmed value stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) name: HeaderName,
    pub(crate) text: Span,
    pub(crate) value: Span,
}

/// The start line, taken apart (RFC 3261 §7.1, §7.2).
#[derive(Clone, Copy, Debug)]
pub(crate) enum StartLine {
    Request { method: Method, text: Span, uri: Span, version_known: bool, well_formed: bool },
    Response { status: u16, reason: Span, version_known: bool },
}

/// Scratch space of the parser; see [`crate::parse()`].
#[derive(Debug)]
pub struct Index {
    pub(crate) start: StartLine,
    pub(crate) entries: Vec<Entry>,
    /// Position in `entries` of the first line of each known header; [`NONE`] if there is none.
    first: [u8; COUNT],
    /// Known headers that stand on more than one line, as bits.
    repeated: u128,
    /// The first thing wrong that still leaves a head worth answering.
    pub(crate) defect: Option<ParseError>,
    /// The head unfolded and transcoded, for the few messages that need it.
    pub(crate) scratch: String,
}

const NONE: u8 = u8::MAX;
const _: () = assert!(HEADERS_MAX < NONE as usize);

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

impl Index {
    /// An empty index; the first messages parsed with it grow it.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: StartLine::Response { status: 0, reason: Span::default(), version_known: false },
            entries: Vec::new(),
            first: [NONE; COUNT],
            repeated: 0,
            defect: None,
            scratch: String::new(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.first = [NONE; COUNT];
        self.repeated = 0;
        self.defect = None;
    }

    /// Adds a header line; `false` when the message already holds as many as are allowed.
    pub(crate) fn add(&mut self, entry: Entry) -> bool {
        let Ok(position) = u8::try_from(self.entries.len()) else { return false };
        if self.entries.len() >= HEADERS_MAX {
            return false;
        }
        if let Some(first) = self.first.get_mut(entry.name as usize) {
            if *first == NONE {
                *first = position;
            } else {
                self.repeated |= entry.name.bit();
            }
        }
        self.entries.push(entry);
        true
    }

    pub(crate) fn note(&mut self, defect: ParseError) {
        self.defect.get_or_insert(defect);
    }

    /// The first line of a known header.
    pub(crate) fn first(&self, name: HeaderName) -> Option<&Entry> {
        let position = *self.first.get(name as usize)?;
        self.entries.get(usize::from(position))
    }

    /// The lines of a known header in message order.
    pub(crate) fn lines(&self, name: HeaderName) -> impl Iterator<Item = &Entry> + Clone {
        let from = self.first.get(name as usize).map_or(NONE, |position| *position);
        let lines = self.entries.get(usize::from(from)..).unwrap_or_default();
        let count = if self.repeated & name.bit() == 0 { 1 } else { lines.len() };
        lines.iter().filter(move |entry| entry.name == name).take(count)
    }

    /// Single-value headers that stand on more than one line, as bits.
    pub(crate) fn repeated_singles(&self) -> u128 {
        self.repeated & SINGLE
    }

    /// A copy that lives with an owned message: exact capacity, no scratch.
    pub(crate) fn compact(&self) -> Self {
        Self {
            start: self.start,
            entries: self.entries.clone(),
            first: self.first,
            repeated: self.repeated,
            defect: self.defect,
            scratch: String::new(),
        }
    }
}
