//! Devices that ring on behalf of somebody who has been answered already and waits: of a transfer, a menu, a queue.
//!
//! What is offered to them is what the one who waits has said last, and whoever answers is joined to it at once. Here is
//! how it rings, who wins and what it came to. What the one who waits hears meanwhile, what is written of it, and where the
//! call goes when nobody takes it is the state's business that owns this.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use contract::{command::Outcome, id::CallId};
use dialplan::{Decision, Facts, OrgPlan, PersonKey, Ring, Trail};
use serde::{Deserialize, Serialize};
use sip::{Body, Event, Reason, SessionKey};
use streams::sdp::Description;

use super::{
    events::Record,
    identity::Identity,
    invitation::{Asked, Failure, Invitation, take, unanswered},
    leg::Leg,
    media_plan::join,
    outcome::{LegResult, Tally, Words},
    redirect::Followed,
    state::Head,
};
use crate::{clock::Moment, means::Means};

/// RFC 3261 §8.1.1.6: such a call begins anew.
const MAX_FORWARDS: u8 = 70;

/// Devices that ring for one who waits.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Forking {
    invitation: Invitation,
    /// What is offered in the name of the one who waits.
    offer: Description,
    /// Devices without a final answer.
    forks: Vec<Leg>,
    tally: Tally,
    /// One of them has rung.
    has_rung: bool,
    until: Moment,
}

/// What rings in a call that has no answer yet.
pub(super) struct Rung {
    pub(super) invitation: Invitation,
    pub(super) offer: Description,
    pub(super) forks: Vec<Leg>,
    pub(super) tally: Tally,
    pub(super) until: Moment,
}

/// Where somebody who waits is to be sent, by the plan of the moment.
pub(super) struct Destination {
    pub(super) decision: Decision,
    pub(super) ring: Arc<Ring>,
}

impl Forking {
    /// For a call of `caller` to where `trail` leads; nobody rings yet. `None`: the one who waits has said nothing
    /// of its media.
    pub(super) fn new(
        (record, waiting): (&Record, &Leg),
        whose: (&OrgPlan, Identity),
        number: &str,
        trail: &Trail,
        means: &Means<'_>,
    ) -> Option<Self> {
        let offer = waiting.streams.said()?.in_both_directions();
        Some(Self::offering(offer, record, whose, (number, trail), means))
    }

    /// The same while nobody waits: the switch offers what it speaks itself. Phones are asked to answer by themselves if so ordered.
    pub(super) fn alone(
        record: &Record,
        whose: (&OrgPlan, Identity),
        number: &str,
        auto_answer: bool,
        means: &Means<'_>,
    ) -> Option<Self> {
        let offer = Description::own_offer()?;
        let mut own = Self::offering(offer, record, whose, (number, &Trail::default()), means);
        if auto_answer {
            own.invitation.answer_at_once();
        }
        Some(own)
    }

    /// The same for people whose own call it is: they are rung whether or not they want to be disturbed, and nobody in their
    /// place.
    pub(super) fn own(mut self) -> Self {
        self.invitation.is_own = true;
        self.unfollowed()
    }

    /// The same where nobody is meant but who is asked: whoever's phone sends the call on has refused it.
    pub(super) fn unfollowed(mut self) -> Self {
        self.invitation.is_followed = false;
        self
    }

    fn offering(
        offer: Description,
        record: &Record,
        (org, caller): (&OrgPlan, Identity),
        (number, trail): (&str, &Trail),
        means: &Means<'_>,
    ) -> Self {
        let invitation = Invitation {
            call: record.call(),
            org: org.id(),
            caller,
            domain: org.sip_domain().into(),
            can_answer_early: false,
            explains: None,
            max_forwards: MAX_FORWARDS,
            numbers: BTreeSet::from([number.to_owned()]),
            people: BTreeSet::new(),
            breadth: None,
            trail: trail.clone(),
            referred_by: None,
            answers_itself: false,
            is_followed: true,
            is_own: false,
        };
        Self {
            invitation,
            offer,
            forks: Vec::new(),
            tally: Tally::default(),
            has_rung: false,
            until: means.moment(),
        }
    }

