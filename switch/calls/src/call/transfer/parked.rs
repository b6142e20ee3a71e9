//! Calls that wait at a number for whoever takes them there: parked by whoever sends them to it, back to them when nobody has.
//!
//! ```text
//! Talking ── sent to a slot ──▶ parked ── somebody dials the slot ──▶ Talking
//!                                  ├── nobody does ──▶ its transferor rings ── answers ──▶ Talking
//!                                  │         ▲                    └── does not ──▶ parked again
//!                                  └── the one who waits hangs up ──▶ Over
//! ```
//!
//! A slot holds one call, and is held as long as its call waits, also while the transferor rings: until somebody has the call.
//! There is no limit to how often that happens, because the one who waits can always hang up.
//! What the one who waits wants of its media meanwhile, the switch answers as it does a caller of its own.

use std::{collections::BTreeMap, time::Duration};

use contract::{
    id::{CallId, OrgId},
    journal::Detail,
    language::Language,
};
use dialplan::{OrgPlan, Slot};
use sip::{Body, Reason, SessionKey};
use streams::sdp::Description;

use super::{
    super::{
        Call,
        entrant::meet,
        leg::Leg,
        state::{Head, State},
    },
    Transferring,
};
use crate::means::Means;

/// How long a call waits before its transferor is reminded.
pub(in crate::call) const PARKED_FOR: Duration = Duration::from_secs(90);

/// Where calls are parked.
#[derive(Debug, Default)]
pub(crate) struct Parking {
    calls: BTreeMap<(OrgId, Slot), CallId>,
}

impl Parking {
    /// A call is kept as it is now.
    pub(crate) fn take(&mut self, id: CallId, call: &Call) {
        self.calls.extend(call.parked().map(|at| (at, id)));
    }

    /// A call that was kept like this is about to change.
    pub(crate) fn release(&mut self, call: &Call) {
        if let Some(at) = call.parked() {
            self.calls.remove(&at);
        }
    }

    /// What is parked there; without a slot the oldest call of all.
    pub(crate) fn at(&self, org: &OrgPlan, slot: Option<Slot>) -> Option<CallId> {
        let slots = org.slots().filter(|own| slot.is_none_or(|slot| slot == *own));
        slots.filter_map(|slot| self.calls.get(&(org.id(), slot))).min().copied()
    }

    /// This slot, or any, if nothing is there.
    pub(crate) fn free(&self, org: &OrgPlan, slot: Option<Slot>) -> Option<Slot> {
        let mut slots = org.slots().filter(|own| slot.is_none_or(|slot| slot == *own));
        slots.find(|slot| !self.calls.contains_key(&(org.id(), *slot)))
    }
}

impl Call {
    /// Where it is parked.
    pub(crate) fn parked(&self) -> Option<(OrgId, Slot)> {
        let State::Transferring(transferring) = &self.state else { return None };
        Some((transferring.record.org(), transferring.slot?))
    }
}

impl Transferring {
    /// It waits there, and whoever has sent it is let go.
    pub(super) fn park(mut self: Box<Self>, slot: Slot, head: &mut Head, means: &mut Means<'_>) -> Box<Self> {
        self.slot = Some(slot);
        self.transferor.is_back = false;
        self.begin(&slot.to_string(), Detail::default(), means);
        self.report(200, means);
        self.forking.wait_until(means.after(PARKED_FOR));
        if let Some(leg) = self.transferor.leg.take() {
            tell(&leg, slot, means.language(self.record.org()), means);
            head.hang_up(leg, None, means);
        }
        self
    }

    /// The one who waits asks for other media, holds, or wants an offer: nobody else is concerned.
    pub(super) fn asked_in_slot(
        &mut self,
        asked: (SessionKey, bool),
        body: Option<&Body>,
        means: &mut Means<'_>,
    ) {
        let holds = self.media.asked(&mut self.waiting, asked, body, means);
        if let Some(holds) = holds {
            let before = self.is_held.by(self.side);
            self.is_held.say(self.side, holds);
            let holds = self.is_held.by(self.side);
            if holds != before {
                self.record.hold(holds, (self.waiting.no, self.waiting.participant), means);
            }
        }
        self.play_music(means);
    }

    /// Its transferor did not want it back.
    pub(super) fn parked_again(self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        match self.slot {
            Some(slot) => State::Transferring(self.park(slot, head, means)),
            None => self.end(head, "transfer_failed", means),
        }
    }

    /// Somebody has dialled its slot, with this offer.
    pub(in crate::call) fn retrieved(
        mut self: Box<Self>,
        (mut leg, offer): (Leg, Description),
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        if let Err(reply) = meet(&mut self.waiting, (&mut leg, &offer), means) {
            return State::Transferring(self).turn_away(leg, reply, head, means);
        }
        leg.recording = self.transferor.recording;
        self.forking.silence(head, Some(&Reason::sip(200, "Call completed elsewhere")), means);
        self.taken(leg, true, head, means)
    }
}

/// Tells a phone where the call is that it has sent to any slot. Phones that show no messages show its lamp.
fn tell(leg: &Leg, slot: Slot, language: Language, means: &mut Means<'_>) {
    let text = match language {
        Language::Id => format!("Panggilan diparkir di {slot}."),
        Language::En => format!("The call is parked at {slot}."),
    };
    // Whoever cannot be told has hung up.
    let _ =
        means.request(leg.session, "MESSAGE", Vec::new(), Some(Body::new("text/plain;charset=utf-8", text)));
}
