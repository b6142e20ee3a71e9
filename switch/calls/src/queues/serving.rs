//! Letting queues decide after every input: who rings for whom, and who is told another place.

use contract::{command::Outcome, id::OrgId};
use dialplan::{PersonKey, Queue, Queueing, Ring, Target};

use super::{AgentKey, Asking};
use crate::{
    call::{lamps::Watched, outcome::LegResult},
    clock::Moment,
    means::Means,
    output::Outputs,
    switchboard::Switchboard,
};

impl Means<'_> {
    /// Why a caller cannot wait in a queue: it is full, or nobody is there to answer.
    pub(crate) fn turned_away(&self, org: OrgId, to: &Queueing, caller: PersonKey) -> Option<LegResult> {
        if !self.queues.has_room(&to.queue) {
            return Some(LegResult::Busy);
        }
        (!self.is_manned(org, &to.queue, caller)).then_some(LegResult::Unreachable)
    }

    /// Whether somebody could answer a caller of a queue, sooner or later.
    pub(crate) fn is_manned(&self, org: OrgId, queue: &Queue, caller: PersonKey) -> bool {
        self.queues.is_manned(org, queue, caller, |target| self.registrar.is_reachable(target))
    }
}

impl Switchboard {
    /// Lets queues decide until nothing follows. This ends: whoever is asked and not had is left alone for a while.
    pub(crate) fn serve_queues(&mut self, out: &mut Outputs) {
        while std::mem::take(&mut self.queues.is_due) {
            while let Some(asking) = self.next_asking() {
                let Asking { call, queue, people } = asking;
                let targets = queue.ring.targets.iter().filter(|target| people.contains(&target.person));
                let ring = Ring { targets: targets.cloned().collect(), ..(*queue.ring).clone() };
                self.with_call(call, out, |call, means| call.ask(&ring, means));
                self.carry_out(out);
            }
            for (call, place) in self.queues.moved(Moment::of(self.now, self.origin)) {
                self.with_call(call, out, |call, means| call.moved(place, means));
                self.carry_out(out);
            }
        }
    }

    fn next_asking(&mut self) -> Option<Asking> {
        let Self { queues, presence, registrar, random, plan, .. } = self;
        let is_there = |target: &Target| {
            registrar.is_reachable(target) && presence.is_idle(Watched::Person(target.person))
        };
        queues.next(plan, Moment::of(self.now, self.origin), || random.number(), is_there)
    }

    /// Pauses somebody who answers queues, or ends that.
    pub(crate) fn pause_agent(&mut self, agent: AgentKey, is_paused: bool) -> Outcome {
        let now = Moment::of(self.now, self.origin);
        match self.queues.pause(agent, is_paused, (&self.plan, now)) {
            None => Outcome::UnknownAgent,
            Some(true) => Outcome::Done,
            Some(false) => Outcome::AlreadySo,
        }
    }
}
