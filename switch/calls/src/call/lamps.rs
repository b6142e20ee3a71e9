//! What a call shows on the lamps of those who watch its people and the extension it came through (RFC 4235 3.7.1).
//!
//! Reads the states and decides nothing. Who else is in the call is not shown: a lamp says that somebody talks, not
//! with whom.

use std::collections::BTreeMap;

use contract::id::{ExtensionId, OrgId};
use dialplan::{Host, PersonKey, Slot};

use super::{
    Call,
    leg::Leg,
    line::Line,
    state::{Side, State},
};

/// What can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Watched {
    /// Somebody, by their own number.
    Person(PersonKey),
    /// An extension: calls that came through it.
    Extension(ExtensionId),
    /// A place where calls are parked.
    Slot(OrgId, Slot),
}

impl Watched {
    /// What has a number; nobody watches those in the telephone network.
    pub(crate) fn of(host: Host) -> Option<Self> {
        match host {
            Host::Extension(extension) => Some(Self::Extension(extension)),
            Host::User(user) => Some(Self::Person(PersonKey::User(user))),
            Host::Account(account) => Some(Self::Person(PersonKey::Account(account))),
            Host::Outside(_) => None,
        }
    }
}

/// How a call stands for one of its people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Nobody rings yet.
    Trying,
    /// It rings.
    Early,
    /// They talk.
    Confirmed,
}

/// Who began it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    /// The one who is watched called.
    Initiator,
    /// The one who is watched was called.
    Recipient,
}

impl From<Side> for Direction {
    fn from(side: Side) -> Self {
        match side {
            Side::Caller => Self::Initiator,
            Side::Callee => Self::Recipient,
        }
    }
}

/// One lamp of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lamp {
    pub(crate) direction: Direction,
    pub(crate) stage: Stage,
}

/// What a call shows, by whom.
pub(crate) type Lamps = BTreeMap<Watched, Lamp>;

impl Call {
    /// What it shows now; nothing once it has ended.
    pub(crate) fn lamps(&self) -> Lamps {
        let mut lamps = Lamps::new();
        let callees = match &self.state {
            State::Ringing(ringing) => {
                let furthest = asked(&mut lamps, &ringing.forks);
                show(&mut lamps, Watched::Person(ringing.caller.person), Direction::Initiator, furthest);
                furthest
            }
            State::Connecting(connecting) => talking(&mut lamps, &connecting.caller, &connecting.callee),
            State::Talking(talks) => talking(&mut lamps, &talks.caller, &talks.callee),
            State::Transferring(transferring) => {
                if let Some((org, slot)) = self.parked() {
                    show(&mut lamps, Watched::Slot(org, slot), Direction::Recipient, Stage::Confirmed);
                }
                for (side, leg, _) in transferring.sides() {
                    show(&mut lamps, Watched::Person(leg.person), side.into(), Stage::Confirmed);
                }
                asked(&mut lamps, transferring.forks());
                Stage::Confirmed
            }
            State::Queued(queued) => {
                let caller = Watched::Person(queued.line.caller.person);
                show(&mut lamps, caller, queued.line.side.into(), Stage::Confirmed);
                asked(&mut lamps, queued.forks())
            }
            State::Served(served) => {
                let stage = if served.is_answered() { Stage::Confirmed } else { Stage::Trying };
                let Line { caller, side, .. } = &served.line;
                show(&mut lamps, Watched::Person(caller.person), (*side).into(), stage);
                return lamps;
            }
            State::Callback(callback) => {
                if let Some(agent) = callback.agent() {
                    show(&mut lamps, Watched::Person(agent.person), Direction::Recipient, Stage::Confirmed);
                }
                asked(&mut lamps, callback.forks())
            }
            State::Originating(originating) => {
                let furthest = originating.forks().iter().map(stage_of).max().unwrap_or(Stage::Trying);
                show(&mut lamps, Watched::Person(originating.who()), Direction::Initiator, furthest);
                return lamps;
            }
            State::Paged(paged) => {
                let mut furthest = asked(&mut lamps, paged.forks());
                for (leg, _) in paged.listeners() {
                    furthest = Stage::Confirmed;
                    show(&mut lamps, Watched::Person(leg.person), Direction::Recipient, furthest);
                }
                show(&mut lamps, Watched::Person(paged.line.caller.person), Direction::Initiator, furthest);
                furthest
            }
            State::Over(_) => return lamps,
        };
        if let Some(Host::Extension(extension)) = self.head.host {
            show(&mut lamps, Watched::Extension(extension), Direction::Recipient, callees);
        }
        lamps
    }
}

fn stage_of(fork: &Leg) -> Stage {
    if fork.has_rung { Stage::Early } else { Stage::Trying }
}

/// Those who are asked, and how far the furthest of them is.
fn asked(lamps: &mut Lamps, forks: &[Leg]) -> Stage {
    for fork in forks {
        show(lamps, Watched::Person(fork.person), Direction::Recipient, stage_of(fork));
    }
    forks.iter().map(stage_of).max().unwrap_or(Stage::Trying)
}

fn talking(lamps: &mut Lamps, caller: &Leg, callee: &Leg) -> Stage {
    show(lamps, Watched::Person(caller.person), Direction::Initiator, Stage::Confirmed);
    show(lamps, Watched::Person(callee.person), Direction::Recipient, Stage::Confirmed);
    Stage::Confirmed
}

/// Of several devices of one person the furthest counts.
fn show(lamps: &mut Lamps, watched: Watched, direction: Direction, stage: Stage) {
    let lamp = lamps.entry(watched).or_insert(Lamp { direction, stage });
    lamp.stage = lamp.stage.max(stage);
}
