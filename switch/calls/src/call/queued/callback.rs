//! A caller of a queue who has hung up with its place kept, and is called back when it is its turn (decision 0048).
//!
//! ```text
//! Queued ── presses 1 ──▶ Waiting ── somebody is free ──▶ Asking ── answers ──▶ Calling ── the caller answers ──▶ Talking
//!                            │ ▲                            │                     │
//!                            │ └───────── not taken ────────┴── does not, rests ──┘
//!                            └── the time is up, it was called in vain often enough, or has been served otherwise ──▶ Over
//! ```
//!
//! A number has one such call in one queue. Nobody is asked while the caller could not be called: that is a try in vain, too.
//!
//! It is the same call with the same record; for the queue its caller waits as before. Whoever of the queue takes it is put
//! through to the number that the caller was known by when it came: inside its own phones, outside the number that the trunk has shown, by a route
//! and on the budget of the queue's extension. Nothing that a caller presses becomes a number.

use std::{sync::Arc, time::Duration};

use contract::{
    id::{CallId, TrunkId},
    journal::{Detail, EventKind},
};
use dialplan::{Facts, Host, OrgPlan, Payer, Queue, Refusal, Ring, Route, Trail};
use serde::{Deserialize, Serialize};
use sip::{Body, Event, Reply, SessionKey};

use super::{Place, Queued, RING_BACK, Stage as QueuedStage, Taken};
use crate::{
    call::{
        Toll,
        events::{Record, because},
        feature::explain::EXPLANATION_MAX,
        forking::Forking,
        identity::{Identity, Privacy},
        leg::Leg,
        line::OwnMedia,
        outcome::LegResult,
        state::{Head, Held, Music, Side, State, Talking, end, join_as_recipient},
    },
    clock::Moment,
    means::Means,
    output::Notice,
    queues::{AgentKey, CallerKey, Standing, Waits},
};

/// How often a caller is called back who does not answer.
const CALLBACK_TRIES_MAX: u8 = 3;
/// How long it is left alone after that.
const CALLBACK_REST: Duration = Duration::from_secs(120);
/// The word in the record.
const CALLBACK: &str = "callback";

/// A caller who is called back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Callback {
    pub(in crate::call) record: Record,
    /// The caller as it came.
    who: Identity,
    /// Its number among the participants.
    participant: Option<u16>,
    place: Place,
    /// How it came, by rules.
    trail: Trail,
    /// Calls to it that came to nothing, or could not be made.
    tries: u8,
    stage: Stage,
}

#[derive(Debug, Serialize, Deserialize)]
enum Stage {
    /// Nobody rings; nobody is asked before that, if it is set.
    Waiting { rests_until: Option<Moment> },
    /// People of the queue ring.
    Asking(Box<Forking>),
    /// One of them waits while the caller's own phone rings.
    Calling(Box<Calling>),
}

#[derive(Debug, Serialize, Deserialize)]
struct Calling {
    agent: Leg,
    media: OwnMedia,
    is_held: bool,
    forking: Forking,
}

impl Stage {
    fn forking(&self) -> Option<&Forking> {
        match self {
            Self::Waiting { .. } => None,
            Self::Asking(forking) => Some(forking),
            Self::Calling(calling) => Some(&calling.forking),
        }
    }

    fn forking_mut(&mut self) -> Option<&mut Forking> {
        match self {
            Self::Waiting { .. } => None,
            Self::Asking(forking) => Some(forking),
            Self::Calling(calling) => Some(&mut calling.forking),
        }
    }
}

/// By what a caller can be called back, by the plan; else why it cannot be.
fn way(who: &Identity, org: &OrgPlan, queue: &Queue, means: &Means<'_>) -> Result<Arc<Ring>, LegResult> {
    let (Some(number), Host::Extension(extension)) = (who.shown_number(), queue.ring.host) else {
        return Err(LegResult::Unreachable);
    };
    if !who.is_outside() {
        // Whoever answers the queue would be asked for their own call.
        let is_agent = org.is_of(who.person, extension);
        return org.own_phones(number).filter(|_| !is_agent).cloned().ok_or(LegResult::Unreachable);
    }
    if !number.starts_with('+') {
        return Err(LegResult::Unreachable);
    }
    let facts = Facts { org: org.id(), caller: who.person, dialled: number };
    match means.plan.route_for(&facts, Payer::Extension(extension), means.wall).route {
        Route::Ring(ring) => {
            let payer = ring.outbound.as_ref().and_then(|outbound| outbound.payer);
            Some(ring).filter(|_| payer == Some(Payer::Extension(extension))).ok_or(LegResult::Unreachable)
        }
        Route::Refuse(Refusal::Barred(why)) => Err(LegResult::Barred(why)),
        _ => Err(LegResult::Unreachable),
    }
}

