//! An attended transfer (RFC 5589 §7): whoever has two calls puts the two others in touch.
//!
//! ```text
//! A ══ B, B ══ C   ── B refers A to C, or C to A ──▶   A ══ C
//! A ══ B, B ──▶ C (rings)   ── B refers A to C ──▶    A waits, C rings (`transfer`)
//! A ══ B, B waits in a queue ── B refers A to it ──▶   A waits there (`transfer::led`); a menu likewise
//! ```
//!
//! The call that was there first goes on, whichever of the two the transferor speaks in: it is the one that somebody
//! waits in. The other one ends there, with the reason `transferred`, and each names the other in its record. Whoever comes
//! over keeps session and ports; what it was before is written down in the call that it leaves. Both are told whom they talk
//! to now (`settle`). Where the consultation only rings, what its devices were offered stays what they answer, and the call
//! is from then on as one that was sent on blindly.

use contract::{
    id::CallId,
    journal::{Detail, EventKind},
};
use sip::{Message, Reply, SessionKey};

use super::{
    Call,
    events::because,
    identity::{Identity, Privacy},
    leg::Leg,
    media_plan::join,
    objection::Objection,
    refer::{Referral, accepted},
    state::{Head, Met, Side, State, Talking, end, join_as_recipient},
    transfer::{take_over, take_place},
};
use crate::means::Means;

/// What somebody with two calls asks for.
pub(crate) struct Consultation {
    /// Its session in the call in which it says so.
    here: SessionKey,
    /// That in the other one.
    there: SessionKey,
    referral: Option<Referral>,
}

/// The reason in the record of a call whose people are in another one now.
pub(super) const TRANSFERRED: &str = "transferred";

impl Consultation {
    /// As a REFER in the session `here` asks for it.
    pub(crate) fn asked((here, there): (SessionKey, SessionKey), message: &Message<'_>) -> Self {
        Self { here, there, referral: Referral::of(message) }
    }

    /// Of whoever is in both calls.
    pub(crate) fn between(here: &Call, there: &Call) -> Result<Self, Objection> {
        let legs = here.state.staying().into_iter();
        let pairs = legs.flat_map(|leg| there.state.staying().into_iter().map(move |other| (leg, other)));
        let mut theirs = pairs
            .filter(|(leg, other)| leg.person.is_surely(other.person))
            .map(|(leg, other)| Self { here: leg.session, there: other.session, referral: None });
        let first = theirs.next().ok_or(Objection::Stranger)?;
        let objection = match first.may(here, there) {
            Ok(()) => return Ok(first),
            Err(objection) => objection,
        };
        theirs.find(|one| one.may(here, there).is_ok()).ok_or(objection)
    }

    /// The answer to the REFER that asks for it.
    pub(crate) fn accepted(&self) -> Reply {
        accepted(self.referral)
    }

    /// Whether it can be done now.
    pub(crate) fn may(&self, here: &Call, there: &Call) -> Result<(), Objection> {
        if here.goes_on_before(there) {
            may_become_one((&here.state, self.here), (&there.state, self.there))
        } else {
            may_become_one((&there.state, self.there), (&here.state, self.here))
        }
    }

    /// Does so; the calls come back in the order in which they were given.
    pub(crate) fn carry_out(self, (here, there): (Call, Call), means: &mut Means<'_>) -> (Call, Call) {
        if here.goes_on_before(&there) {
            let by = (self.here, self.there);
            self.connect((here, there), by, means)
        } else {
            let by = (self.there, self.here);
            let (there, here) = self.connect((there, here), by, means);
            (here, there)
        }
    }

    fn connect(
        &self,
        (mut on, mut off): (Call, Call),
        (session, other): (SessionKey, SessionKey),
        means: &mut Means<'_>,
    ) -> (Call, Call) {
        let heads = (&mut on.head, &mut off.head);
        (on.state, off.state) = match (on.state, off.state) {
            (State::Talking(talking), State::Talking(consulting)) => {
                self.put_through((talking, session), (consulting, other), heads, means)
            }
            (State::Talking(talking), State::Ringing(consulting)) => {
                take_over((talking, session), *consulting, heads, self.referral, means)
            }
            (State::Talking(talking), consulting @ (State::Queued(_) | State::Served(_))) => {
                let told = self.referral.map(|referral| (self.here, referral));
                take_place((talking, session), consulting, heads, told, means)
            }
            others => others,
        };
        on.write_gone(means);
        off.write_gone(means);
        (on, off)
    }

