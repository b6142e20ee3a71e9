//! A call that one of its sides sends on (RFC 3515, RFC 5589 §6): whoever stays hears music while the target rings.
//!
//! ```text
//! Talking ── REFER ──▶ Transferring ── the target answers ──▶ Talking
//!                          ├── nobody does, the transferor is still there ──▶ Talking, as before
//!                          ├── nobody does, the transferor has hung up ──▶ Transferring, back to the transferor
//!                          └── the one who waits hangs up ──▶ Over
//! ```
//!
//! Every call is sent on by the rules of the moment, as a call of the one who waits, and only into an extension that is
//! open (H-034, HX-18). It stays the same call, with one record and one recording. The transferor is told how it goes
//! (`refer`) until it hangs up, and takes the call back by taking it off hold. Where the switch itself is what answers, the one
//! who waits is there at once (`led`), and the transferor is done. While it rings, the one who waits can change nothing but
//! refresh; while it is parked, anything (`parked`). Where the target's rules for busy and no answer, or its phone by a 302,
//! would send the call is not asked: it goes back instead.

use contract::{
    command::Outcome,
    journal::{Detail, EventKind},
    snapshot::RecordingPolicy,
};
use dialplan::{Decision, Facts, Feature, OrgPlan, Payer, PersonKey, Queueing, Route, Slot, Trail};
use serde::{Deserialize, Serialize};
use sip::{Body, EndedBy, Event, OwnedMessage, Reason, Reply, RequestKey, SessionKey};
use streams::sdp::Description;

use super::{
    attended::{TRANSFERRED, link},
    events::{Record, because},
    exchange::refreshed,
    forking::{Destination, Forking, Rung},
    hold::MUSIC,
    identity::{Identity, Privacy},
    leg::Leg,
    line::OwnMedia,
    objection::Objection,
    outcome::{LegResult, Words},
    refer::{Referral, Wanted, accepted},
    signalling::who_ended,
    state::{Head, Held, Met, Music, Ringing, Side, State, Talking, end, join_as_recipient},
};
use crate::{clock::Moment, means::Means};

mod led;
mod parked;

pub(super) use led::take_place;
pub(crate) use parked::Parking;

/// One side waits, devices ring elsewhere.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Transferring {
    pub(crate) record: Record,
    /// Who is sent on.
    waiting: Leg,
    /// Which side of the call that is.
    side: Side,
    transferor: Transferor,
    is_held: Held,
    music: Music,
    /// Devices that ring.
    forking: Forking,
    /// Where it waits instead for somebody who takes it there.
    slot: Option<Slot>,
    /// What is agreed with the one who waits there.
    media: OwnMedia,
}

/// Whoever sends the call on.
#[derive(Debug, Serialize, Deserialize)]
struct Transferor {
    /// Gone once it has hung up.
    leg: Option<Leg>,
    person: PersonKey,
    participant: Option<u16>,
    /// Through what it had the call, which it has again when that comes back.
    recording: Option<RecordingPolicy>,
    /// Where the call comes back to.
    number: Box<str>,
    /// What it has said last of its media, which the one who waits still goes by.
    said: Option<Description>,
    /// How it is told what comes of it, if it wants to be.
    referral: Option<Referral>,
    /// The call is on its way back.
    is_back: bool,
}

impl Talking {
    /// A side wants the other one to be sent on.
    pub(super) fn referred(
        self: Box<Self>,
        head: &mut Head,
        (session, request): (SessionKey, RequestKey),
        message: &OwnedMessage,
        means: &mut Means<'_>,
    ) -> State {
        let Some(by) = self.side_of(session) else { return State::Talking(self) };
        let org = means.plan.organisation(self.record.org());
        let domain = org.map(|org| org.sip_domain()).unwrap_or_default();
        let wanted = Wanted::read(&message.view(), (self.leg(by), domain), means).and_then(|wanted| {
            let transfer = self.plan_transfer(by, &wanted.number, head.privacy, means);
            Ok((wanted, transfer.map_err(Objection::reply)?))
        });
        match wanted {
            Ok((wanted, transfer)) => {
                means.respond_in_dialog(request, accepted(wanted.referral));
                self.send_on((by, wanted.referral), transfer, head, means)
            }
            Err(reply) => {
                means.respond_in_dialog(request, reply);
                State::Talking(self)
            }
        }
    }