/// The same by what is there now, and by what was used of the budget.
fn open_way(
    who: &Identity,
    (org, queue): (&OrgPlan, &Queue),
    call: CallId,
    means: &mut Means<'_>,
) -> Result<Arc<Ring>, LegResult> {
    let ring = way(who, org, queue, means)?;
    match ring.outbound.as_ref().and_then(|outbound| Toll::of(outbound)) {
        Some(toll) => means.allows_outside((org.id(), toll), call).map_err(LegResult::Barred)?,
        None if ring.targets.iter().any(|target| means.registrar.is_reachable(target)) => {}
        None => return Err(LegResult::Unreachable),
    }
    Ok(ring)
}

/// Whether none of the trunks that lead there has a channel free.
fn is_congested(ring: &Ring, org: &OrgPlan, means: &Means<'_>) -> bool {
    let is_full = |id: &TrunkId| org.trunk(*id).is_none_or(|trunk| means.is_full(trunk, 0));
    ring.outbound.as_ref().is_some_and(|outbound| outbound.trunks.iter().all(is_full))
}

impl Queued {
    /// Whether its caller may hang up and be called back: it can be, and is not promised already that it will be.
    pub(super) fn may_be_called_back(&self, means: &mut Means<'_>) -> bool {
        let plan = means.plan;
        let Some(org) = plan.organisation(self.line.record.org()) else { return false };
        let queue = self.place.as_ref().and_then(|place| org.queue(place.queue));
        let Some(queue) = queue.filter(|queue| queue.has_callback) else { return false };
        let key = self.who.shown_number().map(|number| CallerKey { queue: queue.id, number: number.into() });
        let is_caller = self.line.side == Side::Caller && !self.line.record.is_answered();
        is_caller
            && key.is_some_and(|key| !means.queues.is_promised(&key))
            && open_way(&self.who, (org, queue), self.line.record.call(), means).is_ok()
    }

    /// Its caller wants to be called back, and hears that it will be.
    pub(super) fn promise(mut self: Box<Self>, means: &mut Means<'_>) -> State {
        let place = self.place.as_ref().and_then(|place| place.told).unwrap_or_default();
        let told = (self.line.caller.participant, because(CALLBACK));
        self.line.record.placed_for(EventKind::QueueUpdated, place, told, means);
        self.stage = QueuedStage::Promising { until: means.after(EXPLANATION_MAX) };
        self.say(&["queue-callback-kept"], means);
        State::Queued(self)
    }

    /// It has heard so and is let go, or has hung up by itself, with this status: its place is kept.
    pub(super) fn keep_place(
        mut self: Box<Self>,
        left: Option<Option<u16>>,
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        let Some(place) = self.place.take() else { return self.line.hang_up(head, CALLBACK, means) };
        let Self { line, who, trail, .. } = *self;
        let participant = line.caller.participant;
        match left {
            Some(status) => head.leave(line.caller, status, means),
            None => head.hang_up(line.caller, None, means),
        }
        let (record, stage) = (line.record, Stage::Waiting { rests_until: None });
        State::Callback(Box::new(Callback { record, who, participant, place, trail, tries: 0, stage }))
    }
}

