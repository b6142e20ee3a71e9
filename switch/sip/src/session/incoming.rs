//! Their INVITE until the ACK of its final answer: RFC 3261 13.3, with CANCEL by 9.2.

use std::time::{Duration, Instant};

use crate::dialog::{Dialog, to_tag};
use crate::endpoint::{
    Body, EndedBy, Endpoint, Event, Lapse, NewRequest, Outputs, PeerAbilities, Reason, Refused, Reply,
    ServerEvent, ServerKey, ServerUser, Why, tagged_to,
};
use crate::flow::Flow;
use crate::message::Message;
use crate::method::Method;
use crate::uri::Uri;

use super::reliable::Sending;
use super::usage::{Descriptions, Usage};
use super::{Answer, Confirmed, Exchange, Incoming, Session, SessionKey, Stage};

#[allow(clippy::needless_pass_by_value, reason = "orders are given away: the owner is done with them")]
impl Endpoint {
    /// Opens a session for an INVITE and sends 100 at once. The owner has to `answer` or `refuse` it; `Canceled`
    /// may come first.
    ///
    /// # Errors
    /// `Full` (503 was answered), `Merged` (482 was answered, or it is a repeat), `Invalid` for other methods.
    pub fn accept_invite(
        &mut self,
        now: Instant,
        request: NewRequest,
        out: &mut Outputs,
    ) -> Result<SessionKey, Refused> {
        let message = request.message.view();
        if message.method() != Method::Invite {
            return Err(Refused::Invalid);
        }
        self.admit(now, &request, out)?;
        if self.sessions.len() >= self.config.sessions_max {
            self.refuse_full(now, request.flow, &message, out);
            return Err(Refused::Full);
        }
        let key = SessionKey(self.tokens.number());
        let tag = self.tokens.tag(key.0);
        let user = (ServerUser::Invite(key), tag.as_str());
        let server = self.open_server(now, request.flow, &request.message, user).ok_or(Refused::Invalid)?;
        self.answer_server(now, server, &Reply::new(100), None, out);
        let dialog = Dialog::of_server(&message, tagged_to(&message, &tag), request.flow);
        let cseq = message.cseq().map_or(0, |cseq| cseq.number);
        let usage = Usage::new(dialog, Descriptions::heard(Body::of(&message).as_ref()));
        let sending = Sending::of(&message);
        let incoming = Incoming { server, cseq, usage, sending, progress: None };
        let stage = Stage::Incoming(Box::new(incoming));
        // We are reached by the name we were called by.
        let called = Uri::parse(message.request_uri()).ok().and_then(|uri| uri.user_text());
        let mut session = Session::new(stage, called.unwrap_or_default().into_owned());
        session.peer = PeerAbilities::of(&message);
        session.peer.hear_of(&self.config.info_package, &message);
        if let Ok(Some(expires)) = message.expires() {
            let at = now + Duration::from_secs(expires.into());
            session.running.set(&mut self.timers, at, Why::Lapse(key));
        }
        self.sessions.insert(key, session);
        Ok(key)
    }

    /// 13.3.1: the time that `Expires` gave the INVITE is over before the owner has answered.
    pub(crate) fn invite_expired(&mut self, now: Instant, key: SessionKey, out: &mut Outputs) {
        let Some((server, _)) = self.unanswered_invite(key) else { return };
        self.end_incoming(now, key, server, &Reply::new(487), out);
        out.event(Event::Lapsed { session: key, why: Lapse::Expired });
    }

    /// 13.3.1.4: answers 200, repeated until the ACK comes. `Acked` or `AckMissing` follows. It goes out when the last
    /// description sent reliably has its PRACK (RFC 3262 3).
    pub fn answer(&mut self, now: Instant, key: SessionKey, mut body: Option<Body>, out: &mut Outputs) {
        let Some((server, contact)) = self.unanswered_invite(key) else { return };
        let Some(Session { stage: Stage::Incoming(incoming), .. }) = self.sessions.get_mut(&key) else {
            return;
        };
        if incoming.sending.holds(&body) {
            return;
        }
        let said = &mut incoming.usage.descriptions;
        if said.are_settled() {
            // What an UPDATE has changed since must not be taken back by the INVITE's answer.
            body = body.filter(|body| !body.is_description() || said.repeats_answer(body));
        } else {
            said.we_conclude(body.as_ref());
        }
        let (reply, timer) = self.with_timer(server, Reply { body, ..Reply::new(200) });
        let sent = self.answer_server(now, server, &reply, Some(&contact), out);
        let Some(mut session) = self.sessions.remove(&key) else { return };
        session.running.stop_all(&mut self.timers);
        let (Stage::Incoming(incoming), Some((200, response))) = (session.stage, sent) else {
            // The answer could not be written and 500 was sent instead: there is no session.
            return out.event(Event::Ended {
                session: key,
                by: EndedBy::Us,
                reason: None,
                instead: Some(500),
            });
        };
        let cseq = incoming.cseq;
        let interval = self.config.timers.t1;
        let overtaken = incoming.sending.overtaken().map(|rseq| (rseq, cseq));
        let answer = Answer { server: incoming.server, cseq, response, interval, first: true };
        let exchange = Exchange::TheirsAnswered(Box::new(answer));
        let usage = incoming.usage;
        session.stage = Stage::Confirmed(Confirmed { usage, overtaken, timer, exchange, hang_up: None });
        self.sessions.insert(key, session);
        self.await_ack(now, key);
        self.start_timer(now, key, timer);
    }