    /// Somebody orders the other side of this one to be sent on to a number.
    pub(super) fn ordered(
        self: Box<Self>,
        by: Side,
        number: &str,
        (head, outcome): (&mut Head, &mut Outcome),
        means: &mut Means<'_>,
    ) -> State {
        match self.plan_transfer(by, number, head.privacy, means) {
            Ok(transfer) => {
                *outcome = Outcome::Done;
                self.send_on((by, None), transfer, head, means)
            }
            Err(objection) => {
                *outcome = objection.outcome();
                State::Talking(self)
            }
        }
    }

    /// Whether and where the call can be sent on.
    fn plan_transfer(
        &self,
        by: Side,
        number: &str,
        privacy: Privacy,
        means: &mut Means<'_>,
    ) -> Result<Transfer, Objection> {
        if !self.is_quiet() {
            return Err(Objection::NotNow);
        }
        let (asker, waiting) = (self.leg(by), self.leg(by.other()));
        let org = means.plan.organisation(self.record.org()).ok_or(Objection::Stranger)?;
        let asker = org.account_of(asker.person).ok_or(Objection::Stranger)?;
        if org.is_closed(number, means.wall) {
            return Err(Objection::Closed);
        }
        let facts = Facts { org: org.id(), caller: waiting.person, dialled: number };
        // Whoever sends the call on pays for it where it leaves for the telephone network.
        let payer = Payer::Person(asker.person);
        let decision = means.plan.route_for(&facts, payer, means.wall);
        let goal = Goal::of(decision, (org, waiting.person), means)?;
        if let (Goal::Led(_), None) = (&goal, waiting.streams.voice_line()) {
            return Err(Objection::Media);
        }
        let shown = by.other().shown(privacy);
        let caller = Identity::of(waiting, org, shown).ok_or(Objection::Stranger)?;
        let whose = (org, caller);
        let forking = Forking::new((&self.record, waiting), whose, number, &goal.trail(), means);
        let forking = forking.ok_or(Objection::Media)?.referred_by(&asker.number);
        Ok(Transfer { forking, number: asker.number.clone(), target: number.into(), goal })
    }

    fn send_on(
        self: Box<Self>,
        (by, referral): (Side, Option<Referral>),
        transfer: Transfer,
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        let Transfer { forking, number, target, goal } = transfer;
        if let Goal::Led(decision) = goal {
            let who = forking.into_caller();
            return self.led((by, referral), (&target, who), *decision, head, means);
        }
        let mut transferring = self.wait((by, number), referral, forking, means);
        let destination = match goal {
            Goal::Ring(destination) => destination,
            Goal::Slot(slot) => return State::Transferring(transferring.park(slot, head, means)),
            Goal::Led(_) => return State::Transferring(transferring),
        };
        transferring.begin(&target, Detail::default(), means);
        transferring.report(100, means);
        transferring.forking.ring(destination, &mut transferring.record, head, means);
        transferring.go_on(head, means)
    }

    /// One side sends the other one on, to where devices ring; its own number is where the call would come back to.
    fn wait(
        mut self: Box<Self>,
        (by, number): (Side, Box<str>),
        referral: Option<Referral>,
        forking: Forking,
        means: &mut Means<'_>,
    ) -> Box<Transferring> {
        self.give_up_carried(means);
        let Self { record, caller, callee, is_held, music, .. } = *self;
        let (asker, waiting) = by.of_call(caller, callee);
        let transferor = Transferor {
            person: asker.person,
            participant: asker.participant,
            recording: asker.recording,
            number,
            said: asker.streams.said(),
            referral,
            is_back: false,
            leg: Some(asker),
        };
        let side = by.other();
        Box::new(Transferring {
            record,
            waiting,
            side,
            transferor,
            is_held,
            music,
            forking,
            slot: None,
            media: OwnMedia::default(),
        })
    }
}

