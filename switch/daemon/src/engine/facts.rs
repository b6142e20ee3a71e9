//! What the facts of calls add up to, for metrics: events by type, and the RTP of legs that are over.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use contract::journal::{EventKind, Fact};

/// The sums.
#[derive(Debug)]
pub struct Facts {
    events: Vec<AtomicU64>,
    /// RTP packets received from legs that are over.
    pub rtp_received: AtomicU64,
    /// RTP packets sent to them.
    pub rtp_sent: AtomicU64,
    /// RTP packets of theirs that did not arrive.
    pub rtp_lost: AtomicU64,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            events: EventKind::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            rtp_received: AtomicU64::new(0),
            rtp_sent: AtomicU64::new(0),
            rtp_lost: AtomicU64::new(0),
        }
    }
}

impl Facts {
    /// Adds a fact.
    pub(super) fn add(&self, fact: &Fact) {
        match fact {
            Fact::Event(event) => {
                let at = EventKind::ALL.iter().position(|kind| *kind == event.kind);
                if let Some(count) = at.and_then(|at| self.events.get(at)) {
                    count.fetch_add(1, Relaxed);
                }
            }
            Fact::Quality(quality) => {
                self.rtp_received.fetch_add(quality.packets_received, Relaxed);
                self.rtp_sent.fetch_add(quality.packets_sent, Relaxed);
                // Duplicates make it negative; a sum that only grows has no use for that.
                self.rtp_lost.fetch_add(u64::try_from(quality.packets_lost).unwrap_or(0), Relaxed);
            }
            Fact::Call(_)
            | Fact::Participant(_)
            | Fact::Leg(_)
            | Fact::Recording(_)
            | Fact::Recorded(_)
            | Fact::Message(_)
            | Fact::Supervision(_)
            | Fact::Availability(_) => {}
        }
    }

    /// Event types and how often they were.
    pub fn events(&self) -> impl Iterator<Item = (&'static str, u64)> {
        EventKind::ALL.iter().zip(&self.events).map(|(kind, count)| (kind.as_str(), count.load(Relaxed)))
    }
}
