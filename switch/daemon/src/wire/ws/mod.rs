//! SIP over WebSocket (RFC 7118, RFC 6455): messages out of the plain bytes of a connection, and into them.
//!
//! One WebSocket message is one SIP message. The library keeps to the rules of frames; what is kept here is that it sees whole frames
//! only, so that a peer can have nothing waited for that is larger than a message, and what it wants to be sent. Sockets, clocks and
//! TLS are the connection's, as for other streams. We never connect to anybody by WebSocket.

mod origins;
mod upgrade;

use std::{
    io::{self, Cursor, ErrorKind, Read, Write},
    sync::Arc,
};

use bytes::{Buf as _, Bytes, BytesMut};
use sip::{Frame, FrameError, limits::MESSAGE_BYTES_MAX};
use tungstenite::{
    Error, Message, Utf8Bytes,
    protocol::{
        CloseFrame, Role, WebSocketConfig, WebSocketContext,
        frame::{
            FrameHeader,
            coding::{CloseCode, OpCode},
        },
    },
};

use super::connection::End;
pub(super) use origins::Origins;
pub(super) use upgrade::Refusal;

/// Read by the library at once; it is given no more than a frame.
const READ_BYTES: usize = 512;

/// One connection's WebSocket.
pub(super) struct WebSocket {
    state: State,
    /// What has come and is no whole request or frame yet.
    coming: BytesMut,
    /// Octets that the library keeps of a message whose last frame has not come.
    fragments: usize,
    /// What is to be sent: answers of its own accord, and what was asked for.
    going: Vec<u8>,
}

enum State {
    /// Not asked for yet.
    Http(Arc<Origins>),
    Open(Box<WebSocketContext>),
}

impl WebSocket {
    pub(super) fn new(origins: &Arc<Origins>) -> Self {
        let state = State::Http(Arc::clone(origins));
        Self { state, coming: BytesMut::new(), fragments: 0, going: Vec::new() }
    }

    /// Whether messages can pass.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Takes what was read from the connection.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.coming.extend_from_slice(bytes);
    }

    /// Octets that wait for the rest of their message.
    pub(super) fn pending(&self) -> usize {
        self.coming.len() + self.fragments
    }

    /// The next message or CRLF keep-alive (RFC 7118 §6); `None` when more must come. What there is to be said afterwards, by an error
    /// too, is in [`WebSocket::take_going`].
    pub(super) fn next(&mut self) -> Result<Option<Frame>, End> {
        if let State::Http(origins) = &self.state {
            match upgrade::judge(&self.coming, origins) {
                Ok(None) => return Ok(None),
                Ok(Some((length, answer))) => {
                    self.coming.advance(length);
                    self.going.extend_from_slice(&answer);
                    self.state = State::Open(Box::new(WebSocketContext::new(Role::Server, Some(limits()))));
                }
                Err(refusal) => {
                    self.going.extend_from_slice(refusal.answer().as_bytes());
                    return Err(End::NotUpgraded(refusal));
                }
            }
        }
        while let Some(frame) = self.whole_frame().inspect_err(|end| self.close(code_of(*end)))? {
            if let Some(frame) = self.read(frame)? {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// The frame at the front, once it is whole.
    fn whole_frame(&mut self) -> Result<Option<Bytes>, End> {
        let mut cursor = Cursor::new(&self.coming);
        let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| End::Garbled)? else {
            return Ok(None);
        };
        let room = MESSAGE_BYTES_MAX.saturating_sub(self.fragments);
        let length = usize::try_from(length).ok().filter(|length| *length <= room);
        let length = length.ok_or(End::Broken(FrameError::TooLarge))?;
        let whole = usize::try_from(cursor.position()).unwrap_or(usize::MAX).saturating_add(length);
        if self.coming.len() < whole {
            return Ok(None);
        }
        if matches!(header.opcode, OpCode::Data(_)) {
            self.fragments += length;
        }
        let frame = self.coming.split_to(whole).freeze();
        if self.coming.is_empty() {
            // A silent connection keeps no memory.
            self.coming = BytesMut::new();
        }
        Ok(Some(frame))
    }

    /// What a frame completes.
    fn read(&mut self, mut frame: Bytes) -> Result<Option<Frame>, End> {
        let State::Open(context) = &mut self.state else { return Ok(None) };
        let mut pipe = Pipe { coming: &mut frame, going: &mut self.going };
        let outcome = context.read(&mut pipe);
        // The pong, or the other half of a goodbye. There is always room; it fails when it was the last word.
        let _ = context.flush(&mut pipe);
        let message = match outcome {
            Ok(Message::Text(text)) => Bytes::from(text),
            Ok(Message::Binary(bytes)) => bytes,
            Ok(Message::Close(_)) | Err(Error::ConnectionClosed) => return Err(End::Closed),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => return Ok(None),
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => {
                let (end, code) = match error {
                    Error::Capacity(_) => (End::Broken(FrameError::TooLarge), CloseCode::Size),
                    Error::Utf8(_) => (End::Garbled, CloseCode::Invalid),
                    _ => (End::Garbled, CloseCode::Protocol),
                };
                self.close(code);
                return Err(end);
            }
        };
        self.fragments = 0;
        let is_keep_alive = message.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        Ok(match &*message {
            b"\r\n\r\n" => Some(Frame::Ping),
            // The answer to a keep-alive, or nothing at all.
            _ if is_keep_alive => None,
            _ => Some(Frame::Message(message)),
        })
    }

    /// Has a message sent: as text, which people can read in their browser, where it is one (RFC 7118 §5).
    pub(super) fn send(&mut self, bytes: Bytes) {
        let text = Utf8Bytes::try_from(bytes.clone());
        self.write(text.map_or(Message::Binary(bytes), Message::Text));
    }

    /// Asks whether the peer is still there (RFC 6455 §5.5.2).
    pub(super) fn ask(&mut self) {
        self.write(Message::Ping(Bytes::new()));
    }

    fn write(&mut self, message: Message) {
        let State::Open(context) = &mut self.state else { return };
        let mut pipe = Pipe { coming: &mut Bytes::new(), going: &mut self.going };
        // Fails only after the goodbye, and then nothing is to be said any more.
        let _ = context.write(&mut pipe, message).and_then(|()| context.flush(&mut pipe));
    }

    /// Says goodbye, if nobody has yet.
    pub(super) fn close(&mut self, code: CloseCode) {
        self.write(Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::default() })));
    }

    /// Says goodbye to a peer that has done nothing wrong.
    pub(super) fn leave(&mut self) {
        self.close(CloseCode::Away);
    }

    /// What is to be sent now.
    pub(super) fn take_going(&mut self) -> Option<Bytes> {
        (!self.going.is_empty()).then(|| std::mem::take(&mut self.going).into())
    }
}

fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
}

fn code_of(end: End) -> CloseCode {
    if end == End::Broken(FrameError::TooLarge) { CloseCode::Size } else { CloseCode::Protocol }
}

/// The stream that the library sees: a frame that has come, and room for what goes.
struct Pipe<'a> {
    coming: &'a mut Bytes,
    going: &'a mut Vec<u8>,
}

impl Read for Pipe<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.coming.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = room.len().min(self.coming.len());
        self.coming.copy_to_slice(room.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.going.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