/// The transferor's own call to the target rings, and the one who was to hear of it waits for that from now on
/// (`attended`).
pub(super) fn take_over(
    (talking, session): (Box<Talking>, SessionKey),
    ringing: Ringing,
    (head, other_head): (&mut Head, &mut Head),
    referral: Option<Referral>,
    means: &mut Means<'_>,
) -> (State, State) {
    let (Some(by), Some(offer)) = (talking.side_of(session), ringing.offer.clone()) else {
        return (State::Talking(talking), State::Ringing(Box::new(ringing)));
    };
    let Ringing { mut record, caller, invitation, forks, tally, until, .. } = ringing;
    let (call, other) = (talking.record.call(), record.call());
    let number = invitation.caller.number().into();
    let dialled = record.dialled().to_owned();
    let mut go_over = |fork: Leg| fork.go_over(record.facts(), (call, head.next_leg()), means);
    let forks: Vec<Leg> = forks.into_iter().map(&mut go_over).collect();
    let forking = Forking::taken_over(Rung { invitation, offer, forks, tally, until }, call);
    let rung = forking.forks().iter().find(|fork| fork.has_rung).map(|fork| fork.no);
    let mut transferring = talking.wait((by, number), referral, forking, means);
    transferring.begin(&dialled, link(other), means);
    if let Some(no) = rung {
        transferring.rings(no, means);
    }
    let elsewhere = Reason::sip(200, "Call completed elsewhere");
    means.refuse(caller.session, Reply::new(487).reason(&elsewhere));
    other_head.leave(caller, Some(487), means);
    let told = Detail { call: Some(call), ..because(TRANSFERRED) };
    let ended = Detail { sip_status: Some(487), ..told.clone() };
    let ended = end(record, &[EventKind::Canceled], &told, ended, means);
    (State::Transferring(transferring), ended)
}

/// Where a call is sent on to, and as whose.
struct Transfer {
    forking: Forking,
    /// The transferor's own number.
    number: Box<str>,
    /// What it is sent to.
    target: Box<str>,
    goal: Goal,
}

/// What is there.
enum Goal {
    /// Devices that ring.
    Ring(Destination),
    /// A place to wait at.
    Slot(Slot),
    /// A queue, a menu, a mailbox or a conference: the switch itself answers.
    Led(Box<Decision>),
}

impl Goal {
    /// What a decision leads to, if somebody can be had there, or nobody is.
    fn of(
        decision: Decision,
        (org, waiting): (&OrgPlan, PersonKey),
        means: &Means<'_>,
    ) -> Result<Self, Objection> {
        match &decision.route {
            Route::Feature(Feature::Park(slot)) => {
                return means.parking.free(org, *slot).map(Self::Slot).ok_or(Objection::Occupied);
            }
            Route::Queue(queueing) => {
                return match means.turned_away(org.id(), queueing, waiting) {
                    None => Ok(Self::Led(Box::new(decision))),
                    Some(LegResult::Busy) => Err(Objection::Occupied),
                    Some(_) => Err(Objection::Unreachable),
                };
            }
            Route::Menu(_) | Route::Voicemail(_) | Route::Conference(_) => {
                return Ok(Self::Led(Box::new(decision)));
            }
            _ => {}
        }
        let destination = destination(decision)?;
        let ring = &destination.ring;
        let is_there = ring.targets.iter().any(|target| means.registrar.is_reachable(target));
        if is_there || ring.outbound.is_some() {
            Ok(Self::Ring(destination))
        } else {
            Err(Objection::Unreachable)
        }
    }

    fn trail(&self) -> Trail {
        match self {
            Self::Ring(destination) => destination.decision.trail.clone(),
            Self::Led(decision) => decision.trail.clone(),
            Self::Slot(_) => Trail::default(),
        }
    }
}

/// Who rings by this decision.
fn destination(decision: Decision) -> Result<Destination, Objection> {
    match &decision.route {
        // A call that comes back waits for nobody.
        Route::Ring(ring) | Route::Queue(Queueing { ring, .. }) => {
            Ok(Destination { ring: std::sync::Arc::clone(ring), decision })
        }
        Route::Intercom(_)
        | Route::Page(_)
        | Route::Feature(_)
        | Route::Announce(_)
        | Route::Voicemail(_)
        | Route::Menu(_)
        | Route::Conference(_) => Err(Objection::NotATarget),
        Route::Refuse(refusal) => Err(Objection::Refused(*refusal)),
    }
}

