//! What of the media outlives the process: the relay's images and RTP sockets.

use std::{collections::BTreeMap, net::UdpSocket, os::fd::BorrowedFd};

use relay::{Keep, Resumed};
use streams::media::LeaseId;

use super::{
    fd_store::FdStore,
    inherited::name,
    state_file::{Key, StateFile},
};

/// Keeps the legs of the relay. Lives on the media thread, and has a file of its own.
pub struct Legs {
    file: StateFile,
    store: FdStore,
    is_in_trouble: bool,
}

impl Legs {
    pub(super) fn new(file: StateFile, store: FdStore) -> Self {
        Self { file, store, is_in_trouble: false }
    }

    fn mind(&mut self, outcome: std::io::Result<()>) {
        if let Err(error) = outcome
            && !std::mem::replace(&mut self.is_in_trouble, true)
        {
            tracing::error!(%error, "media legs could not be kept: they would not survive a crash");
        }
    }
}

fn name_of(lease: LeaseId) -> String {
    format!("{}{}", name::RTP, lease.0)
}

impl Keep for Legs {
    fn open(&mut self, lease: LeaseId, socket: BorrowedFd<'_>) {
        self.store.put(name_of(lease), socket);
    }

    fn put(&mut self, lease: LeaseId, image: &[u8]) {
        let outcome = self.file.put(Key::from(lease.0), image);
        self.mind(outcome);
    }

    fn close(&mut self, lease: LeaseId) {
        let outcome = self.file.remove(Key::from(lease.0));
        self.mind(outcome);
        self.store.remove(name_of(lease));
    }
}

/// What the former life's file and sockets say.
pub(super) fn resumed(images: BTreeMap<Key, Vec<u8>>, sockets: Vec<(u32, UdpSocket)>) -> Resumed {
    let lease = |key: Key| u32::try_from(key).ok().map(LeaseId);
    Resumed {
        images: images.into_iter().filter_map(|(key, image)| Some((lease(key)?, image))).collect(),
        sockets: sockets.into_iter().map(|(lease, socket)| (LeaseId(lease), socket)).collect(),
    }
}