    /// What rang for somebody else rings for one who waits now. The legs are of this call already.
    pub(super) fn taken_over(ringing: Rung, call: CallId) -> Self {
        let Rung { mut invitation, offer, forks, tally, until } = ringing;
        invitation.call = call;
        let has_rung = forks.iter().any(|fork| fork.has_rung);
        Self { invitation, offer, forks, tally, has_rung, until }
    }

    /// The same, told who sends the call on (RFC 3892).
    pub(super) fn referred_by(mut self, number: &str) -> Self {
        self.invitation.referred_by = Some(number.into());
        self
    }

    /// What the plan makes of the number now, for the one who waits.
    pub(super) fn route(&self, number: &str, means: &Means<'_>) -> Decision {
        let facts =
            Facts { org: self.invitation.org, caller: self.invitation.caller.person, dialled: number };
        means.plan.route(&facts, means.wall)
    }

    /// Lets devices ring, and says for how long; nobody may be had at all ([`Self::outcome`]).
    pub(super) fn ring(
        &mut self,
        Destination { decision, ring }: Destination,
        record: &mut Record,
        head: &mut Head,
        means: &mut Means<'_>,
    ) {
        record.forwarded(&decision.forwards, means);
        means.trace_route(self.invitation.call, means.plan.revision(), decision);
        self.ask(&ring, head, means);
    }

    /// Lets these ring, by nobody's decision but the caller's.
    pub(super) fn ask(&mut self, ring: &Ring, head: &mut Head, means: &mut Means<'_>) {
        self.until = means.after(Duration::from_secs(u64::from(ring.ring_timeout_secs)));
        let mut asked = Asked { head, forks: &mut self.forks, tally: &mut self.tally };
        // There is breadth enough for all: none was named.
        let _ = self.invitation.ring(ring, None, Some(&self.offer), &mut asked, means);
    }

    /// Has the phones of somebody ring too, so that they may take the call.
    pub(super) fn pick_up(&mut self, by: (&Ring, bool), head: &mut Head, means: &mut Means<'_>) -> Outcome {
        let mut asked = Asked { head, forks: &mut self.forks, tally: &mut self.tally };
        self.invitation.pick_up(by, Some(&self.offer), &mut asked, means)
    }

