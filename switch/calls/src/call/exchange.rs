//! Re-INVITEs and other requests of one side, carried through to the other (RFC 3261 §14, RFC 3264 §8).
//!
//! Hold is no feature here but a consequence: when the description of the side that asked stops to receive audio,
//! that side holds; when it receives again, it has taken the call back. Media changes when an exchange is
//! complete, never halfway.

use contract::journal::{Detail, EventKind};
use sip::{Body, Event, HeaderName, Message, Method, OwnedMessage, Reply, RequestKey, SessionKey};
use streams::sdp::Description;

use super::{
    media_plan::{self, join},
    signalling::Ending,
    state::{Carried, Exchange, Head, Side, State, Talking},
};
use crate::{config::CARRIED_REQUESTS_MAX, means::Means};

impl Talking {
    pub(super) fn signal(mut self: Box<Self>, head: &mut Head, event: Event, means: &mut Means<'_>) -> State {
        match event {
            Event::Reinvite { session, body } => self.asked(session, body.as_ref(), means),
            Event::ReinviteAnswered { session, body } => self.answered(session, body.as_ref(), means),
            Event::ReinviteFailed { session, status } => self.failed(session, status, means),
            Event::ReinviteCanceled { session } => self.canceled(session, means),
            Event::Acked { session, body } => self.acked(session, body.as_ref(), means),
            Event::InDialog { session, request, message } => self.carry(session, request, &message, means),
            Event::Response { request, status, message, .. } => {
                self.carry_back(request, status, message.as_ref(), means);
            }
            Event::Ended { session, by, reason } => {
                let Some(side) = self.side_of(session) else { return State::Talking(self) };
                self.settle(means);
                let ending = Ending { side, by, reason, word: None };
                return ending.carry_out(self.record, self.caller, self.callee, head, means);
            }
            _ => {}
        }
        State::Talking(self)
    }

    /// One side asks for other media, or (without a body) for an offer.
    fn asked(&mut self, session: SessionKey, body: Option<&Body>, means: &mut Means<'_>) {
        let Some(by) = self.side_of(session) else { return };
        if !matches!(self.exchange, Exchange::Idle) {
            return means.refuse_reinvite(session, Reply::new(491));
        }
        let offer = match media_plan::read(body, means) {
            Ok(offer) => offer,
            Err(unusable) => return means.refuse_reinvite(session, unusable.reply()),
        };
        let told = match &offer {
            None => None,
            Some(offer) => {
                let asked = self.leg(by).streams.reserve(offer, true, means);
                let other = &mut self.leg(by.other()).streams;
                if asked.and_then(|()| other.reserve(offer, false, means)).is_err() {
                    self.drop_unjoined(means);
                    return means.refuse_reinvite(session, Reply::new(488));
                }
                Some(self.leg(by.other()).streams.describe(offer, means))
            }
        };
        let other = self.leg(by.other()).session;
        if means.reinvite(other, told).is_err() {
            self.drop_unjoined(means);
            return means.refuse_reinvite(session, Reply::new(491));
        }
        let until = means.after(means.config.timeouts.exchange);
        self.exchange = Exchange::Asked { by, offer, is_canceled: false, until };
    }

