//! What an operator is shown of queues, made when somebody asks.

use std::time::Duration;

use contract::{
    id::CallId,
    live::{AgentPause, AgentState, LiveAgent, LiveQueue, LiveWaiting},
};
use dialplan::{OrgPlan, PersonKey, Queue, Target};

use super::{AgentKey, Queues, Standing};
use crate::{call::lamps::Watched, clock::Moment, switchboard::Switchboard};

impl Switchboard {
    /// All queues, with who waits and who answers, by organisation and id.
    #[must_use]
    pub fn live_queues(&self) -> Vec<LiveQueue> {
        let now = Moment::of(self.now, self.origin);
        let queues = self.plan.organisations().flat_map(|org| org.queues().map(move |queue| (org, queue)));
        queues.map(|(org, queue)| self.live_queue(org, queue, now)).collect()
    }

    fn live_queue(&self, org: &OrgPlan, queue: &Queue, now: Moment) -> LiveQueue {
        let waiting = self.queues.waiting(queue, now);
        let agents: Vec<LiveAgent> = queue
            .agents
            .iter()
            .filter_map(|(person, _)| {
                let target = queue.ring.targets.iter().find(|target| target.person == *person)?;
                self.live_agent((org, queue), target, now)
            })
            .collect();
        let working = agents.iter().filter(|agent| agent.state.is_working()).count();
        LiveQueue {
            queue: queue.id,
            org: org.id(),
            number: queue.ring.number.to_string(),
            name: queue.ring.name.to_string(),
            strategy: queue.strategy,
            estimated_wait_secs: self
                .queues
                .estimate(queue, waiting.len(), working)
                .map(|wait| wait.as_secs()),
            waiting,
            agents,
        }
    }

    fn live_agent(
        &self,
        (org, queue): (&OrgPlan, &Queue),
        target: &Target,
        now: Moment,
    ) -> Option<LiveAgent> {
        let person = target.person;
        let agent = self.queues.agents.get(AgentKey { org: org.id(), person });
        let whose = (org.id(), person);
        let state = match self.availability.pause(whose) {
            Some(AgentPause::Order) => AgentState::Paused,
            Some(AgentPause::Missed) => AgentState::Missed,
            None if self.availability.has_do_not_disturb(whose) => AgentState::DoNotDisturb,
            None if !self.registrar.is_reachable(target) => AgentState::Away,
            None if !self.presence.is_idle(Watched::Person(person)) => AgentState::Busy,
            None if agent.is_some_and(|agent| agent.free_at > now) => AgentState::WrapUp,
            None => AgentState::Free,
        };
        // People of an extension are staff.
        let PersonKey::User(user) = person else { return None };
        let (number, name) = org.staff_named(user)?;
        Some(LiveAgent {
            user,
            number: number.to_owned(),
            name: name.to_owned(),
            state,
            taken: agent.and_then(|agent| agent.taken.get(&queue.id)).copied().unwrap_or(0),
            misses: agent.map_or(0, |agent| agent.misses),
        })
    }
}

impl Queues {
    fn waiting(&self, queue: &Queue, now: Moment) -> Vec<LiveWaiting> {
        let order = self.lines.get(&queue.id).into_iter().flat_map(|line| line.order.iter().zip(1..));
        let waiting = order.filter_map(|((_, _, call), rank)| {
            let call: CallId = *call;
            let Standing::Waits(waits) = self.calls.get(&call)? else { return None };
            Some(LiveWaiting {
                call,
                place: if waits.asked.is_empty() { rank } else { 0 },
                priority: waits.priority,
                waits_secs: now.since(waits.since).as_secs(),
            })
        });
        waiting.collect()
    }

    /// What somebody would wait who came now, behind so many, with so many people at work: what the latest calls have
    /// lasted, shared by them.
    fn estimate(&self, queue: &Queue, waiting: usize, working: usize) -> Option<Duration> {
        let handled = &self.lines.get(&queue.id)?.handled;
        let calls = u32::try_from(handled.len()).ok().filter(|calls| *calls > 0)?;
        let wrap_up = Duration::from_secs(u64::from(queue.wrap_up_secs));
        let each = handled.iter().sum::<Duration>() / calls + wrap_up;
        let ahead = u32::try_from(waiting).ok()?;
        let working = u32::try_from(working).ok().filter(|working| *working > 0)?;
        Some(each * ahead / working)
    }
}
