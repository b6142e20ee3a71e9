//! Who keeps what outlives a relay: a service manager and a state file in one.

use std::{
    collections::BTreeMap,
    net::UdpSocket,
    os::fd::BorrowedFd,
    sync::{Arc, Mutex},
};

use relay::{Keep, RelayConfig, Resumed};
use streams::media::LeaseId;

use crate::world::World;

/// What a service manager and a state file would hold.
#[derive(Default)]
struct Store {
    images: BTreeMap<LeaseId, Vec<u8>>,
    sockets: BTreeMap<LeaseId, UdpSocket>,
}

#[derive(Clone, Default)]
pub struct Keeper(Arc<Mutex<Store>>);

impl Keep for Keeper {
    fn open(&mut self, lease: LeaseId, socket: BorrowedFd<'_>) {
        let socket = socket.try_clone_to_owned().unwrap().into();
        self.0.lock().unwrap().sockets.insert(lease, socket);
    }

    fn put(&mut self, lease: LeaseId, image: &[u8]) {
        self.0.lock().unwrap().images.insert(lease, image.to_vec());
    }

    fn close(&mut self, lease: LeaseId) {
        let mut store = self.0.lock().unwrap();
        store.images.remove(&lease);
        store.sockets.remove(&lease);
    }
}

impl Keeper {
    /// What the next relay is given.
    pub fn left(&self) -> Resumed {
        let store = self.0.lock().unwrap();
        Resumed {
            images: store.images.iter().map(|(lease, image)| (*lease, image.clone())).collect(),
            sockets: store.sockets.iter().map(|(lease, one)| (*lease, one.try_clone().unwrap())).collect(),
        }
    }
}

impl World {
    /// A relay whose legs are kept.
    pub fn kept(config: &RelayConfig) -> (Self, Keeper) {
        let keeper = Keeper::default();
        let keep = Box::new(keeper.clone());
        (Self::resume(config.clone(), Resumed::default(), Some(keep)), keeper)
    }

    /// Ends it, and says what the next one is given: a crash leaves what was kept before, a stop writes once more.
    pub fn ends(self, keeper: &Keeper, is_planned: bool) -> Resumed {
        let crashed = keeper.left();
        drop(self);
        if is_planned { keeper.left() } else { crashed }
    }
}
