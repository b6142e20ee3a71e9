//! Messages out of a byte stream (RFC 3261 §18.3 and §7.5, RFC 5626 §4.4.1 keep-alives): TCP, TLS.
//!
//! The head is found with the same line rule as the parser's, each byte is looked at once, and the body is as long
//! as `Content-Length` says, which a stream message must have. After an error the stream has lost its framing:
//! the connection must be closed. A head whose `Content-Length` is none comes out before that, without a body: it
//! cannot pass for a message ([`crate::parse()`] refuses it), but a request can be answered 400. Idle and slow
//! connections are the owner's business.

use crate::limits::{MESSAGE_BYTES_MAX, STREAM_BUFFER_BYTES_MAX};
use crate::message::index::Index;
use crate::parse::{ParseError, head, parse_head};
use bytes::{Buf, Bytes, BytesMut};

/// What a stream carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// One whole message, for [`crate::parse()`].
    Message(Bytes),
    /// A keep-alive, to be answered with one CRLF (RFC 5626 §4.4.1).
    Ping,
}

/// Why a stream cannot be read on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// The head is none; its `Content-Length` cannot be trusted.
    #[error("bad message head: {0}")]
    Head(ParseError),
    /// `Content-Length` is missing, which a stream needs (RFC 3261 §18.3).
    #[error("no Content-Length on a stream")]
    NoLength,
    /// The message is longer than [`MESSAGE_BYTES_MAX`], or more was pushed than fits.
    #[error("message too large")]
    TooLarge,
}

/// Cuts one connection's bytes into frames. Push what was read, then take frames until there is none.
#[derive(Debug, Default)]
pub struct StreamFramer {
    buffer: BytesMut,
    /// Start of the line being looked for an end of.
    line: usize,
    /// How far that line has been searched.
    searched: usize,
    /// Length of the message at the front, once its head is complete.
    length: Option<usize>,
    index: Index,
    /// What the next call fails with, once the head at the front has been given out.
    failing: Option<FrameError>,
    failed: Option<FrameError>,
}

impl StreamFramer {
    /// A framer for a new connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what was read from the connection, at most [`MESSAGE_BYTES_MAX`] bytes at a time.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > STREAM_BUFFER_BYTES_MAX {
            self.failed.get_or_insert(FrameError::TooLarge);
        } else if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// How many bytes wait for the rest of their message.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// The bytes that wait for the rest of their message.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.buffer
    }

    /// The next whole frame; `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`FrameError`], again at every later call: close the connection.
    #[expect(clippy::should_implement_trait, reason = "no iterator: a None is followed by more after a push")]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        self.failed = self.failed.or(self.failing);
        if let Some(error) = self.failed {
            self.buffer = BytesMut::new();
            return Err(error);
        }
        let frame = self.cut();
        if let Err(error) = frame {
            self.failed = Some(error);
            self.buffer = BytesMut::new();
        }
        frame
    }

    fn cut(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.length.is_none() {
            if self.line == 0 && self.skip_line_ends() {
                return Ok(Some(Frame::Ping));
            }
            self.length = self.find_length()?;
        }
        match self.length {
            Some(length) if length <= MESSAGE_BYTES_MAX => {
                if self.buffer.len() < length {
                    return Ok(None);
                }
                (self.length, self.line, self.searched) = (None, 0, 0);
                let message = self.buffer.split_to(length).freeze();
                if self.buffer.is_empty() {
                    // A silent connection keeps no memory; there may be thousands.
                    self.buffer = BytesMut::new();
                }
                Ok(Some(Frame::Message(message)))
            }
            None if self.buffer.len() <= MESSAGE_BYTES_MAX => Ok(None),
            _ => Err(FrameError::TooLarge),
        }
    }

    /// Drops line ends in front of a message; `true` for a keep-alive, the two CRLF together.
    fn skip_line_ends(&mut self) -> bool {
        loop {
            match *self.buffer {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.buffer.advance(4);
                    return true;
                }
                // One CRLF answers our own ping, two make one of theirs: which it is shows with the next byte.
                [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return false,
                [b'\r' | b'\n', ..] => self.buffer.advance(1),
                _ => return false,
            }
        }
    }

    /// The length of the message at the front, as soon as its head is there.
    fn find_length(&mut self) -> Result<Option<usize>, FrameError> {
        if matches!(self.buffer.first(), None | Some(b'\r' | b'\n')) {
            return Ok(None);
        }
        loop {
            match head::line(&self.buffer, self.searched) {
                Ok(line) if line.end == self.line => return self.length_of_head(line.next).map(Some),
                Ok(line) => (self.line, self.searched) = (line.next, line.next),
                Err(Some(searched)) => {
                    self.searched = searched;
                    return Ok(None);
                }
                Err(None) => return Err(FrameError::Head(ParseError::ControlByte)),
            }
        }
    }

    fn length_of_head(&mut self, end: usize) -> Result<usize, FrameError> {
        let head = self.buffer.get(..end).unwrap_or_default();
        let message = parse_head(head, &mut self.index).map_err(FrameError::Head)?;
        match message.declared_length() {
            Ok(body) => Ok(end + body.ok_or(FrameError::NoLength)?),
            Err(error) => {
                self.failing = Some(FrameError::Head(error));
                Ok(end)
            }
        }
    }
}
