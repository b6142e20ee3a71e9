//! The only way to make SIP bytes: typed parts in, one checked message out (RFC 3261 §7).
//!
//! Nothing that was received is ever passed on as it stood. A value with CR, LF or NUL is refused, so no value can
//! start a header or end the head; a single-value header cannot be written twice; `Content-Length` is computed.
//! What comes out of [`MessageWriter::finish`] is always accepted by [`crate::parse()`] and reads back the same.

mod values;

pub use values::{Address, Quoted};

use crate::header::HeaderName;
use crate::limits::{HEADERS_MAX, MESSAGE_BYTES_MAX, URI_BYTES_MAX};
use crate::parse::token::is_token;
use bytes::{BufMut, Bytes, BytesMut};
use memchr::memchr3;
use std::fmt::{self, Display, Write as _};

/// Bytes reserved for a head while it is written: most are shorter.
const HEAD_BYTES_USUAL: usize = 1_024;

/// Why a message was not written. Always a fault of ours or of a value we took over without checking it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WriteError {
    /// The method is no token, or the Request-URI is empty, too long, or holds a blank, `<`, `>` or `"`.
    #[error("bad start line")]
    StartLine,
    /// The header name is no token.
    #[error("bad header name")]
    Name,
    /// The value holds CR, LF or NUL, or a part that its formatter refused.
    #[error("bad header value")]
    Value,
    /// `Content-Length`, which is computed, or a second line of a single-value header.
    #[error("header given twice")]
    Repeated,
    /// More than [`HEADERS_MAX`] lines or [`MESSAGE_BYTES_MAX`] bytes.
    #[error("message too large")]
    TooLarge,
}

/// Builds one message; the first error is kept and told by [`MessageWriter::finish`].
#[derive(Debug)]
pub struct MessageWriter {
    head: BytesMut,
    body: Vec<u8>,
    lines: usize,
    written: u128,
    error: Option<WriteError>,
}

impl MessageWriter {
    /// Starts a request.
    #[must_use]
    pub fn request(method: &str, uri: &str) -> Self {
        let clean = uri.bytes().all(|byte| byte > b' ' && !matches!(byte, b'<' | b'>' | b'"' | 0x7f));
        let mut writer = Self::empty();
        if is_token(method.as_bytes()) && clean && !uri.is_empty() && uri.len() <= URI_BYTES_MAX {
            writer.head.put_slice(method.as_bytes());
            writer.head.put_u8(b' ');
            writer.head.put_slice(uri.as_bytes());
            writer.head.put_slice(b" SIP/2.0\r\n");
        } else {
            writer.error = Some(WriteError::StartLine);
        }
        writer
    }

    /// Starts a response; `status` is 100..=699.
    #[must_use]
    pub fn response(status: u16, reason: &str) -> Self {
        let mut writer = Self::empty();
        if !(100..700).contains(&status) || !is_one_line(reason) {
            writer.error = Some(WriteError::StartLine);
        } else if write!(writer.head, "SIP/2.0 {status} {reason}\r\n").is_err() {
            writer.error = Some(WriteError::TooLarge);
        }
        writer
    }

    fn empty() -> Self {
        Self {
            head: BytesMut::with_capacity(HEAD_BYTES_USUAL),
            body: Vec::new(),
            lines: 0,
            written: 0,
            error: None,
        }
    }

    /// Adds a header line. White space around the value does not survive the wire.
    pub fn header(&mut self, name: impl AsRef<str>, value: impl Display) -> &mut Self {
        let name = name.as_ref();
        let known = HeaderName::of(name);
        let again = known.is_single() && self.written & known.bit() != 0;
        if !is_token(name.as_bytes()) {
            self.fail(WriteError::Name);
        } else if known == HeaderName::ContentLength || again {
            self.fail(WriteError::Repeated);
        } else {
            self.written |= known.bit();
            self.line(name, value);
        }
        self
    }

    /// Sets the body and its `Content-Type`; an empty body has none.
    pub fn body(&mut self, content_type: &str, body: &[u8]) -> &mut Self {
        if !body.is_empty() {
            self.header(HeaderName::ContentType, content_type);
            self.body.clear();
            self.body.extend_from_slice(body.get(..MESSAGE_BYTES_MAX).unwrap_or(body));
            if body.len() > MESSAGE_BYTES_MAX {
                self.fail(WriteError::TooLarge);
            }
        }
        self
    }

    /// The message, with its `Content-Length`.
    ///
    /// # Errors
    /// The first [`WriteError`] of the building.
    pub fn finish(mut self) -> Result<Bytes, WriteError> {
        let length = self.body.len();
        self.line(HeaderName::ContentLength.as_str(), length);
        self.head.put_slice(b"\r\n");
        self.head.put_slice(&self.body);
        if self.head.len() > MESSAGE_BYTES_MAX {
            self.fail(WriteError::TooLarge);
        }
        // Transactions keep what they have sent, so it takes no more room than it has bytes.
        self.error.map_or_else(|| Ok(Bytes::copy_from_slice(&self.head)), Err)
    }

    fn line(&mut self, name: &str, value: impl Display) {
        self.lines += 1;
        if self.lines > HEADERS_MAX || self.head.len() > MESSAGE_BYTES_MAX {
            return self.fail(WriteError::TooLarge);
        }
        self.head.put_slice(name.as_bytes());
        self.head.put_slice(b": ");
        if write!(OneLine(&mut self.head), "{value}").is_err() {
            self.fail(WriteError::Value);
        }
        self.head.put_slice(b"\r\n");
    }

    fn fail(&mut self, error: WriteError) {
        self.error.get_or_insert(error);
    }
}

/// Passes text on unless it could end the line.
struct OneLine<'a>(&'a mut BytesMut);

impl fmt::Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !is_one_line(text) {
            return Err(fmt::Error);
        }
        self.0.put_slice(text.as_bytes());
        Ok(())
    }
}

fn is_one_line(text: &str) -> bool {
    memchr3(b'\r', b'\n', 0, text.as_bytes()).is_none()
}

impl AsRef<str> for HeaderName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}
