//! A page: one speaks, and all phones of an extension's people that answer by themselves hear it (decision 0047).
//!
//! ```text
//! Calling ── the first phone answers ──▶ Answering ── the speaker's ACK ──▶ Speaking ── the speaker hangs up ──▶ Over
//!    └── nobody can be had ──▶ the speaker is told why           nobody listens any more ──┘
//! ```
//!
//! It is one call: the speaker's leg and one for each phone. The switch agrees on the media with each by itself, so nothing is
//! negotiated between them, and the relay seats them in one room, where only the speaker is heard unless the page group says
//! otherwise. Who dials is told nothing of how many listen; a tone in the room says that somebody does.

use std::time::Duration;

use contract::journal::{Detail, EventKind};
use dialplan::{Paging, PersonKey, Trail};
use serde::{Deserialize, Serialize};
use sip::{Body, Event, Method, OwnedMessage, Provisional, Reason, Reply, RequestKey, SessionKey};
use streams::{
    conference::{MEMBERS_MAX, RoomId, Sitting},
    media::{MediaCommand, SoundName},
    sdp::Description,
};

use super::{
    dial::{Opening, too_broad},
    events::{Record, because, refused},
    feature::explain::{self, EXPLANATION_MAX, Unconnected},
    forking::{Forking, Rung},
    invitation::Asked,
    leg::Leg,
    line::{Line, OwnMedia, words_for},
    outcome::{LegResult, Tally, Words},
    paging,
    signalling::status_of,
    state::{Head, Side, State, end, join_as_recipient},
};
use crate::{clock::Moment, means::Means};

/// Phones that are asked to answer by themselves at once: with the one who speaks they find seats in a room.
pub(super) const PHONES_MAX: usize = MEMBERS_MAX - 1;
/// How long a phone may take to do so.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// A page that has been forgotten ends at last.
const PAGE_MAX: Duration = Duration::from_secs(10 * 60);
/// Said in the room when the speaker comes in.
const BEGUN: &str = "tone/joined";

/// A page.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Paged {
    /// The speaker.
    pub(super) line: Line,
    /// Phones that have not answered.
    forking: Forking,
    listeners: Vec<Listener>,
    /// Listeners are heard too.
    is_duplex: bool,
    /// How it came here, by rules.
    trail: Trail,
    stage: Stage,
}

/// How far it is.
#[derive(Debug, Serialize, Deserialize)]
enum Stage {
    /// Nobody has answered, and the speaker has no final answer. `own` is what it will be.
    Calling { own: Description, offer: Option<Description> },
    /// The speaker has a 2xx and has not acknowledged it.
    Answering { is_ack_missing: bool, until: Moment },
    /// It is heard.
    Speaking { until: Moment },
}

/// A phone that has answered.
#[derive(Debug, Serialize, Deserialize)]
struct Listener {
    leg: Leg,
    media: OwnMedia,
    /// It has put the call on hold, and nobody wants to hear its music.
    is_held: bool,
}

