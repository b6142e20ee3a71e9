//! The switch itself as the other side of a call: one leg, no device.
//!
//! ```text
//! feature code ──▶ Answering ── caller's ACK ──▶ Attending ──▶ Over
//! nobody could be had ──▶ Explaining ── said ──▶ Over
//! ```
//!
//! Here stands what all of it has in common: the caller's media (one codec of its choice, so that nothing is negotiated
//! with anybody), re-INVITEs, hold, and how it ends. What is done for the caller is a [`Service`], and `explain` is what is
//! said to one who is not connected. Nobody is asked and nothing is looked up here.

mod echo;
pub(crate) mod explain;

use std::time::Duration;

use contract::journal::{Detail, EventKind};
use dialplan::Feature;
use serde::{Deserialize, Serialize};
use sip::{Body, Event, Method, OwnedMessage, Reply, RequestKey, SessionKey};
use streams::{media::LeaseId, sdp::Description};

use super::{
    dial::{Opening, congested, fail},
    events::{Record, because},
    leg::Leg,
    media_plan::Unusable,
    outcome::LegResult,
    signalling::{status_of, who_ended},
    state::{Head, Side, State, end},
};
use crate::{clock::Moment, means::Means};
use echo::Echo;
use explain::Explaining;

/// A call that the switch itself has taken.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Served {
    pub(super) record: Record,
    pub(super) caller: Leg,
    /// The caller has put it on hold.
    pub(super) is_held: bool,
    stage: Stage,
    /// Our offer, which the caller's ACK will answer.
    offered: Option<Description>,
    until: Moment,
}

/// How far it is.
#[derive(Debug, Serialize, Deserialize)]
enum Stage {
    /// The caller hears early why it cannot be connected; the final answer waits.
    Explaining(Explaining),
    /// The caller has a 2xx and has not acknowledged it.
    Answering { service: Service, is_ack_missing: bool },
    /// It is being done.
    Attending(Service),
}

/// What is done for a caller.
#[derive(Debug, Serialize, Deserialize)]
enum Service {
    Echo(Echo),
}

impl Service {
    fn begin(&mut self, lease: LeaseId, record: &Record, means: &mut Means<'_>) {
        match self {
            Self::Echo(echo) => echo.begin(lease, record, means),
        }
    }

    /// The latest sound is over.
    fn played(&mut self, lease: LeaseId, means: &mut Means<'_>) {
        match self {
            Self::Echo(echo) => echo.played(lease, means),
        }
    }

    /// How long it may last.
    fn longest(&self) -> Duration {
        match self {
            Self::Echo(_) => echo::ECHO_MAX,
        }
    }
}

/// Answers a call to a feature code.
pub(super) fn open(
    opening: &Opening<'_>,
    feature: Feature,
    mut record: Record,
    mut caller: Leg,
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let (session, streams) = (opening.session, &mut caller.streams);
    let offer = match streams.read(opening.body.as_ref(), means) {
        Ok(offer) => offer,
        Err(unusable) => return fail(record, caller, head, "media_refused", unusable.reply(), means),
    };
    let own = match &offer {
        Some(offer) => offer.own_answer(),
        None => Description::own_offer(),
    };
    let Some(own) = own else {
        return fail(record, caller, head, "media_refused", Unusable::Media.reply(), means);
    };
    let (shape, is_theirs) = offer.as_ref().map_or((&own, false), |offer| (offer, true));
    if streams.reserve(shape, is_theirs, means).is_err() {
        let reply = congested(means);
        return fail(record, caller, head, LegResult::Congested.reason(), reply, means);
    }
    let body = streams.speak(&own, means);
    if let Some(offer) = &offer {
        streams.agree(offer, means);
    }
    means.answer(session, Some(body));
    caller.set_answered(means.wall);
    let service = match feature {
        Feature::Echo => Service::Echo(Echo::new(opening.org.language())),
    };
    let detail = Detail { leg: Some(caller.no), ..because(feature.as_str()) };
    record.event(EventKind::Answered, None, detail, means);
    State::Served(Box::new(Served {
        record,
        caller,
        is_held: false,
        stage: Stage::Answering { service, is_ack_missing: false },
        offered: offer.is_none().then_some(own),
        until: means.after(means.config.timeouts.connecting),
    }))
}

impl Served {
    pub(super) fn signal(mut self: Box<Self>, head: &mut Head, event: Event, means: &mut Means<'_>) -> State {
        match event {
            Event::Acked { body, .. } => return self.acked(head, body.as_ref(), means),
            Event::AckMissing { .. } => {
                if let Stage::Answering { is_ack_missing, .. } = &mut self.stage {
                    *is_ack_missing = true;
                }
            }
            Event::Canceled { .. } => return self.given_up(head, 487, means),
            Event::Lapsed { why, .. } => return self.given_up(head, status_of(why), means),
            Event::Reinvite { session, body } => self.asked((session, false), body.as_ref(), means),
            Event::Update { session, body } => self.asked((session, true), Some(&body), means),
            Event::InDialog { request, message, .. } => self.requested(request, &message, means),
            Event::Ended { by, instead, .. } => {
                let is_ack_missing = matches!(self.stage, Stage::Answering { is_ack_missing: true, .. });
                let word = if is_ack_missing { "ack_missing" } else { who_ended(by, Side::Caller) };
                head.leave(self.caller, instead, means);
                let ended = Detail { sip_status: instead, ..because(word) };
                return end(self.record, &[], &Detail::default(), ended, means);
            }
            _ => {}
        }
        State::Served(self)
    }

