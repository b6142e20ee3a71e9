//! The pass over the head: lines, start line, header names (RFC 3261 §7.1–7.3).
//!
//! The same line rule serves datagrams and streams ([`crate::StreamFramer`]), so the two can never disagree on
//! where a head ends: a line ends with CRLF or LF; a CR without LF is refused everywhere in the head, and so is NUL
//! but as a quoted-pair (§25.1: `\` and NUL), which the grammar allows and which is read as U+FFFD.

use super::ParseError;
use super::token::{is_blank, is_token};
use crate::header::HeaderName;
use crate::message::index::{Entry, Index, Span, StartLine};
use crate::method::Method;
use memchr::{memchr, memchr3, memrchr};

/// Where a head ended.
pub(crate) struct Head {
    /// Offset of the first byte after the blank line.
    pub(crate) end: usize,
    /// Whether a line continues the one before it, or holds a quoted NUL: it has to be rewritten to be read.
    pub(crate) rewrite: bool,
}

/// A line without its end, and where the next one starts.
pub(crate) struct Line {
    pub(crate) end: usize,
    pub(crate) next: usize,
    /// Whether NUL stands in it as a quoted-pair.
    pub(crate) quoted_nul: bool,
}

/// The line that starts at `at`, searched for from `from` on; `Err(Some(_))` is the offset at which to go on when
/// more bytes have come, `Err(None)` a byte that may not stand in a head.
pub(crate) fn line(bytes: &[u8], from: usize) -> Result<Line, Option<usize>> {
    let (mut from, mut quoted_nul) = (from, false);
    loop {
        let rest = bytes.get(from..).unwrap_or_default();
        let Some(found) = memchr3(b'\r', b'\n', 0, rest) else { return Err(Some(bytes.len())) };
        let end = from + found;
        match (bytes.get(end), bytes.get(end + 1)) {
            (Some(b'\n'), _) => return Ok(Line { end, next: end + 1, quoted_nul }),
            (Some(b'\r'), Some(b'\n')) => return Ok(Line { end, next: end + 2, quoted_nul }),
            (Some(b'\r'), None) => return Err(Some(end)),
            (Some(0), _) if is_quoted(bytes, end) => (from, quoted_nul) = (end + 1, true),
            _ => return Err(None),
        }
    }
}

/// Whether the byte at `at` is the second one of a quoted-pair: behind an odd number of backslashes.
fn is_quoted(bytes: &[u8], at: usize) -> bool {
    bytes
        .get(..at)
        .is_some_and(|before| before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1)
}

/// Records the start line and every header line of `bytes` in `index`.
pub(crate) fn scan(bytes: &[u8], index: &mut Index) -> Result<Head, ParseError> {
    index.clear();
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).ok_or(ParseError::Empty)?;
    let first = whole_line(bytes, start)?;
    index.start = start_line(bytes, start, first.end)?;
    let (mut at, mut rewrite) = (first.next, first.quoted_nul);
    loop {
        let line = whole_line(bytes, at)?;
        if line.end == at {
            return Ok(Head { end: line.next, rewrite });
        }
        rewrite |= line.quoted_nul;
        if bytes.get(at).is_some_and(|byte| is_blank(*byte)) {
            rewrite = true;
            if index.entries.is_empty() {
                index.note(ParseError::HeaderLine);
            }
        } else {
            match header_line(bytes, at, line.end) {
                Some(entry) if index.add(entry) => {}
                Some(_) => return Err(ParseError::HeadersTooMany),
                None => index.note(ParseError::HeaderLine),
            }
        }
        at = line.next;
    }
}

fn whole_line(bytes: &[u8], at: usize) -> Result<Line, ParseError> {
    line(bytes, at).map_err(|more| match more {
        Some(_) => ParseError::Unterminated,
        None => ParseError::ControlByte,
    })
}

/// White space before the colon is allowed by the grammar (HCOLON): the line is the header it names.
fn header_line(bytes: &[u8], at: usize, end: usize) -> Option<Entry> {
    let line = bytes.get(at..end)?;
    let colon = memchr(b':', line)?;
    let (name, value) = line.split_at_checked(colon)?;
    let name = name.get(..trimmed_end(name))?;
    let known = HeaderName::of_bytes(name);
    if known == HeaderName::Other && !is_token(name) {
        return None;
    }
    let value = value.get(1..)?;
    let value_end = trimmed_end(value);
    let value_at = value.iter().take(value_end).take_while(|byte| is_blank(**byte)).count();
    let value_from = at + colon + 1;
    Some(Entry {
        name: known,
        text: Span::new(at, at + name.len()),
        value: Span::new(value_from + value_at, value_from + value_end),
    })
}

/// The length of `text` without blanks at its end.
fn trimmed_end(text: &[u8]) -> usize {
    text.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1)
}

fn start_line(bytes: &[u8], at: usize, end: usize) -> Result<StartLine, ParseError> {
    let line = bytes.get(at..end).ok_or(ParseError::StartLine)?;
    if names_sip(line) { response_line(line, at) } else { request_line(line, at) }
        .ok_or(ParseError::StartLine)
}

fn names_sip(version: &[u8]) -> bool {
    version.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"SIP/"))
}

fn is_known(version: &[u8]) -> bool {
    version.eq_ignore_ascii_case(b"SIP/2.0")
}

/// `Method SP Request-URI SP SIP-Version`. Too many spaces are noted, not fatal: such a request gets a 400.
fn request_line(line: &[u8], at: usize) -> Option<StartLine> {
    let method_end = memchr(b' ', line)?;
    let method = line.get(..method_end).filter(|method| is_token(method))?;
    let text = core::str::from_utf8(method).ok()?;
    let trimmed = trimmed_end(line);
    let version_at = memrchr(b' ', line.get(..trimmed)?)? + 1;
    let version = line.get(version_at..trimmed).filter(|version| names_sip(version))?;
    let uri_at = method_end + 1;
    let uri_end = version_at.saturating_sub(1).max(uri_at);
    let uri = line.get(uri_at..uri_end)?;
    let well_formed = trimmed == line.len()
        && !uri.is_empty()
        && uri.iter().all(|byte| *byte > b' ' && !matches!(byte, b'<' | b'>' | b'"' | 0x7f));
    Some(StartLine::Request {
        method: Method::of(text),
        text: Span::new(at, at + method_end),
        uri: Span::new(at + uri_at, at + uri_end),
        version_known: is_known(version),
        well_formed,
    })
}

/// `SIP-Version SP Status-Code SP Reason-Phrase`; a missing phrase and its space are forgiven.
fn response_line(line: &[u8], at: usize) -> Option<StartLine> {
    let version_end = memchr(b' ', line)?;
    let version = line.get(..version_end)?;
    let code = line.get(version_end + 1..version_end + 4)?;
    let status = code
        .iter()
        .try_fold(0_u16, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u16::from(digit - b'0')))?;
    let reason_at = match line.get(version_end + 4) {
        None => line.len(),
        Some(b' ') => version_end + 5,
        Some(_) => return None,
    };
    (100..700).contains(&status).then(|| StartLine::Response {
        status,
        reason: Span::new(at + reason_at, at + line.len()),
        version_known: is_known(version),
    })
}
