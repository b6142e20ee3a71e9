//! Trunks: calls from the telephone network, how many are up on each, and what the switch has to do at providers.
//!
//! `inbound` knows a call from outside by its address and its number, and reads who calls. What becomes of the call then is
//! as of any other. `links` registers with providers (`registration`) and asks whether they are there (`health`);
//! `plans` says what a new plan changes there, `places` where they are. The counts
//! kept here are those of the legs that calls hold: they come back with the calls after a restart.

mod health;
mod inbound;
mod links;
mod places;
mod plans;
mod registration;
mod shown;

pub(crate) use inbound::{caller, incoming};
pub(crate) use links::{Links, domain, domain_of_ours, login};
pub use shown::TrunkCounts;

use std::collections::BTreeMap;

use contract::id::TrunkId;

use crate::call::Call;

/// Calls that are up on each trunk.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    held: BTreeMap<TrunkId, usize>,
}

impl Channels {
    /// How many are up on this one.
    pub(crate) fn of(&self, trunk: TrunkId) -> usize {
        self.held.get(&trunk).copied().unwrap_or_default()
    }

    /// A call is kept as it is now.
    pub(crate) fn take(&mut self, call: &Call) {
        for trunk in call.trunks() {
            *self.held.entry(trunk).or_default() += 1;
        }
    }

    /// A call that was kept like this is about to change.
    pub(crate) fn release(&mut self, call: &Call) {
        for trunk in call.trunks() {
            if let Some(held) = self.held.get_mut(&trunk) {
                *held = held.saturating_sub(1);
            }
        }
        self.held.retain(|_, held| *held > 0);
    }
}
