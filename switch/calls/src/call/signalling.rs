//! What the legs' signalling does to a call until somebody talks, and when somebody hangs up.
//!
//! Events are the endpoint's: retransmissions, forks of forks, lost ACKs and crossed CANCELs have been dealt with
//! there (RFC 3261 §9, §13, §15, §17).

use std::time::Duration;

use contract::{
    journal::{Detail, EventKind},
    language::Language,
};
use sip::{Body, EndedBy, Event, Lapse, Reason, Reliability, Reply, SessionKey};
use streams::sdp::Description;

use super::{
    dial::congested,
    events::{because, refused},
    feature::explain::{self, EXPLANATION_MAX, Unconnected},
    invitation::{Asked, Failure, take, unanswered},
    leg::{Asking, Leg},
    media_plan::join,
    outcome::{LegResult, Words},
    redirect::Followed,
    state::{Connecting, Head, Ringing, Side, State, Talking, end, join_as_recipient},
};
use crate::means::Means;

impl State {
    /// Takes an event of a leg that has not left.
    pub(crate) fn signal(self, head: &mut Head, event: Event, means: &mut Means<'_>) -> Self {
        match self {
            Self::Ringing(ringing) => ringing.signal(head, event, means),
            Self::Connecting(connecting) => connecting.signal(head, event, means),
            Self::Talking(talking) => talking.signal(head, event, means),
            Self::Transferring(transferring) => transferring.signal(head, event, means),
            Self::Queued(queued) => queued.signal(head, event, means),
            Self::Served(served) => served.signal(head, event, means),
            Self::Paged(paged) => paged.signal(head, event, means),
            Self::Callback(callback) => callback.signal(head, event, means),
            Self::Originating(originating) => originating.signal(head, event, means),
            Self::Over(_) => self,
        }
    }
}

impl Ringing {
    fn signal(mut self: Box<Self>, head: &mut Head, event: Event, means: &mut Means<'_>) -> State {
        match event {
            Event::Canceled { session, reason } if session == self.caller.session => {
                self.canceled(head, reason.as_ref(), means)
            }
            Event::Lapsed { session, why } if session == self.caller.session => self.lapsed(head, why, means),
            Event::Pracked { session, body } if session == self.caller.session => {
                self.answered_early(head, body.as_ref(), means)
            }
            Event::Update { session, body } => {
                self.updated(session, &body, means);
                State::Ringing(self)
            }
            Event::UpdateAnswered { session, body } => {
                self.update_over(session, Ok(body.as_ref()), means);
                State::Ringing(self)
            }
            Event::UpdateFailed { session, status, .. } => {
                self.update_over(session, Err(status), means);
                State::Ringing(self)
            }
            Event::Progress { session, dialog, body, reliability: Reliability::AnswerWanted, .. } => {
                self.offered_early(head, (session, dialog), body.as_ref(), means)
            }
            Event::Progress { session, status, body, .. } => {
                self.progress(session, status, body.as_ref(), means);
                State::Ringing(self)
            }
            Event::Answered { session, body, .. } => match take(&mut self.forks, session) {
                Some(fork) if self.offer.is_some() => self.answered(head, fork, body.as_ref(), means),
                Some(fork) if self.has_agreed(session) => self.answered_after_all(head, fork, means),
                Some(fork) => self.answered_with_offer(head, fork, body.as_ref(), means),
                None => State::Ringing(self),
            },
            Event::Failed { session, .. } => match take(&mut self.forks, session).zip(Failure::of(event)) {
                Some((fork, failure)) => self.fork_failed(head, fork, failure, means),
                None => State::Ringing(self),
            },
            // Of an early dialog: there is nobody on the other side yet.
            Event::InDialog { request, .. } => {
                means.respond_in_dialog(request, Reply::new(480));
                State::Ringing(self)
            }
            _ => State::Ringing(self),
        }
    }

