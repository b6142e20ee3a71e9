//! Queues of extensions, by names: as they are compared and written.

pub(crate) mod store;

use contract::queues::Strategy;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where callers of an extension wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Queue {
    pub(crate) id: Uuid,
    pub(crate) strategy: Strategy,
    pub(crate) ring_secs: u16,
    pub(crate) capacity: u16,
    pub(crate) wait_max_secs: u16,
    pub(crate) wrap_up_secs: u16,
    pub(crate) misses_max: u16,
    pub(crate) announce_secs: u16,
    #[serde(default)]
    pub(crate) has_callback: bool,
    /// E-mails with weights, in order.
    pub(crate) agents: Vec<(String, u16)>,
}
