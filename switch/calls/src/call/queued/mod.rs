//! A caller who waits in a queue for one of its people (H-065, HX-13; decision 0033).
//!
//! ```text
//! Answering ── ACK ──▶ Telling ── the notice is heard ──▶ Waiting ◀── not taken ── Asking ── answered ──▶ Talking
//!                                                            ├── the time is up, nobody is there ──▶ SentOn ──▶ Talking
//!                                                            ├──────────── no rule ────────────────▶ Parting ──▶ Over
//!                                                            └── presses 1 ──▶ Promising ── hangs up, or has heard it ──▶ Callback
//! ```
//!
//! The caller is answered when it comes, hears its place and music, and its phone is offered what the one who takes the call
//! says. Who is asked and which place the caller has is decided outside (`crate::queues`), by what [`Call::standing`] says.
//! Where the call goes when its time is up stands in `leaving`; there it may have to hear first that it will be recorded.

mod callback;
mod leaving;
mod wait;

pub(super) use callback::Callback;
pub(super) use leaving::{Arriving, Stand, lead, sound_of, stand_in};

use contract::{
    command::Outcome,
    id::QueueId,
    journal::{Detail, EventKind},
    language::Language,
};
use dialplan::{Host, Queueing, Ring, Trail};
use serde::{Deserialize, Serialize};
use sip::{Body, Event, Provisional, Reason, Reply, SessionKey};
use streams::{keys::Key, media::LeaseId, sdp::Description};

use super::{
    Call,
    entrant::meet,
    events::{Record, because, refused},
    feature::menu::Visit,
    forking::Forking,
    hold::MUSIC,
    identity::Identity,
    invitation::recording_of,
    leg::Leg,
    line::Line,
    pressed::Way,
    signalling::status_of,
    state::{Head, Held, Met, Music, State, Talking, end, join_as_recipient},
};
use crate::{
    clock::Moment,
    means::Means,
    queues::{AgentKey, Standing, Waits},
};

/// What the caller hears while the first one who is asked rings.
const RING_BACK: &str = "tone/ringing";

/// What a caller presses who wants to be called back, as it is said.
const CALLBACK_KEY: char = '1';

/// A caller who waits.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Queued {
    pub(super) line: Line,
    who: Identity,
    /// `None`: it has come from a menu or was sent on by hand, to be sent on at once.
    place: Option<Place>,
    /// The menu that it has come from.
    visit: Option<Box<Visit>>,
    /// How it came here, by rules.
    trail: Trail,
    stage: Stage,
    hears: Hears,
    language: Language,
    /// `ringing` is written.
    has_rung: bool,
    /// It has been told that it may hang up and be called back.
    is_offered: bool,
}

/// A place in a queue.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Place {
    queue: QueueId,
    priority: u16,
    since: Moment,
    /// What the caller was told last of it.
    told: Option<u16>,
    /// `queued` is written.
    is_queued: bool,
    /// When it is said again.
    again: Option<Moment>,
    /// When it is looked at whether anybody is there.
    look: Moment,
    /// When the caller has waited long enough.
    until: Moment,
}

/// How far it is.
#[derive(Debug, Serialize, Deserialize)]
enum Stage {
    /// The caller has a 2xx and has not acknowledged it.
    Answering { is_ack_missing: bool, until: Moment },
    /// It hears that it will be recorded; then these ring, or it waits.
    Telling { until: Moment, ring: Option<Box<Ring>> },
    /// Nobody rings.
    Waiting,
    /// It hears that it will be called back, and is let go (`callback`).
    Promising { until: Moment },
    /// People of the queue ring.
    Asking(Box<Forking>),
    /// A rule has sent it on.
    SentOn(Box<Forking>),
    /// It hears why nobody takes it, and is let go.
    Parting { until: Moment },
}

/// What is played to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Hears {
    Nothing,
    Words,
    Music,
    RingBack,
}

/// Somebody of a queue has taken a call.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Taken {
    queue: QueueId,
    agent: AgentKey,
    since: Moment,
}

/// A caller who comes to a queue.
pub(super) struct Coming<'a> {
    pub(super) who: &'a Identity,
    pub(super) queueing: &'a Queueing,
    pub(super) trail: Trail,
    /// It knows that somebody rings.
    pub(super) has_rung: bool,
}