impl Transferring {
    pub(super) fn signal(mut self: Box<Self>, head: &mut Head, event: Event, means: &mut Means<'_>) -> State {
        match event {
            Event::Progress { session, status, .. } => self.progress(session, status, means),
            Event::Answered { session, body, .. } => {
                return self.answered(head, (session, body.as_ref()), means);
            }
            Event::Failed { .. } => {
                self.forking.failed(event, &mut self.record, head, means);
                return self.go_on(head, means);
            }
            Event::Ended { session, by, reason, instead } if session == self.waiting.session => {
                return self.given_up(head, (by, reason, instead), means);
            }
            Event::Ended { session, instead, .. } => self.left(session, instead, head, means),
            // Of a device that rings: there is nobody on the other side yet.
            Event::Update { session, .. } if self.forks().iter().any(|fork| fork.session == session) => {
                means.refuse_update(session, Reply::new(504));
            }
            Event::Reinvite { session, body } if self.slot.is_some() => {
                self.asked_in_slot((session, false), body.as_ref(), means);
            }
            Event::Update { session, body } if self.slot.is_some() => {
                self.asked_in_slot((session, true), Some(&body), means);
            }
            Event::Acked { session, body } if session == self.waiting.session => {
                self.media.acked(&mut self.waiting, body.as_ref(), means);
            }
            Event::Reinvite { session, body } => return self.asked(head, (session, false), body, means),
            Event::Update { session, body } => return self.asked(head, (session, true), Some(body), means),
            Event::InDialog { request, .. } => means.respond_in_dialog(request, Reply::new(480)),
            _ => {}
        }
        State::Transferring(self)
    }

    /// The call is sent on now.
    fn begin(&mut self, number: &str, why: Detail, means: &mut Means<'_>) {
        let told = Detail { number: Some(number.to_owned()), ..why };
        self.record.event(EventKind::Transfer, self.transferor.participant, told, means);
        self.play_music(means);
    }

    /// Whoever waits hears music, whether or not it was put on hold before.
    fn play_music(&mut self, means: &mut Means<'_>) {
        let line = self.waiting.streams.listening_line().filter(|_| means.config.hold_music);
        let playing = self.music.of(self.side);
        if let Some(lease) = line.filter(|_| *playing != line) {
            *playing = line;
            self.record.play(lease, MUSIC, means);
        }
    }

    /// Tells the transferor how far it is.
    fn report(&mut self, status: u16, means: &mut Means<'_>) {
        if let (Some(leg), Some(referral)) = (&self.transferor.leg, &self.transferor.referral) {
            referral.report(leg.session, status, means);
        }
    }

    fn progress(&mut self, session: SessionKey, status: u16, means: &mut Means<'_>) {
        if let Some(no) = self.forking.progress(session, status) {
            self.rings(no, means);
        }
    }

    /// The target rings, on the leg with this number.
    fn rings(&mut self, no: u16, means: &mut Means<'_>) {
        let told = Detail { leg: Some(no), ..Detail::default() };
        self.record.event(EventKind::TransferRinging, None, told, means);
        self.report(180, means);
    }

    /// The target takes the call.
    fn answered(
        mut self: Box<Self>,
        head: &mut Head,
        with: (SessionKey, Option<&Body>),
        means: &mut Means<'_>,
    ) -> State {
        match self.forking.answered(with, &mut self.waiting, head, means) {
            // Who rang for the transferor does not know either who it is now.
            Some(fork) => {
                let is_mutual = self.forking.names_another(self.waiting.person);
                self.taken(fork, is_mutual, head, means)
            }
            None => self.go_on(head, means),
        }
    }