impl Callback {
    pub(in crate::call) fn signal(
        mut self: Box<Self>,
        head: &mut Head,
        event: Event,
        means: &mut Means<'_>,
    ) -> State {
        match event {
            Event::Progress { session, status, .. } => self.progress(session, status, means),
            Event::Answered { session, body, .. } => {
                return self.answered(head, (session, body.as_ref()), means);
            }
            Event::Failed { .. } => {
                if let Some(forking) = self.stage.forking_mut() {
                    forking.failed(event, &mut self.record, head, means);
                }
                return self.go_on(head, means);
            }
            Event::Ended { session, instead, .. } if self.is_agent(session) => {
                return self.agent_left(instead, head, means);
            }
            Event::Reinvite { session, body } if self.is_agent(session) => {
                self.asked((session, false), body.as_ref(), means);
            }
            Event::Update { session, body } if self.is_agent(session) => {
                self.asked((session, true), Some(&body), means);
            }
            Event::Acked { session, body } if self.is_agent(session) => {
                if let Stage::Calling(calling) = &mut self.stage {
                    calling.media.acked(&mut calling.agent, body.as_ref(), means);
                }
            }
            Event::Update { session, .. } => means.refuse_update(session, Reply::new(504)),
            Event::InDialog { request, .. } => means.respond_in_dialog(request, Reply::new(480)),
            _ => {}
        }
        State::Callback(self)
    }

    fn is_agent(&self, session: SessionKey) -> bool {
        self.agent().is_some_and(|agent| agent.session == session)
    }

    /// Whoever of the queue waits for the caller to answer.
    pub(in crate::call) fn agent(&self) -> Option<&Leg> {
        match &self.stage {
            Stage::Calling(calling) => Some(&calling.agent),
            Stage::Waiting { .. } | Stage::Asking(_) => None,
        }
    }

    fn asked(&mut self, asked: (SessionKey, bool), body: Option<&Body>, means: &mut Means<'_>) {
        let Stage::Calling(calling) = &mut self.stage else { return };
        let holds = calling.media.asked(&mut calling.agent, asked, body, means);
        if let Some(holds) = holds.filter(|holds| *holds != calling.is_held) {
            calling.is_held = holds;
            let whose = (calling.agent.no, calling.agent.participant);
            self.record.hold(holds, whose, means);
        }
    }

    /// People of the queue are to ring for it.
    pub(super) fn ask(mut self: Box<Self>, ring: &Ring, head: &mut Head, means: &mut Means<'_>) -> State {
        let (Stage::Waiting { rests_until: None }, Some(org)) =
            (&self.stage, means.plan.organisation(self.record.org()))
        else {
            return State::Callback(self);
        };
        if let Err(result) = self.can_be_made(org, means) {
            if let LegResult::Barred(why) = result {
                means.notice(Notice::OutsideBarred { org: org.id(), why });
            }
            return self.not_there(result, means);
        }
        let forking = Forking::alone(&self.record, (org, self.who.clone()), &ring.number, false, means);
        let Some(forking) = forking else { return State::Callback(self) };
        let mut forking = forking.unfollowed();
        forking.ask(ring, head, means);
        self.stage = Stage::Asking(Box::new(forking));
        self.go_on(head, means)
    }

    /// Whether its caller can be called now, as far as anybody knows before it is.
    fn can_be_made(&self, org: &OrgPlan, means: &mut Means<'_>) -> Result<(), LegResult> {
        let queue = org.queue(self.place.queue).ok_or(LegResult::Unreachable)?;
        let ring = open_way(&self.who, (org, queue), self.record.call(), means)?;
        if is_congested(&ring, org, means) { Err(LegResult::Congested) } else { Ok(()) }
    }

    /// It has this place in its queue.
    pub(super) fn moved(&mut self, place: u16, means: &mut Means<'_>) {
        self.place.told = Some(place);
        self.record.placed(EventKind::QueueUpdated, place, means);
    }

    fn progress(&mut self, session: SessionKey, status: u16, means: &mut Means<'_>) {
        let Some(no) = self.stage.forking_mut().and_then(|forking| forking.progress(session, status)) else {
            return;
        };
        if let Stage::Asking(_) = self.stage {
            let is_forwarded = !self.trail.path().is_empty();
            let kind = if is_forwarded { EventKind::ForwardRinging } else { EventKind::Ringing };
            self.record.event(kind, None, Detail { leg: Some(no), ..Detail::default() }, means);
        }
    }

    fn answered(
        mut self: Box<Self>,
        head: &mut Head,
        with: (SessionKey, Option<&Body>),
        means: &mut Means<'_>,
    ) -> State {
        let (agent, caller) = match &mut self.stage {
            Stage::Waiting { .. } => (None, None),
            Stage::Asking(forking) => (forking.won(with, head, means), None),
            Stage::Calling(calling) => {
                (None, calling.forking.answered(with, &mut calling.agent, head, means))
            }
        };
        match (agent, caller) {
            (Some(agent), _) => self.call(agent, head, means),
            (None, Some(caller)) => self.put_through(caller, head, means),
            (None, None) => self.go_on(head, means),
        }
    }

