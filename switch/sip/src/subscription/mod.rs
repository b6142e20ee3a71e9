//! Subscriptions (RFC 6665): who wants to hear of what, and the NOTIFYs that tell.
//!
//! `machine.rs` is the notifier's figure, `notifier.rs` runs it on SUBSCRIBEs and answers to NOTIFYs, `subscriber.rs`
//! is the other side, `package.rs` reads and writes the headers. What a package says in its bodies is the owner's business. A subscription has a
//! dialog of its own, shared with nothing (RFC 6665 4.5.2).

mod machine;
mod notifier;
mod package;
mod subscriber;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::{Deserialize, Serialize};

pub use machine::End as SubscriptionEnd;
pub(crate) use subscriber::Watches;
pub use subscriber::{WATCHES_MAX, Watch, WatchEnd, WatchKey};

pub use package::{EventPackage, SubscriptionState, Termination};

use crate::dialog::Dialog;
use crate::flow::Flow;
use crate::timer::Running;
use machine::Notifier;

/// Names a subscription. It is also the random part of its local tag.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct SubscriptionKey(pub(crate) u64);

/// What the owner grants a subscriber.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// User part of our Contact, as plain text.
    pub contact_user: String,
    /// Whether it is still to be decided on (RFC 6665 4.2.1.3).
    pub is_pending: bool,
}

/// A subscription that somebody else has made here.
pub(crate) struct Subscription {
    dialog: Dialog,
    package: EventPackage,
    contact_user: Box<str>,
    machine: Notifier,
    is_pending: bool,
    expires_at: Instant,
    running: Running,
}

/// All subscriptions, and which of them go over which connection.
#[derive(Default)]
pub(crate) struct Subscriptions {
    map: BTreeMap<SubscriptionKey, Subscription>,
    /// Streams only, so that a lost connection costs what it carried and not what there is.
    by_connection: BTreeMap<u64, BTreeSet<SubscriptionKey>>,
}

impl Subscriptions {
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    fn get_mut(&mut self, key: SubscriptionKey) -> Option<&mut Subscription> {
        self.map.get_mut(&key)
    }

    fn insert(&mut self, key: SubscriptionKey, subscription: Subscription) {
        self.note_connection(key, subscription.dialog.leg());
        self.map.insert(key, subscription);
    }

    fn remove(&mut self, key: SubscriptionKey) -> Option<Subscription> {
        let gone = self.map.remove(&key)?;
        self.forget_connection(key, gone.dialog.leg());
        Some(gone)
    }

    /// The subscriber is heard on this flow from now on.
    fn note_connection(&mut self, key: SubscriptionKey, leg: Flow) {
        if leg.connection != 0 {
            self.by_connection.entry(leg.connection).or_default().insert(key);
        }
    }

    fn forget_connection(&mut self, key: SubscriptionKey, leg: Flow) {
        if let Some(keys) = self.by_connection.get_mut(&leg.connection) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_connection.remove(&leg.connection);
            }
        }
    }

    /// A connection is gone: what used it opens a new one.
    pub(crate) fn reopen(&mut self, failed: &Flow) {
        for key in self.by_connection.remove(&failed.connection).unwrap_or_default() {
            if let Some(subscription) = self.map.get_mut(&key) {
                subscription.dialog.reopen(failed);
            }
        }
    }
}