    /// Somebody has the call, joined to the one who waits, who is told so, and it too if that is mutual.
    fn taken(
        mut self: Box<Self>,
        mut fork: Leg,
        is_mutual: bool,
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        let known = self.transferor.participant.filter(|_| fork.person == self.transferor.person);
        let participant = known.unwrap_or_else(|| join_as_recipient(&mut self.record, fork.person, means));
        fork.participant = Some(participant);
        let told = Detail { leg: Some(fork.no), ..Detail::default() };
        self.record.event(EventKind::TransferAnswered, Some(participant), told, means);
        self.report(200, means);
        if let Some(leg) = self.transferor.leg.take() {
            head.hang_up(leg, None, means);
        }
        // Nobody has put the call on hold any more but the one who waited, perhaps.
        let mut is_held = self.is_held;
        is_held.set(self.side.other(), false);
        let side = self.side;
        let mut talking = self.talk_to(fork, is_held);
        talking.introduce(side, Met { privacy: head.privacy, is_mutual }, means);
        talking.play_music(means);
        State::Talking(talking)
    }

    /// The one who waits, and somebody in place of the transferor.
    fn talk_to(self: Box<Self>, other: Leg, is_held: Held) -> Box<Talking> {
        let Self { record, waiting, side, music, .. } = *self;
        let (caller, callee) = side.of_call(waiting, other);
        Box::new(Talking { is_held, music, ..Talking::begin(record, caller, callee) })
    }

    fn go_on(self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        match self.forking.outcome() {
            None => State::Transferring(self),
            Some(came_to) => self.come_to(head, came_to, means),
        }
    }

    /// The ring timeout is over (H-052).
    pub(crate) fn timed_out(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        self.forking.silence(head, None, means);
        self.come_to(head, (LegResult::NoAnswer, Words::default()), means)
    }

    /// Nobody took it: the transferor has it again.
    fn come_to(
        mut self: Box<Self>,
        head: &mut Head,
        (result, words): (LegResult, Words),
        means: &mut Means<'_>,
    ) -> State {
        let told = Detail { sip_status: words.status, ..because(result.reason()) };
        self.record.event(result.of_transfer(), None, told, means);
        self.report(result.caller_status(), means);
        match self.transferor.leg.take() {
            Some(leg) => State::Talking(self.as_before(leg, means)),
            None if self.transferor.is_back && self.slot.is_some() => self.parked_again(head, means),
            None if self.transferor.is_back => self.end(head, "transfer_failed", means),
            None => self.bring_back(head, means),
        }
    }

    /// The two talk, or hold, as they did.
    fn as_before(self: Box<Self>, transferor: Leg, means: &mut Means<'_>) -> Box<Talking> {
        let is_held = self.is_held;
        let mut talking = self.talk_to(transferor, is_held);
        talking.play_music(means);
        talking
    }

    /// Rings whoever has sent the call on and has hung up.
    fn bring_back(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        self.transferor.is_back = true;
        let org = means.plan.organisation(self.record.org());
        let caller = org.and_then(|org| Identity::of(&self.waiting, org, self.side.shown(head.privacy)));
        caller.into_iter().for_each(|caller| self.forking.name(caller, &self.waiting));
        let number = self.transferor.number.to_string();
        let decision = self.forking.route(&number, means);
        self.begin(&number, because("returned"), means);
        self.forking.ring_anew(destination(decision).ok(), &mut self.record, head, means);
        for fork in self.forking.forks_mut() {
            fork.recording = self.transferor.recording;
        }
        self.go_on(head, means)
    }

    /// A side asks for other media. A refresh is answered; the transferor, if it wants to be heard, takes the call back.
    fn asked(
        mut self: Box<Self>,
        head: &mut Head,
        (session, is_update): (SessionKey, bool),
        body: Option<Body>,
        means: &mut Means<'_>,
    ) -> State {
        let transferor = self.transferor.leg.as_mut().filter(|leg| leg.session == session);
        let is_transferor = transferor.is_some();
        let (other, asker) = match transferor {
            Some(leg) => (self.waiting.streams.said(), leg),
            None => (self.transferor.said.clone(), &mut self.waiting),
        };
        let offer = asker.streams.said_in(body.as_ref(), means);
        let answer =
            offer.as_ref().zip(other).and_then(|(offer, other)| refreshed(asker, &other, offer, means));
        match (answer, is_update) {
            (Some(answer), true) => means.answer_update(session, answer),
            (Some(answer), false) => means.answer_reinvite(session, Some(answer)),
            (None, _) if is_transferor && offer.is_some_and(|offer| !offer.is_held()) => {
                let event = match (is_update, body) {
                    (true, Some(body)) => Event::Update { session, body },
                    (_, body) => Event::Reinvite { session, body },
                };
                return self.taken_back(head, event, means);
            }
            (None, true) => means.refuse_update(session, Reply::new(491)),
            (None, false) => means.refuse_reinvite(session, Reply::new(491)),
        }
        State::Transferring(self)
    }

