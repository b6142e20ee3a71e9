//! People who answer queues: since when they are free, and how often they did not answer.
//!
//! One person is one agent however many queues they answer. Nothing of this survives the process: after a restart everybody is
//! free whose phones are. Whether they are paused is known in `availability`.

use std::{collections::BTreeMap, time::Duration};

use contract::id::{OrgId, QueueId};
use dialplan::PersonKey;
use serde::{Deserialize, Serialize};

use crate::clock::Moment;

/// How long somebody is left alone who has not taken a call, so that the others are asked first.
pub(super) const REST: Duration = Duration::from_secs(10);

/// Somebody who answers queues, in one organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct AgentKey {
    pub(crate) org: OrgId,
    pub(crate) person: PersonKey,
}

/// What is remembered of one.
#[derive(Clone, Debug, Default)]
pub(super) struct Agent {
    /// Wrap-up, or the rest after a call that was not taken, ends.
    pub(super) free_at: Moment,
    /// Since when they have had no call of a queue.
    pub(super) idle_since: Moment,
    /// Calls in a row that they have not taken.
    pub(super) misses: u16,
    /// Calls that they have taken, by queue.
    pub(super) taken: BTreeMap<QueueId, u32>,
}

/// Everybody of whom there is something to remember: no more than there are people in the plan.
#[derive(Debug, Default)]
pub(super) struct Agents(BTreeMap<AgentKey, Agent>);

impl Agents {
    pub(super) fn get(&self, key: AgentKey) -> Option<&Agent> {
        self.0.get(&key)
    }

    /// Whether they could be asked, as far as queues know.
    pub(super) fn is_free(&self, key: AgentKey, now: Moment) -> bool {
        self.0.get(&key).is_none_or(|agent| agent.free_at <= now)
    }

    /// They were asked and have not taken the call; whether so many in a row are enough to pause them.
    pub(super) fn missed(&mut self, key: AgentKey, misses_max: u16, now: Moment) -> bool {
        let agent = self.0.entry(key).or_default();
        agent.free_at = agent.free_at.max(now.after(REST));
        agent.misses = agent.misses.saturating_add(1);
        misses_max > 0 && agent.misses >= misses_max
    }

    pub(super) fn took(&mut self, key: AgentKey, queue: QueueId) {
        let agent = self.0.entry(key).or_default();
        agent.misses = 0;
        let taken = agent.taken.entry(queue).or_default();
        *taken = taken.saturating_add(1);
    }

    /// Their call is over.
    pub(super) fn finished(&mut self, key: AgentKey, wrap_up_secs: u16, now: Moment) {
        let agent = self.0.entry(key).or_default();
        agent.idle_since = now;
        agent.free_at = agent.free_at.max(now.after(Duration::from_secs(u64::from(wrap_up_secs))));
    }

    /// They are back: a wrap-up is over, too.
    pub(super) fn resumed(&mut self, key: AgentKey, now: Moment) {
        let agent = self.0.entry(key).or_default();
        (agent.misses, agent.free_at) = (0, now);
    }

    /// When the next of them is free whom it was waited for.
    pub(super) fn next_free(&self, now: Moment) -> Option<Moment> {
        self.0.values().map(|agent| agent.free_at).filter(|at| *at > now).min()
    }

    /// Forgets whoever is not wanted any more.
    pub(super) fn retain(&mut self, is_wanted: impl Fn(AgentKey) -> bool) {
        self.0.retain(|key, _| is_wanted(*key));
    }
}