    /// The other side has answered, with its answer or with the offer it was asked for.
    fn answered(&mut self, session: SessionKey, body: Option<&Body>, means: &mut Means<'_>) {
        let said = media_plan::said(body, means);
        match std::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::Asked { by, offer: Some(offer), is_canceled, .. }
                if self.leg(by.other()).session == session =>
            {
                means.ack(session, None);
                let asker = self.leg(by).session;
                match said.filter(|said| !is_canceled && said.answers(&offer)) {
                    Some(said) => {
                        let body = self.leg(by).streams.describe(&said, means);
                        means.answer_reinvite(asker, Some(body));
                        self.change(by, &offer, &said, means);
                        self.note_hold(by, &offer, means);
                    }
                    None => {
                        self.drop_unjoined(means);
                        means.refuse_reinvite(asker, Reply::new(488));
                    }
                }
            }
            Exchange::Asked { by, offer: None, is_canceled, .. }
                if self.leg(by.other()).session == session =>
            {
                self.offered(by, said.filter(|_| !is_canceled), means);
            }
            // Too late: the exchange was given up. The other side needs its ACK all the same.
            other => {
                self.exchange = other;
                means.ack(session, None);
            }
        }
    }

    /// The side that was asked for an offer makes one; the asker's ACK will bring the answer.
    fn offered(&mut self, by: Side, said: Option<Description>, means: &mut Means<'_>) {
        let asker = self.leg(by).session;
        let said = said.filter(|said| {
            let other = self.leg(by.other()).streams.reserve(said, true, means);
            other.and_then(|()| self.leg(by).streams.reserve(said, false, means)).is_ok()
        });
        let Some(offer) = said else {
            means.ack(self.leg(by.other()).session, None);
            self.drop_unjoined(means);
            return means.refuse_reinvite(asker, Reply::new(488));
        };
        let body = self.leg(by).streams.describe(&offer, means);
        means.answer_reinvite(asker, Some(body));
        let until = means.after(means.config.timeouts.exchange);
        self.exchange = Exchange::Offered { by, offer, until };
    }

    /// The asker's ACK brings the answer to the other side's offer.
    fn acked(&mut self, session: SessionKey, body: Option<&Body>, means: &mut Means<'_>) {
        let asker = self.side_of(session);
        match std::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::Offered { by, offer, .. } if Some(by) == asker => {
                let said = media_plan::said(body, means);
                let other = self.leg(by.other()).session;
                match said.filter(|said| said.answers(&offer)) {
                    Some(said) => {
                        let body = self.leg(by.other()).streams.describe(&said, means);
                        means.ack(other, Some(body));
                        self.change(by.other(), &offer, &said, means);
                        // An answer that takes nothing from a side that sends nothing is no hold.
                        if offer.streams().any(|stream| stream.is_active() && stream.direction.sends()) {
                            self.note_hold(by, &said, means);
                        }
                    }
                    None => {
                        means.ack(other, None);
                        self.drop_unjoined(means);
                    }
                }
            }
            other => self.exchange = other,
        }
    }

    fn failed(&mut self, session: SessionKey, status: u16, means: &mut Means<'_>) {
        match std::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::Asked { by, is_canceled, .. } if self.leg(by.other()).session == session => {
                self.drop_unjoined(means);
                // A challenge or a redirection is for us and would only confuse the asker.
                let status = if matches!(status, 300..=399 | 401 | 407) { 488 } else { status };
                if !is_canceled {
                    means.refuse_reinvite(self.leg(by).session, Reply::new(status));
                }
            }
            other => self.exchange = other,
        }
    }

    /// The asker took its re-INVITE back: nobody shall be asked any longer.
    fn canceled(&mut self, session: SessionKey, means: &mut Means<'_>) {
        let side = self.side_of(session);
        if let Exchange::Asked { by, is_canceled, .. } = &mut self.exchange
            && Some(*by) == side
        {
            *is_canceled = true;
            let other = by.other();
            means.cancel_reinvite(self.leg(other).session);
        }
    }

    /// Offer and answer are complete: `by` has offered, the other side has answered.
    fn change(&mut self, by: Side, offer: &Description, answer: &Description, means: &mut Means<'_>) {
        self.leg(by).streams.learn(offer, means);
        self.leg(by.other()).streams.learn(answer, means);
        join(&mut self.caller.streams, &mut self.callee.streams, means);
        for leg in [&mut self.caller, &mut self.callee] {
            leg.streams.drop_refused(answer, means);
        }
    }

    fn drop_unjoined(&mut self, means: &mut Means<'_>) {
        for leg in [&mut self.caller, &mut self.callee] {
            leg.streams.drop_unjoined(means);
        }
    }

    fn note_hold(&mut self, by: Side, said: &Description, means: &mut Means<'_>) {
        let holds = said.is_held();
        let held = match by {
            Side::Caller => &mut self.is_held.by_caller,
            Side::Callee => &mut self.is_held.by_callee,
        };
        if std::mem::replace(held, holds) == holds {
            return;
        }
        let kind = if holds { EventKind::Hold } else { EventKind::Unhold };
        let leg = self.leg(by);
        let (participant, detail) = (leg.participant, Detail { leg: Some(leg.no), ..Detail::default() });
        self.record.event(kind, participant, detail, means);
    }

    /// A side that waits for its ACK must have it before it is hung up.
    pub(super) fn settle(&mut self, means: &mut Means<'_>) {
        if let Exchange::Offered { by, .. } = std::mem::replace(&mut self.exchange, Exchange::Idle) {
            let other = self.leg(by.other()).session;
            means.ack(other, None);
        }
    }

    /// The exchange has taken as long as it may.
    pub(super) fn give_up_exchange(&mut self, means: &mut Means<'_>) {
        match std::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::Asked { by, is_canceled, .. } => {
                self.drop_unjoined(means);
                // Left open, it would keep either side from asking again.
                means.cancel_reinvite(self.leg(by.other()).session);
                if !is_canceled {
                    means.refuse_reinvite(self.leg(by).session, Reply::new(504));
                }
            }
            Exchange::Offered { by, .. } => {
                let other = self.leg(by.other()).session;
                means.ack(other, None);
                self.drop_unjoined(means);
            }
            Exchange::Idle => {}
        }
    }

    /// INFO goes to the other side and its answer comes back; OPTIONS asks whether we are there (RFC 3261 §11).
    fn carry(
        &mut self,
        session: SessionKey,
        request: RequestKey,
        message: &OwnedMessage,
        means: &mut Means<'_>,
    ) {
        let Some(by) = self.side_of(session) else { return };
        let message = message.view();
        let reply = match message.method() {
            Method::Options => Reply::new(200).header("Accept", "application/sdp"),
            Method::Info if self.carried.len() >= CARRIED_REQUESTS_MAX => Reply::new(503),
            Method::Info => {
                let other = self.leg(by.other()).session;
                match means.request(other, "INFO", package_of(&message), Body::of(&message)) {
                    Ok(to) => return self.carried.push(Carried { from: request, to }),
                    Err(_) => Reply::new(480),
                }
            }
            _ => Reply::new(405),
        };
        means.respond_in_dialog(request, reply);
    }

    fn carry_back(
        &mut self,
        request: RequestKey,
        status: u16,
        message: Option<&OwnedMessage>,
        means: &mut Means<'_>,
    ) {
        let Some(at) = self.carried.iter().position(|carried| carried.to == request) else { return };
        let carried = self.carried.swap_remove(at);
        let status = if matches!(status, 401 | 407) { 403 } else { status };
        let mut reply = Reply::new(status);
        reply.body = message.and_then(|message| Body::of(&message.view()));
        means.respond_in_dialog(carried.from, reply);
    }
}

/// The header that says what an INFO is about (RFC 6086 §4.2); what its body is for goes with the body.
fn package_of(message: &Message<'_>) -> sip::ExtraHeaders {
    let package = message.first(HeaderName::InfoPackage);
    package.map(|name| ("Info-Package".into(), name.to_owned())).into_iter().collect()
}
