//! The way into the service manager's store of descriptors: what is put there outlives this process (sd_notify(3):
//! `FDSTORE=1`, `FDNAME=`, `FDPOLL=0`, `FDSTOREREMOVE=1`).
//!
//! A thread of its own talks to the manager, because the manager may be slow and neither engine nor media may wait.
//! The queue to it is bounded; what finds no room is not stored, which costs a call its socket in a crash and
//! nothing else. The store keeps a duplicate: whoever closes a connection for good has to shut it down as well.

use std::{
    io::IoSlice,
    iter,
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixDatagram,
    },
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

/// Orders that may wait for the manager: more than a busy second's.
const ORDERS_MAX: usize = 8_192;
/// Orders of so long go together: to wake this thread and the manager for each would cost more than the order.
const GATHER: Duration = Duration::from_millis(20);
/// A manager that does not read is given up on after this; the order is lost.
const SEND_PATIENCE: Duration = Duration::from_secs(1);

enum Order {
    Put(String, OwnedFd),
    Remove(String),
    End,
}

/// The store. Cheap to clone; without a manager it does nothing.
#[derive(Clone, Default)]
pub struct FdStore {
    orders: Option<Sender<Order>>,
    counters: Arc<Counters>,
}

/// What the store counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Descriptors put.
    pub put: AtomicU64,
    /// Descriptors removed.
    pub removed: AtomicU64,
    /// Orders that found no room or no listener.
    pub lost: AtomicU64,
}

/// Ends the thread when it has carried out everything that was ordered before, and waits for it. It does not wait for
/// everybody to let go of the store: what is dropped together has no order that one could rely on.
pub struct Thread {
    orders: Sender<Order>,
    handle: Option<JoinHandle<()>>,
}

impl FdStore {
    /// A store behind a connected socket to the manager, and its thread.
    pub fn start(manager: UnixDatagram) -> std::io::Result<(Self, Thread)> {
        manager.set_write_timeout(Some(SEND_PATIENCE))?;
        let (orders, received) = crossbeam_channel::bounded(ORDERS_MAX);
        let counters = Arc::new(Counters::default());
        let counted = Arc::clone(&counters);
        let handle = std::thread::Builder::new()
            .name("fd-store".into())
            .spawn(move || carry(&manager, &received, &counted))?;
        let thread = Thread { orders: orders.clone(), handle: Some(handle) };
        Ok((Self { orders: Some(orders), counters }, thread))
    }

    /// Whether there is a manager to store anything.
    pub fn is_there(&self) -> bool {
        self.orders.is_some()
    }

    /// What is counted.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Puts a duplicate of a descriptor into the store. Names of letters, digits and hyphens only.
    pub fn put(&self, name: String, descriptor: BorrowedFd<'_>) {
        if self.is_there() {
            match descriptor.try_clone_to_owned() {
                Ok(descriptor) => self.order(Order::Put(name, descriptor)),
                Err(_) => self.lose(),
            }
        }
    }

    /// Has the store close everything of that name.
    pub fn remove(&self, name: String) {
        self.order(Order::Remove(name));
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders
            && orders.try_send(order).is_err()
        {
            self.lose();
        }
    }

    fn lose(&self) {
        if self.counters.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!("the service manager does not keep up: some sockets would not survive a crash");
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            // Fails when the thread has panicked, which the panic hook has reported already.
            let _ = self.orders.send(Order::End);
            let _ = handle.join();
        }
    }
}

fn carry(manager: &UnixDatagram, orders: &Receiver<Order>, counters: &Counters) {
    while let Ok(first) = orders.recv() {
        std::thread::sleep(GATHER);
        for order in iter::once(first).chain(orders.try_iter()) {
            let (sent, count) = match order {
                // Without FDPOLL=0 an ICMP error on a datagram socket would make the manager drop it.
                Order::Put(name, descriptor) => {
                    let text = format!("FDSTORE=1\nFDNAME={name}\nFDPOLL=0");
                    (send(manager, &text, Some(descriptor.as_fd())), &counters.put)
                }
                Order::Remove(name) => {
                    (send(manager, &format!("FDSTOREREMOVE=1\nFDNAME={name}"), None), &counters.removed)
                }
                Order::End => return,
            };
            let count = if sent { count } else { &counters.lost };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn send(manager: &UnixDatagram, text: &str, descriptor: Option<BorrowedFd<'_>>) -> bool {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<BorrowedFd<'_>> = descriptor.into_iter().collect();
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    sendmsg(manager, &[IoSlice::new(text.as_bytes())], &mut ancillary, SendFlags::empty()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A start that fails drops everything at once: it must end, and say why, and not wait for itself.
    #[test]
    fn the_thread_ends_after_the_last_order_while_others_still_have_the_store() {
        let (manager, switch) = UnixDatagram::pair().unwrap();
        let (store, thread) = FdStore::start(switch).unwrap();
        let kept = store.clone();
        store.remove("one".to_owned());
        drop(thread);
        let mut buffer = [0; 64];
        let length = manager.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"FDSTOREREMOVE=1\nFDNAME=one");
        kept.remove("another".to_owned());
        assert_eq!(kept.counters().lost.load(Ordering::Relaxed), 1);
    }
}
