//! One stream connection, TCP, TLS or WebSocket: its framing, its write buffer, and the clocks that end it.
//!
//! A stranger, who has not proved anything yet, gets little: one message of modest size, a few unread answers, and
//! half a minute.

use std::{
    collections::VecDeque,
    io::ErrorKind,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mio::net::TcpStream;
use sip::{Flow, Frame, FrameError};

use super::{framing::Framing, layer::Layer, ws::Refusal};

/// Read from one connection before the next has its turn.
const READ_BYTES_MAX: usize = 16 * 1024;
/// Written but not taken by the peer; beyond this it is too slow to keep.
const WAITING_BYTES_MAX: usize = 256 * 1024;
/// The same for a stranger, and the longest message of one.
pub(super) const STRANGER_BYTES_MAX: usize = 16 * 1024;
/// A connection of ours must be up after this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// A TLS handshake, and what makes a connection a WebSocket, must be done after this.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(8);
/// A message, the first one in particular, must be whole after this.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(20);
/// A peer that has taken nothing of what waits for it is gone after this.
const STALL_TIMEOUT: Duration = Duration::from_secs(20);
/// A stranger that says nothing is sent away after this; with the sweep's own step, in less than 30 s.
const STRANGER_IDLE: Duration = Duration::from_secs(26);
/// A browser that has been silent for this long is asked whether it is there; short of the minute after which proxies cut.
const ASK_AFTER: Duration = Duration::from_secs(25);
/// One that was asked must have said something after this.
const PONG_TIMEOUT: Duration = Duration::from_secs(10);
/// Line ends between messages that the framer holds back: one byte less than a ping (RFC 5626 §4.4.1).
const LINE_END_BYTES_MAX: usize = 3;

pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// With the connection's own id.
    pub(super) flow: Flow,
    /// The names that the peer of a TLS connection of ours could prove any of, where it was found by names.
    pub(super) names: Box<[Box<str>]>,
    /// A message has come or gone this way, so the engine may know the connection.
    pub(super) is_known: bool,
    /// We opened it, or its peer has proved who it is.
    pub(super) is_trusted: bool,
    /// Since when it stands in the queue of connections to be read.
    pub(super) queued_at: Option<Instant>,
    pub(super) readable: bool,
    /// What it holds of the memory that all strangers share.
    pub(super) share: usize,
    layer: Layer,
    connecting: bool,
    framing: Framing,
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
    began_at: Instant,
    /// The latest sign of life.
    active_at: Instant,
    /// When it was asked for one, which has not come yet.
    asked_at: Option<Instant>,
    /// When the message that is not whole yet began; at first, when the connection did.
    message_began_at: Option<Instant>,
    /// Since when the peer has taken nothing of what waits.
    stalled_since: Option<Instant>,
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
    /// What came makes no WebSocket of the connection.
    NotUpgraded(Refusal),
    /// What came breaks the rules of WebSocket.
    Garbled,
    /// What came was no TLS, or there was no agreement on one.
    Refused,
    /// A stranger sent or left unread more than strangers may.
    Excessive,
    /// Silent or slow.
    TimedOut,
    /// A stranger made room for a newcomer.
    PushedOut,
}

impl Connection {
    pub(super) fn accepted(
        stream: TcpStream,
        (layer, framing): (Layer, Framing),
        flow: Flow,
        now: Instant,
    ) -> Self {
        Self {
            stream,
            flow,
            names: Box::default(),
            is_known: false,
            is_trusted: false,
            queued_at: None,
            readable: true,
            share: 0,
            layer,
            connecting: false,
            framing,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            began_at: now,
            active_at: now,
            asked_at: None,
            message_began_at: Some(now),
            stalled_since: None,
        }
    }

    pub(super) fn opened(
        stream: TcpStream,
        layer: Layer,
        flow: Flow,
        names: Box<[Box<str>]>,
        now: Instant,
    ) -> Self {
        let accepted = Self::accepted(stream, (layer, Framing::stream()), flow, now);
        Self {
            names,
            is_trusted: true,
            connecting: true,
            readable: false,
            message_began_at: None,
            ..accepted
        }
    }

    /// Goes on as the connection of a former life, whose peer had proved who it is.
    pub(super) fn go_on(&mut self, unread: &[u8]) {
        (self.is_known, self.is_trusted) = (true, true);
        self.message_began_at = None;
        self.framing.push(unread);
    }

    /// What has come and is no whole message yet.
    pub(super) fn unread(&self) -> &[u8] {
        self.framing.unread()
    }

    pub(super) fn has_unsent(&self) -> bool {
        !self.waiting.is_empty() || self.layer.wants_write()
    }

    /// Whether messages can pass.
    pub(super) fn is_open(&self) -> bool {
        self.layer.is_open() && self.framing.is_open()
    }

    /// Whether it takes part in a TLS handshake that costs memory.
    pub(super) fn is_handshaking(&self) -> bool {
        self.layer.is_handshaking()
    }

    /// Bytes kept for it.
    pub(super) fn held_bytes(&self) -> usize {
        self.framing.pending() + self.waiting_bytes
    }

