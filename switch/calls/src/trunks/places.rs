//! Where trunks are: who has a target at an address, and who has one of a name.
//!
//! Calls from these addresses are a trunk's where it registers, so a place is given up as soon as nothing says any more that the
//! trunk is there. What leads where is `located`'s; which trunks there are is the plan's.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use contract::id::{OrgId, TrunkId};
use sip::locate::Target;

/// A trunk and whose it is.
pub(super) type Place = (OrgId, TrunkId);

/// The places of all trunks.
#[derive(Debug, Default)]
pub(super) struct Places {
    named: BTreeMap<Target, BTreeSet<Place>>,
    at: BTreeMap<IpAddr, BTreeSet<Place>>,
    of: BTreeMap<Place, BTreeSet<IpAddr>>,
}

impl Places {
    /// The trunks at this address.
    pub(super) fn at(&self, address: IpAddr) -> impl Iterator<Item = Place> {
        self.at.get(&address.to_canonical()).into_iter().flatten().copied()
    }

    /// Whether a trunk is at this address.
    pub(super) fn is_at(&self, address: IpAddr) -> bool {
        self.at.contains_key(&address.to_canonical())
    }

    /// The trunks with a target of this name.
    pub(super) fn named(&self, target: &Target) -> Vec<Place> {
        self.named.get(target).into_iter().flatten().copied().collect()
    }

    /// Whether a trunk has a target of this name.
    pub(super) fn is_named(&self, target: &Target) -> bool {
        self.named.contains_key(target)
    }

    /// A trunk has a target of this name.
    pub(super) fn name(&mut self, place: Place, target: Target) {
        self.named.entry(target).or_default().insert(place);
    }

    /// A trunk with targets of these names is nowhere any more.
    pub(super) fn forget(&mut self, place: Place, names: impl Iterator<Item = Target>) {
        for name in names {
            take_out(&mut self.named, &name, place);
        }
        self.put(place, BTreeSet::new());
        self.of.remove(&place);
    }

    /// A trunk is at these addresses now, and at no other.
    pub(super) fn put(&mut self, place: Place, addresses: BTreeSet<IpAddr>) {
        let before = self.of.remove(&place).unwrap_or_default();
        for address in before.difference(&addresses) {
            take_out(&mut self.at, address, place);
        }
        for address in &addresses {
            self.at.entry(*address).or_default().insert(place);
        }
        self.of.insert(place, addresses);
    }
}

fn take_out<K: Ord>(map: &mut BTreeMap<K, BTreeSet<Place>>, key: &K, place: Place) {
    let others = map.get_mut(key).is_some_and(|there| {
        there.remove(&place);
        !there.is_empty()
    });
    if !others {
        map.remove(key);
    }
}