/// Answers a caller, and lets it wait. `offer` is the caller's, whose ports are open; `told` what it was answered early.
pub(super) fn open(
    coming: Coming<'_>,
    on_line: (Record, Leg),
    (offer, told): (Option<Description>, Option<Body>),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let Coming { who, queueing, trail, has_rung } = coming;
    if !has_rung {
        // What the caller's phone shows until it has the answer (HX-13).
        means.ring(on_line.1.session, Provisional::new(180));
    }
    let line = match Line::answer(on_line, (offer, told), head, means) {
        Ok(line) => line,
        Err(refused) => return refused,
    };
    let language = means.language(line.record.org());
    let until = means.after(means.config.timeouts.connecting);
    State::Queued(Box::new(Queued {
        line,
        who: who.clone(),
        place: Some(Place::new(queueing, means)),
        visit: None,
        trail,
        stage: Stage::Answering { is_ack_missing: false, until },
        hears: Hears::Nothing,
        language,
        has_rung,
        is_offered: false,
    }))
}

impl Queued {
    pub(super) fn signal(mut self: Box<Self>, head: &mut Head, event: Event, means: &mut Means<'_>) -> State {
        let is_caller = |session: SessionKey| session == self.line.caller.session;
        match event {
            Event::Acked { session, body } if is_caller(session) => {
                return self.acked(head, body.as_ref(), means);
            }
            Event::AckMissing { .. } => {
                if let Stage::Answering { is_ack_missing, .. } = &mut self.stage {
                    *is_ack_missing = true;
                }
            }
            Event::Canceled { session, .. } if is_caller(session) => return self.given_up(head, 487, means),
            Event::Lapsed { session, why } if is_caller(session) => {
                return self.given_up(head, status_of(why), means);
            }
            Event::Reinvite { session, body } if is_caller(session) => {
                self.asked_by_caller((session, false), body.as_ref(), means);
            }
            Event::Update { session, body } if is_caller(session) => {
                self.asked_by_caller((session, true), Some(&body), means);
            }
            // Of a device that rings: there is nobody on the other side yet.
            Event::Update { session, .. } => means.refuse_update(session, Reply::new(504)),
            Event::InDialog { session, request, message } if is_caller(session) => {
                if let Some((lease, key)) = self.line.requested(request, &message, means) {
                    return self.key((lease, Way::Info), key, means);
                }
            }
            Event::InDialog { request, .. } => means.respond_in_dialog(request, Reply::new(480)),
            Event::Progress { session, status, .. } => self.progress(session, status, means),
            Event::Answered { session, body, .. } => {
                return self.answered(head, (session, body.as_ref()), means);
            }
            Event::Failed { .. } => {
                if let Some(forking) = self.stage.forking_mut() {
                    forking.failed(event, &mut self.line.record, head, means);
                }
                return self.go_on(head, means);
            }
            Event::Ended { session, by, reason, instead } if is_caller(session) => {
                return self.left(head, (by, reason, instead), means);
            }
            _ => {}
        }
        State::Queued(self)
    }

    /// The caller has pressed a key: the first may be its wish to be called back, others lead to nothing.
    pub(super) fn key(
        mut self: Box<Self>,
        (lease, way): (LeaseId, Way),
        key: Key,
        means: &mut Means<'_>,
    ) -> State {
        let is_its = self.line.caller.streams.voice_line() == Some(lease);
        let is_wish = is_its && self.is_offered && Key::of_sign(CALLBACK_KEY) == Some(key);
        if is_wish
            && matches!(self.stage, Stage::Waiting)
            && self.line.tells(way)
            && self.may_be_called_back(means)
        {
            return self.promise(means);
        }
        State::Queued(self)
    }

    /// The caller is there: it is told that it will be recorded, if it is to be, and waits.
    fn acked(mut self: Box<Self>, head: &mut Head, body: Option<&Body>, means: &mut Means<'_>) -> State {
        self.line.acked(body, means);
        if !matches!(self.stage, Stage::Answering { .. }) {
            return State::Queued(self);
        }
        if self.line.caller.streams.voice_line().is_none() {
            return self.line.unheard(head, means);
        }
        self.go_to(None, head, means)
    }

