//! One TCP connection: its framer, its write buffer, and the clocks that end it.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};
use mio::net::TcpStream;
use sip::{Flow, Frame, FrameError, StreamFramer};

/// Read from one connection before the next has its turn.
const READ_BYTES_MAX: usize = 16 * 1024;
/// Written but not taken by the peer; beyond this it is too slow to keep.
const WAITING_BYTES_MAX: usize = 256 * 1024;
/// A connection of ours must be up after this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A message, the first one in particular, must be whole after this.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(20);
/// Line ends between messages that the framer holds back: one byte less than a ping (RFC 5626 §4.4.1).
const LINE_END_BYTES_MAX: usize = 3;

pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// With the connection's own id.
    pub(super) flow: Flow,
    /// A message has come or gone this way, so the engine may know the connection.
    pub(super) is_known: bool,
    /// It stands in the queue of connections to be read.
    pub(super) queued: bool,
    pub(super) readable: bool,
    connecting: bool,
    framer: StreamFramer,
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
    /// The latest sign of life.
    active_at: Instant,
    /// When the message that is not whole yet began; at first, when the connection did.
    message_began_at: Option<Instant>,
}

/// What reading gave.
pub(super) enum Read1 {
    Message(Bytes),
    /// A ping has been answered.
    Ping,
    /// There is more, but it is another connection's turn.
    Later,
    /// Nothing until the poll reports again.
    Nothing,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer closed it, with nothing left to send.
    Closed,
    /// The network or the peer broke it.
    Failed,
    /// What came was no SIP.
    Broken(FrameError),
    /// Silent or slow.
    TimedOut,
}

impl Connection {
    pub(super) fn accepted(stream: TcpStream, flow: Flow, now: Instant) -> Self {
        Self {
            stream,
            flow,
            is_known: false,
            queued: false,
            readable: true,
            connecting: false,
            framer: StreamFramer::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            active_at: now,
            message_began_at: Some(now),
        }
    }

    pub(super) fn opened(stream: TcpStream, flow: Flow, now: Instant) -> Self {
        let accepted = Self::accepted(stream, flow, now);
        Self { connecting: true, readable: false, message_began_at: None, ..accepted }
    }

    pub(super) fn has_unsent(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The next message, or one read from the socket.
    pub(super) fn read(&mut self, now: Instant, scratch: &mut [u8]) -> Result<Read1, End> {
        match self.framer.next().map_err(End::Broken)? {
            Some(Frame::Message(bytes)) => {
                self.is_known = true;
                self.message_began_at = (self.framer.pending() > 0).then_some(now);
                return Ok(Read1::Message(bytes));
            }
            Some(Frame::Ping) => {
                self.write(Bytes::from_static(b"\r\n"))?;
                return Ok(Read1::Ping);
            }
            // Keep-alives begin no message; but they are not the first one either.
            None if self.is_known && self.framer.pending() <= LINE_END_BYTES_MAX => {
                self.message_began_at = None;
            }
            None => {}
        }
        if !self.readable {
            return Ok(Read1::Nothing);
        }
        let room = scratch.get_mut(..READ_BYTES_MAX).unwrap_or_default();
        match self.stream.read(room) {
            Ok(0) => Err(if self.has_unsent() { End::Failed } else { End::Closed }),
            Ok(count) => {
                self.active_at = now;
                self.message_began_at.get_or_insert(now);
                self.framer.push(room.get(..count).unwrap_or_default());
                Ok(Read1::Later)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(Read1::Nothing)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Read1::Later),
            Err(_) => Err(End::Failed),
        }
    }

    /// Writes at once what the kernel takes and keeps the rest.
    pub(super) fn send(&mut self, bytes: Bytes) -> Result<(), End> {
        self.is_known = true;
        self.write(bytes)
    }

    fn write(&mut self, bytes: Bytes) -> Result<(), End> {
        self.waiting_bytes += bytes.len();
        self.waiting.push_back(bytes);
        if self.connecting { Ok(()) } else { self.flush() }?;
        if self.waiting_bytes > WAITING_BYTES_MAX { Err(End::TimedOut) } else { Ok(()) }
    }

    /// The poll says that the socket can be written: connected at last, or room again.
    pub(super) fn writable(&mut self, now: Instant) -> Result<(), End> {
        if self.connecting {
            if self.stream.take_error().ok().flatten().is_some() {
                return Err(End::Failed);
            }
            match self.stream.peer_addr() {
                Ok(_) => (self.connecting, self.active_at) = (false, now),
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(_) => return Err(End::Failed),
            }
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), End> {
        while let Some(bytes) = self.waiting.front_mut() {
            match write(&mut self.stream, bytes) {
                Ok(count) => {
                    self.waiting_bytes -= count;
                    if bytes.is_empty() {
                        self.waiting.pop_front();
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(End::Failed),
            }
        }
        Ok(())
    }

    /// Whether its time is over.
    pub(super) fn overdue(&self, now: Instant, idle: Duration) -> bool {
        let since = |at: Instant| now.saturating_duration_since(at);
        (self.connecting && since(self.active_at) >= CONNECT_TIMEOUT)
            || self.message_began_at.is_some_and(|at| since(at) >= MESSAGE_TIMEOUT)
            || since(self.active_at) >= idle
    }
}

fn write(stream: &mut TcpStream, bytes: &mut Bytes) -> io::Result<usize> {
    loop {
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes.advance(count);
                return Ok(count);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
