//! Changing a confirmed session: re-INVITE in both directions (RFC 3261 14), the owner's ACK, glare.

use std::time::Instant;

use crate::dialog::contact_uri;
use crate::endpoint::{
    Body, ClientKey, ClientMachine, ClientUser, EndedBy, Endpoint, Event, ExtraHeaders, Outputs, REPLACES,
    Refused, Reply, ServerKey, TIMER, contact, extend, via,
};
use crate::flow::Flow;
use crate::header::HeaderName;
use crate::message::Message;
use crate::method::Method;
use crate::transaction::invite_client::InviteClient;

use super::{Answer, Confirmed, Exchange, Session, SessionKey, Stage};

/// Longest random `Retry-After` of a 500 to overlapping INVITEs, in seconds (14.2).
const RETRY_AFTER_MAX: u32 = 10;

#[allow(clippy::needless_pass_by_value, reason = "orders are given away: the owner is done with them")]
impl Endpoint {
    /// 13.2.2.4: the ACK of a 2xx to our INVITE or re-INVITE, with the answer to a late offer.
    pub fn ack(&mut self, _now: Instant, key: SessionKey, body: Option<Body>, out: &mut Outputs) {
        self.acknowledge(key, body.as_ref(), out);
    }

    /// Sends the ACK the owner owes, if it owes one.
    pub(super) fn acknowledge(&mut self, key: SessionKey, body: Option<&Body>, out: &mut Outputs) {
        let Some(confirmed) = self.sessions.get_mut(&key).and_then(Session::confirmed) else { return };
        let Exchange::OursAnswered { client, cseq } = confirmed.exchange else { return };
        confirmed.exchange = Exchange::Idle;
        if confirmed.usage.descriptions.is_theirs_open() {
            confirmed.usage.descriptions.we_conclude(body);
        }
        let dialog = confirmed.usage.dialog.clone();
        self.send_ack(client, &dialog, (cseq, dialog.remote_tag()), body, out);
    }

    /// 14.1: changes the session. `ReinviteAnswered` or `ReinviteFailed` follows.
    ///
    /// # Errors
    /// `Busy` while another INVITE of the session is open or before it is confirmed, `Gone` after its end, `Full`
    /// at a limit, `Invalid` when the INVITE cannot be written.
    pub fn reinvite(
        &mut self,
        now: Instant,
        key: SessionKey,
        body: Option<Body>,
        out: &mut Outputs,
    ) -> Result<(), Refused> {
        self.reinvite_with(now, key, (ExtraHeaders::new(), body), out)
    }

    /// The same, with headers of the owner's.
    ///
    /// # Errors
    /// As [`Self::reinvite`]; `Invalid` when they cannot be written.
    pub fn reinvite_with(
        &mut self,
        now: Instant,
        key: SessionKey,
        (headers, body): (ExtraHeaders, Option<Body>),
        out: &mut Outputs,
    ) -> Result<(), Refused> {
        self.send_reinvite(now, key, (&headers, body, false), out)
    }

    /// Sends a re-INVITE of the owner, or one of the endpoint's own that refreshes the session.
    pub(super) fn send_reinvite(
        &mut self,
        now: Instant,
        key: SessionKey,
        (headers, body, is_refresh): (&ExtraHeaders, Option<Body>, bool),
        out: &mut Outputs,
    ) -> Result<(), Refused> {
        if self.is_full() {
            return Err(Refused::Full);
        }
        let session = self.sessions.get_mut(&key).ok_or(Refused::Gone)?;
        let contact_user = session.contact_user.clone();
        let timer = session.confirmed().and_then(|confirmed| confirmed.timer);
        let Stage::Confirmed(Confirmed { usage, exchange: Exchange::Idle, .. }) = &mut session.stage else {
            return Err(Refused::Busy);
        };
        // An offer in an UPDATE is as much an exchange as a re-INVITE (RFC 3311 5.1).
        if usage.update.is_some() && !usage.is_refreshed() {
            return Err(Refused::Busy);
        }
        let dialog = &mut usage.dialog;
        let client = ClientKey { branch: self.tokens.number(), cancel: false };
        let flow = dialog.next_hop();
        let cseq = dialog.next_cseq();
        let via = via(flow, &self.tokens.branch(client.branch));
        let mut writer = dialog.request(Method::Invite.as_str(), cseq, &via);
        writer.header(HeaderName::Contact, contact(&contact_user, flow));
        // Reliable provisional answers are taken of the first INVITE only.
        self.capabilities(&mut writer, &[REPLACES, TIMER]);
        self.keep_timer(&mut writer, timer);
        self.name(&mut writer, HeaderName::UserAgent);
        extend(&mut writer, headers, body.as_ref());
        let bytes = writer.finish().map_err(|_| Refused::Invalid)?;
        if let Some(confirmed) = self.sessions.get_mut(&key).and_then(Session::confirmed) {
            confirmed.usage.descriptions.we_say(body.as_ref());
            confirmed.exchange = Exchange::Ours { client, is_refresh };
        }
        self.open_client(now, client, (Method::Invite, ClientUser::Reinvite(key)), flow, bytes, out);
        Ok(())
    }