    /// These ring for it now, or it waits; first it is told that it will be recorded, if it is to be and has not been.
    fn go_to(mut self: Box<Self>, ring: Option<Box<Ring>>, head: &mut Head, means: &mut Means<'_>) -> State {
        let org = means.plan.organisation(self.line.record.org());
        let said = org.and_then(|org| org.recording_at(&self.trail));
        if head.recording.notice(said).is_none() {
            return self.told(ring, head, means);
        }
        self.say(&[super::announce::WORDS], means);
        self.stage = Stage::Telling { until: means.after(super::announce::NOTICE_MAX), ring };
        State::Queued(self)
    }

    /// There is nothing more that it has to hear first.
    fn told(mut self: Box<Self>, ring: Option<Box<Ring>>, head: &mut Head, means: &mut Means<'_>) -> State {
        self.stage = Stage::Waiting;
        match ring {
            Some(ring) => self.ring(&ring, head, means),
            None => State::Queued(self),
        }
    }

    fn asked_by_caller(&mut self, asked: (SessionKey, bool), body: Option<&Body>, means: &mut Means<'_>) {
        let before = self.line.caller.streams.voice_line();
        self.line.asked(asked, body, means);
        if self.line.caller.streams.voice_line() != before {
            self.hears = Hears::Nothing;
            if self.is_offered {
                self.line.listen(means);
            }
            self.play_music(means);
        }
    }

    /// People of the queue are to ring for it.
    fn ask(mut self: Box<Self>, ring: &Ring, head: &mut Head, means: &mut Means<'_>) -> State {
        if !matches!(self.stage, Stage::Waiting) {
            return State::Queued(self);
        }
        // Agents send nobody on.
        let Some(forking) = self.forking(&ring.number, means) else { return State::Queued(self) };
        let mut forking = forking.unfollowed();
        forking.ask(ring, head, means);
        if self.place.as_ref().is_some_and(|place| !place.is_queued) {
            self.play(Hears::RingBack, means);
        }
        self.stage = Stage::Asking(Box::new(forking));
        self.go_on(head, means)
    }

    /// Devices that may ring in the name of the caller; nobody rings yet.
    fn forking(&self, number: &str, means: &Means<'_>) -> Option<Forking> {
        let org = means.plan.organisation(self.line.record.org())?;
        let on_line = (&self.line.record, &self.line.caller);
        Forking::new(on_line, (org, self.who.clone()), number, &self.trail, means)
    }

    fn progress(&mut self, session: SessionKey, status: u16, means: &mut Means<'_>) {
        let Some(no) = self.stage.forking_mut().and_then(|forking| forking.progress(session, status)) else {
            return;
        };
        self.ringing(Some(no), means);
    }

    fn ringing(&mut self, leg: Option<u16>, means: &mut Means<'_>) {
        let kind = match self.trail.path().is_empty() {
            _ if self.line.record.is_answered() => EventKind::TransferRinging,
            true => EventKind::Ringing,
            false => EventKind::ForwardRinging,
        };
        self.has_rung = true;
        self.line.record.event(kind, None, Detail { leg, ..Detail::default() }, means);
    }

    /// Somebody takes the call.
    fn answered(
        mut self: Box<Self>,
        head: &mut Head,
        with: (SessionKey, Option<&Body>),
        means: &mut Means<'_>,
    ) -> State {
        let Some(forking) = self.stage.forking_mut() else { return State::Queued(self) };
        let reason = forking.reason_for(with.0).map(str::to_owned);
        match forking.answered(with, &mut self.line.caller, head, means) {
            Some(fork) => self.taken(fork, Detail { reason, ..Detail::default() }, head, means),
            None => self.go_on(head, means),
        }
    }

    /// Somebody who does not ring answers for those who do, with this offer.
    pub(super) fn picked_up(
        mut self: Box<Self>,
        (mut leg, offer): (Leg, Description),
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        if let Err(reply) = meet(&mut self.line.caller, (&mut leg, &offer), means) {
            return State::Queued(self).turn_away(leg, reply, head, means);
        }
        // Who answers for others is recorded as those are.
        leg.recording = recording_of(self.forks());
        if let Some(forking) = self.stage.forking_mut() {
            forking.silence(head, Some(&Reason::sip(200, "Call completed elsewhere")), means);
        }
        self.taken(leg, because("picked_up"), head, means)
    }

    /// The phones of somebody ring too, so that they may take the call.
    pub(super) fn pick_up(&mut self, by: (&Ring, bool), head: &mut Head, means: &mut Means<'_>) -> Outcome {
        match &mut self.stage {
            Stage::SentOn(forking) => forking.pick_up(by, head, means),
            _ => Outcome::NotNow,
        }
    }

