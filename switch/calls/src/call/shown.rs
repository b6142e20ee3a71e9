//! What an operator is shown of a call's legs: how each stands, by which addresses it is reached, what it hears and sends.
//!
//! Reads the states and decides nothing. It is built when somebody asks, so that a call costs nothing for it.

use contract::live::{LegStage, LiveLeg};
use streams::media::PortLease;

use super::{
    Call,
    leg::Leg,
    line::Line,
    state::{Side, State},
};

impl Call {
    /// Its legs by number, leaving ones too.
    pub(crate) fn live_legs(&self) -> Vec<LiveLeg> {
        let leaving = self.head.leaving.iter().map(|leaving| leaving.leg().shown(LegStage::Leaving, false));
        let mut legs: Vec<LiveLeg> = self.state.live_legs().into_iter().chain(leaving).collect();
        legs.sort_by_key(|leg| leg.no);
        legs
    }
}

impl Call {
    /// The ports of its legs that carry something now, with the numbers of the legs.
    pub(crate) fn open_leases(&self) -> Vec<(u16, PortLease)> {
        let legs = self.state.staying().into_iter();
        legs.flat_map(|leg| leg.streams.open_leases().map(|lease| (leg.no, lease))).collect()
    }
}

impl State {
    fn live_legs(&self) -> Vec<LiveLeg> {
        let answered = |leg: &Leg, is_holding| leg.shown(LegStage::Answered, is_holding);
        let stage = |rings| if rings { LegStage::Ringing } else { LegStage::Trying };
        match self {
            Self::Ringing(ringing) => {
                let caller = ringing.caller.shown(stage(ringing.told.is_written), false);
                let forks = ringing.forks.iter().map(|leg| leg.shown(stage(leg.has_rung), false));
                std::iter::once(caller).chain(forks).collect()
            }
            Self::Connecting(connecting) => {
                vec![answered(&connecting.caller, false), answered(&connecting.callee, false)]
            }
            Self::Talking(talking) => {
                let held = talking.is_held;
                vec![
                    answered(&talking.caller, held.by(Side::Caller)),
                    answered(&talking.callee, held.by(Side::Callee)),
                ]
            }
            Self::Transferring(transferring) => {
                let sides = transferring.sides().map(|(_, leg, is_holding)| answered(leg, is_holding));
                let forks = transferring.forks().iter().map(|leg| leg.shown(stage(leg.has_rung), false));
                sides.chain(forks).collect()
            }
            Self::Queued(queued) => {
                let caller = answered(&queued.line.caller, queued.line.is_held);
                let forks = queued.forks().iter().map(|leg| leg.shown(stage(leg.has_rung), false));
                std::iter::once(caller).chain(forks).collect()
            }
            Self::Served(served) if served.is_answered() => {
                vec![answered(&served.line.caller, served.line.is_held)]
            }
            Self::Served(served) => vec![served.line.caller.shown(LegStage::Trying, false)],
            Self::Callback(callback) => {
                let agent = callback.agent().map(|agent| answered(agent, false));
                let forks = callback.forks().iter().map(|leg| leg.shown(stage(leg.has_rung), false));
                agent.into_iter().chain(forks).collect()
            }
            Self::Originating(originating) => {
                originating.forks().iter().map(|leg| leg.shown(stage(leg.has_rung), false)).collect()
            }
            Self::Paged(paged) => {
                let Line { caller, is_held, .. } = &paged.line;
                let speaker = match paged.is_answered() {
                    true => answered(caller, *is_held),
                    false => caller.shown(stage(paged.forks().iter().any(|leg| leg.has_rung)), false),
                };
                let listeners = paged.listeners().map(|(leg, is_holding)| answered(leg, is_holding));
                let forks = paged.forks().iter().map(|leg| leg.shown(stage(leg.has_rung), false));
                std::iter::once(speaker).chain(listeners).chain(forks).collect()
            }
            Self::Over(_) => Vec::new(),
        }
    }
}