    /// The caller has acknowledged our answer, and has answered our offer if we made one.
    fn acked(mut self: Box<Self>, head: &mut Head, body: Option<&Body>, means: &mut Means<'_>) -> State {
        if let Some(offer) = self.offered.take() {
            let said = self.caller.streams.said_in(body, means).filter(|said| said.answers(&offer));
            match said {
                Some(said) => self.caller.streams.agree(&said, means),
                None => self.caller.streams.give_up_exchange(),
            }
        }
        let stage = match self.stage {
            Stage::Answering { mut service, .. } => {
                let Some(lease) = self.caller.streams.voice_line() else {
                    return Self { stage: Stage::Attending(service), ..*self }.hang_up(
                        head,
                        "media_refused",
                        means,
                    );
                };
                service.begin(lease, &self.record, means);
                self.until = means.after(service.longest());
                Stage::Attending(service)
            }
            stage => stage,
        };
        State::Served(Box::new(Self { stage, ..*self }))
    }

    /// The caller asks for other media, holds, or wants an offer of ours.
    fn asked(
        &mut self,
        (session, is_update): (SessionKey, bool),
        body: Option<&Body>,
        means: &mut Means<'_>,
    ) {
        let answer = match (&self.stage, self.caller.streams.read(body, means)) {
            // RFC 3311 §5.2: not before our answer, and not while ours waits for its own.
            (Stage::Explaining(_), _) => Err(Reply::new(504)),
            _ if self.offered.is_some() => Err(Reply::new(491)),
            (_, Err(unusable)) => Err(unusable.reply()),
            (_, Ok(None)) if is_update => Err(Reply::new(488)),
            (_, Ok(None)) => self.offer(means),
            (_, Ok(Some(offer))) => self.agree(&offer, means),
        };
        match (answer, is_update) {
            (Ok(body), false) => means.answer_reinvite(session, Some(body)),
            (Ok(body), true) => means.answer_update(session, body),
            (Err(reply), false) => means.refuse_reinvite(session, reply),
            (Err(reply), true) => means.refuse_update(session, reply),
        }
    }

    /// Offers what was agreed last anew, or all that we speak.
    fn offer(&mut self, means: &mut Means<'_>) -> Result<Body, Reply> {
        let said = self.caller.streams.said();
        let own = said.as_ref().and_then(Description::own_answer).or_else(Description::own_offer);
        let own = own.ok_or_else(|| Reply::new(488))?;
        self.caller.streams.reserve(&own, false, means).map_err(|_| Reply::new(488))?;
        let body = self.caller.streams.speak(&own, means);
        self.offered = Some(own);
        Ok(body)
    }

    fn agree(&mut self, offer: &Description, means: &mut Means<'_>) -> Result<Body, Reply> {
        let own = offer.own_answer().ok_or_else(|| Reply::new(488))?;
        let streams = &mut self.caller.streams;
        streams.reserve(offer, true, means).map_err(|_| Reply::new(488))?;
        let body = streams.speak(&own, means);
        streams.agree(offer, means);
        let holds = offer.is_held();
        if std::mem::replace(&mut self.is_held, holds) != holds {
            self.record.hold(holds, (self.caller.no, self.caller.participant), means);
        }
        Ok(body)
    }

    fn requested(&self, request: RequestKey, message: &OwnedMessage, means: &mut Means<'_>) {
        let status = match (&self.stage, message.view().method()) {
            (Stage::Explaining(_), _) => 480,
            // Keys that are pressed (RFC 6086) are taken, and lead to nothing yet.
            (_, Method::Options | Method::Info) => 200,
            _ => 405,
        };
        means.respond_in_dialog(request, Reply::new(status));
    }

    /// What the relay was to play is over.
    pub(crate) fn played(
        mut self: Box<Self>,
        head: &mut Head,
        lease: LeaseId,
        means: &mut Means<'_>,
    ) -> State {
        match &mut self.stage {
            Stage::Explaining(_) => return self.explained(head, means),
            Stage::Attending(service) => service.played(lease, means),
            Stage::Answering { .. } => {}
        }
        State::Served(self)
    }

    /// It has lasted as long as it may.
    pub(crate) fn timed_out(self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        match &self.stage {
            Stage::Explaining(_) => self.explained(head, means),
            Stage::Answering { .. } => self.hang_up(head, "ack_missing", means),
            Stage::Attending(_) => self.hang_up(head, "time_limit", means),
        }
    }

    /// We end it.
    pub(crate) fn hang_up(self, head: &mut Head, reason: &str, means: &mut Means<'_>) -> State {
        if let Stage::Explaining(_) = self.stage {
            return Box::new(self).explained(head, means);
        }
        head.hang_up(self.caller, None, means);
        end(self.record, &[], &Detail::default(), because(reason), means)
    }

    /// The caller has an answer.
    pub(super) fn is_answered(&self) -> bool {
        !matches!(self.stage, Stage::Explaining(_))
    }

    pub(super) fn until(&self) -> Moment {
        self.until
    }
}