    /// Somebody has the call, joined to the caller, by this way.
    fn taken(self: Box<Self>, mut fork: Leg, why: Detail, head: &mut Head, means: &mut Means<'_>) -> State {
        let Self { line, place, trail, stage, hears, .. } = *self;
        let Line { mut record, caller, side, is_held, .. } = line;
        let participant = join_as_recipient(&mut record, fork.person, means);
        fork.participant = Some(participant);
        let told = Detail { leg: Some(fork.no), ..why };
        if !trail.path().is_empty() {
            record.event(EventKind::ForwardAnswered, Some(participant), told.clone(), means);
        }
        let is_sent = record.is_answered();
        record.answered(Some(participant), told, means);
        if let (Stage::Asking(_), Some(place)) = (stage, place) {
            let agent = AgentKey { org: record.org(), person: fork.person };
            head.taken = Some(Taken { queue: place.queue, agent, since: means.moment() });
        }
        let mut music = Music::default();
        // What plays ends as music does that nobody waits with any more.
        *music.of(side) = caller.streams.voice_line().filter(|_| hears != Hears::Nothing);
        let mut held = Held::default();
        held.set(side, is_held);
        let (caller, callee) = side.of_call(caller, fork);
        let mut talking =
            Box::new(Talking { is_held: held, music, ..Talking::begin(record, caller, callee) });
        if is_sent {
            talking.introduce(side, Met { privacy: head.privacy, is_mutual: false }, means);
        } else {
            talking.owe(side, means);
        }
        talking.play_music(means);
        State::Talking(talking)
    }

    /// Nobody rings any more, perhaps.
    fn go_on(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        let Some(came_to) = self.stage.forking().and_then(Forking::outcome) else {
            return State::Queued(self);
        };
        if let Stage::SentOn(_) = self.stage {
            return self.come_to(head, came_to, means);
        }
        self.stage = Stage::Waiting;
        State::Queued(self)
    }

    /// The caller hangs up.
    fn left(
        mut self: Box<Self>,
        head: &mut Head,
        (by, reason, instead): (sip::EndedBy, Option<sip::Reason>, Option<u16>),
        means: &mut Means<'_>,
    ) -> State {
        if let Stage::Promising { .. } = self.stage {
            return self.keep_place(Some(instead), head, means);
        }
        let is_ack_missing = matches!(self.stage, Stage::Answering { is_ack_missing: true, .. });
        if !is_ack_missing {
            self.cancel(head, reason.as_ref(), Detail::default(), means);
        }
        self.line.ended(head, (by, instead), is_ack_missing.then_some("ack_missing"), means)
    }

    /// It waits no longer. Of one that is being told why nobody takes it, what it came to is written already.
    fn cancel(&mut self, head: &mut Head, reason: Option<&sip::Reason>, why: Detail, means: &mut Means<'_>) {
        if let Some(forking) = self.stage.forking_mut() {
            forking.silence(head, reason, means);
        }
        if !matches!(self.stage, Stage::Parting { .. }) {
            self.line.record.canceled(why, means);
        }
    }

    /// The caller never had the answer.
    fn given_up(self: Box<Self>, head: &mut Head, status: u16, means: &mut Means<'_>) -> State {
        head.leave(self.line.caller, Some(status), means);
        end(self.line.record, &[EventKind::Canceled], &Detail::default(), refused(None, status), means)
    }

    /// The operator ends it.
    pub(super) fn hang_up(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        self.cancel(head, None, because("operator"), means);
        self.line.hang_up(head, "operator", means)
    }

    /// Says something, once.
    fn say(&mut self, words: &[impl AsRef<str>], means: &mut Means<'_>) {
        let Some(lease) = self.line.caller.streams.voice_line() else { return };
        self.line.record.say(lease, (self.language, words), means);
        self.hears = Hears::Words;
    }

    fn play_music(&mut self, means: &mut Means<'_>) {
        self.play(Hears::Music, means);
    }

    fn play(&mut self, hears: Hears, means: &mut Means<'_>) {
        let name = match hears {
            Hears::Music => MUSIC,
            Hears::RingBack => RING_BACK,
            Hears::Nothing | Hears::Words => return,
        };
        let Some(lease) = self.line.caller.streams.voice_line() else { return };
        self.line.record.play(lease, name, means);
        self.hears = hears;
    }

