//! Queues as rows have them: words and plain numbers, no meaning. What they come to is `dialplan`'s and the switch's business.

use serde::{Deserialize, Serialize};

use crate::{
    id::{QueueId, UserId},
    words::words,
};

/// Where callers of an extension wait while its people are busy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Its id.
    pub id: QueueId,
    /// Who is asked next.
    pub strategy: Strategy,
    /// Seconds that one of its people rings before the next one is asked, 5 … 600.
    pub ring_secs: u16,
    /// Callers who may wait at once, 1 … 1000. A further one is busy.
    pub capacity: u16,
    /// Seconds that a caller waits at most, 10 … 14400.
    pub wait_max_secs: u16,
    /// Seconds that somebody is left alone after a call of it, 0 … 3600.
    pub wrap_up_secs: u16,
    /// Calls in a row that somebody may leave unanswered, 0 … 100: with that many they are paused. 0: never.
    pub misses_max: u16,
    /// Seconds between two announcements of a caller's place, 15 … 3600. 0: none.
    pub announce_secs: u16,
    /// Whether a caller may hang up with its place kept, and be called back.
    #[serde(default)]
    pub has_callback: bool,
    /// People of the extension in the order in which `linear` asks them. Who is not among them comes after them.
    #[serde(default)]
    pub agents: Vec<Agent>,
}

/// What is particular about one of a queue's people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Who.
    pub user: UserId,
    /// How much more often than others they are asked by `weighted`, 1 … 100.
    pub weight: u16,
}

words! {
    /// Who of a queue's free people is asked next.
    #[derive(Default)]
    Strategy {
        /// All of them at once.
        RingAll = "ring_all",
        /// Who has had no call for longest.
        #[default]
        LongestIdle = "longest_idle",
        /// Who comes after the one who was asked last.
        RoundRobin = "round_robin",
        /// Who has had the fewest calls of it.
        FewestCalls = "fewest_calls",
        /// The first in order.
        Linear = "linear",
        /// Anybody.
        Random = "random",
        /// Anybody, some more often than others.
        Weighted = "weighted",
    }
}