    /// Why it is this device that has the call, if it answers and that takes a word.
    pub(super) fn reason_for(&self, session: SessionKey) -> Option<&'static str> {
        self.forks.iter().find(|fork| fork.session == session)?.asking().reason()
    }

    /// What it has come to if it has rung for as long as it may.
    pub(super) fn unanswered(&self) -> (LegResult, Words) {
        unanswered(&self.forks, &self.tally)
    }

    /// In whose name devices were to be asked.
    pub(super) fn into_caller(self) -> Identity {
        self.invitation.caller
    }

    /// Whether the devices were asked in the name of somebody else than this one.
    pub(super) fn names_another(&self, person: PersonKey) -> bool {
        self.invitation.caller.person != person
    }

    /// Whoever is asked from now on is asked in this one's name, and offered what it has said last.
    pub(super) fn name(&mut self, caller: Identity, waiting: &Leg) {
        self.invitation.caller = caller;
        if let Some(said) = waiting.streams.said() {
            self.offer = said.in_both_directions();
        }
    }

    /// Lets the devices of whoever has sent the call on ring, as if none had been asked before, and on behalf of nobody else.
    pub(super) fn ring_anew(
        &mut self,
        destination: Option<Destination>,
        record: &mut Record,
        head: &mut Head,
        means: &mut Means<'_>,
    ) {
        (self.tally, self.has_rung) = (Tally::default(), false);
        let Some(destination) = destination else { return };
        self.invitation.trail = destination.decision.trail.clone();
        self.invitation.people.clear();
        self.invitation.referred_by = None;
        self.invitation.is_own = true;
        self.ring(destination, record, head, means);
    }

    /// A device has answered provisionally: its number, if it is the first that rings.
    pub(super) fn progress(&mut self, session: SessionKey, status: u16) -> Option<u16> {
        let fork = self.forks.iter_mut().find(|fork| fork.session == session)?;
        if !matches!(status, 180 | 183) {
            return None;
        }
        fork.has_rung = true;
        (!std::mem::replace(&mut self.has_rung, true)).then_some(fork.no)
    }

    /// A device has answered with this: when it fits, the others stop ringing and it is joined to the one who waits.
    pub(super) fn answered(
        &mut self,
        with: (SessionKey, Option<&Body>),
        waiting: &mut Leg,
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> Option<Leg> {
        let mut fork = self.won(with, head, means)?;
        join(&mut waiting.streams, &mut fork.streams, means);
        Some(fork)
    }

    /// A device has answered with this: when it fits, it is agreed on.
    pub(super) fn agreed(
        &mut self,
        (session, body): (SessionKey, Option<&Body>),
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> Option<Leg> {
        let mut fork = take(&mut self.forks, session)?;
        means.ack(session, None);
        let said = fork.streams.said_in(body, means).filter(|said| said.answers(&self.offer));
        let Some(said) = said else {
            self.asked(head).useless(fork, means);
            return None;
        };
        fork.streams.agree(&said, means);
        fork.streams.drop_refused(&said, means);
        fork.set_answered(means.wall);
        Some(fork)
    }

    /// The same; the others stop ringing then.
    pub(super) fn won(
        &mut self,
        with: (SessionKey, Option<&Body>),
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> Option<Leg> {
        let fork = self.agreed(with, head, means)?;
        self.silence(head, Some(&Reason::sip(200, "Call completed elsewhere")), means);
        Some(fork)
    }

    /// A device has failed.
    pub(super) fn failed(
        &mut self,
        event: Event,
        record: &mut Record,
        head: &mut Head,
        means: &mut Means<'_>,
    ) {
        let Some(failure) = Failure::of(event) else { return };
        let Some(fork) = take(&mut self.forks, failure.session) else { return };
        let mut asked = Asked { head, forks: &mut self.forks, tally: &mut self.tally };
        let offer = Some(&self.offer);
        match self.invitation.follow((&fork, &failure), (offer, record), &mut asked, means) {
            Followed::Rings => asked.head.leave(fork, Some(failure.status), means),
            // Somebody was asked for, who is not there.
            Followed::Served(..) | Followed::Nowhere => {
                self.invitation.failed((fork, failure), (offer, Some(record)), &mut asked, means);
            }
        }
    }

    /// The same where somebody else has taken the call and this one only comes later, or not: nothing is written of it.
    pub(super) fn stays_away(&mut self, event: Event, head: &mut Head, means: &mut Means<'_>) {
        let Some(failure) = Failure::of(event) else { return };
        let Some(fork) = take(&mut self.forks, failure.session) else { return };
        let mut asked = Asked { head, forks: &mut self.forks, tally: &mut self.tally };
        self.invitation.failed((fork, failure), (Some(&self.offer), None), &mut asked, means);
    }

    /// A device has refused for everybody: nobody rings any more.
    pub(super) fn refused(
        &mut self,
        session: SessionKey,
        status: u16,
        head: &mut Head,
        means: &mut Means<'_>,
    ) {
        if let Some(fork) = take(&mut self.forks, session) {
            head.leave(fork, Some(status), means);
        }
        self.silence(head, None, means);
    }

    /// What it came to, once no device is left.
    pub(super) fn outcome(&self) -> Option<(LegResult, Words)> {
        self.forks.is_empty().then(|| self.tally.outcome())
    }

    /// Nobody is to ring any more.
    pub(super) fn silence(&mut self, head: &mut Head, reason: Option<&Reason>, means: &mut Means<'_>) {
        for fork in self.forks.drain(..) {
            head.hang_up(fork, reason.cloned(), means);
        }
    }

    /// Nobody rings until then.
    pub(super) fn wait_until(&mut self, until: Moment) {
        self.until = until;
    }

    /// End of the ring timeout (H-052).
    pub(super) fn until(&self) -> Moment {
        self.until
    }

    /// Devices without a final answer.
    pub(super) fn forks(&self) -> &[Leg] {
        &self.forks
    }

    /// The same, to be changed.
    pub(super) fn forks_mut(&mut self) -> &mut [Leg] {
        &mut self.forks
    }

    fn asked<'a>(&'a mut self, head: &'a mut Head) -> Asked<'a> {
        Asked { head, forks: &mut self.forks, tally: &mut self.tally }
    }
}