    /// What was to be said has been.
    pub(super) fn played(
        mut self: Box<Self>,
        head: &mut Head,
        lease: LeaseId,
        means: &mut Means<'_>,
    ) -> State {
        if self.line.caller.streams.voice_line() != Some(lease) || self.hears != Hears::Words {
            return State::Queued(self);
        }
        match &mut self.stage {
            Stage::Telling { ring, .. } => {
                let ring = ring.take();
                head.recording.told();
                self.told(ring, head, means)
            }
            Stage::Parting { .. } => self.let_go(head, means),
            Stage::Promising { .. } => self.keep_place(None, head, means),
            _ => {
                self.play_music(means);
                State::Queued(self)
            }
        }
    }

    /// The caller and whoever rings.
    pub(super) fn legs(&self) -> Vec<&Leg> {
        std::iter::once(&self.line.caller).chain(self.forks()).collect()
    }

    pub(super) fn legs_mut(&mut self) -> Vec<&mut Leg> {
        let forks = self.stage.forking_mut().map(Forking::forks_mut).unwrap_or_default();
        std::iter::once(&mut self.line.caller).chain(forks).collect()
    }

    /// Somebody rings who was chosen, or to whom a rule has sent it.
    pub(super) fn is_sent_on(&self) -> bool {
        matches!(self.stage, Stage::SentOn(_))
    }

    /// What that is.
    pub(super) fn rings_at(&self) -> Option<Host> {
        self.trail.at()
    }

    /// Devices that are asked.
    pub(super) fn forks(&self) -> &[Leg] {
        self.stage.forking().map(Forking::forks).unwrap_or_default()
    }

    /// What queues are to know of it.
    fn standing(&self) -> Option<Standing> {
        let is_ready = match &self.stage {
            Stage::Answering { .. } | Stage::Telling { ring: None, .. } | Stage::Promising { .. } => false,
            Stage::Waiting | Stage::Asking(_) => true,
            Stage::Telling { ring: Some(_), .. } | Stage::SentOn(_) | Stage::Parting { .. } => return None,
        };
        let waits = self.place.as_ref()?.waits((self.line.record.org(), &self.who), self.forks());
        let is_promised = matches!(self.stage, Stage::Promising { .. });
        Some(Standing::Waits(Waits { is_ready, is_promised, ..waits }))
    }
}

impl Stage {
    fn forking(&self) -> Option<&Forking> {
        match self {
            Self::Asking(forking) | Self::SentOn(forking) => Some(forking),
            _ => None,
        }
    }

    fn forking_mut(&mut self) -> Option<&mut Forking> {
        match self {
            Self::Asking(forking) | Self::SentOn(forking) => Some(forking),
            _ => None,
        }
    }
}

impl Call {
    /// Where it stands with queues.
    pub(crate) fn standing(&self) -> Option<Standing> {
        match &self.state {
            State::Queued(queued) => queued.standing(),
            State::Callback(callback) => callback.standing(),
            State::Over(_) => None,
            state => {
                let Taken { queue, agent, since } = self.head.taken?;
                let is_there = state.staying().iter().any(|leg| leg.person == agent.person);
                is_there.then_some(Standing::Taken { queue, agent, since })
            }
        }
    }

    /// People of its queue are to ring for it.
    pub(crate) fn ask(mut self, ring: &Ring, means: &mut Means<'_>) -> Self {
        self.state = match self.state {
            State::Queued(queued) => queued.ask(ring, &mut self.head, means),
            State::Callback(callback) => callback.ask(ring, &mut self.head, means),
            state => state,
        };
        self.write_gone(means);
        self
    }

    /// Its caller, who is to be called back, has called again and been served.
    pub(crate) fn served(mut self, means: &mut Means<'_>) -> Self {
        self.state = match self.state {
            State::Callback(callback) => callback.hang_up("callback_served", &mut self.head, means),
            state => state,
        };
        self.write_gone(means);
        self
    }

    /// It has this place in its queue.
    pub(crate) fn moved(mut self, place: u16, means: &mut Means<'_>) -> Self {
        match &mut self.state {
            State::Queued(queued) => queued.moved(place, means),
            State::Callback(callback) => callback.moved(place, means),
            _ => {}
        }
        self
    }
}
