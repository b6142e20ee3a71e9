//! From bytes to a [`Message`]: one pass over the head that records offsets (RFC 3261 §7, §18.3).
//!
//! Nothing is copied and, with a warm [`Index`], nothing is allocated. A head that is folded (§7.3.1), is not
//! UTF-8 or quotes a NUL is first rewritten into the index's scratch text: folds become one space, bytes that are
//! not UTF-8 are read as Latin-1, a quoted NUL as U+FFFD, so that every value is a `&str` without control bytes. Typed fields are not looked at here:
//! that is done on demand, or all together by [`Message::require_valid`].

pub(crate) mod head;
mod normalise;
pub(crate) mod token;

use crate::header::HeaderName;
use crate::limits::MESSAGE_BYTES_MAX;
use crate::message::Message;
use crate::message::index::{Index, Span};
use crate::message::valid::Invalid;

/// Why bytes are not a SIP message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseError {
    /// Only line ends, as keep-alives send (RFC 5626 §3.5.1).
    #[error("no message, only line ends")]
    Empty,
    /// Longer than [`MESSAGE_BYTES_MAX`].
    #[error("longer than a datagram")]
    TooLarge,
    /// The first line is neither a request nor a response line.
    #[error("no SIP start line")]
    StartLine,
    /// The blank line after the headers is missing.
    #[error("the headers do not end")]
    Unterminated,
    /// A NUL that is no quoted-pair, or a CR without its LF, inside the head.
    #[error("NUL or lone CR in the head")]
    ControlByte,
    /// More than [`crate::limits::HEADERS_MAX`] header lines.
    #[error("too many header lines")]
    HeadersTooMany,
    /// A line without a colon, or with a name that is no token.
    #[error("a line that is no header")]
    HeaderLine,
    /// `Content-Length` that is no number, too large, or given twice with different values.
    #[error("bad Content-Length")]
    ContentLength,
    /// Fewer bytes after the head than `Content-Length` promises (RFC 3261 §18.3: answered 400).
    #[error("body shorter than Content-Length")]
    BodyShort,
}

impl ParseError {
    /// What to answer if this was a request; `None` if there is nothing to answer to.
    ///
    /// When it is `Some`, [`parse_head`] reads the headers that the answer needs.
    #[must_use]
    pub const fn answer(self) -> Option<Invalid> {
        let reason = match self {
            Self::HeaderLine => "Malformed Header Line",
            Self::ContentLength => "Bad Content-Length",
            Self::BodyShort => "Body Shorter Than Content-Length",
            Self::Empty
            | Self::TooLarge
            | Self::StartLine
            | Self::Unterminated
            | Self::ControlByte
            | Self::HeadersTooMany => return None,
        };
        Some(Invalid { status: 400, reason })
    }
}

/// Reads one datagram, or one message that [`crate::StreamFramer`] has cut out (RFC 3261 §18.3).
///
/// Line ends before the start line are skipped (§7.5). A missing `Content-Length` means that the body is the rest
/// of the datagram; a longer datagram is cut to it.
///
/// # Errors
/// [`ParseError`]; see [`ParseError::answer`] for what a server says to it.
pub fn parse<'a>(bytes: &'a [u8], index: &'a mut Index) -> Result<Message<'a>, ParseError> {
    let message = parse_head(bytes, index)?;
    message.defect().map_or(Ok(message), Err)
}

/// As [`parse`], but takes a message whose head can be read although a line of it or its body is wrong.
///
/// Only to build the refusal of a request that [`parse`] refused: such a message must not be acted on.
///
/// # Errors
/// Those [`ParseError`]s whose [`ParseError::answer`] is `None`.
pub fn parse_head<'a>(bytes: &'a [u8], index: &'a mut Index) -> Result<Message<'a>, ParseError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(ParseError::TooLarge);
    }
    let head = head::scan(bytes, index)?;
    let (raw, rest) = bytes.split_at_checked(head.end).unwrap_or((bytes, &[]));
    let plain = if head.rewrite { None } else { core::str::from_utf8(raw).ok() };
    if plain.is_none() {
        let mut scratch = std::mem::take(&mut index.scratch);
        normalise::normalise(raw, &mut scratch);
        let outcome = head::scan(scratch.as_bytes(), index);
        index.scratch = scratch;
        outcome?;
    }
    let length = content_length(plain.unwrap_or(&index.scratch), index);
    let body = match length {
        Ok(None) => rest,
        Ok(Some(length)) => rest.get(..length).unwrap_or_else(|| {
            index.note(ParseError::BodyShort);
            rest
        }),
        Err(error) => {
            index.note(error);
            rest
        }
    };
    let index: &'a Index = index;
    Ok(Message::new(plain.unwrap_or(&index.scratch), body, index))
}

/// The one `Content-Length` of a head, however often it says it.
pub(crate) fn content_length(text: &str, index: &Index) -> Result<Option<usize>, ParseError> {
    let mut found = None;
    for entry in index.lines(HeaderName::ContentLength) {
        let length = length_of(text, entry.value)?;
        if found.is_some_and(|earlier| earlier != length) {
            return Err(ParseError::ContentLength);
        }
        found = Some(length);
    }
    Ok(found)
}

fn length_of(text: &str, value: Span) -> Result<usize, ParseError> {
    token::number(value.of(text))
        .and_then(|length| usize::try_from(length).ok())
        .filter(|length| *length <= MESSAGE_BYTES_MAX)
        .ok_or(ParseError::ContentLength)
}