    /// 9.1: takes our re-INVITE back, if it rings and is not being taken back already. `ReinviteFailed` follows, or
    /// `ReinviteAnswered` when the answer has crossed the CANCEL.
    pub fn cancel_reinvite(&mut self, now: Instant, key: SessionKey, out: &mut Outputs) {
        let Some(confirmed) = self.sessions.get_mut(&key).and_then(Session::confirmed) else { return };
        let Exchange::Ours { client, .. } = confirmed.exchange else { return };
        let is_cancelled = self.clients.get(ClientKey { cancel: true, ..client }).is_some();
        let rings = self.clients.get(client).is_some_and(|transaction| {
            matches!(transaction.machine, ClientMachine::Invite { machine: InviteClient::Proceeding, .. })
        });
        if rings && !is_cancelled {
            self.cancel_client(now, client, None, out);
        }
    }

    /// A 2xx to our re-INVITE.
    pub(super) fn on_reinvite_success(
        &mut self,
        now: Instant,
        client: ClientKey,
        key: SessionKey,
        flow: Flow,
        message: &Message<'_>,
        out: &mut Outputs,
    ) {
        if self.repeat_ack(client, message, out) {
            return;
        }
        let Some(confirmed) = self.sessions.get_mut(&key).and_then(Session::confirmed) else {
            return self.send_late_ack(client, message, out);
        };
        match confirmed.exchange {
            Exchange::Ours { client: open, is_refresh } if open == client => {
                confirmed.usage.dialog.refresh(message, flow);
                let body = Body::of(message);
                let is_known = confirmed.usage.descriptions.theirs() == body.as_ref();
                confirmed.usage.descriptions.they_conclude(body.as_ref());
                let cseq = message.cseq().map_or(0, |cseq| cseq.number);
                confirmed.exchange = Exchange::OursAnswered { client, cseq };
                let timer = confirmed.timer;
                let timer = self.timer_of_answer(message, timer);
                self.start_timer(now, key, timer);
                if is_refresh {
                    self.acknowledge(key, None, out);
                }
                if !(is_refresh && is_known) {
                    out.event(Event::ReinviteAnswered { session: key, body });
                }
            }
            // The owner has not given the ACK yet; it will answer this repeat too.
            Exchange::OursAnswered { client: open, .. } if open == client => {}
            _ => self.send_late_ack(client, message, out),
        }
    }