    /// The transferor has thought better of it.
    fn taken_back(mut self: Box<Self>, head: &mut Head, event: Event, means: &mut Means<'_>) -> State {
        self.forking.silence(head, None, means);
        self.record.event(EventKind::TransferCanceled, self.transferor.participant, Detail::default(), means);
        self.report(487, means);
        let Some(leg) = self.transferor.leg.take() else { return State::Transferring(self) };
        self.as_before(leg, means).signal(head, event, means)
    }

    /// The transferor has hung up; the call goes on.
    fn left(&mut self, session: SessionKey, instead: Option<u16>, head: &mut Head, means: &mut Means<'_>) {
        if let Some(leg) = self.transferor.leg.take_if(|leg| leg.session == session) {
            head.leave(leg, instead, means);
        }
    }

    /// Whoever waits waits no longer.
    fn given_up(
        mut self: Box<Self>,
        head: &mut Head,
        (by, reason, instead): (EndedBy, Option<Reason>, Option<u16>),
        means: &mut Means<'_>,
    ) -> State {
        self.forking.silence(head, reason.as_ref(), means);
        self.record.event(EventKind::TransferCanceled, self.waiting.participant, Detail::default(), means);
        self.report(487, means);
        let ended = Detail { sip_status: instead, ..because(who_ended(by, self.side)) };
        let Self { record, waiting, transferor, .. } = *self;
        head.leave(waiting, instead, means);
        if let Some(leg) = transferor.leg {
            head.hang_up(leg, reason, means);
        }
        end(record, &[], &Detail::default(), ended, means)
    }

    /// The operator ends it.
    pub(crate) fn hang_up(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        self.forking.silence(head, None, means);
        self.record.event(EventKind::TransferCanceled, None, because("operator"), means);
        self.report(487, means);
        self.end(head, "operator", means)
    }

    fn end(self: Box<Self>, head: &mut Head, reason: &str, means: &mut Means<'_>) -> State {
        let Self { record, waiting, transferor, .. } = *self;
        for leg in [Some(waiting), transferor.leg].into_iter().flatten() {
            head.hang_up(leg, None, means);
        }
        end(record, &[], &Detail::default(), because(reason), means)
    }

    pub(super) fn until(&self) -> Moment {
        self.forking.until()
    }

    /// Whether this is the side that waits.
    pub(super) fn waits(&self, side: Side) -> bool {
        self.side == side
    }

    /// Who is on a side, as long as anybody is.
    pub(super) fn on(&self, side: Side) -> Option<&Leg> {
        if self.waits(side) { Some(&self.waiting) } else { self.transferor.leg.as_ref() }
    }

    /// The two sides as long as anybody is there, each with whether it holds.
    pub(super) fn sides(&self) -> impl Iterator<Item = (Side, &Leg, bool)> {
        let sides = [Side::Caller, Side::Callee].into_iter();
        sides.filter_map(|side| Some((side, self.on(side)?, self.is_held.by(side))))
    }

    /// Devices that are asked.
    pub(super) fn forks(&self) -> &[Leg] {
        self.forking.forks()
    }

    pub(super) fn legs(&self) -> Vec<&Leg> {
        std::iter::once(&self.waiting).chain(&self.transferor.leg).chain(self.forking.forks()).collect()
    }

    pub(super) fn legs_mut(&mut self) -> Vec<&mut Leg> {
        std::iter::once(&mut self.waiting)
            .chain(&mut self.transferor.leg)
            .chain(self.forking.forks_mut())
            .collect()
    }
}
