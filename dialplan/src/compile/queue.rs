//! Queues of extensions, on their way into a plan.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc};

use contract::{id::UserId, queues, snapshot};

use super::{Compiler, limits};
use crate::{
    diagnostic::{Problem, Row},
    plan::{PersonKey, Queue, Ring},
};

impl Compiler<'_> {
    /// Which queue is whose.
    pub(super) fn queue_ids(&mut self) {
        for extension in &self.rows.extensions {
            let Some(queue) = &extension.queue else { continue };
            if self.queue_of.insert(queue.id, extension.id).is_some() {
                self.wrong(Row::Queue(queue.id), "id", Problem::Taken);
            }
        }
    }

    /// An extension's queue; `None` when it has none or nobody is there to be waited for.
    pub(super) fn queue(
        &mut self,
        extension: &snapshot::Extension,
        ring: Option<&Arc<Ring>>,
    ) -> Option<Arc<Queue>> {
        let queue = extension.queue.as_ref()?;
        self.check_queue(queue);
        let weights = self.weights(extension, queue);
        let ring = ring?;
        let place = |person: PersonKey| {
            let listed = queue.agents.iter().position(|agent| PersonKey::User(agent.user) == person);
            listed.unwrap_or(queue.agents.len())
        };
        let mut agents: Vec<(PersonKey, u16)> = ring
            .targets
            .iter()
            .map(|target| (target.person, weights.get(&target.person).copied().unwrap_or(1)))
            .collect();
        agents.sort_by_key(|(person, _)| (place(*person), *person));
        let compiled = Arc::new(Queue {
            id: queue.id,
            ring: Arc::new(Ring { ring_timeout_secs: queue.ring_secs, ..(**ring).clone() }),
            strategy: queue.strategy,
            agents,
            capacity: queue.capacity,
            wait_max_secs: queue.wait_max_secs,
            wrap_up_secs: queue.wrap_up_secs,
            misses_max: queue.misses_max,
            announce_secs: queue.announce_secs,
            has_callback: queue.has_callback,
        });
        self.org.queues.insert(queue.id, Arc::clone(&compiled));
        Some(compiled)
    }

    fn check_queue(&mut self, queue: &queues::Queue) {
        // No announcement at all is fine.
        let announce_secs =
            if queue.announce_secs == 0 { *limits::ANNOUNCE_SECS.start() } else { queue.announce_secs };
        let bounds: [(&'static str, u16, RangeInclusive<u16>); 6] = [
            ("ring_secs", queue.ring_secs, limits::RING_TIMEOUT_SECS),
            ("capacity", queue.capacity, limits::QUEUE_CAPACITY),
            ("wait_max_secs", queue.wait_max_secs, limits::QUEUE_WAIT_SECS),
            ("wrap_up_secs", queue.wrap_up_secs, 0..=limits::WRAP_UP_SECS_MAX),
            ("misses_max", queue.misses_max, 0..=limits::MISSES_MAX),
            ("announce_secs", announce_secs, limits::ANNOUNCE_SECS),
        ];
        for (field, value, bounds) in bounds {
            if !bounds.contains(&value) {
                self.wrong(Row::Queue(queue.id), field, Problem::OutOfRange);
            }
        }
    }

    fn weights(
        &mut self,
        extension: &snapshot::Extension,
        queue: &queues::Queue,
    ) -> BTreeMap<PersonKey, u16> {
        let row = Row::Queue(queue.id);
        let mut weights = BTreeMap::new();
        for agent in &queue.agents {
            let user: UserId = agent.user;
            if !extension.staff.contains(&user) {
                self.wrong(row, "agents", Problem::Dangling);
            }
            if !limits::WEIGHT.contains(&agent.weight) {
                self.wrong(row, "weight", Problem::OutOfRange);
            }
            if weights.insert(PersonKey::User(user), agent.weight).is_some() {
                self.wrong(row, "agents", Problem::Taken);
            }
        }
        weights
    }
}
