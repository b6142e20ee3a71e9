//! One call: two or more legs, one record, one state at a time.
//!
//! `dial` opens it, or `originating` where it is ordered, `invitation` asks its devices, `redirect` follows those that are elsewhere, `forward` the rules, `identity` says who
//! calls, `lamps` what others see of it, `recording` what of it is kept, `signalling`, `exchange`, `hold` and
//! `transfer` move it, `timers` bound it, `media_plan` gives its legs ports, `events` writes it
//! down, `shown` shows it to an operator, `outcome` says what it came to, `objection` why it is not sent on. `announce` tells a caller that it will be recorded,
//! `pressed` reads keys that phones tell by INFO, `keypad` tells them to the other side in its way, `spoken` is how numbers are said.
//! In `attended` two calls become one; `entrant` is who comes into one by a call of their own. `forking` is how devices ring for somebody who has been answered already.
//! `sound` tells devices that want to know what is wrong with it. `paging` is devices that answer by themselves, `paged` one who speaks to many of them. In `feature` the switch itself is the other side of a caller on a `line`. The states and what they own stand in `state`.
//! A call knows its own legs only; which call an event belongs to is the switchboard's business.

mod announce;
pub(crate) mod attended;
mod carry;
mod dial;
mod early;
mod early_offer;
pub(crate) mod entrant;
mod events;
mod exchange;
mod feature;
mod forking;
mod forward;
mod hold;
pub(crate) mod identity;
mod image;
mod invitation;
mod keypad;
mod keys;
pub(crate) mod lamps;
mod leg;
mod line;
mod media_plan;
pub(crate) mod objection;
pub(crate) mod originating;
pub(crate) mod outcome;
mod outside;
pub(crate) mod over_ice;
mod paged;
mod paging;
mod pressed;
mod queued;
mod recording;
mod redirect;
pub(crate) mod refer;
mod settle;
mod shown;
mod signalling;
pub(crate) mod sound;
mod spoken;
mod state;
mod timers;
pub(crate) mod transfer;

use std::net::IpAddr;

use contract::{
    command::Outcome,
    id::{GuestId, OrgId, RecordingId, TrunkId},
    time::Timestamp,
};
use dialplan::{Outbound, Payer, PersonKey};
use serde::{Deserialize, Serialize};
use sip::{Event, SessionKey};
use streams::{
    keys::Key,
    media::{LeaseId, LegReport},
};

pub(crate) use dial::Opening;
pub use feature::listen::message_sound;

use crate::{guests::UsedPass, means::Means};
use leg::Leg;
use pressed::Way;
use state::{Head, State};

/// What a leg to the telephone network is counted for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Toll {
    /// On whose budget.
    pub(crate) payer: Payer,
    /// Rupiah for each minute that begins; `None`: nobody has said.
    pub(crate) rupiah_per_minute: Option<u32>,
}

impl Toll {
    /// Of a call outside; `None`: to the emergency services.
    pub(crate) fn of(outbound: &Outbound) -> Option<Self> {
        outbound.payer.map(|payer| Self { payer, rupiah_per_minute: outbound.rupiah_per_minute })
    }
}

/// A leg to the telephone network that is up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutsideLeg {
    pub(crate) org: OrgId,
    pub(crate) toll: Toll,
    pub(crate) no: u16,
    pub(crate) created_at: Timestamp,
    pub(crate) answered_at: Option<Timestamp>,
}

/// A call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    head: Head,
    state: State,
}

impl Call {
    /// Takes an event of one of its sessions.
    pub(crate) fn signal(mut self, session: SessionKey, event: Event, means: &mut Means<'_>) -> Self {
        if self.sound_signalled(session, &event, means) {
            return self;
        }
        match self.head.leaving.iter_mut().find(|leaving| leaving.session() == session) {
            None => self.state = self.state.signal(&mut self.head, event, means),
            Some(leaving) => match event {
                Event::Failed { status, .. } => {
                    leaving.set_over(Some(status), means);
                    #[cfg(feature = "planted-second-ended")]
                    if let Some(ghost) = self.head.ghost.take() {
                        ghost.ended_again(means);
                    }
                }
                Event::Ended { instead, .. } => leaving.set_over(instead, means),
                Event::Canceled { .. } => leaving.set_over(None, means),
                // It left while its other side was still being told.
                Event::Answered { .. } | Event::ReinviteAnswered { .. } => means.ack(session, None),
                _ => {}
            },
        }
        self.write_gone(means);
        self
    }

    /// The relay has closed one of its leases.
    pub(crate) fn closed(mut self, lease: LeaseId, report: &LegReport, means: &mut Means<'_>) -> Self {
        let mut leaving = self.head.leaving.iter_mut();
        let is_of_leaving = leaving.any(|leaving| leaving.closed(lease, report, means));
        if !is_of_leaving {
            // An m-line that was refused or dropped while the leg goes on.
            let mut legs = self.state.legs_mut().into_iter();
            let _ = legs.any(|leg| leg.streams.closed(leg.no, lease, report, means));
        }
        self.write_gone(means);
        self
    }

    /// The relay has played all that it was to play on one of its leases.
    pub(crate) fn played(mut self, lease: LeaseId, means: &mut Means<'_>) -> Self {
        self.state = match self.state {
            State::Queued(queued) => queued.played(&mut self.head, lease, means),
            State::Served(served) => served.played(&mut self.head, lease, means),
            State::Ringing(ringing) => ringing.played(&mut self.head, means),
            state => state,
        };
        self.write_gone(means);
        self
    }

