//! Re-INVITEs and UPDATEs of one side, carried through to the other (RFC 3261 §14, RFC 3311, RFC 3264 §8). What does not end well on both
//! sides is set right in `settle`.
//!
//! Hold is no feature here but a consequence: when the description of the side that asked stops to receive audio,
//! that side holds; when it receives again, it has taken the call back. What then is answered without the other side,
//! and the music, stand in `hold`. Media changes when an exchange is complete, never halfway.

use std::time::Duration;

use sip::{Body, Event, Method, Reply, SessionKey};
use streams::sdp::Description;

use super::{
    early_offer::passed_on,
    leg::Leg,
    media_plan::{Unusable, join},
    signalling::Ending,
    state::{Exchange, Head, Side, State, Talking},
};
use crate::means::Means;

/// How long an UPDATE may wait for the other side: less than its sender waits (RFC 3261 timer F).
const UPDATE_ANSWER_MAX: Duration = Duration::from_secs(30);

impl Talking {
    pub(super) fn signal(mut self: Box<Self>, head: &mut Head, event: Event, means: &mut Means<'_>) -> State {
        match event {
            Event::Reinvite { session, body } => self.asked((session, false), body.as_ref(), means),
            Event::Update { session, body } => self.asked((session, true), Some(&body), means),
            Event::ReinviteAnswered { session, body } | Event::UpdateAnswered { session, body } => {
                self.answered(session, body.as_ref(), means);
            }
            Event::ReinviteFailed { session, status, retry_after }
            | Event::UpdateFailed { session, status, retry_after } => {
                self.failed(session, (status, retry_after), means);
            }
            Event::ReinviteCanceled { session } => self.canceled(session, means),
            Event::Acked { session, body } => self.acked(session, body.as_ref(), means),
            Event::InDialog { session, request, message } if message.view().method() == Method::Refer => {
                return self.referred(head, (session, request), &message, means);
            }
            Event::InDialog { session, request, message } => {
                self.carry((session, request), &message, &mut head.recording, means);
            }
            Event::Response { session, request, status, message } => {
                self.carry_back((session, request), status, message.as_ref(), means);
            }
            Event::Ended { session, by, reason, instead } => {
                let Some(side) = self.side_of(session) else { return State::Talking(self) };
                self.release(means);
                let ending = Ending { side, by, reason, word: None, instead };
                return ending.carry_out(self.record, self.caller, self.callee, head, means);
            }
            _ => {}
        }
        self.play_music(means);
        State::Talking(self)
    }

    /// One side asks for other media, or (without a body) for an offer.
    fn asked(
        &mut self,
        (session, is_update): (SessionKey, bool),
        body: Option<&Body>,
        means: &mut Means<'_>,
    ) {
        let Some(by) = self.side_of(session) else { return };
        let answerable = self.leg(by).streams.read(body, means).map_err(Unusable::reply);
        let offer = match answerable {
            Ok(None) if is_update => return self.refuse((by, true), Reply::new(488), means),
            _ if !matches!(self.exchange, Exchange::Idle) => {
                return self.refuse((by, is_update), Reply::new(491), means);
            }
            Ok(offer) => offer,
            Err(reply) => return self.refuse((by, is_update), reply, means),
        };
        if let Some(offer) = &offer {
            let refreshed = self.refreshed(by, offer, means);
            if let Some(answer) = refreshed.or_else(|| self.answer_here(by, offer, means)) {
                self.accept((by, is_update), answer, means);
                // A refresh may say what was said in an answer, where it was no hold.
                return self.note_hold(by, offer, means);
            }
        }
        if let Err(reply) = self.pass_on((by, is_update), offer.as_ref(), means) {
            self.drop_unjoined(means);
            return self.refuse((by, is_update), reply, means);
        }
        let most = if is_update { UPDATE_ANSWER_MAX } else { means.config.timeouts.exchange };
        let until = means.after(most.min(means.config.timeouts.exchange));
        self.exchange = Exchange::Asked { by, is_update, offer, is_canceled: false, until };
    }

    /// Asks the other side: by UPDATE when it was one and can be one, as it is to be answered at once (RFC 3311 §5.2).
    fn pass_on(
        &mut self,
        (by, is_update): (Side, bool),
        offer: Option<&Description>,
        means: &mut Means<'_>,
    ) -> Result<(), Reply> {
        let told = match offer {
            None => None,
            Some(offer) => {
                let asked = self.leg_mut(by).streams.reserve(offer, true, means);
                let other = &mut self.leg_mut(by.other()).streams;
                asked.and_then(|()| other.reserve(offer, false, means)).map_err(|_| Reply::new(488))?;
                Some(other.offer(offer, means))
            }
        };
        let other = self.leg(by.other()).session;
        let passed = match told {
            Some(told) if is_update && means.peer(other).update => means.update(other, told),
            told => means.reinvite(other, told),
        };
        passed.map_err(|_| Reply::new(491))
    }

