//! Who waits in which queue, who may be asked for them, and who is asked next (H-065).
//!
//! What a call says of itself is all there is to know of it here, so that a call that has outlived the process has its place
//! again as soon as it is taken back. Callers stand in the order of their priority and then of their arrival, and keep their
//! place while somebody rings for them. Who is busy is not known here: that is asked of the lamps (`serving`), because an
//! agent makes and takes other calls too.

mod agents;
mod serving;
mod shown;
mod strategy;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use contract::id::{CallId, OrgId, QueueId};
use dialplan::{Difference, OrgPlan, PersonKey, Plan, Queue};

pub(crate) use agents::AgentKey;
use agents::Agents;
use strategy::{Candidate, choose};

use crate::clock::Moment;

/// Calls by which the waiting time of a queue is estimated.
const HANDLED_MAX: usize = 20;

/// Where a call stands with queues, as the call itself says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its caller waits.
    Waits(Waits),
    /// Its caller is being called back.
    CallsBack(CallerKey),
    /// Somebody has taken it.
    Taken {
        queue: QueueId,
        agent: AgentKey,
        /// Since when.
        since: Moment,
    },
}

/// By what a queue knows a caller again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallerKey {
    pub(crate) queue: QueueId,
    pub(crate) number: Box<str>,
}

/// A caller who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waits {
    pub(crate) org: OrgId,
    pub(crate) queue: QueueId,
    pub(crate) priority: u16,
    pub(crate) since: Moment,
    /// When it has waited long enough.
    pub(crate) until: Moment,
    /// There is nothing that has to be heard or acknowledged first.
    pub(crate) is_ready: bool,
    /// Who rings for it.
    pub(crate) asked: BTreeSet<PersonKey>,
    /// The place that it was told last.
    pub(crate) told: Option<u16>,
    /// Its number, if anybody may see that.
    pub(crate) number: Option<Box<str>>,
    /// It has hung up and is to be called back, or hears that it will be.
    pub(crate) is_promised: bool,
}

impl Standing {
    /// Who is to be called back.
    fn promise(&self) -> Option<CallerKey> {
        match self {
            Self::Waits(waits) => waits.key().filter(|_| waits.is_promised),
            Self::CallsBack(key) => Some(key.clone()),
            Self::Taken { .. } => None,
        }
    }
}

impl Waits {
    fn key(&self) -> Option<CallerKey> {
        Some(CallerKey { queue: self.queue, number: self.number.clone()? })
    }

    /// Whether somebody may be asked for it, or it be told its place.
    fn may_wait_on(&self, now: Moment) -> bool {
        self.is_ready && now < self.until
    }

    fn rank(&self, call: CallId) -> (Reverse<u16>, Moment, CallId) {
        (Reverse(self.priority), self.since, call)
    }
}

/// One queue that somebody waits in, or that has been used.
#[derive(Debug, Default)]
struct Line {
    order: BTreeSet<(Reverse<u16>, Moment, CallId)>,
    /// Who was asked last.
    last: Option<PersonKey>,
    /// How long its latest calls have lasted.
    handled: VecDeque<Duration>,
}

/// All queues of a switchboard.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    calls: BTreeMap<CallId, Standing>,
    lines: BTreeMap<QueueId, Line>,
    agents: Agents,
    /// Queues that are in no plan any more and in which somebody waits.
    unplanned: BTreeSet<QueueId>,
    /// Calls by which somebody is to be called back.
    promises: BTreeMap<CallerKey, CallId>,
    /// Those of them whose caller has called again and has somebody now.
    served: BTreeSet<CallId>,
    /// Something has happened after which somebody may be asked, or have another place.
    is_due: bool,
}

/// People who are to ring for a caller.
pub(crate) struct Asking {
    pub(crate) call: CallId,
    pub(crate) queue: std::sync::Arc<Queue>,
    pub(crate) people: BTreeSet<PersonKey>,
}

impl Queues {
    /// Something has happened outside that may free somebody.
    pub(crate) fn wake(&mut self) {
        self.is_due = true;
    }