    /// 13.3.1.3: answers 300 to 699. The session is over, no event follows.
    pub fn refuse(&mut self, now: Instant, key: SessionKey, reply: Reply, out: &mut Outputs) {
        let Some((server, _)) = self.unanswered_invite(key) else { return };
        if reply.status >= 300 {
            self.end_incoming(now, key, server, &reply, out);
        }
    }

    /// Answers an INVITE that opens a session with a failure, and every request that waits with it.
    pub(super) fn end_incoming(
        &mut self,
        now: Instant,
        key: SessionKey,
        server: ServerKey,
        reply: &Reply,
        out: &mut Outputs,
    ) {
        self.answer_server(now, server, reply, None, out);
        self.end_pending(now, key, out);
        self.forget(key);
    }

    /// 9.2: the peer took its INVITE back before our answer.
    pub(crate) fn on_invite_cancelled(
        &mut self,
        now: Instant,
        key: SessionKey,
        message: &Message<'_>,
        out: &mut Outputs,
    ) {
        let Some((server, is_answered)) = self.incoming(key) else { return };
        self.end_incoming(now, key, server, &Reply::new(487), out);
        Self::tell_canceled(key, is_answered, Reason::of(message), out);
    }

    /// Starts the repeats of a 2xx and the limit of waiting for its ACK, over any transport: another hop may
    /// lose it (13.3.1.4).
    pub(super) fn await_ack(&mut self, now: Instant, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let timers = &self.config.timers;
        session.running.set(&mut self.timers, now + timers.t1, Why::Answer(key));
        session.running.set(&mut self.timers, now + timers.t1x64(), Why::Acknowledgement(key));
    }

    /// 13.3.1.4: the 2xx again, by its transaction while that lives (RFC 6026 7.1).
    pub(crate) fn repeat_answer(&mut self, now: Instant, key: SessionKey, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let Some(Confirmed { exchange: Exchange::TheirsAnswered(answer), .. }) = session.confirmed() else {
            return;
        };
        answer.interval = self.config.timers.doubled(answer.interval);
        let (server, interval) = (answer.server, answer.interval);
        let event = ServerEvent::Answer { status: 200, bytes: answer.response.clone() };
        session.running.set(&mut self.timers, now + interval, Why::Answer(key));
        self.drive_server(now, server, event, out);
    }

    /// An ACK whose To tag is one of ours. `false`: it belongs to no session.
    pub(crate) fn on_session_ack(
        &mut self,
        now: Instant,
        flow: Flow,
        message: &Message<'_>,
        out: &mut Outputs,
    ) -> bool {
        let Some(key) = self.tokens.number_of_tag(to_tag(message)).map(SessionKey) else { return false };
        let Some(session) = self.sessions.get_mut(&key) else { return false };
        if session.dialog_of(message).is_none() {
            return false;
        }
        let Some(confirmed) = session.confirmed() else { return true };
        let number = message.cseq().map_or(0, |cseq| cseq.number);
        if !matches!(&confirmed.exchange, Exchange::TheirsAnswered(answer) if answer.cseq == number) {
            // A repeat.
            return true;
        }
        confirmed.exchange = Exchange::Idle;
        if flow.transport.is_reliable() {
            confirmed.usage.dialog.heard_on(flow);
        }
        let body = Body::of(message);
        if confirmed.usage.descriptions.is_ours_open() {
            confirmed.usage.descriptions.they_conclude(body.as_ref());
        }
        let hang_up = confirmed.hang_up.take();
        session.running.stop(&mut self.timers, &Why::Answer(key));
        session.running.stop(&mut self.timers, &Why::Acknowledgement(key));
        out.event(Event::Acked { session: key, body });
        if let Some(hang_up) = hang_up {
            self.leave(now, key, EndedBy::Us, hang_up.reason, out);
        }
        true
    }

    /// 13.3.1.4: no ACK for 64*T1. The session exists, so it is ended by BYE.
    pub(crate) fn ack_missing(&mut self, now: Instant, key: SessionKey, out: &mut Outputs) {
        let Some(confirmed) = self.sessions.get_mut(&key).and_then(Session::confirmed) else { return };
        let hang_up = confirmed.hang_up.take();
        confirmed.exchange = Exchange::Idle;
        out.event(Event::AckMissing { session: key });
        let (by, reason) = hang_up.map_or((EndedBy::Timeout, None), |hang_up| (EndedBy::Us, hang_up.reason));
        self.leave(now, key, by, reason, out);
    }

    /// 15.1.2: requests of the peer that wait when their session ends.
    pub(super) fn end_pending(&mut self, now: Instant, key: SessionKey, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        for server in std::mem::take(&mut session.pending) {
            self.answer_server(now, server, &Reply::new(487), None, out);
        }
    }
}
