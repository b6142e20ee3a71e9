//! Refusals under overload are written by a thread of their own.
//!
//! To hand a datagram to the kernel costs as much as to decide that it is to be sent, and the engine has better to do just
//! then. They are handed over many at a time, so that the thread is woken once for all of them. Nothing waits for one: when
//! the thread does not keep up, or the kernel has no room, it is lost, and the request is repeated (RFC 3261 §17.1.1.2).

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    thread,
};

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender};

use super::{Counters, add};

/// Refusals that are handed over together at most.
const BATCH_MAX: usize = 64;
/// Batches that may wait for the thread.
const BATCHES_MAX: usize = 64;

/// A refusal: by which socket, to whom, what.
type Refusal = (usize, SocketAddr, Bytes);

/// The way to the thread, which ends with it.
pub(super) struct Aside {
    batch: Vec<Refusal>,
    batches: Sender<Vec<Refusal>>,
    counters: Arc<Counters>,
}

impl Aside {
    /// Starts the thread with copies of these sockets.
    pub(super) fn start(sockets: Vec<UdpSocket>, counters: &Arc<Counters>) -> io::Result<Self> {
        let (batches, handed_over) = crossbeam_channel::bounded(BATCHES_MAX);
        let shared = Arc::clone(counters);
        thread::Builder::new()
            .name("refusals".to_owned())
            .spawn(move || write_all(&sockets, &handed_over, &shared))?;
        Ok(Self { batch: Vec::new(), batches, counters: Arc::clone(counters) })
    }

    /// Takes a refusal.
    pub(super) fn put(&mut self, socket: usize, remote: SocketAddr, bytes: Bytes) {
        self.batch.push((socket, remote, bytes));
        if self.batch.len() >= BATCH_MAX {
            self.hand_over();
        }
    }

    /// Has the thread write what has been taken.
    pub(super) fn hand_over(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_MAX));
        if let Err(error) = self.batches.try_send(batch) {
            error.into_inner().iter().for_each(|_| add(&self.counters.udp_send_dropped));
        }
    }
}

fn write_all(sockets: &[UdpSocket], batches: &Receiver<Vec<Refusal>>, counters: &Counters) {
    for (socket, remote, bytes) in batches.iter().flatten() {
        let Some(socket) = sockets.get(socket) else { continue };
        match socket.send_to(&bytes, remote) {
            Ok(_) => add(&counters.udp_sent),
            Err(error) if error.kind() == ErrorKind::WouldBlock => add(&counters.udp_send_dropped),
            // Nobody can be reached there, and nobody waits to hear of it.
            Err(_) => add(&counters.unreachable),
        }
    }
}