    /// Takes what a call says of itself after it has changed; who has not taken so many calls by it that they are to be
    /// paused.
    pub(crate) fn note(
        &mut self,
        call: CallId,
        standing: Option<Standing>,
        plan: &Plan,
        now: Moment,
    ) -> Vec<AgentKey> {
        let before = self.calls.get(&call);
        if before == standing.as_ref() {
            return Vec::new();
        }
        self.is_due = true;
        self.note_promise(call, standing.as_ref());
        let mut too_many = Vec::new();
        match self.calls.remove(&call) {
            Some(Standing::Waits(before)) => {
                if let Some(line) = self.lines.get_mut(&before.queue) {
                    line.order.remove(&before.rank(call));
                }
                // A callback that cannot be made now has asked nobody.
                if let Some(Standing::Waits(after)) = &standing
                    && after.is_ready
                {
                    too_many = self.missed(&before, &after.asked, plan, now);
                }
            }
            Some(Standing::Taken { queue, agent, since }) => {
                let wrap_up = queue_of(plan, agent.org, queue).map_or(0, |queue| queue.wrap_up_secs);
                self.agents.finished(agent, wrap_up, now);
                let line = self.lines.entry(queue).or_default();
                if line.handled.len() == HANDLED_MAX {
                    line.handled.pop_front();
                }
                line.handled.push_back(now.since(since));
            }
            Some(Standing::CallsBack(_)) | None => {}
        }
        match &standing {
            Some(Standing::Waits(waits)) => {
                self.lines.entry(waits.queue).or_default().order.insert(waits.rank(call));
            }
            Some(Standing::Taken { queue, agent, .. }) => self.agents.took(*agent, *queue),
            Some(Standing::CallsBack(_)) | None => {}
        }
        if let Some(standing) = standing {
            self.calls.insert(call, standing);
        }
        too_many
    }

    /// Keeps who is to be called back, and whose call back is needed no more because somebody has taken another call of theirs.
    fn note_promise(&mut self, call: CallId, after: Option<&Standing>) {
        let before = self.calls.get(&call);
        if let Some(key) = before.and_then(Standing::promise)
            && self.promises.get(&key) == Some(&call)
        {
            self.promises.remove(&key);
        }
        if let (Some(Standing::Waits(waits)), Some(Standing::Taken { .. })) = (before, after) {
            self.served.extend(waits.key().and_then(|key| self.promises.get(&key)));
        }
        if let Some(key) = after.and_then(Standing::promise) {
            self.promises.entry(key).or_insert(call);
        }
    }

    /// Whether a caller of that number is to be called back by that queue.
    pub(crate) fn is_promised(&self, key: &CallerKey) -> bool {
        self.promises.contains_key(key)
    }

    /// Those who rang for a caller that still waits, and ring no longer: who of them has not taken too many.
    fn missed(
        &mut self,
        before: &Waits,
        still: &BTreeSet<PersonKey>,
        plan: &Plan,
        now: Moment,
    ) -> Vec<AgentKey> {
        let misses_max = queue_of(plan, before.org, before.queue).map_or(0, |queue| queue.misses_max);
        let missed =
            before.asked.difference(still).map(|person| AgentKey { org: before.org, person: *person });
        missed.filter(|agent| self.agents.missed(*agent, misses_max, now)).collect()
    }

    /// When a caller who comes now has come: behind everybody else, be it that several come at the same instant.
    pub(crate) fn arrival(&self, queue: QueueId, now: Moment) -> Moment {
        let line = self.lines.get(&queue);
        let latest = line.and_then(|line| line.order.iter().map(|(_, since, _)| *since).max());
        latest.map_or(now, |latest| now.max(latest.after(Duration::from_micros(1))))
    }

    /// Whether one caller more may wait there.
    pub(crate) fn has_room(&self, queue: &Queue) -> bool {
        let waiting = self.lines.get(&queue.id).map_or(0, |line| line.order.len());
        waiting < usize::from(queue.capacity)
    }

    /// Who rings next, and for whom. `is_there`: their phones are, they are in no call, and queues may ask them.
    fn next(
        &mut self,
        plan: &Plan,
        now: Moment,
        chance: impl FnOnce() -> u64,
        is_there: impl Fn(OrgId, &dialplan::Target) -> bool,
    ) -> Option<Asking> {
        let (asking, last) = self.lines.values().find_map(|line| {
            let (call, waits) = self.first(line, now)?;
            let queue = queue_of(plan, waits.org, waits.queue)?;
            let candidates = self.candidates(queue, waits.org, now, &is_there);
            (!candidates.is_empty()).then_some(((call, queue, candidates), line.last))
        })?;
        let (call, queue, candidates) = asking;
        let place = |person: PersonKey| queue.agents.iter().position(|(one, _)| *one == person);
        let people = choose(queue.strategy, &candidates, last.and_then(place), chance());
        let queue = std::sync::Arc::clone(queue);
        self.lines.entry(queue.id).or_default().last = people.first().copied();
        if let Some(Standing::Waits(waits)) = self.calls.get_mut(&call) {
            waits.asked.clone_from(&people);
        }
        Some(Asking { call, queue, people })
    }

