//! By which names the peers of TLS connections of ours were found: whom they must prove to be (RFC 5922 §7).
//!
//! Several names may lead to one address, like two of a provider's for the same server. Which of them a message is for is not known
//! here, so whoever proves any of them is right. A name that is not looked for any more proves nothing.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
};

use sip::locate::Target;

/// Targets whose addresses are kept; all that are looked for at a time are fewer.
const NAMES_MAX: usize = 4_096;

/// Where targets were found.
#[derive(Default)]
pub(super) struct Names {
    found: BTreeMap<Target, Vec<SocketAddr>>,
    at: HashMap<SocketAddr, BTreeSet<Target>>,
}

impl Names {
    /// A target is at these addresses now. At none: it is not looked for any more.
    pub(super) fn found(&mut self, target: &Target, addresses: Vec<SocketAddr>) {
        for address in self.found.remove(target).unwrap_or_default() {
            let is_last = self.at.get_mut(&address).is_some_and(|targets| {
                targets.remove(target);
                targets.is_empty()
            });
            if is_last {
                self.at.remove(&address);
            }
        }
        if addresses.is_empty() || self.found.len() >= NAMES_MAX {
            return;
        }
        for address in &addresses {
            self.at.entry(*address).or_default().insert(target.clone());
        }
        self.found.insert(target.clone(), addresses);
    }

    /// The names that an address was found by; none where it is known by itself alone.
    pub(super) fn at(&self, address: SocketAddr) -> BTreeSet<&str> {
        self.at.get(&address).into_iter().flatten().map(|target| &*target.name).collect()
    }
}
