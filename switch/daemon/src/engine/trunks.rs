//! What becomes of trunks: a line in the log for each change, and figures. Trunks are told by their ids, which `sambung trunks`
//! shows too. A provider's name is in the log where DNS is asked for it (`resolve`); who we are there is nowhere.

use std::sync::atomic::{AtomicU64, Ordering};

use calls::{TrunkChange, TrunkCounts, TrunkNews};

/// Figures of trunks.
#[derive(Debug, Default)]
pub struct Trunks {
    /// Trunks that are registered now.
    pub registered: AtomicU64,
    /// Trunks that should be and are not.
    pub unregistered: AtomicU64,
    /// Trunks whose targets all do not answer.
    pub down: AtomicU64,
    /// Targets that answer.
    pub targets_up: AtomicU64,
    /// Targets that do not.
    pub targets_down: AtomicU64,
    /// Calls that are up on trunks.
    pub channels: AtomicU64,
    /// Changes, good and bad.
    pub changes: AtomicU64,
}

impl Trunks {
    /// How they stand now.
    pub(super) fn stand(&self, counts: TrunkCounts) {
        let TrunkCounts { registered, unregistered, down, targets_up, targets_down, channels } = counts;
        for (figure, count) in [
            (&self.registered, registered),
            (&self.unregistered, unregistered),
            (&self.down, down),
            (&self.targets_up, targets_up),
            (&self.targets_down, targets_down),
            (&self.channels, channels),
        ] {
            figure.store(count, Ordering::Relaxed);
        }
    }

    /// Something has become of one.
    pub(super) fn note(&self, change: TrunkChange) {
        self.changes.fetch_add(1, Ordering::Relaxed);
        let TrunkChange { org, trunk, news } = change;
        match news {
            TrunkNews::Registered => {
                tracing::info!(%org, %trunk, "a trunk is registered");
            }
            TrunkNews::NotRegistered { status, is_still: true } => {
                tracing::warn!(%org, %trunk, status, "a trunk's registration could not be refreshed yet");
            }
            TrunkNews::NotRegistered { status, is_still: false } => {
                tracing::warn!(%org, %trunk, status, "a trunk is not registered");
            }
            TrunkNews::TargetUp { target } => {
                tracing::info!(%org, %trunk, target, "a trunk's target answers again");
            }
            TrunkNews::TargetDown { target } => {
                tracing::warn!(%org, %trunk, target, "a trunk's target does not answer: calls go there last");
            }
        }
    }
}
