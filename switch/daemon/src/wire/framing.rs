//! Where messages begin and end in the plain bytes of a connection: by their own length (RFC 3261 §18.3), or as those of a WebSocket
//! (RFC 7118).

use std::sync::Arc;

use bytes::Bytes;
use sip::{Frame, StreamFramer, Transport};

use super::{
    connection::End,
    ws::{Origins, WebSocket},
};

pub(super) enum Framing {
    Stream(StreamFramer),
    WebSocket(WebSocket),
}

impl Framing {
    /// That of a transport, for a connection that comes in.
    pub(super) fn of(transport: Transport, origins: &Arc<Origins>) -> Self {
        match transport {
            Transport::Ws | Transport::Wss => Self::WebSocket(WebSocket::new(origins)),
            Transport::Udp | Transport::Tcp | Transport::Tls => Self::stream(),
        }
    }

    pub(super) fn stream() -> Self {
        Self::Stream(StreamFramer::new())
    }

    /// Whether messages can pass.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Stream(_) => true,
            Self::WebSocket(socket) => socket.is_open(),
        }
    }

    /// Takes what was read.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Stream(framer) => framer.push(bytes),
            Self::WebSocket(socket) => socket.push(bytes),
        }
    }

    /// Octets that wait for the rest of their message.
    pub(super) fn pending(&self) -> usize {
        match self {
            Self::Stream(framer) => framer.pending(),
            Self::WebSocket(socket) => socket.pending(),
        }
    }

    /// What a stream that can outlive the process has waiting; of a WebSocket, which cannot, nothing.
    pub(super) fn unread(&self) -> &[u8] {
        match self {
            Self::Stream(framer) => framer.unread(),
            Self::WebSocket(_) => &[],
        }
    }

    /// The next message or keep-alive; `None` when more must come.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, End> {
        match self {
            Self::Stream(framer) => framer.next().map_err(End::Broken),
            Self::WebSocket(socket) => socket.next(),
        }
    }

    /// A message as it is written.
    pub(super) fn framed(&mut self, message: Bytes) -> Bytes {
        match self {
            Self::Stream(_) => message,
            Self::WebSocket(socket) => {
                socket.send(message);
                socket.take_going().unwrap_or_default()
            }
        }
    }

    /// What is to be written besides messages: answers that the protocol itself wants.
    pub(super) fn own_words(&mut self) -> Option<Bytes> {
        match self {
            Self::Stream(_) => None,
            Self::WebSocket(socket) => socket.take_going(),
        }
    }

    /// Asks the peer whether it is there. False: there is no word for it.
    pub(super) fn ask(&mut self) -> bool {
        match self {
            Self::WebSocket(socket) if socket.is_open() => socket.ask(),
            Self::Stream(_) | Self::WebSocket(_) => return false,
        }
        true
    }

    /// Says goodbye, where there is a word for it.
    pub(super) fn leave(&mut self) {
        if let Self::WebSocket(socket) = self {
            socket.leave();
        }
    }
}