    /// The caller gives up. Why is told to the devices as the caller told it: "answered elsewhere" keeps a call
    /// out of the list of missed ones.
    fn canceled(mut self, head: &mut Head, reason: Option<&Reason>, means: &mut Means<'_>) -> State {
        for fork in self.forks.drain(..) {
            head.hang_up(fork, reason.cloned(), means);
        }
        head.leave(self.caller, Some(487), means);
        end(self.record, &[EventKind::Canceled], &Detail::default(), refused(None, 487), means)
    }

    /// The caller's INVITE has run out by itself: its own limit (RFC 3261 §13.3.1), or a caller who does not hear us.
    fn lapsed(mut self, head: &mut Head, why: Lapse, means: &mut Means<'_>) -> State {
        let (word, status) = match why {
            Lapse::Expired => ("expired", status_of(why)),
            Lapse::PrackMissing => ("caller_silent", status_of(why)),
        };
        for fork in self.forks.drain(..) {
            head.hang_up(fork, None, means);
        }
        head.leave(self.caller, Some(status), means);
        end(self.record, &[EventKind::Canceled], &because(word), refused(None, status), means)
    }

    /// The caller and this device have agreed on media before the answer.
    fn has_agreed(&self, fork: SessionKey) -> bool {
        self.told.offer.as_ref().is_some_and(|early| early.fork == fork && early.is_answered)
    }

    /// A device whose offer the caller has answered already answers the call.
    fn answered_after_all(self: Box<Self>, head: &mut Head, fork: Leg, means: &mut Means<'_>) -> State {
        means.ack(fork.session, None);
        self.connect(head, fork, None, Offering::default(), means)
    }

    /// A device answered the caller's offer.
    fn answered(
        mut self: Box<Self>,
        head: &mut Head,
        mut fork: Leg,
        body: Option<&Body>,
        means: &mut Means<'_>,
    ) -> State {
        means.ack(fork.session, None);
        let said = fork.streams.said_in(body, means);
        let (said, offer) = match (said, self.offer.take()) {
            (Some(said), Some(offer)) if said.answers(&offer) => (said, offer),
            (_, offer) => {
                self.offer = offer;
                return self.useless(head, fork, means);
            }
        };
        fork.streams.agree(&said, means);
        let (body, is_told_otherwise) = self.answer_for_caller(&said, &offer, means);
        // An UPDATE may have said more since.
        if !self.caller.streams.has_spoken() {
            self.caller.streams.agree(&offer, means);
        }
        join(&mut self.caller.streams, &mut fork.streams, means);
        for leg in [&mut self.caller, &mut fork] {
            leg.streams.drop_refused(&said, means);
        }
        let offering = Offering { is_told_otherwise, ..Offering::default() };
        self.connect(head, fork, Some(body), offering, means)
    }

    /// A device answered a call without offer: its own offer goes to the caller, whose ACK will bring the answer
    /// (RFC 3264 §4, RFC 3261 §13.2.2.4).
    fn answered_with_offer(
        mut self: Box<Self>,
        head: &mut Head,
        mut fork: Leg,
        body: Option<&Body>,
        means: &mut Means<'_>,
    ) -> State {
        let Some(said) = fork.streams.said_in(body, means) else {
            means.ack(fork.session, None);
            return self.useless(head, fork, means);
        };
        let reserved = self
            .caller
            .streams
            .reserve(&said, false, means)
            .and_then(|()| fork.streams.reserve(&said, true, means));
        if reserved.is_err() {
            let refusal = fork.streams.decline(&said, means);
            means.ack(fork.session, Some(refusal));
            self.tally.add(fork.person, LegResult::Congested, Words::default());
            head.hang_up(fork, Some(Reason::sip(503, "No media ports")), means);
            return self.go_on(head, means);
        }
        let body = self.caller.streams.offer(&said, means);
        let offering = Offering { late_offer: Some(said), ..Offering::default() };
        self.connect(head, fork, Some(body), offering, means)
    }

