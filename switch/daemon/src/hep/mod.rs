//! Mirrors SIP messages to a Homer server (HEP version 3).
//!
//! A thread of its own encodes and sends. The engine hands messages to a bounded queue and never waits: what finds no
//! room there is dropped and counted, as is what the network refuses. Secrets are masked before anything leaves.
//! Media is not mirrored.

mod packet;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use contract::{id::CallId, time::Timestamp, trace::Way};
use crossbeam_channel::{Receiver, Sender};
use sip::Flow;

use crate::config::Hep;
pub use packet::Identity;

/// Messages on their way to the thread.
const QUEUE_MAX: usize = 4_096;
/// A server whose name or address does not work is tried again after this.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// What the mirror counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages sent to the server.
    pub sent: AtomicU64,
    /// Messages dropped because the queue was full.
    pub dropped: AtomicU64,
    /// Messages the network did not take, or that are too long for a datagram.
    pub failed: AtomicU64,
}

/// The engine's end. The thread ends when it is dropped.
#[derive(Debug)]
pub struct Mirror {
    queue: Sender<Shown>,
    counters: Arc<Counters>,
}

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Shown {
    at: Timestamp,
    way: Way,
    flow: Flow,
    call: Option<CallId>,
    bytes: Bytes,
}

impl Mirror {
    /// Starts the thread. Nothing is looked up or sent yet.
    pub fn start(target: &str, identity: Identity, counters: Arc<Counters>) -> io::Result<Self> {
        let (queue, taken) = crossbeam_channel::bounded(QUEUE_MAX);
        let (target, for_thread) = (target.to_owned(), Arc::clone(&counters));
        thread::Builder::new()
            .name("hep".into())
            .spawn(move || Server { target, identity, counters: for_thread, way: None }.run(&taken))?;
        Ok(Self { queue, counters })
    }

    /// By configuration; `None` when nothing is to be mirrored.
    pub fn configured(config: &Hep, counters: Arc<Counters>) -> io::Result<Option<Self>> {
        let Some(target) = &config.target else { return Ok(None) };
        let password = config.password_file.as_ref().map(std::fs::read_to_string).transpose()?;
        let identity = Identity {
            capture_id: config.capture_id,
            password: password.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()),
        };
        Self::start(target, identity, counters).map(Some)
    }

    /// Shows a message. Its bytes are taken only if there is room for it.
    pub(crate) fn show(
        &self,
        at: Timestamp,
        way: Way,
        flow: Flow,
        call: Option<CallId>,
        bytes: impl FnOnce() -> Bytes,
    ) {
        let has_room = self.queue.len() < QUEUE_MAX;
        if !has_room || self.queue.try_send(Shown { at, way, flow, call, bytes: bytes() }).is_err() {
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The thread's end.
struct Server {
    target: String,
    identity: Identity,
    counters: Arc<Counters>,
    /// The socket, or when there was none.
    way: Option<Result<UdpSocket, Instant>>,
}

impl Server {
    fn run(mut self, queue: &Receiver<Shown>) {
        let mut datagram = Vec::with_capacity(4_096);
        for shown in queue {
            let has_gone = packet::encode(&shown, &self.identity, &mut datagram)
                && self.socket().is_some_and(|socket| socket.send(&datagram).is_ok());
            let counter = if has_gone { &self.counters.sent } else { &self.counters.failed };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn socket(&mut self) -> Option<&UdpSocket> {
        let is_due = match &self.way {
            None => true,
            Some(Ok(_)) => false,
            Some(Err(at)) => at.elapsed() >= RETRY_AFTER,
        };
        if is_due {
            let opened = open(&self.target);
            if let Err(error) = &opened
                && self.way.is_none()
            {
                tracing::warn!(target = self.target, %error, "the HEP server cannot be reached; it is tried again");
            }
            self.way = Some(opened.map_err(|_| Instant::now()));
        }
        self.way.as_ref().and_then(|way| way.as_ref().ok())
    }
}

fn open(target: &str) -> io::Result<UdpSocket> {
    let address = target.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let any = match address.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect(address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