    /// A key was pressed at the far end of one of its leases that are listened to.
    pub(crate) fn key(mut self, lease: LeaseId, key: Key, means: &mut Means<'_>) -> Self {
        self.state = match self.state {
            State::Served(served) => served.key(&mut self.head, (lease, Way::Media), key, means),
            State::Queued(queued) => queued.key((lease, Way::Media), key, means),
            State::Talking(mut talking) => {
                talking.key(&mut self.head.recording, (lease, key), means);
                State::Talking(talking)
            }
            state => state,
        };
        self.write_gone(means);
        self
    }

    /// A message that its caller wants to hear can be played, or cannot be.
    pub(crate) fn fetched(mut self, message: (RecordingId, bool), means: &mut Means<'_>) -> Self {
        self.state = match self.state {
            State::Served(served) => served.fetched(&mut self.head, message, means),
            state => state,
        };
        self.write_gone(means);
        self
    }

    /// Ends it for everybody.
    pub(crate) fn hang_up(mut self, means: &mut Means<'_>) -> Self {
        let head = &mut self.head;
        self.state = match self.state {
            State::Ringing(ringing) => ringing.hang_up(head, means),
            State::Connecting(connecting) => connecting.hang_up(head, "operator", means),
            State::Talking(talking) => talking.hang_up(head, "operator", means),
            State::Transferring(transferring) => transferring.hang_up(head, means),
            State::Queued(queued) => queued.hang_up(head, means),
            State::Served(served) => served.hang_up(head, "operator", means),
            State::Paged(paged) => paged.hang_up(head, "operator", means),
            State::Callback(callback) => callback.hang_up("operator", head, means),
            State::Originating(originating) => originating.hang_up(head, means),
            State::Over(record) => State::Over(record),
        };
        self.write_gone(means);
        self
    }

    /// Somebody orders one side to be sent on to a number; the other one, by its leg, or the callee, stays behind.
    pub(crate) fn transfer(
        mut self,
        leg: Option<u16>,
        to: &str,
        outcome: &mut Outcome,
        means: &mut Means<'_>,
    ) -> Self {
        *outcome = Outcome::NotNow;
        self.state = match self.state {
            State::Talking(talking) => match talking.side_of_leg(leg) {
                Some(by) => talking.ordered(by, to, (&mut self.head, outcome), means),
                None => {
                    *outcome = Outcome::NotThere;
                    State::Talking(talking)
                }
            },
            state => state,
        };
        self.write_gone(means);
        self
    }

    /// Somebody orders a hold in the name of one side, by its leg, or of the callee, or the end of one.
    pub(crate) fn hold(
        mut self,
        (leg, is_on): (Option<u16>, bool),
        outcome: &mut Outcome,
        means: &mut Means<'_>,
    ) -> Self {
        *outcome = match &mut self.state {
            State::Talking(talking) => match talking.side_of_leg(leg) {
                Some(by) => talking.order_hold(by, is_on, means),
                None => Outcome::NotThere,
            },
            _ => Outcome::NotNow,
        };
        self
    }

    /// Its `ended` has been written.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// Nothing is left of it.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_over() && self.head.leaving.is_empty()
    }

    /// Legs that are up or leaving.
    pub(crate) fn legs(&self) -> usize {
        self.state.legs() + self.head.leaving.len()
    }

    /// Ends it for everybody, for this reason.
    pub(crate) fn end(mut self, reason: &str, means: &mut Means<'_>) -> Self {
        let head = &mut self.head;
        self.state = match self.state {
            State::Connecting(connecting) => connecting.hang_up(head, reason, means),
            State::Talking(talking) => talking.hang_up(head, reason, means),
            state => {
                self.state = state;
                return self.hang_up(means);
            }
        };
        self.write_gone(means);
        self
    }

    /// The legs to the telephone network that are up.
    pub(crate) fn outside_legs(&self) -> Vec<OutsideLeg> {
        let org = self.state.org();
        let outside = |leg: &Leg| {
            let (created_at, answered_at) = leg.times();
            Some(OutsideLeg { org, toll: leg.toll()?, no: leg.no, created_at, answered_at })
        };
        self.state.staying().into_iter().filter_map(outside).collect()
    }

    /// The trunk of each leg that is up on one.
    pub(crate) fn trunks(&self) -> impl Iterator<Item = TrunkId> {
        self.state.staying().into_iter().filter_map(|leg| match leg.person {
            PersonKey::Trunk(trunk) => Some(trunk),
            PersonKey::User(_) | PersonKey::Account(_) | PersonKey::Guest(_) => None,
        })
    }

    /// The guests that are on it, each with where from.
    pub(crate) fn guests(&self) -> impl Iterator<Item = (GuestId, IpAddr)> {
        self.state.staying().into_iter().filter_map(|leg| match leg.person {
            PersonKey::Guest(guest) => Some((guest, leg.source())),
            PersonKey::User(_) | PersonKey::Account(_) | PersonKey::Trunk(_) => None,
        })
    }

    /// The passes that have let the guests in who are on it.
    pub(crate) fn passes(&self) -> impl Iterator<Item = UsedPass> {
        let outsiders = self.state.staying().into_iter().filter_map(|leg| leg.outside.as_ref());
        outsiders.filter_map(|outsider| outsider.pass)
    }

    /// Whose organisation's it is.
    pub(crate) fn org(&self) -> OrgId {
        self.state.org()
    }

    /// Writes down the legs that have said goodbye and returned their ports.
    fn write_gone(&mut self, means: &mut Means<'_>) {
        let (gone, leaving) =
            std::mem::take(&mut self.head.leaving).into_iter().partition(|one| one.is_gone());
        self.head.leaving = leaving;
        let gone: Vec<leg::Leaving> = gone;
        for leg in gone {
            leg.write(self.state.facts(), means);
        }
    }
}