    /// A device answered with something that is no answer.
    fn useless(mut self: Box<Self>, head: &mut Head, fork: Leg, means: &mut Means<'_>) -> State {
        Asked { head, forks: &mut self.forks, tally: &mut self.tally }.useless(fork, means);
        self.go_on(head, means)
    }

    /// The winner is found: the others stop ringing, the caller is answered.
    pub(super) fn connect(
        mut self: Box<Self>,
        head: &mut Head,
        mut fork: Leg,
        body: Option<Body>,
        Offering { late_offer, is_told_otherwise, reason }: Offering,
        means: &mut Means<'_>,
    ) -> State {
        for other in self.forks.drain(..) {
            #[cfg(feature = "planted-lost-cancel")]
            if !other.has_rung {
                continue;
            }
            head.hang_up(other, Some(Reason::sip(200, "Call completed elsewhere")), means);
        }
        self.give_up_update(fork.session, means);
        means.answer(self.caller.session, body);
        self.caller.set_answered(means.wall);
        let reason = reason.or(fork.asking().reason());
        fork.set_answered(means.wall);
        let participant = join_as_recipient(&mut self.record, fork.person, means);
        fork.participant = Some(participant);
        let detail = Detail { leg: Some(fork.no), reason: reason.map(str::to_owned), ..Detail::default() };
        if !self.invitation.trail.path().is_empty() {
            self.record.event(EventKind::ForwardAnswered, Some(participant), detail.clone(), means);
        }
        self.record.event(EventKind::Answered, Some(participant), detail, means);
        State::Connecting(Box::new(Connecting {
            record: self.record,
            caller: self.caller,
            callee: fork,
            late_offer,
            is_told_otherwise,
            is_ack_missing: false,
            until: means.after(means.config.timeouts.connecting),
        }))
    }

    fn fork_failed(
        mut self: Box<Self>,
        head: &mut Head,
        fork: Leg,
        failure: Failure,
        means: &mut Means<'_>,
    ) -> State {
        let (no, session, status) = (fork.no, fork.session, failure.status);
        let mut asked = Asked { head, forks: &mut self.forks, tally: &mut self.tally };
        let (offer, record) = (self.offer.as_ref(), &mut self.record);
        let followed = self.invitation.follow((&fork, &failure), (offer, record), &mut asked, means);
        let is_alone = asked.forks.iter().all(|other| other.asking() != Asking::Called);
        match followed {
            Followed::Rings => head.leave(fork, Some(status), means),
            Followed::Served(number, decision) if is_alone && self.told.offer.is_none() => {
                head.leave(fork, Some(status), means);
                for other in std::mem::take(&mut self.forks) {
                    self.falls_silent(other.session, means);
                    head.hang_up(other, Some(Reason::sip(200, "Call completed elsewhere")), means);
                }
                self.falls_silent(session, means);
                self.invitation.numbers.insert(number.clone());
                self.record.redirected((no, status), number, means);
                self.record.forwarded(&decision.forwards, means);
                let came_to = (LegResult::Redirected, Words { status: Some(status), ..Words::default() });
                return self.go(head, &decision, came_to, means);
            }
            Followed::Served(..) | Followed::Nowhere => {
                self.invitation.failed((fork, failure), (offer, Some(record)), &mut asked, means);
            }
        }
        self.falls_silent(session, means);
        self.go_on(head, means)
    }

    pub(super) fn go_on(self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        if self.forks.is_empty() { self.conclude(head, means) } else { State::Ringing(self) }
    }

    /// No device is left: the caller is told what it came to.
    pub(crate) fn conclude(self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        let came_to = self.tally.outcome();
        self.come_to(head, came_to, means)
    }

    /// The ring timeout is over (H-052).
    pub(crate) fn timed_out(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        #[cfg(feature = "planted-second-ended")]
        if self.forks.len() > 1 {
            head.ghost = Some(self.record.ghost(3));
        }
        let came_to = unanswered(&self.forks, &self.tally);
        for fork in std::mem::take(&mut self.forks) {
            self.falls_silent(fork.session, means);
            head.hang_up(fork, None, means);
        }
        self.come_to(head, came_to, means)
    }