    fn accept(&mut self, (by, is_update): (Side, bool), answer: Body, means: &mut Means<'_>) {
        let session = self.leg(by).session;
        if is_update {
            means.answer_update(session, answer);
        } else {
            means.answer_reinvite(session, Some(answer));
        }
    }

    fn refuse(&mut self, (by, is_update): (Side, bool), reply: Reply, means: &mut Means<'_>) {
        let session = self.leg(by).session;
        if is_update {
            means.refuse_update(session, reply);
        } else {
            means.refuse_reinvite(session, reply);
        }
    }

    fn refreshed(&mut self, by: Side, offer: &Description, means: &mut Means<'_>) -> Option<Body> {
        let other = self.leg(by.other()).streams.said()?;
        let answer = refreshed(self.leg_mut(by), &other, offer, means)?;
        self.owed.take_if(|owed| owed.side == by);
        Some(answer)
    }

    /// The other side has answered, with its answer or with the offer it was asked for.
    fn answered(&mut self, session: SessionKey, body: Option<&Body>, means: &mut Means<'_>) {
        let Some(side) = self.side_of(session) else { return means.ack(session, None) };
        let said = self.leg(side).streams.said_in(body, means);
        match std::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::Asked { by, is_update, offer: Some(offer), is_canceled, .. }
                if self.leg(by.other()).session == session =>
            {
                means.ack(session, None);
                match said.filter(|said| !is_canceled && said.answers(&offer)) {
                    Some(said) => {
                        let body = self.leg_mut(by).streams.answer(&said, &offer, means);
                        self.accept((by, is_update), body, means);
                        self.change(by, &offer, &said, means);
                        self.note_hold(by, &offer, means);
                    }
                    None => {
                        self.drop_unjoined(means);
                        self.refuse((by, is_update), Reply::new(488), means);
                        self.owe(by.other(), means);
                    }
                }
            }
            Exchange::Asked { by, offer: None, is_canceled, .. }
                if self.leg(by.other()).session == session =>
            {
                self.offered(by, said, is_canceled, means);
            }
            Exchange::Settling { side, offer, .. } if self.leg(side).session == session => {
                means.ack(session, None);
                self.told(side, &offer, said, means);
            }
            other => {
                self.exchange = other;
                means.ack(session, None);
                self.answered_unasked(session, said, means);
            }
        }
    }

    /// The side that was asked for an offer makes one; the asker's ACK will bring the answer.
    fn offered(&mut self, by: Side, offer: Option<Description>, is_canceled: bool, means: &mut Means<'_>) {
        let asker = self.leg(by).session;
        let Some(offer) = offer else {
            means.ack(self.leg(by.other()).session, None);
            return means.refuse_reinvite(asker, Reply::new(488));
        };
        let other = self.leg_mut(by.other()).streams.reserve(&offer, true, means);
        let has_ports = other.and_then(|()| self.leg_mut(by).streams.reserve(&offer, false, means)).is_ok();
        if is_canceled || !has_ports {
            means.refuse_reinvite(asker, Reply::new(488));
            return self.answer_alone(by.other(), &offer, means);
        }
        let body = self.leg_mut(by).streams.offer(&offer, means);
        means.answer_reinvite(asker, Some(body));
        let until = means.after(means.config.timeouts.exchange);
        self.exchange = Exchange::Offered { by, offer, until };
    }

    /// A side's offer in a 2xx must have an answer in our ACK though the other side gives none (RFC 3261 §13.2.2.4).
    fn answer_alone(&mut self, offerer: Side, offer: &Description, means: &mut Means<'_>) {
        let answer = self.stand_in(offerer, offer, means);
        means.ack(self.leg(offerer).session, answer);
        self.drop_unjoined(means);
        self.owe(offerer.other(), means);
    }

    /// The asker's ACK brings the answer to the other side's offer.
    fn acked(&mut self, session: SessionKey, body: Option<&Body>, means: &mut Means<'_>) {
        let asker = self.side_of(session);
        match std::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::Offered { by, offer, .. } if Some(by) == asker => {
                let said = self.leg(by).streams.said_in(body, means);
                let other = self.leg(by.other()).session;
                match said.filter(|said| said.answers(&offer)) {
                    Some(said) => {
                        let body = self.leg_mut(by.other()).streams.answer(&said, &offer, means);
                        means.ack(other, Some(body));
                        self.change(by.other(), &offer, &said, means);
                        self.note_hold(by.other(), &offer, means);
                        // An answer that takes nothing from a side that sends nothing is no hold.
                        if offer.streams().any(|stream| stream.is_active() && stream.direction.sends()) {
                            self.note_hold(by, &said, means);
                        }
                    }
                    None => self.answer_alone(by.other(), &offer, means),
                }
            }
            other => self.exchange = other,
        }
    }

    fn failed(
        &mut self,
        session: SessionKey,
        (status, retry_after): (u16, Option<Duration>),
        means: &mut Means<'_>,
    ) {
        match std::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::Asked { by, is_update, is_canceled, .. } if self.leg(by.other()).session == session => {
                self.drop_unjoined(means);
                let mut reply = Reply::new(passed_on(status));
                if let Some(wait) = retry_after.filter(|_| status >= 500) {
                    reply = reply.header("Retry-After", wait.as_secs().to_string());
                }
                if !is_canceled {
                    self.refuse((by, is_update), reply, means);
                }
            }
            Exchange::Settling { side, .. } if self.leg(side).session == session => {
                self.drop_unjoined(means);
                match status {
                    491 => self.tell_later(retry_after, means),
                    _ => self.told_one(means),
                }
            }
            other => {
                self.exchange = other;
                let side = self.side_of(session);
                self.withdrawn.take_if(|withdrawn| Some(*withdrawn) == side);
            }
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
        self.owed = None;
        self.leg_mut(by).streams.agree(offer, means);
        self.leg_mut(by.other()).streams.agree(answer, means);
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
        let before = self.is_held.by(by);
        self.is_held.say(by, said.is_held());
        self.write_hold(by, before, means);
    }

    /// Writes that a side holds, or does no longer, where that is new.
    pub(super) fn write_hold(&mut self, by: Side, before: bool, means: &mut Means<'_>) {
        let holds = self.is_held.by(by);
        if holds != before {
            let whose = (self.leg(by).no, self.leg(by).participant);
            self.record.hold(holds, whose, means);
        }
    }

    /// A side that waits for its ACK must have it before it is hung up.
    pub(super) fn release(&mut self, means: &mut Means<'_>) {
        if let Exchange::Offered { by, offer, .. } = std::mem::replace(&mut self.exchange, Exchange::Idle) {
            let answer = self.stand_in(by.other(), &offer, means);
            means.ack(self.leg(by.other()).session, answer);
        }
    }

    /// The exchange has taken as long as it may.
    pub(super) fn give_up_exchange(&mut self, means: &mut Means<'_>) {
        match std::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::Asked { by, is_update, is_canceled, .. } => {
                self.drop_unjoined(means);
                // Left open, it would keep either side from asking again.
                self.withdraw(by.other(), means);
                if !is_canceled {
                    self.refuse((by, is_update), Reply::new(504), means);
                }
            }
            Exchange::Offered { by, offer, .. } => self.answer_alone(by.other(), &offer, means),
            Exchange::Settling { side, .. } => {
                self.drop_unjoined(means);
                self.owed = None;
                self.withdraw(side, means);
            }
            Exchange::Idle => {}
        }
    }

    /// Takes back what a side was asked; it may have said yes already.
    fn withdraw(&mut self, side: Side, means: &mut Means<'_>) {
        self.withdrawn = Some(side);
        means.cancel_reinvite(self.leg(side).session);
    }
}

/// An offer that says what is agreed already keeps the session alive (RFC 4028 §7.4), and one that does no more than restart ICE is
/// between its author and us: both are nobody else's business, who may not even be reachable. The answer says what the other side
/// has said last.
pub(super) fn refreshed(
    asker: &mut Leg,
    other: &Description,
    offer: &Description,
    means: &mut Means<'_>,
) -> Option<Body> {
    let streams = &mut asker.streams;
    let said = streams.said_last()?;
    let answer = other.stand_in_answer(offer);
    if said.says_the_same(offer) {
        return Some(streams.answer(&answer, offer, means));
    }
    let is_restart = streams.is_restarted_by(offer) && offer.goes_on_as(&said);
    if !is_restart || !answer.can_be_told(offer, &means.config.codecs) {
        return None;
    }
    streams.reserve(offer, true, means).ok()?;
    let body = streams.answer(&answer, offer, means);
    streams.agree_here(offer, means);
    Some(body)
}
