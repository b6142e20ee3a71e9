//! Somebody who comes into a call by a call of their own: to answer what rings elsewhere (pickup), to take what is parked, or in place of one of its
//! sides (RFC 3891), as when a call is taken from the desk to another phone of the same person.
//!
//! Both INVITEs have offers, so each is answered with what the other one said, in the shape of its own. An INVITE without an
//! offer is refused, and one that comes at a bad moment is told so; the call goes on as if nobody had come. There is one call
//! and one record: the newcomer is one more leg of it.

use contract::command::Outcome;
use dialplan::{Host, OrgPlan, PersonKey, PickUp, Ring};
use sip::{Body, Flow, Reply, SessionKey};
use streams::sdp::Description;

use super::{
    Call,
    dial::congested,
    events::Record,
    invitation::{Asked, recording_of},
    leg::{Asking, Leg},
    line::Line,
    media_plan::{LegStreams, Unusable, join},
    signalling::Offering,
    state::{Head, Met, Ringing, Side, State, Talking},
};
use crate::means::Means;

/// Somebody whose INVITE the endpoint has accepted.
pub(crate) struct Entrant {
    pub(crate) session: SessionKey,
    pub(crate) flow: Flow,
    pub(crate) person: PersonKey,
    pub(crate) body: Option<Body>,
}

/// A call that somebody may come into.
#[derive(Clone, Copy)]
pub(crate) enum Door {
    /// It rings, and they answer.
    Rings,
    /// They take the place of whoever is on this side.
    Side(Side),
    /// It is parked, and they take it.
    Parked,
}

/// A call that rings, and that somebody else may answer.
struct Rings<'a> {
    record: &'a Record,
    caller: &'a Leg,
    forks: &'a [Leg],
    /// What was called, or what it was sent to.
    host: Option<Host>,
}