    /// Somebody of the queue is there: the caller is called.
    fn call(mut self: Box<Self>, mut agent: Leg, head: &mut Head, means: &mut Means<'_>) -> State {
        self.stage = Stage::Waiting { rests_until: None };
        let participant = join_as_recipient(&mut self.record, agent.person, means);
        agent.participant = Some(participant);
        let told =
            Detail { leg: Some(agent.no), number: Some(self.who.number().to_owned()), ..because(CALLBACK) };
        self.record.event(EventKind::DialAttempt, Some(participant), told, means);
        let Some(forking) = self.calling(&agent, head, means) else {
            head.hang_up(agent, None, means);
            return self.not_there(LegResult::Unreachable, means);
        };
        if let Some(lease) = agent.streams.voice_line() {
            self.record.play(lease, RING_BACK, means);
        }
        let media = OwnMedia::default();
        self.stage = Stage::Calling(Box::new(Calling { agent, media, is_held: false, forking }));
        self.go_on(head, means)
    }

    /// The caller's own phone rings, in the name of the queue's extension.
    fn calling(&self, agent: &Leg, head: &mut Head, means: &mut Means<'_>) -> Option<Forking> {
        let org = means.plan.organisation(self.record.org())?;
        let queue = org.queue(self.place.queue)?;
        let ring = way(&self.who, org, queue, means).ok()?;
        let (number, name) = (&queue.ring.number, &queue.ring.name);
        let as_whom = Identity::outside(agent.person, (number, name), org, Privacy::Open);
        let whose = (org, as_whom);
        let mut forking =
            Forking::new((&self.record, agent), whose, self.who.number(), &Trail::default(), means)?.own();
        forking.ask(&ring, head, means);
        Some(forking)
    }

    /// The caller is there: the two talk, as if it had waited.
    fn put_through(mut self: Box<Self>, mut caller: Leg, head: &mut Head, means: &mut Means<'_>) -> State {
        let stage = std::mem::replace(&mut self.stage, Stage::Waiting { rests_until: None });
        let Stage::Calling(calling) = stage else { return State::Callback(self) };
        let Calling { agent, is_held, .. } = *calling;
        caller.participant = self.participant;
        caller.recording = None;
        let told = Detail { leg: Some(agent.no), ..because(CALLBACK) };
        if !self.trail.path().is_empty() {
            self.record.event(EventKind::ForwardAnswered, agent.participant, told.clone(), means);
        }
        self.record.answered(agent.participant, told, means);
        let key = AgentKey { org: self.record.org(), person: agent.person };
        head.taken = Some(Taken { queue: self.place.queue, agent: key, since: means.moment() });
        let mut music = Music::default();
        *music.of(Side::Callee) = agent.streams.voice_line();
        let mut held = Held::default();
        held.set(Side::Callee, is_held);
        let talking = Talking::begin(self.record, caller, agent);
        let mut talking = Box::new(Talking { is_held: held, music, ..talking });
        talking.owe(Side::Callee, means);
        talking.play_music(means);
        State::Talking(talking)
    }

    /// Nobody rings any more, perhaps.
    fn go_on(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        let Some((result, _)) = self.stage.forking().and_then(Forking::outcome) else {
            return State::Callback(self);
        };
        if self.agent().is_some() {
            self.let_agent_go(head, means);
            return self.not_there(result, means);
        }
        self.stage = Stage::Waiting { rests_until: None };
        State::Callback(self)
    }
}

impl Callback {
    /// Whoever waits for the caller waits no longer.
    fn let_agent_go(&mut self, head: &mut Head, means: &mut Means<'_>) {
        if !matches!(self.stage, Stage::Calling(_)) {
            return;
        }
        let resting = Stage::Waiting { rests_until: None };
        if let Stage::Calling(calling) = std::mem::replace(&mut self.stage, resting) {
            head.hang_up(calling.agent, None, means);
        }
    }

