//! Sockets of a former life: what fits the configuration is used as it is, with whatever waits in it; the rest is
//! bound anew (decision 0014).
//!
//! Connections of TLS and WebSocket are not among them: keys and half messages die with the process, and their peers connect again.

use std::{
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::{AsFd as _, BorrowedFd},
    time::Instant,
};

use sip::{Flow, Transport};

use super::{Wire, connection::Connection, framing::Framing, layer::Layer, streams::Streams};

/// Sockets that a former life has left.
#[derive(Debug, Default)]
pub struct Inherited {
    /// Sockets of datagrams.
    pub udp: Vec<UdpSocket>,
    /// Listeners.
    pub listeners: Vec<TcpListener>,
    /// Connections without TLS.
    pub connections: Vec<InheritedConnection>,
}

/// A connection that a former life has left.
#[derive(Debug)]
pub struct InheritedConnection {
    /// The id that it had.
    pub id: u64,
    /// The socket.
    pub stream: TcpStream,
    /// What had come and was no whole message yet.
    pub unread: Vec<u8>,
}

impl Inherited {
    /// The socket that is bound to this address, ready for a poll.
    pub(super) fn udp(&mut self, address: SocketAddr) -> Option<UdpSocket> {
        let at = self.udp.iter().position(|found| found.local_addr().is_ok_and(|own| own == address))?;
        let socket = self.udp.swap_remove(at);
        socket.set_nonblocking(true).ok().map(|()| socket)
    }

    /// The listener on this address, ready for a poll.
    pub(super) fn listener(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let at =
            self.listeners.iter().position(|found| found.local_addr().is_ok_and(|own| own == address))?;
        let listener = self.listeners.swap_remove(at);
        listener.set_nonblocking(true).ok().map(|()| listener)
    }
}

impl Wire {
    /// All bound sockets: whether it is one of datagrams, its address, and its descriptor.
    pub fn sockets(&self) -> Vec<(bool, SocketAddr, BorrowedFd<'_>)> {
        let udp = self.udp.sockets().map(|socket| (true, socket.local_addr(), socket.as_fd()));
        let listeners = self.streams.listeners().map(|socket| (false, socket.local_addr(), socket.as_fd()));
        let all = udp.chain(listeners);
        all.filter_map(|(is_udp, address, socket)| Some((is_udp, address.ok()?, socket))).collect()
    }

    /// The descriptor of a connection that can outlive the process.
    pub fn connection(&self, id: u64) -> Option<BorrowedFd<'_>> {
        let connection = self.streams.connection(id)?;
        (connection.flow.transport == Transport::Tcp).then(|| connection.stream.as_fd())
    }

    /// What has come on connections that can outlive the process and is no whole message yet.
    pub fn unread(&self) -> Vec<(u64, Vec<u8>)> {
        let plain = self.streams.all().filter(|found| found.flow.transport == Transport::Tcp);
        let unread = plain.map(|found| (found.flow.connection, found.unread().to_vec()));
        unread.filter(|(_, bytes)| !bytes.is_empty()).collect()
    }
}

impl Streams {
    /// Goes on with connections of a former life. They had proved who they are, or would not have been kept.
    pub(super) fn adopt(&mut self, connections: Vec<InheritedConnection>, now: Instant) {
        for InheritedConnection { id, stream, unread } in connections {
            let (Ok(remote), Ok(own)) = (stream.peer_addr(), stream.local_addr()) else { continue };
            // One that we have opened has a port of the system's choice: any listener of its kind is where its peer
            // can reach us.
            let tcp = || self.listeners_known_as(Transport::Tcp);
            let exact = tcp().find(|local| *local == own);
            let Some(local) = exact.or_else(|| tcp().find(|local| local.is_ipv4() == own.is_ipv4())) else {
                continue;
            };
            if stream.set_nonblocking(true).is_ok() {
                let flow = Flow { transport: Transport::Tcp, local, remote, connection: id };
                let stream = mio::net::TcpStream::from_std(stream);
                let mut connection =
                    Connection::accepted(stream, (Layer::Plain, Framing::stream()), flow, now);
                connection.go_on(&unread);
                self.keep(connection);
            }
        }
    }
}