    /// Nothing else can be tried: the caller is told.
    pub(super) fn refuse(
        self,
        head: &mut Head,
        (result, words): (LegResult, Words),
        refusing: Refusing<'_>,
        means: &mut Means<'_>,
    ) -> State {
        let Words { status, reason, retry_after } = words;
        let mut reply = match result {
            LegResult::Congested => congested(means),
            _ => Reply::new(result.caller_status()),
        };
        // The device's own words where it had any: they say more than our status.
        let no_answer = (result == LegResult::NoAnswer).then(|| Reason::q850(19, "No answer from user"));
        if let Some(reason) = reason.or(no_answer) {
            reply = reply.reason(&reason);
        }
        if let Some(secs) = retry_after.filter(|_| result != LegResult::Congested) {
            reply = reply.header("Retry-After", secs.to_string());
        }
        let told = Detail { sip_status: status, ..because(result.reason()) };
        let sound = refusing.sound.or_else(|| explain::of_devices(result));
        let language = refusing.language.or(self.invitation.explains);
        let hearing = (language, self.offer.as_ref(), self.told.answer.is_some());
        let unconnected =
            Unconnected { events: result.events(), told, reply, sound, longest: refusing.longest };
        unconnected.explain((self.record, self.caller), hearing, head, means)
    }

    /// The operator ends it.
    pub(crate) fn hang_up(mut self, head: &mut Head, means: &mut Means<'_>) -> State {
        for fork in self.forks.drain(..) {
            head.hang_up(fork, None, means);
        }
        means.refuse(self.caller.session, Reply::new(487));
        head.leave(self.caller, Some(487), means);
        end(self.record, &[EventKind::Canceled], &because("operator"), refused(None, 487), means)
    }
}

impl Connecting {
    fn signal(mut self: Box<Self>, head: &mut Head, event: Event, means: &mut Means<'_>) -> State {
        match event {
            Event::Acked { session, body } if session == self.caller.session => {
                self.acked(head, body.as_ref(), means)
            }
            Event::AckMissing { session } if session == self.caller.session => {
                self.is_ack_missing = true;
                State::Connecting(self)
            }
            Event::Ended { session, by, reason, instead } => {
                let word = if self.is_ack_missing { Some("ack_missing") } else { None };
                let side = if session == self.caller.session { Side::Caller } else { Side::Callee };
                self.settle(means);
                let (caller, callee) = (self.caller, self.callee);
                let ending = Ending { side, by, reason, word, instead };
                ending.carry_out(self.record, caller, callee, head, means)
            }
            // Nothing can be passed on before the caller's ACK; the callee tries again (RFC 3261 §14.1).
            Event::Reinvite { session, .. } => {
                means.refuse_reinvite(session, Reply::new(491));
                State::Connecting(self)
            }
            Event::Update { session, .. } => {
                means.refuse_update(session, Reply::new(491));
                State::Connecting(self)
            }
            Event::InDialog { request, .. } => {
                means.respond_in_dialog(request, Reply::new(480));
                State::Connecting(self)
            }
            _ => State::Connecting(self),
        }
    }

    /// The caller's ACK: with a late offer it brings the answer for the callee.
    fn acked(mut self: Box<Self>, head: &mut Head, body: Option<&Body>, means: &mut Means<'_>) -> State {
        if let Some(offer) = self.late_offer.take() {
            let said = self.caller.streams.said_in(body, means);
            let Some(said) = said.filter(|said| said.answers(&offer)) else {
                let refusal = self.callee.streams.decline(&offer, means);
                means.ack(self.callee.session, Some(refusal));
                return self.hang_up(head, "media_refused", means);
            };
            let body = self.callee.streams.answer(&said, &offer, means);
            means.ack(self.callee.session, Some(body));
            self.caller.streams.agree(&said, means);
            self.callee.streams.agree(&offer, means);
            join(&mut self.caller.streams, &mut self.callee.streams, means);
            for leg in [&mut self.caller, &mut self.callee] {
                leg.streams.drop_refused(&said, means);
            }
        }
        let mut talking = Box::new(Talking::begin(self.record, self.caller, self.callee));
        if self.is_told_otherwise {
            talking.owe(Side::Caller, means);
        }
        State::Talking(talking)
    }

