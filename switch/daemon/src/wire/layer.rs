//! What lies between a stream's socket and its messages: nothing, or TLS.
//!
//! Plain bytes go in and come out; handshakes happen on the way. Of a TLS client that has only connected nothing is
//! made yet: its first byte, which must be that of a handshake, brings the session into being.

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind, Read, Write},
    net::IpAddr,
    sync::Arc,
};

use bytes::{Buf, Bytes};
use mio::net::TcpStream;
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::tls::{Tls, server_names};

/// Plain bytes a session takes before they are encrypted and written; the rest waits outside.
const SESSION_BYTES_MAX: usize = 32 * 1024;
/// Looks at the socket in one read, so that a peer that sends nothing but handshake cannot hold the engine.
const LOOKS_MAX: usize = 8;
/// The type of a TLS record that carries a handshake (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 22;

pub(super) enum Layer {
    Plain,
    /// A TLS client that has said nothing yet.
    Knocking(Arc<ServerConfig>),
    Tls(Box<Session>),
}

pub(super) struct Session {
    tls: rustls::Connection,
    /// The TCP side has ended.
    has_ended: bool,
}

impl Layer {
    /// For a connection that comes in.
    pub(super) fn accepting(tls: &Tls) -> Self {
        Self::Knocking(tls.server())
    }

    /// For a connection of ours to whoever can prove one of these names; without a name, that address.
    pub(super) fn connecting(tls: &Tls, names: &BTreeSet<&str>, address: IpAddr) -> Option<Self> {
        let names = server_names(names, address)?;
        let first = names.first()?.clone();
        let session = ClientConnection::new(tls.client(names), first).ok()?;
        Some(Self::session(session.into()))
    }

    fn session(mut tls: rustls::Connection) -> Self {
        tls.set_buffer_limit(Some(SESSION_BYTES_MAX));
        Self::Tls(Box::new(Session { tls, has_ended: false }))
    }

    /// Whether a session exists whose handshake is not done.
    pub(super) fn is_handshaking(&self) -> bool {
        matches!(self, Self::Tls(session) if session.tls.is_handshaking())
    }

    /// Whether messages can pass.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Plain => true,
            Self::Knocking(_) => false,
            Self::Tls(session) => !session.tls.is_handshaking(),
        }
    }

    /// Whether the peer has shown a certificate that our own authority signed.
    pub(super) fn is_certified(&self) -> bool {
        matches!(self, Self::Tls(session)
            if !session.tls.is_handshaking() && session.tls.peer_certificates().is_some())
    }

    /// Whether something is encrypted and not written yet.
    pub(super) fn wants_write(&self) -> bool {
        matches!(self, Self::Tls(session) if session.tls.wants_write())
    }

    /// Reads plain bytes. 0: the peer has ended.
    ///
    /// # Errors
    /// `InvalidData`: what came is no TLS, or not the kind we speak. `WouldBlock` and `Interrupted` as a socket.
    pub(super) fn read(&mut self, socket: &mut TcpStream, room: &mut [u8]) -> io::Result<usize> {
        if let Self::Knocking(config) = self {
            let mut first = [0];
            let count = socket.peek(&mut first)?;
            if count == 0 {
                return Ok(0);
            }
            if first != [HANDSHAKE_RECORD] {
                return Err(invalid("no TLS"));
            }
            let session = ServerConnection::new(Arc::clone(config)).map_err(invalid)?;
            *self = Self::session(session.into());
        }
        match self {
            Self::Plain => socket.read(room),
            Self::Knocking(_) => Err(ErrorKind::WouldBlock.into()),
            Self::Tls(session) => session.read(socket, room),
        }
    }

    /// Takes plain bytes, as far as there is room, off the front of `bytes` and writes what it can.
    ///
    /// # Errors
    /// `WouldBlock` when the socket takes no more now.
    pub(super) fn write(&mut self, socket: &mut TcpStream, bytes: &mut Bytes) -> io::Result<usize> {
        match self {
            Self::Plain => write(socket, bytes),
            Self::Knocking(_) => Err(ErrorKind::WouldBlock.into()),
            Self::Tls(session) => session.write(socket, bytes),
        }
    }

    /// Writes what is encrypted and waits.
    pub(super) fn flush(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        match self {
            Self::Plain | Self::Knocking(_) => Ok(()),
            Self::Tls(session) => session.flush(socket),
        }
    }

    /// Says goodbye, as far as the socket takes it at once.
    pub(super) fn end(&mut self, socket: &mut TcpStream) {
        if let Self::Tls(session) = self {
            session.tls.send_close_notify();
            let _ = session.flush(socket);
        }
    }
}

impl Session {
    fn read(&mut self, socket: &mut TcpStream, room: &mut [u8]) -> io::Result<usize> {
        for _ in 0..LOOKS_MAX {
            match self.tls.reader().read(room) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock && !self.has_ended => {}
                // Ended without a goodbye; a message that is not whole is seen by its length.
                Err(_) => return Ok(0),
            }
            self.has_ended = self.tls.read_tls(socket)? == 0;
            if let Err(error) = self.tls.process_new_packets() {
                // The alert tells the peer what was wrong.
                let _ = self.flush(socket);
                return Err(invalid(error));
            }
            match self.flush(socket) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
        Err(ErrorKind::Interrupted.into())
    }

    fn write(&mut self, socket: &mut TcpStream, bytes: &mut Bytes) -> io::Result<usize> {
        if self.tls.is_handshaking() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut count = self.tls.writer().write(bytes)?;
        if count == 0 {
            self.flush(socket)?;
            count = self.tls.writer().write(bytes)?;
        }
        bytes.advance(count);
        // What the socket does not take now waits in the session; it was taken from the caller all the same.
        match self.flush(socket) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ if count == 0 => Err(ErrorKind::WouldBlock.into()),
            _ => Ok(count),
        }
    }

    fn flush(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(socket) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
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

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error.to_string())
}
