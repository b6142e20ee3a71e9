//! Letting queues decide after every input: who rings for whom, and who is told another place.

use contract::{availability::Availability, command::Outcome, id::OrgId, live::AgentPause};
use dialplan::{PersonKey, Queue, Queueing, Ring, Target};

use super::{AgentKey, Asking};
use crate::{
    call::{Call, lamps::Watched, outcome::LegResult},
    clock::Moment,
    means::Means,
    output::{Output, Outputs},
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
        queue.ring.targets.iter().any(|target| {
            let person = target.person;
            person != caller
                && self.availability.takes_queues((org, person))
                && self.registrar.is_reachable(target)
        })
    }

    /// Pauses somebody who answers queues, or ends that; `None`: they answer none, false: it is so already.
    pub(crate) fn pause(&mut self, agent: AgentKey, is_paused: bool) -> Option<bool> {
        self.plan.organisation(agent.org).filter(|org| super::is_known(org, agent.person))?;
        let whose = (agent.org, agent.person);
        if is_paused && self.availability.pause(whose).is_some() {
            return Some(false);
        }
        let pause = Availability::Pause(is_paused.then_some(AgentPause::Order));
        let has_changed = self.availability.set(whose, pause, self.wall);
        if has_changed && !is_paused {
            let now = self.moment();
            self.queues.agents.resumed(agent, now);
        }
        self.queues.wake();
        Some(has_changed)
    }
}

impl Switchboard {
    /// Lets queues decide until nothing follows. This ends: whoever is asked and not had is left alone for a while.
    pub(crate) fn serve_queues(&mut self, out: &mut Outputs) {
        while std::mem::take(&mut self.queues.is_due) {
            while let Some(call) = self.queues.served.pop_first() {
                self.with_call(call, out, Call::served);
                self.carry_out(out);
            }
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
        let Self { queues, presence, registrar, availability, random, plan, .. } = self;
        let is_there = |org: OrgId, target: &Target| {
            let person = target.person;
            availability.takes_queues((org, person))
                && registrar.is_reachable(target)
                && presence.is_idle(Watched::Person(person))
        };
        queues.next(plan, Moment::of(self.now, self.origin), || random.number(), is_there)
    }

    /// Pauses somebody who answers queues, or ends that.
    pub(crate) fn pause_agent(&mut self, agent: AgentKey, is_paused: bool, out: &mut Outputs) {
        let paused = self.means(out).pause(agent, is_paused);
        self.put_out_availability(out);
        out.push(Output::Command(match paused {
            None => Outcome::UnknownAgent,
            Some(true) => Outcome::Done,
            Some(false) => Outcome::AlreadySo,
        }));
    }
}