    /// The two others hear each other, and the transferor is let go.
    fn put_through(
        &self,
        (mut on, session): (Box<Talking>, SessionKey),
        (mut off, other): (Box<Talking>, SessionKey),
        (head, other_head): (&mut Head, &mut Head),
        means: &mut Means<'_>,
    ) -> (State, State) {
        let (Some(by), Some(other_by)) = (on.side_of(session), off.side_of(other)) else {
            return (State::Talking(on), State::Talking(off));
        };
        on.give_up_carried(means);
        off.give_up_carried(means);
        let (call, other_call) = (on.record.call(), off.record.call());
        let kept = other_by.other();
        other_head.recording.let_go(off.leg(kept), means);
        let (holds, hears) = (off.is_held.is_said(kept), off.music.of(kept).take());
        let Talking { record: mut other_record, caller, callee, .. } = *off;
        let (comes, other_leg) = if kept == Side::Caller { (caller, callee) } else { (callee, caller) };
        let told = Detail { number: number_of(&on, &comes, means), ..link(other_call) };
        let transferor = on.leg(by).participant;
        on.record.event(EventKind::TransferConsulting, transferor, told, means);
        on.record.event(EventKind::TransferConnecting, transferor, Detail::default(), means);
        let mut comes = comes.go_over(other_record.facts(), (call, head.next_leg()), means);
        let participant = join_as_recipient(&mut on.record, comes.person, means);
        comes.participant = Some(participant);
        let detail = Detail { leg: Some(comes.no), ..Detail::default() };
        let leg = std::mem::replace(on.leg_mut(by), comes);
        on.is_held.set(by, holds);
        *on.music.of(by) = hears;
        on.leg_mut(by.other()).streams.part();
        join(&mut on.caller.streams, &mut on.callee.streams, means);
        on.record.event(EventKind::TransferCompleted, Some(participant), detail, means);
        on.record.event(EventKind::TransferAttended, transferor, Detail::default(), means);
        if holds {
            // It does so in this call from now on.
            on.record.event(EventKind::Hold, Some(participant), Detail::default(), means);
        }
        if let Some(referral) = self.referral {
            referral.report(self.here, 200, means);
        }
        head.hang_up(leg, None, means);
        other_head.hang_up(other_leg, None, means);
        let ended = Detail { call: Some(call), ..because(TRANSFERRED) };
        on.introduce(by.other(), Met { privacy: head.privacy, is_mutual: true }, means);
        on.play_music(means);
        (State::Talking(on), end(other_record, &[], &Detail::default(), ended, means))
    }
}

/// The other call of a transfer.
pub(super) fn link(call: CallId) -> Detail {
    Detail { call: Some(call), ..Detail::default() }
}

fn number_of(talking: &Talking, leg: &Leg, means: &Means<'_>) -> Option<String> {
    let org = means.plan.organisation(talking.record.org())?;
    Some(Identity::of(leg, org, Privacy::Open)?.number().to_owned())
}

/// Whether the author of a REFER, by its sessions, may make these two one.
fn may_become_one(on: (&State, SessionKey), off: (&State, SessionKey)) -> Result<(), Objection> {
    let of_talking = |talking: &Talking, session| {
        let side = talking.side_of(session).ok_or(Objection::NoSuchCall)?;
        if talking.is_quiet() { Ok(talking.leg(side).person) } else { Err(Objection::NotNow) }
    };
    let (State::Talking(talking), session) = on else { return Err(Objection::NotNow) };
    let person = of_talking(talking, session)?;
    let other = match off {
        (State::Talking(talking), session) => of_talking(talking, session)?,
        (State::Ringing(ringing), session) if session == ringing.caller.session => {
            if !ringing.is_plain() {
                return Err(Objection::NotNow);
            }
            ringing.caller.person
        }
        (state, session) => {
            if talking.side_of(on.1).is_none_or(|by| talking.leg(by.other()).streams.voice_line().is_none()) {
                return Err(Objection::Media);
            }
            state.stands(session).ok_or(Objection::NotNow)?
        }
    };
    if person.is_surely(other) { Ok(()) } else { Err(Objection::NoSuchCall) }
}

impl Call {
    /// Whether this one goes on when the two become one: it is talked in, or it was there first.
    fn goes_on_before(&self, other: &Self) -> bool {
        match (&self.state, &other.state) {
            (State::Talking(_), State::Talking(_)) => self.state.call() <= other.state.call(),
            (State::Talking(_), _) => true,
            (_, State::Talking(_)) => false,
            (one, other) => one.call() <= other.call(),
        }
    }
}