impl Call {
    /// How it rings, if somebody else may answer it now.
    fn rings(&self) -> Option<Rings<'_>> {
        match &self.state {
            State::Ringing(ringing) if ringing.is_plain() => {
                let Ringing { record, caller, forks, .. } = &**ringing;
                Some(Rings { record, caller, forks, host: self.head.host })
            }
            State::Queued(queued) if queued.is_sent_on() => {
                let Line { record, caller, .. } = &queued.line;
                Some(Rings { record, caller, forks: queued.forks(), host: queued.rings_at() })
            }
            _ => None,
        }
    }

    /// The phones of somebody are to ring in it too, by order. Who rings and who calls is asked nothing.
    pub(crate) fn pick_up(
        mut self,
        (phones, auto_answer): (&Ring, bool),
        outcome: &mut Outcome,
        means: &mut Means<'_>,
    ) -> Self {
        *outcome = self.objection_to(phones).unwrap_or_else(|| {
            let head = &mut self.head;
            match &mut self.state {
                State::Ringing(ringing) => {
                    let Ringing { invitation, offer, forks, tally, .. } = &mut **ringing;
                    let mut asked = Asked { head, forks, tally };
                    invitation.pick_up((phones, auto_answer), offer.as_ref(), &mut asked, means)
                }
                State::Queued(queued) => queued.pick_up((phones, auto_answer), head, means),
                _ => Outcome::NotNow,
            }
        });
        self
    }

    /// Why whoever has these phones is not to take it.
    fn objection_to(&self, phones: &Ring) -> Option<Outcome> {
        let Some(Rings { caller, forks, .. }) = self.rings() else { return Some(Outcome::NotNow) };
        let is_theirs = |leg: &Leg| phones.targets.iter().any(|target| target.person == leg.person);
        if is_theirs(caller) {
            return Some(Outcome::IsTheirs);
        }
        let rings = forks.iter().find(|fork| is_theirs(fork))?;
        Some(if rings.asking() == Asking::Called { Outcome::IsTheirs } else { Outcome::AlreadySo })
    }

    /// Whether somebody who dials a code may answer this call now.
    pub(crate) fn rings_for(&self, org: &OrgPlan, person: PersonKey, wish: PickUp) -> bool {
        let Some(Rings { record, caller, forks, host }) = self.rings() else { return false };
        let is_theirs = record.org() == org.id() && caller.person != person;
        let through = match host {
            Some(Host::Extension(extension)) => Some(extension),
            _ => None,
        };
        let is_extensions = through.is_some_and(|extension| org.is_of(person, extension));
        // Those whose phones ring by order are not who is called (0038).
        let called = forks.iter().filter(|fork| fork.asking() == Asking::Called);
        let mut rung = called.map(|fork| fork.person);
        is_theirs
            && match wish {
                PickUp::Colleagues => is_extensions || rung.any(|rung| org.are_colleagues(person, rung)),
                PickUp::At(Host::Extension(extension)) => is_extensions && through == Some(extension),
                PickUp::At(Host::User(user)) => {
                    let user = PersonKey::User(user);
                    rung.any(|rung| rung == user) && (is_extensions || org.are_colleagues(person, user))
                }
                PickUp::At(Host::Account(_) | Host::Outside(_)) => false,
            }
    }

    /// What somebody may do who names one of its dialogs (RFC 3891 §3): answer for a colleague whose phone rings, or go on
    /// elsewhere themselves. The error is the answer to their INVITE.
    pub(crate) fn door(
        &self,
        (org, person): (&OrgPlan, PersonKey),
        (session, early_only): (SessionKey, bool),
    ) -> Result<Door, Reply> {
        let rings = |forks: &[Leg], is_plain| {
            let fork = forks.iter().find(|fork| fork.session == session);
            let fork = fork.ok_or_else(|| Reply::new(481))?;
            let is_for_colleagues = fork.asking() == Asking::Called;
            let is_colleagues = is_for_colleagues && org.are_colleagues(person, fork.person);
            match fork.person.is_surely(person) || is_colleagues {
                true if is_plain => Ok(Door::Rings),
                true => Err(Reply::new(491)),
                false => Err(Reply::new(403)),
            }
        };
        match &self.state {
            State::Ringing(ringing) if ringing.record.org() == org.id() => {
                rings(&ringing.forks, ringing.is_plain())
            }
            State::Queued(queued) if queued.line.record.org() == org.id() && queued.is_sent_on() => {
                rings(queued.forks(), true)
            }
            State::Talking(talking) if talking.record.org() == org.id() => {
                let side = talking.side_of(session).ok_or_else(|| Reply::new(481))?;
                match talking.leg(side).person.is_surely(person) {
                    true if early_only => Err(Reply::new(486)),
                    true if talking.is_quiet() => Ok(Door::Side(side)),
                    true => Err(Reply::new(491)),
                    false => Err(Reply::new(403)),
                }
            }
            _ => Err(Reply::new(481)),
        }
    }

    /// Somebody comes in.
    pub(crate) fn entered(mut self, door: Door, entrant: Entrant, means: &mut Means<'_>) -> Self {
        let Entrant { session, flow, person, body } = entrant;
        let call = self.state.call();
        means.trace_leg(call, session);
        let streams = LegStreams::new(call, flow, means.config);
        let leg = Leg::new(self.head.next_leg(), session, person, flow, streams, means.wall);
        let head = &mut self.head;
        self.state = match leg.streams.read(body.as_ref(), means) {
            Ok(Some(offer)) => self.state.entered(door, (leg, offer), head, means),
            Ok(None) => self.state.turn_away(leg, Reply::new(488), head, means),
            Err(unusable) => self.state.turn_away(leg, unusable.reply(), head, means),
        };
        self.write_gone(means);
        self
    }
}

impl State {
    fn entered(self, door: Door, with: (Leg, Description), head: &mut Head, means: &mut Means<'_>) -> Self {
        match (self, door) {
            (Self::Ringing(ringing), Door::Rings) => ringing.picked_up(with, head, means),
            (Self::Queued(queued), Door::Rings) => queued.picked_up(with, head, means),
            (Self::Talking(talking), Door::Side(side)) => talking.replaced(side, with, head, means),
            (Self::Transferring(parked), Door::Parked) => parked.retrieved(with, head, means),
            (state, _) => state.turn_away(with.0, Reply::new(491), head, means),
        }
    }

    /// Nothing comes of it; the call goes on.
    pub(super) fn turn_away(self, leg: Leg, reply: Reply, head: &mut Head, means: &mut Means<'_>) -> Self {
        let status = reply.status;
        means.refuse(leg.session, reply);
        head.leave(leg, Some(status), means);
        self
    }
}