    /// 14.1: the session stays as it was, unless the peer does not know it or is silent (12.2.1.2).
    pub(super) fn on_reinvite_failure(
        &mut self,
        now: Instant,
        key: SessionKey,
        (status, message): (u16, Option<&Message<'_>>),
        out: &mut Outputs,
    ) {
        let Some(confirmed) = self.sessions.get_mut(&key).and_then(Session::confirmed) else { return };
        let Exchange::Ours { is_refresh, .. } = confirmed.exchange else { return };
        confirmed.exchange = Exchange::Idle;
        confirmed.usage.descriptions.withdraw();
        let is_caller = confirmed.usage.dialog.is_caller();
        let retry_after = self.retry_time(status, is_caller, message);
        if is_refresh {
            self.refresh_failed(now, key, (status, message), retry_after);
        } else {
            out.event(Event::ReinviteFailed { session: key, status, retry_after });
        }
        self.end_if_unknown(now, key, status, out);
    }

    /// 12.2.1.2: 481 says that the peer has no such dialog, 408 that there is no peer.
    pub(super) fn end_if_unknown(&mut self, now: Instant, key: SessionKey, status: u16, out: &mut Outputs) {
        match status {
            481 => self.end_without_bye(now, key, EndedBy::Peer, None, out),
            408 => self.leave(now, key, EndedBy::Timeout, None, out),
            _ => {}
        }
    }

    /// 14.2: the peer's re-INVITE. Its sequence number has been taken.
    pub(super) fn on_reinvite(
        &mut self,
        now: Instant,
        key: SessionKey,
        server: ServerKey,
        (flow, message): (Flow, &Message<'_>),
        out: &mut Outputs,
    ) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let reply = match &mut session.stage {
            Stage::Confirmed(confirmed) => match &mut confirmed.exchange {
                // The offer of an UPDATE is open (RFC 3311 5.2).
                Exchange::Idle if confirmed.usage.is_asked() => Some(500),
                Exchange::Idle if confirmed.usage.descriptions.is_ours_open() => Some(491),
                exchange @ Exchange::Idle if confirmed.hang_up.is_none() => {
                    let cseq = message.cseq().map_or(0, |cseq| cseq.number);
                    // The target changes with the 2xx: a refused re-INVITE changes nothing (RFC 6141 4).
                    let target = contact_uri(message).map(Box::from);
                    *exchange = Exchange::Theirs { server, cseq, target };
                    confirmed.usage.dialog.heard_on(flow);
                    confirmed.usage.descriptions.they_say(Body::of(message).as_ref());
                    None
                }
                Exchange::Theirs { .. } => Some(500),
                // Ours is open, or the ACK that closes the last exchange is still on its way (RFC 5407 3.1.4).
                _ => Some(491),
            },
            Stage::Incoming(_) => Some(500),
            Stage::Outgoing(_) => Some(491),
            Stage::Leaving(_) => Some(481),
        };
        let Some(status) = reply else {
            self.answer_server(now, server, &Reply::new(100), None, out);
            return out.event(Event::Reinvite { session: key, body: Body::of(message) });
        };
        let mut reply = Reply::new(status);
        if status == 500 {
            reply = reply.header("Retry-After", self.tokens.below(RETRY_AFTER_MAX + 1).to_string());
        }
        self.servers.orphan(server);
        self.answer_server(now, server, &reply, None, out);
    }

    /// 14.2: accepts the peer's re-INVITE, 200 repeated until the ACK comes.
    pub fn answer_reinvite(&mut self, now: Instant, key: SessionKey, body: Option<Body>, out: &mut Outputs) {
        let Some((server, cseq, leg)) = self.open_reinvite(key) else { return };
        let Some(session) = self.sessions.get_mut(&key) else { return };
        if let Some(confirmed) = session.confirmed() {
            confirmed.usage.descriptions.we_conclude(body.as_ref());
        }
        let contact = contact(&session.contact_user, leg);
        let (reply, timer) = self.with_timer(server, Reply { body, ..Reply::new(200) });
        let sent = self.answer_server(now, server, &reply, Some(&contact), out);
        let interval = self.config.timers.t1;
        let Some(confirmed) = self.sessions.get_mut(&key).and_then(Session::confirmed) else { return };
        let Some((200, response)) = sent else {
            confirmed.exchange = Exchange::Idle;
            confirmed.usage.descriptions.withdraw();
            return;
        };
        let answer = Answer { server, cseq, response, interval, first: false };
        if let Exchange::Theirs { target, .. } =
            std::mem::replace(&mut confirmed.exchange, Exchange::TheirsAnswered(Box::new(answer)))
        {
            confirmed.usage.dialog.retarget(target);
        }
        self.await_ack(now, key);
        self.start_timer(now, key, timer);
    }

    /// 14.2: refuses the peer's re-INVITE; the session stays as it was.
    pub fn refuse_reinvite(&mut self, now: Instant, key: SessionKey, reply: Reply, out: &mut Outputs) {
        if reply.status >= 300 {
            self.close_reinvite(now, key, &reply, out);
        }
    }

    /// 9.2: the peer took its re-INVITE back before our answer.
    pub(crate) fn on_reinvite_cancelled(
        &mut self,
        now: Instant,
        key: SessionKey,
        server: ServerKey,
        out: &mut Outputs,
    ) {
        if self.open_reinvite(key).is_some_and(|(open, ..)| open == server) {
            self.close_reinvite(now, key, &Reply::new(487), out);
            out.event(Event::ReinviteCanceled { session: key });
        }
    }

    /// Answers an open re-INVITE of the peer with a failure.
    pub(super) fn close_reinvite(&mut self, now: Instant, key: SessionKey, reply: &Reply, out: &mut Outputs) {
        let Some((server, ..)) = self.open_reinvite(key) else { return };
        self.answer_server(now, server, reply, None, out);
        if let Some(confirmed) = self.sessions.get_mut(&key).and_then(Session::confirmed) {
            confirmed.exchange = Exchange::Idle;
            confirmed.usage.descriptions.withdraw();
        }
    }

    fn open_reinvite(&self, key: SessionKey) -> Option<(ServerKey, u32, Flow)> {
        match &self.sessions.get(&key)?.stage {
            Stage::Confirmed(Confirmed {
                usage, exchange: Exchange::Theirs { server, cseq, .. }, ..
            }) => Some((*server, *cseq, usage.dialog.leg())),
            _ => None,
        }
    }
}
