//! The ports that the relay has bound ahead of need, and who holds which.
//!
//! Drawing is pure: an SDP never names a port that is not bound. A lease is held from the draw until the relay
//! reports it closed; how long a port then rests is the relay's business.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use contract::id::CallId;
use streams::media::{LeaseId, PortLease};

/// Leases in stock beyond which further ones are ignored: more than the ports of one address.
const STOCK_MAX: usize = 65_536;

/// Free leases by address family, oldest first, and the held ones.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    v4: VecDeque<PortLease>,
    v6: VecDeque<PortLease>,
    /// Of the port that browsers share.
    shared: VecDeque<PortLease>,
    held: BTreeMap<LeaseId, CallId>,
}

impl Stock {
    pub(crate) fn restock(&mut self, leases: Vec<PortLease>) {
        for lease in leases {
            let shelf = if lease.address.is_ipv4() { &mut self.v4 } else { &mut self.v6 };
            if shelf.len() < STOCK_MAX {
                shelf.push_back(lease);
            }
        }
    }

    pub(crate) fn draw(&mut self, is_ipv4: bool, call: CallId) -> Option<PortLease> {
        let shelf = if is_ipv4 { &mut self.v4 } else { &mut self.v6 };
        let lease = shelf.pop_front()?;
        self.held.insert(lease.id, call);
        Some(lease)
    }

    pub(crate) fn restock_shared(&mut self, leases: Vec<PortLease>) {
        let room = STOCK_MAX.saturating_sub(self.shared.len());
        self.shared.extend(leases.into_iter().take(room));
    }

    pub(crate) fn draw_shared(&mut self, call: CallId) -> Option<PortLease> {
        let lease = self.shared.pop_front()?;
        self.held.insert(lease.id, call);
        Some(lease)
    }

    /// Leases that a call holds from a former life.
    pub(crate) fn hold(&mut self, leases: Vec<LeaseId>, call: CallId) {
        self.held.extend(leases.into_iter().map(|lease| (lease, call)));
    }

    /// Whose a lease is.
    pub(crate) fn holder(&self, lease: LeaseId) -> Option<CallId> {
        self.held.get(&lease).copied()
    }

    /// The lease is free again, or lost; whose it was.
    pub(crate) fn returned(&mut self, lease: LeaseId) -> Option<CallId> {
        self.held.remove(&lease)
    }

    pub(crate) fn leases(&self) -> BTreeSet<LeaseId> {
        self.held.keys().copied().collect()
    }

    pub(crate) fn is_empty(&self, is_ipv4: bool) -> bool {
        if is_ipv4 { self.v4.is_empty() } else { self.v6.is_empty() }
    }

    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn free(&self) -> usize {
        self.v4.len() + self.v6.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_drawn_by_family_and_held_until_returned() {
        let lease = |id, address: &str| PortLease { id: LeaseId(id), address: address.parse().unwrap() };
        let call = CallId(uuid::Uuid::from_u128(1));
        let mut stock = Stock::default();
        stock.restock(vec![
            lease(1, "192.0.2.1:20000"),
            lease(2, "[2001:db8::1]:20000"),
            lease(3, "192.0.2.1:20002"),
        ]);
        assert_eq!(stock.draw(true, call).map(|lease| lease.id), Some(LeaseId(1)), "oldest first");
        assert_eq!(stock.draw(false, call).map(|lease| lease.id), Some(LeaseId(2)));
        assert!(
            stock.is_empty(false) && stock.draw(false, call).is_none(),
            "families do not help each other out"
        );
        assert_eq!((stock.free(), stock.held()), (1, 2));
        assert_eq!(stock.returned(LeaseId(1)), Some(call));
        assert_eq!(stock.returned(LeaseId(1)), None);
        assert_eq!((stock.free(), stock.held()), (1, 1), "a returned lease comes back as new stock only");
    }
}