/// Calls the phones of a page group.
pub(super) fn open(
    opening: &Opening<'_>,
    (to, trail): (&Paging, Trail),
    (record, mut speaker): (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let offer = match speaker.read_offer(opening, means) {
        Ok(offer) => offer,
        Err(unread) => return unread.refuse((record, speaker), head, means),
    };
    let ((record, speaker), own) = match words_for((record, speaker), offer.as_ref(), head, means) {
        Ok(words) => words,
        Err(refused) => return refused,
    };
    let mut tally = Tally::default();
    let ring = paging::idle(&to.ring, &mut tally, means);
    let mut invitation = opening.invitation(false, trail.clone(), means);
    invitation.answer_at_once();
    let Some(offered) = Description::own_offer() else {
        return super::dial::fail(record, speaker, head, "media_refused", Reply::new(488), means);
    };
    let mut forks = Vec::new();
    let mut asked = Asked { head, forks: &mut forks, tally: &mut tally };
    if invitation.ring(&ring, opening.max_breadth, Some(&offered), &mut asked, means).is_err() {
        return too_broad((record, speaker), head, means);
    }
    let rung = Rung { invitation, offer: offered, forks, tally, until: means.after(ANSWER_MAX) };
    let paged = Box::new(Paged {
        line: Line::new(record, speaker, Side::Caller),
        forking: Forking::taken_over(rung, opening.id),
        listeners: Vec::new(),
        is_duplex: to.group.is_duplex,
        trail,
        stage: Stage::Calling { own, offer },
    });
    paged.go_on(head, means)
}

impl Paged {
    pub(super) fn signal(mut self: Box<Self>, head: &mut Head, event: Event, means: &mut Means<'_>) -> State {
        let speaker = self.line.caller.session;
        match event {
            Event::Progress { session, status, .. } => self.progress(session, status, means),
            Event::Answered { session, body, .. } => {
                return self.answered(head, (session, body.as_ref()), means);
            }
            Event::Failed { .. } if self.is_answered() => {
                self.forking.stays_away(event, head, means);
                return self.go_on(head, means);
            }
            Event::Failed { .. } => {
                self.forking.failed(event, &mut self.line.record, head, means);
                return self.go_on(head, means);
            }
            event if event.session() == Some(speaker) => return self.spoken(head, event, means),
            event => return self.heard(head, event, means),
        }
        State::Paged(self)
    }

    /// The speaker's phone has something to say.
    fn spoken(mut self: Box<Self>, head: &mut Head, event: Event, means: &mut Means<'_>) -> State {
        match event {
            Event::Acked { body, .. } => return self.acked(head, body.as_ref(), means),
            Event::AckMissing { .. } => {
                if let Stage::Answering { is_ack_missing, .. } = &mut self.stage {
                    *is_ack_missing = true;
                }
            }
            Event::Canceled { reason, .. } => return self.given_up(head, (487, reason.as_ref()), means),
            Event::Lapsed { why, .. } => return self.given_up(head, (status_of(why), None), means),
            // RFC 3311 §5.2: not before our answer.
            Event::Update { session, .. } if !self.is_answered() => {
                means.refuse_update(session, Reply::new(504));
            }
            Event::Reinvite { session, body } => {
                self.line.asked((session, false), body.as_ref(), means);
                self.seat_speaker(means);
            }
            Event::Update { session, body } => {
                self.line.asked((session, true), Some(&body), means);
                self.seat_speaker(means);
            }
            Event::InDialog { request, .. } if !self.is_answered() => {
                means.respond_in_dialog(request, Reply::new(480));
            }
            Event::InDialog { request, message, .. } => {
                // Its keys lead to nothing here.
                let _ = self.line.requested(request, &message, means);
            }
            Event::Ended { by, instead, .. } => {
                let is_ack_missing = matches!(self.stage, Stage::Answering { is_ack_missing: true, .. });
                self.let_go(head, None, means);
                return self.line.ended(head, (by, instead), is_ack_missing.then_some("ack_missing"), means);
            }
            _ => {}
        }
        State::Paged(self)
    }

    /// A phone that listens, or is to, has something to say.
    fn heard(mut self: Box<Self>, head: &mut Head, event: Event, means: &mut Means<'_>) -> State {
        let Some(at) = event.session().and_then(|session| self.place_of(session)) else {
            not_yet(&event, means);
            return State::Paged(self);
        };
        match event {
            Event::Acked { body, .. } => {
                if let Some(listener) = self.listeners.get_mut(at) {
                    listener.media.acked(&mut listener.leg, body.as_ref(), means);
                }
                self.seat(at, means);
            }
            Event::Reinvite { session, body } => self.asked(at, (session, false), body.as_ref(), means),
            Event::Update { session, body } => self.asked(at, (session, true), Some(&body), means),
            Event::InDialog { request, message, .. } => requested(request, &message, means),
            Event::Ended { instead, .. } => {
                head.leave(self.listeners.remove(at).leg, instead, means);
                return self.go_on(head, means);
            }
            _ => {}
        }
        State::Paged(self)
    }

    fn place_of(&self, session: SessionKey) -> Option<usize> {
        self.listeners.iter().position(|listener| listener.leg.session == session)
    }

    /// A listener asks for other media, or holds.
    fn asked(&mut self, at: usize, asked: (SessionKey, bool), body: Option<&Body>, means: &mut Means<'_>) {
        let Some(listener) = self.listeners.get_mut(at) else { return };
        let holds = listener.media.asked(&mut listener.leg, asked, body, means);
        listener.is_held = holds.unwrap_or(listener.is_held);
        self.seat(at, means);
    }

    fn progress(&mut self, session: SessionKey, status: u16, means: &mut Means<'_>) {
        let Some(no) = self.forking.progress(session, status).filter(|_| !self.is_answered()) else { return };
        let kind = if self.trail.path().is_empty() { EventKind::Ringing } else { EventKind::ForwardRinging };
        means.ring(self.line.caller.session, Provisional::new(180));
        self.line.record.event(kind, None, Detail { leg: Some(no), ..Detail::default() }, means);
    }

    /// A phone has answered.
    fn answered(
        mut self: Box<Self>,
        head: &mut Head,
        with: (SessionKey, Option<&Body>),
        means: &mut Means<'_>,
    ) -> State {
        let Some(mut leg) = self.forking.agreed(with, head, means) else {
            return self.go_on(head, means);
        };
        leg.participant = Some(self.participant(leg.person, means));
        self.listeners.push(Listener { leg, media: OwnMedia::default(), is_held: false });
        self.seat(self.listeners.len() - 1, means);
        if let Stage::Calling { .. } = self.stage { self.begin(means) } else { State::Paged(self) }
    }

    /// The number of somebody among the participants, who may listen on several phones.
    fn participant(&mut self, person: PersonKey, means: &mut Means<'_>) -> u16 {
        let known = self.listeners.iter().find(|listener| listener.leg.person == person);
        let known = known.and_then(|listener| listener.leg.participant);
        known.unwrap_or_else(|| join_as_recipient(&mut self.line.record, person, means))
    }

    /// Somebody listens: the speaker is answered.
    fn begin(self: Box<Self>, means: &mut Means<'_>) -> State {
        let Self { line, forking, listeners, is_duplex, trail, stage } = *self;
        let Stage::Calling { own, offer } = stage else {
            return State::Paged(Box::new(Self { line, forking, listeners, is_duplex, trail, stage }));
        };
        let mut line = Line::answer_with((line.record, line.caller), (own, offer), None, means);
        let first = listeners.first().map(|listener| (listener.leg.no, listener.leg.participant));
        let detail = Detail { leg: first.map(|(no, _)| no), ..because("page") };
        let participant = first.and_then(|(_, participant)| participant);
        if !trail.path().is_empty() {
            line.record.event(EventKind::ForwardAnswered, participant, detail.clone(), means);
        }
        line.record.event(EventKind::Answered, participant, detail, means);
        let until = means.after(means.config.timeouts.connecting);
        let stage = Stage::Answering { is_ack_missing: false, until };
        State::Paged(Box::new(Self { line, forking, listeners, is_duplex, trail, stage }))
    }

    /// The speaker is there, and is heard from now on.
    fn acked(mut self: Box<Self>, head: &mut Head, body: Option<&Body>, means: &mut Means<'_>) -> State {
        self.line.acked(body, means);
        if self.line.caller.streams.voice_line().is_none() {
            self.let_go(head, None, means);
            return self.line.unheard(head, means);
        }
        self.seat_speaker(means);
        if let Stage::Answering { .. } = self.stage {
            self.stage = Stage::Speaking { until: means.after(PAGE_MAX) };
            let sounds = [SoundName::new(BEGUN)].into();
            means.media(MediaCommand::Announce { room: self.room(), sounds });
        }
        State::Paged(self)
    }

    fn room(&self) -> RoomId {
        RoomId(self.line.record.call().0.as_u128())
    }

    /// Has the speaker sit in the room, on the line that it has now. Who holds is not heard, because phones play music then.
    fn seat_speaker(&self, means: &mut Means<'_>) {
        if let Some(lease) = self.line.caller.streams.voice_line().filter(|_| self.is_answered()) {
            means.media(MediaCommand::Meet {
                lease,
                room: self.room(),
                sitting: Sitting::member(self.line.is_held),
            });
        }
    }

    /// The same for a listener.
    fn seat(&self, at: usize, means: &mut Means<'_>) {
        let Some(listener) = self.listeners.get(at) else { return };
        if let Some(lease) = listener.leg.streams.voice_line() {
            let is_muted = !self.is_duplex || listener.is_held;
            means.media(MediaCommand::Meet { lease, room: self.room(), sitting: Sitting::member(is_muted) });
        }
    }

    /// Nobody listens, and nobody will, perhaps.
    fn go_on(self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        match self.forking.outcome() {
            Some(came_to) if self.listeners.is_empty() => match self.stage {
                Stage::Calling { .. } => self.refuse(head, came_to, means),
                _ => self.hang_up(head, "callee_hung_up", means),
            },
            _ => State::Paged(self),
        }
    }

    /// Nobody can be had: the speaker is told why.
    fn refuse(
        mut self: Box<Self>,
        head: &mut Head,
        (result, words): (LegResult, Words),
        means: &mut Means<'_>,
    ) -> State {
        self.line.record.forward_failed(&self.trail, result, means);
        let org = means.plan.organisation(self.line.record.org());
        let person = self.line.caller.person;
        let language = org.and_then(|org| explain::language_for(org, person, means));
        let Stage::Calling { offer, .. } = self.stage else { return State::Paged(self) };
        let unconnected = Unconnected {
            events: result.events(),
            told: Detail { sip_status: words.status, ..because(result.reason()) },
            reply: Reply::new(result.caller_status()),
            sound: explain::of_devices(result),
            longest: EXPLANATION_MAX,
        };
        let on_line = (self.line.record, self.line.caller);
        unconnected.explain(on_line, (language, offer.as_ref(), false), head, means)
    }

    /// Phones take too long to answer, or the page has lasted as long as it may.
    pub(super) fn timed_out(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        if self.is_late(means.moment()) {
            self.forking.silence(head, None, means);
            if let Stage::Calling { .. } = self.stage {
                return self.refuse(head, (LegResult::NoAnswer, Words::default()), means);
            }
        }
        match self.stage {
            Stage::Answering { until, .. } if until <= means.moment() => {
                self.hang_up(head, "ack_missing", means)
            }
            Stage::Speaking { until } if until <= means.moment() => self.hang_up(head, "time_limit", means),
            _ => self.go_on(head, means),
        }
    }

    fn is_late(&self, now: Moment) -> bool {
        !self.forking.forks().is_empty() && self.forking.until() <= now
    }

    /// When it is to be looked at again.
    pub(super) fn until(&self) -> Moment {
        let waits = (!self.forking.forks().is_empty()).then(|| self.forking.until());
        let stays = match self.stage {
            Stage::Calling { .. } => None,
            Stage::Answering { until, .. } | Stage::Speaking { until } => Some(until),
        };
        waits.into_iter().chain(stays).min().unwrap_or_else(|| self.forking.until())
    }

    /// The speaker never had the answer.
    fn given_up(
        mut self: Box<Self>,
        head: &mut Head,
        (status, reason): (u16, Option<&Reason>),
        means: &mut Means<'_>,
    ) -> State {
        self.let_go(head, reason, means);
        head.leave(self.line.caller, Some(status), means);
        end(self.line.record, &[EventKind::Canceled], &Detail::default(), refused(None, status), means)
    }

    /// All phones but the speaker's.
    fn let_go(&mut self, head: &mut Head, reason: Option<&Reason>, means: &mut Means<'_>) {
        self.forking.silence(head, reason, means);
        for listener in self.listeners.drain(..) {
            head.hang_up(listener.leg, reason.cloned(), means);
        }
    }

    /// We end it.
    pub(super) fn hang_up(
        mut self: Box<Self>,
        head: &mut Head,
        reason: &str,
        means: &mut Means<'_>,
    ) -> State {
        self.let_go(head, None, means);
        if self.is_answered() {
            return self.line.hang_up(head, reason, means);
        }
        means.refuse(self.line.caller.session, Reply::new(487));
        head.leave(self.line.caller, Some(487), means);
        end(self.line.record, &[EventKind::Canceled], &because(reason), refused(None, 487), means)
    }

    /// The speaker has an answer.
    pub(super) fn is_answered(&self) -> bool {
        !matches!(self.stage, Stage::Calling { .. })
    }

    /// Phones that have answered, with whether each holds.
    pub(super) fn listeners(&self) -> impl Iterator<Item = (&Leg, bool)> {
        self.listeners.iter().map(|listener| (&listener.leg, listener.is_held))
    }

    /// Phones that have not.
    pub(super) fn forks(&self) -> &[Leg] {
        self.forking.forks()
    }

    /// All that have not left.
    pub(super) fn legs(&self) -> Vec<&Leg> {
        let listeners = self.listeners().map(|(leg, _)| leg);
        std::iter::once(&self.line.caller).chain(listeners).chain(self.forks()).collect()
    }

    pub(super) fn legs_mut(&mut self) -> Vec<&mut Leg> {
        let listeners = self.listeners.iter_mut().map(|listener| &mut listener.leg);
        std::iter::once(&mut self.line.caller).chain(listeners).chain(self.forking.forks_mut()).collect()
    }
}

/// A phone that has not answered wants something: there is nobody on the other side yet.
fn not_yet(event: &Event, means: &mut Means<'_>) {
    match event {
        Event::Update { session, .. } => means.refuse_update(*session, Reply::new(504)),
        Event::InDialog { request, .. } => means.respond_in_dialog(*request, Reply::new(480)),
        _ => {}
    }
}

/// Other requests of a listener.
fn requested(request: RequestKey, message: &OwnedMessage, means: &mut Means<'_>) {
    let is_understood = matches!(message.view().method(), Method::Options | Method::Info);
    means.respond_in_dialog(request, Reply::new(if is_understood { 200 } else { 405 }));
}