    /// A callee that waits for its ACK must have it before anything else (RFC 3261 §13.2.2.4).
    fn settle(&mut self, means: &mut Means<'_>) {
        if let Some(offer) = self.late_offer.take() {
            let refusal = self.callee.streams.decline(&offer, means);
            means.ack(self.callee.session, Some(refusal));
        }
    }

    /// We end it.
    pub(crate) fn hang_up(mut self, head: &mut Head, reason: &str, means: &mut Means<'_>) -> State {
        self.settle(means);
        for leg in [self.caller, self.callee] {
            head.hang_up(leg, None, means);
        }
        end(self.record, &[], &Detail::default(), because(reason), means)
    }
}

impl Talking {
    /// We end it.
    pub(crate) fn hang_up(mut self, head: &mut Head, reason: &str, means: &mut Means<'_>) -> State {
        self.release(means);
        for leg in [self.caller, self.callee] {
            head.hang_up(leg, None, means);
        }
        end(self.record, &[], &Detail::default(), because(reason), means)
    }
}

/// What a caller hears instead of what is said of a result, if a rule says so.
#[derive(Clone, Copy)]
pub(super) struct Refusing<'a> {
    pub(super) sound: Option<&'a str>,
    /// In which language, whether or not the organisation has announcements of its own.
    pub(super) language: Option<Language>,
    pub(super) longest: Duration,
}

impl Default for Refusing<'_> {
    fn default() -> Self {
        Self { sound: None, language: None, longest: EXPLANATION_MAX }
    }
}

/// How the answer of the callee and that of the caller belong together.
#[derive(Default)]
pub(super) struct Offering {
    /// The callee's offer, for the caller's ACK to answer.
    pub(super) late_offer: Option<Description>,
    /// See [`Connecting::is_told_otherwise`].
    pub(super) is_told_otherwise: bool,
    /// Why it is this callee.
    pub(super) reason: Option<&'static str>,
}

/// One side's session of an answered call is over.
pub(super) struct Ending {
    pub(super) side: Side,
    pub(super) by: EndedBy,
    pub(super) reason: Option<Reason>,
    /// A word that says more than who hung up.
    pub(super) word: Option<&'static str>,
    /// What the caller got instead of an answer that it never saw.
    pub(super) instead: Option<u16>,
}

impl Ending {
    /// Ends the other side's session too.
    pub(super) fn carry_out(
        self,
        record: super::events::Record,
        caller: Leg,
        callee: Leg,
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        let (gone, other) = match self.side {
            Side::Caller => (caller, callee),
            Side::Callee => (callee, caller),
        };
        let word = self.word.unwrap_or(who_ended(self.by, self.side));
        head.leave(gone, self.instead, means);
        head.hang_up(other, self.reason, means);
        let ended = Detail { sip_status: self.instead, ..because(word) };
        end(record, &[], &Detail::default(), ended, means)
    }
}

/// What a caller got whose INVITE has run out by itself.
pub(super) fn status_of(why: Lapse) -> u16 {
    match why {
        Lapse::Expired => 487,
        Lapse::PrackMissing => 504,
    }
}

/// The word for whoever has ended an answered call.
pub(super) fn who_ended(by: EndedBy, side: Side) -> &'static str {
    match (by, side) {
        (EndedBy::Peer, Side::Caller) => "caller_hung_up",
        (EndedBy::Peer, Side::Callee) => "callee_hung_up",
        (EndedBy::Us | EndedBy::Timeout, Side::Caller) => "caller_silent",
        (EndedBy::Us | EndedBy::Timeout, Side::Callee) => "callee_silent",
        (EndedBy::Expired, _) => "session_expired",
    }
}