    /// The caller has not taken the call, or could not be called: again later, or not at all.
    fn not_there(mut self: Box<Self>, result: LegResult, means: &mut Means<'_>) -> State {
        self.tries = self.tries.saturating_add(1);
        if result != LegResult::Declined && self.tries < CALLBACK_TRIES_MAX {
            self.stage = Stage::Waiting { rests_until: Some(means.after(CALLBACK_REST)) };
            return State::Callback(self);
        }
        let (kind, word) = match result {
            LegResult::Declined => (EventKind::Canceled, "callback_declined"),
            LegResult::NoAnswer | LegResult::Busy | LegResult::DoNotDisturb => {
                (EventKind::Canceled, "callback_no_answer")
            }
            LegResult::Unreachable => (EventKind::Failed, "callback_unreachable"),
            _ => (EventKind::Failed, result.reason()),
        };
        end(self.record, &[kind], &because(word), because(word), means)
    }

    /// Whoever was to talk to the caller has hung up before it has answered.
    fn agent_left(
        mut self: Box<Self>,
        instead: Option<u16>,
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        let rests = Stage::Waiting { rests_until: Some(means.after(CALLBACK_REST)) };
        if let Stage::Calling(calling) = std::mem::replace(&mut self.stage, rests) {
            let Calling { agent, mut forking, .. } = *calling;
            forking.silence(head, None, means);
            head.leave(agent, instead, means);
        }
        State::Callback(self)
    }

    /// It has been as it is for as long as it may.
    pub(in crate::call) fn timed_out(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        if let Some(forking) = self.stage.forking_mut() {
            forking.silence(head, None, means);
        }
        match &self.stage {
            Stage::Asking(_) => {
                self.stage = Stage::Waiting { rests_until: None };
                State::Callback(self)
            }
            Stage::Calling(_) => {
                self.let_agent_go(head, means);
                self.not_there(LegResult::NoAnswer, means)
            }
            Stage::Waiting { .. } if self.place.until <= means.moment() => {
                let told = because("callback_lapsed");
                end(self.record, &[EventKind::Timeout, EventKind::Missed], &told.clone(), told, means)
            }
            Stage::Waiting { .. } => {
                self.stage = Stage::Waiting { rests_until: None };
                State::Callback(self)
            }
        }
    }

    /// It is ended for this reason.
    pub(in crate::call) fn hang_up(
        mut self: Box<Self>,
        reason: &str,
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        if let Some(forking) = self.stage.forking_mut() {
            forking.silence(head, None, means);
        }
        self.let_agent_go(head, means);
        let told = because(reason);
        end(self.record, &[EventKind::Canceled], &told.clone(), told, means)
    }

    pub(in crate::call) fn until(&self) -> Moment {
        match &self.stage {
            Stage::Waiting { rests_until } => rests_until.unwrap_or(self.place.until).min(self.place.until),
            Stage::Asking(forking) => forking.until(),
            Stage::Calling(calling) => calling.forking.until(),
        }
    }

    /// What queues are to know of it.
    pub(super) fn standing(&self) -> Option<Standing> {
        let is_ready = match &self.stage {
            Stage::Waiting { rests_until } => rests_until.is_none(),
            Stage::Asking(_) => true,
            Stage::Calling(_) => {
                let number = self.who.shown_number()?.into();
                return Some(Standing::CallsBack(CallerKey { queue: self.place.queue, number }));
            }
        };
        let waits = self.place.waits((self.record.org(), &self.who), self.forks());
        Some(Standing::Waits(Waits { is_ready, is_promised: true, ..waits }))
    }

    /// Devices that ring.
    pub(in crate::call) fn forks(&self) -> &[Leg] {
        self.stage.forking().map(Forking::forks).unwrap_or_default()
    }

    /// Whoever waits for the caller, and devices that ring.
    pub(in crate::call) fn legs(&self) -> Vec<&Leg> {
        self.agent().into_iter().chain(self.forks()).collect()
    }

    pub(in crate::call) fn legs_mut(&mut self) -> Vec<&mut Leg> {
        match &mut self.stage {
            Stage::Waiting { .. } => Vec::new(),
            Stage::Asking(forking) => forking.forks_mut().iter_mut().collect(),
            Stage::Calling(calling) => {
                let Calling { agent, forking, .. } = &mut **calling;
                std::iter::once(agent).chain(forking.forks_mut()).collect()
            }
        }
    }
}