/// Answers somebody who comes to one that waits, with what that one has said; both are joined then. The error is the refusal.
pub(super) fn meet(
    waiting: &mut Leg,
    (leg, offer): (&mut Leg, &Description),
    means: &mut Means<'_>,
) -> Result<(), Reply> {
    let said = waiting.streams.said().ok_or_else(|| Reply::new(491))?;
    let answer = settle((leg, offer), &said, means)?;
    means.answer(leg.session, Some(answer));
    leg.set_answered(means.wall);
    join(&mut waiting.streams, &mut leg.streams, means);
    Ok(())
}

/// Answers somebody's offer with what the other side has said, if each can hear the other; the error is the refusal.
pub(super) fn settle(
    (leg, offer): (&mut Leg, &Description),
    said: &Description,
    means: &mut Means<'_>,
) -> Result<Body, Reply> {
    let answer = said.in_both_directions().stand_in_answer(offer);
    let is_heard = answer.streams().any(|stream| stream.is_active());
    if !is_heard || !answer.can_be_told(offer, &means.config.codecs) {
        return Err(Unusable::Media.reply());
    }
    leg.streams.reserve(offer, true, means).map_err(|_| congested(means))?;
    let body = leg.streams.answer(&answer, offer, means);
    leg.streams.agree(offer, means);
    Ok(body)
}

impl Ringing {
    /// Nothing but what everybody knows has been agreed on, and somebody rings, which another one may answer or be put through to.
    pub(super) fn is_plain(&self) -> bool {
        let told = &self.told;
        let is_settled = self.offer.is_some() && told.offer.is_none() && told.update.is_none();
        is_settled && !self.invitation.answers_itself && !self.forks.is_empty()
    }

    fn picked_up(
        mut self: Box<Self>,
        (mut leg, offer): (Leg, Description),
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        let Some(own) = self.offer.clone() else {
            return State::Ringing(self).turn_away(leg, Reply::new(491), head, means);
        };
        let said = offer.stand_in_answer(&own);
        let answer = match said.can_be_told(&own, &means.config.codecs) {
            true => settle((&mut leg, &offer), &own, means),
            false => Err(Unusable::Media.reply()),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(reply) => return State::Ringing(self).turn_away(leg, reply, head, means),
        };
        let (body, is_told_otherwise) = self.answer_for_caller(&said, &own, means);
        if !self.caller.streams.has_spoken() {
            self.caller.streams.agree(&own, means);
        }
        join(&mut self.caller.streams, &mut leg.streams, means);
        for streams in [&mut self.caller.streams, &mut leg.streams] {
            streams.drop_refused(&said, means);
        }
        // Who answers for others is recorded as those are.
        leg.recording = recording_of(&self.forks);
        means.answer(leg.session, Some(answer));
        let offering = Offering { is_told_otherwise, reason: Some("picked_up"), ..Offering::default() };
        self.connect(head, leg, Some(body), offering, means)
    }
}

impl Talking {
    fn replaced(
        mut self: Box<Self>,
        side: Side,
        (mut leg, offer): (Leg, Description),
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        let said = self.leg(side.other()).streams.said();
        let answer = said.ok_or_else(|| Reply::new(491));
        let answer = answer.and_then(|said| settle((&mut leg, &offer), &said, means));
        let answer = match answer {
            Ok(answer) => answer,
            Err(reply) => return State::Talking(self).turn_away(leg, reply, head, means),
        };
        means.answer(leg.session, Some(answer));
        leg.set_answered(means.wall);
        leg.participant = self.leg(side).participant;
        leg.recording = self.leg(side).recording;
        self.give_up_carried(means);
        let before = std::mem::replace(self.leg_mut(side), leg);
        self.is_held.set(side, false);
        *self.music.of(side) = None;
        self.leg_mut(side.other()).streams.part();
        join(&mut self.caller.streams, &mut self.callee.streams, means);
        head.hang_up(before, None, means);
        let met = Met { privacy: head.privacy, is_mutual: false };
        self.introduce(side.other(), met, means);
        self.play_music(means);
        State::Talking(self)
    }
}