    /// The next message, or one read from the socket.
    pub(super) fn read(&mut self, now: Instant, scratch: &mut [u8]) -> Result<Read1, End> {
        let next = self.framing.next();
        if let Some(own) = self.framing.own_words() {
            let written = self.put(own, now);
            next.is_ok().then_some(written).transpose()?;
        }
        match next? {
            Some(Frame::Message(bytes)) => {
                self.is_known = true;
                self.message_began_at = (self.framing.pending() > 0).then_some(now);
                return Ok(Read1::Message(bytes));
            }
            Some(Frame::Ping) => {
                self.write(Bytes::from_static(b"\r\n"), now)?;
                return Ok(Read1::Ping);
            }
            // Keep-alives begin no message; but they are not the first one either.
            None if self.is_known && self.framing.pending() <= LINE_END_BYTES_MAX => {
                self.message_began_at = None;
            }
            None if !self.is_trusted && self.framing.pending() > STRANGER_BYTES_MAX => {
                return Err(End::Excessive);
            }
            None => {}
        }
        if !self.readable {
            return Ok(Read1::Nothing);
        }
        let room = scratch.get_mut(..READ_BYTES_MAX).unwrap_or_default();
        let was_open = self.layer.is_open();
        let outcome = self.layer.read(&mut self.stream, room);
        if !was_open && self.layer.is_open() {
            self.is_trusted |= self.layer.is_certified();
            self.flush(now)?;
        }
        match outcome {
            Ok(0) => Err(if self.has_unsent() { End::Failed } else { End::Closed }),
            Ok(count) => {
                (self.active_at, self.asked_at) = (now, None);
                self.message_began_at.get_or_insert(now);
                self.framing.push(room.get(..count).unwrap_or_default());
                Ok(Read1::Later)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(Read1::Nothing)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Read1::Later),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                tracing::debug!(flow = ?self.flow, %error, "no TLS with this peer");
                Err(End::Refused)
            }
            Err(_) => Err(End::Failed),
        }
    }

    /// Writes at once what the kernel takes and keeps the rest.
    pub(super) fn send(&mut self, bytes: Bytes, now: Instant) -> Result<(), End> {
        self.is_known = true;
        self.write(bytes, now)
    }

    fn write(&mut self, message: Bytes, now: Instant) -> Result<(), End> {
        let bytes = self.framing.framed(message);
        self.put(bytes, now)
    }

    fn put(&mut self, bytes: Bytes, now: Instant) -> Result<(), End> {
        self.waiting_bytes += bytes.len();
        self.waiting.push_back(bytes);
        if self.connecting { Ok(()) } else { self.flush(now) }?;
        let (most, end) = if self.is_trusted {
            (WAITING_BYTES_MAX, End::TimedOut)
        } else {
            (STRANGER_BYTES_MAX, End::Excessive)
        };
        if self.waiting_bytes > most { Err(end) } else { Ok(()) }
    }

    /// The poll says that the socket can be written: connected at last, or room again.
    pub(super) fn writable(&mut self, now: Instant) -> Result<(), End> {
        if self.connecting {
            if self.stream.take_error().ok().flatten().is_some() {
                return Err(End::Failed);
            }
            match self.stream.peer_addr() {
                Ok(_) => {
                    self.connecting = false;
                    (self.began_at, self.active_at) = (now, now);
                }
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(_) => return Err(End::Failed),
            }
        }
        self.flush(now)
    }

    fn flush(&mut self, now: Instant) -> Result<(), End> {
        let before = self.waiting_bytes;
        let mut outcome = self.layer.flush(&mut self.stream);
        while let (Ok(()), Some(bytes)) = (&outcome, self.waiting.front_mut()) {
            outcome = self.layer.write(&mut self.stream, bytes).map(|count| self.waiting_bytes -= count);
            if bytes.is_empty() {
                self.waiting.pop_front();
            }
        }
        match outcome {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(End::Failed),
            _ => {}
        }
        if !self.has_unsent() {
            self.stalled_since = None;
        } else if self.waiting_bytes < before || self.stalled_since.is_none() {
            self.stalled_since = Some(now);
        }
        Ok(())
    }

    /// Says goodbye where the layer has a word for it.
    pub(super) fn end(&mut self) {
        if !self.connecting {
            // In the middle of something else it could not be understood.
            if !self.has_unsent() {
                self.framing.leave();
                let mut goodbye = self.framing.own_words().unwrap_or_default();
                let _ = self.layer.write(&mut self.stream, &mut goodbye);
            }
            self.layer.end(&mut self.stream);
        }
        // To close it is not enough: the service manager may hold a duplicate.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }

    /// Asks whoever can be asked and is silent. An error ends the connection, as does that its time is over.
    pub(super) fn look_after(&mut self, now: Instant, idle: Duration) -> Result<(), End> {
        if self.overdue(now, idle) {
            return Err(End::TimedOut);
        }
        let is_silent = now.saturating_duration_since(self.active_at) >= ASK_AFTER;
        if self.is_trusted && is_silent && self.asked_at.is_none() && self.framing.ask() {
            self.asked_at = Some(now);
            let question = self.framing.own_words().unwrap_or_default();
            return self.put(question, now);
        }
        Ok(())
    }

    /// Whether its time is over.
    fn overdue(&self, now: Instant, idle: Duration) -> bool {
        let since = |at: Instant| now.saturating_duration_since(at);
        let idle = if self.is_trusted { idle } else { idle.min(STRANGER_IDLE) };
        (self.connecting && since(self.began_at) >= CONNECT_TIMEOUT)
            || (!self.connecting && !self.is_open() && since(self.began_at) >= HANDSHAKE_TIMEOUT)
            || self.message_began_at.is_some_and(|at| since(at) >= MESSAGE_TIMEOUT)
            || self.asked_at.is_some_and(|at| since(at) >= PONG_TIMEOUT)
            || self.stalled_since.is_some_and(|at| since(at) >= STALL_TIMEOUT)
            || since(self.active_at) >= idle
    }
}
