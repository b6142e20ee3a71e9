//! The queue of an extension as clients see and describe it.

use std::collections::BTreeSet;

use contract::queues::Strategy;
use dialplan::limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::fields::Fields,
    instant::Instant,
    telephony::{part, words},
};

/// Agents of a queue.
const AGENTS_MAX: usize = 200;

/// Where callers of an extension wait while its people are busy.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Queue {
    /// Its id.
    pub id: Uuid,
    /// All that can be changed.
    #[serde(flatten)]
    pub described: Description,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// What is particular about one of its people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Who; one of the extension's staff
    pub user_id: Uuid,
    /// How much more often than others they are asked by `weighted`
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 100, default = 1)]
    pub weight: u16,
}

const fn one() -> u16 {
    1
}

/// All that can be said of it. What is left out is as for a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = QueueDescription)]
pub struct Description {
    /// Who of its free people is asked next
    #[schema(schema_with = words::strategy, default = "longest_idle")]
    pub strategy: Strategy,
    /// Seconds that one of them rings before the next one is asked
    #[schema(minimum = 5, maximum = 600, default = 20)]
    pub ring_secs: u16,
    /// Callers who may wait at once
    #[schema(minimum = 1, maximum = 1000, default = 20)]
    pub capacity: u16,
    /// Seconds that a caller waits at most
    #[schema(minimum = 10, maximum = 14400, default = 600)]
    pub wait_max_secs: u16,
    /// Seconds that somebody is left alone after a call of it
    #[schema(minimum = 0, maximum = 3600, default = 5)]
    pub wrap_up_secs: u16,
    /// Calls in a row that somebody may leave unanswered before they are paused; 0: any number
    #[schema(minimum = 0, maximum = 100, default = 3)]
    pub misses_max: u16,
    /// Seconds between two announcements of a caller's place, from 15; 0: none
    #[schema(minimum = 0, maximum = 3600, default = 60)]
    pub announce_secs: u16,
    /// Whether a caller may hang up with its place kept, and be called back
    #[schema(default = false)]
    pub has_callback: bool,
    /// In the order in which `linear` asks them; who of the extension's staff is not here comes after them
    #[schema(max_items = 200)]
    pub agents: Vec<Agent>,
}

impl Default for Description {
    /// As the columns of `telephony.queues` have it.
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            ring_secs: 20,
            capacity: 20,
            wait_max_secs: 600,
            wrap_up_secs: 5,
            misses_max: 3,
            announce_secs: 60,
            has_callback: false,
            agents: Vec::new(),
        }
    }
}

impl part::Description for Description {
    fn check(&self, fields: &mut Fields) {
        fields.within("ring_secs", &self.ring_secs, &limits::RING_TIMEOUT_SECS);
        fields.within("capacity", &self.capacity, &limits::QUEUE_CAPACITY);
        fields.within("wait_max_secs", &self.wait_max_secs, &limits::QUEUE_WAIT_SECS);
        fields.within("wrap_up_secs", &self.wrap_up_secs, &(0..=limits::WRAP_UP_SECS_MAX));
        fields.within("misses_max", &self.misses_max, &(0..=limits::MISSES_MAX));
        if self.announce_secs != 0 {
            fields.within("announce_secs", &self.announce_secs, &limits::ANNOUNCE_SECS);
        }
        let are_few = self.agents.len() <= AGENTS_MAX;
        fields.must(are_few, "agents", format!("must be {AGENTS_MAX} at most"));
        let mut named = BTreeSet::new();
        for (at, agent) in self.agents.iter().enumerate() {
            fields.within(&format!("agents[{at}].weight"), &agent.weight, &limits::WEIGHT);
            let is_first = named.insert(agent.user_id);
            fields.must(is_first, &format!("agents[{at}].user_id"), "must not be named twice");
        }
    }
}