    /// The first caller of a queue for whom nobody rings and somebody may.
    fn first<'a>(&'a self, line: &Line, now: Moment) -> Option<(CallId, &'a Waits)> {
        line.order.iter().find_map(|(_, _, call)| match self.calls.get(call)? {
            Standing::Waits(waits) if waits.may_wait_on(now) && waits.asked.is_empty() => {
                Some((*call, waits))
            }
            _ => None,
        })
    }

    fn candidates(
        &self,
        queue: &Queue,
        org: OrgId,
        now: Moment,
        is_there: impl Fn(OrgId, &dialplan::Target) -> bool,
    ) -> Vec<Candidate> {
        let target = |person| queue.ring.targets.iter().find(|target| target.person == person);
        let agents = queue.agents.iter().enumerate().filter(|(_, (person, _))| {
            self.agents.is_free(AgentKey { org, person: *person }, now)
                && target(*person).is_some_and(|target| is_there(org, target))
        });
        agents
            .map(|(place, (person, weight))| {
                let agent = self.agents.get(AgentKey { org, person: *person });
                Candidate {
                    person: *person,
                    place,
                    weight: *weight,
                    idle_since: agent.map(|agent| agent.idle_since).unwrap_or_default(),
                    taken: agent.and_then(|agent| agent.taken.get(&queue.id)).copied().unwrap_or(0),
                }
            })
            .collect()
    }

    /// Callers whose place is not the one they were told, with their place: 1 is the next, 0 that somebody rings for them.
    fn moved(&self, now: Moment) -> Vec<(CallId, u16)> {
        let places = self.lines.values().flat_map(|line| line.order.iter().zip(1..));
        let moved = places.filter_map(|((_, _, call), rank)| match self.calls.get(call)? {
            Standing::Waits(waits) if waits.may_wait_on(now) => {
                let place = if waits.asked.is_empty() { rank } else { 0 };
                (waits.told != Some(place)).then_some((*call, place))
            }
            _ => None,
        });
        moved.collect()
    }

    /// When somebody is free again whom a caller waits for.
    pub(crate) fn deadline(&self, now: Moment) -> Option<Moment> {
        let is_waited_for = self.lines.values().any(|line| self.first(line, now).is_some());
        if is_waited_for { self.agents.next_free(now) } else { None }
    }

    /// A new plan: forgets what it does not know any more.
    pub(crate) fn adopt(&mut self, changed: &[Difference<'_>]) {
        self.is_due = true;
        let changed_orgs: BTreeMap<OrgId, Option<&OrgPlan>> =
            changed.iter().filter_map(|one| Some((one.id()?, one.after))).collect();
        self.agents.retain(|key| match changed_orgs.get(&key.org) {
            Some(org) => org.is_some_and(|org| is_known(org, key.person)),
            None => true,
        });
        let ids = |org: Option<&OrgPlan>| -> Vec<QueueId> {
            org.into_iter().flat_map(OrgPlan::queues).map(|queue| queue.id).collect()
        };
        self.unplanned.extend(changed.iter().flat_map(|one| ids(one.before)));
        for known in changed.iter().flat_map(|one| ids(one.after)) {
            self.unplanned.remove(&known);
        }
        // One in which somebody waits goes with a later plan.
        let lines = &mut self.lines;
        self.unplanned.retain(|id| {
            let is_used = lines.get(id).is_some_and(|line| !line.order.is_empty());
            if !is_used {
                lines.remove(id);
            }
            is_used
        });
    }
}

fn is_known(org: &OrgPlan, person: PersonKey) -> bool {
    org.queues().any(|queue| queue.agents.iter().any(|(one, _)| *one == person))
}

fn queue_of(plan: &Plan, org: OrgId, queue: QueueId) -> Option<&std::sync::Arc<Queue>> {
    plan.organisation(org)?.queue(queue)
}
