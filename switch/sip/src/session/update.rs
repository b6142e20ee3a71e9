//! UPDATE in both directions (RFC 3311), in early and confirmed dialogs: a new target, a new session timer, an
//! offer. And the offer in a PRACK, which is answered the same way (RFC 3262 5).
//!
//! One without a description needs no owner. Of two offers at once one is refused (RFC 3311 5.2).

use std::time::{Duration, Instant};

use crate::dialog::contact_uri;
use crate::endpoint::{
    Body, ClientKey, ClientUser, Endpoint, Event, Outputs, PeerAbilities, REPLACES, Refused, Reply,
    ServerKey, TIMER, contact, extend, via,
};
use crate::flow::Flow;
use crate::header::HeaderName;
use crate::message::Message;
use crate::method::Method;

use super::usage::{Update, Usage};
use super::{Confirmed, Exchange, Session, SessionKey, Stage};

/// Longest random `Retry-After` of a 500 to overlapping requests, in seconds (RFC 3261 14.2, RFC 3311 5.2).
const RETRY_AFTER_MAX: u32 = 10;

#[allow(clippy::needless_pass_by_value, reason = "orders are given away: the owner is done with them")]
impl Endpoint {
    /// What the peer of a session has said that it can do.
    #[must_use]
    pub fn peer(&self, key: SessionKey) -> Option<PeerAbilities> {
        self.sessions.get(&key).map(|session| session.peer)
    }

    /// RFC 3311 5.1: makes an offer without an INVITE. `UpdateAnswered` or `UpdateFailed` follows.
    ///
    /// # Errors
    /// `Busy` while an offer or an UPDATE is open, before the first answer has been sent reliably, or with several
    /// early dialogs; `Gone` after the end, `Full` at a limit, `Invalid` where the peer does not allow UPDATE or it
    /// cannot be written.
    pub fn update(
        &mut self,
        now: Instant,
        key: SessionKey,
        body: Body,
        out: &mut Outputs,
    ) -> Result<(), Refused> {
        if self.is_full() {
            return Err(Refused::Full);
        }
        let session = self.sessions.get_mut(&key).ok_or(Refused::Gone)?;
        if !session.peer.update || !body.is_description() {
            return Err(Refused::Invalid);
        }
        let is_idle = match &session.stage {
            Stage::Outgoing(outgoing) => outgoing.early.len() == 1 && outgoing.cancel.is_none(),
            Stage::Incoming(incoming) => !incoming.sending.is_unacknowledged(),
            Stage::Confirmed(Confirmed { exchange, hang_up, .. }) => {
                hang_up.is_none() && matches!(exchange, Exchange::Idle | Exchange::TheirsAnswered(_))
            }
            Stage::Leaving(_) => return Err(Refused::Gone),
        };
        let usage = session.usages().next().filter(|_| is_idle).ok_or(Refused::Busy)?;
        if !usage.descriptions.are_settled() || usage.update.is_some() {
            return Err(Refused::Busy);
        }
        self.send_update(now, key, Some(&body), out)
    }

    /// Sends an UPDATE; without a description it is a refresh of the endpoint's own.
    pub(super) fn send_update(
        &mut self,
        now: Instant,
        key: SessionKey,
        body: Option<&Body>,
        out: &mut Outputs,
    ) -> Result<(), Refused> {
        let client = ClientKey { branch: self.tokens.number(), cancel: false };
        let branch = self.tokens.branch(client.branch);
        let session = self.sessions.get_mut(&key).ok_or(Refused::Gone)?;
        let contact_user = session.contact_user.clone();
        let timer = session.confirmed().map(|confirmed| confirmed.timer);
        let usage = session.usages().next().ok_or(Refused::Gone)?;
        let flow = usage.dialog.next_hop();
        let cseq = usage.dialog.next_cseq();
        let mut writer = usage.dialog.request(Method::Update.as_str(), cseq, &via(flow, &branch));
        writer.header(HeaderName::Contact, contact(&contact_user, flow));
        self.capabilities(&mut writer, &[REPLACES, TIMER]);
        // An early dialog has no timer to refresh.
        if let Some(timer) = timer {
            self.keep_timer(&mut writer, timer);
        }
        self.name(&mut writer, HeaderName::UserAgent);
        extend(&mut writer, &Vec::new(), body);
        let bytes = writer.finish().map_err(|_| Refused::Invalid)?;
        if let Some(usage) = self.sessions.get_mut(&key).and_then(|session| session.usages().next()) {
            usage.descriptions.we_say(body);
            usage.update = Some(Update::Ours { client, is_refresh: body.is_none() });
        }
        self.open_client(now, client, (Method::Update, ClientUser::Update(key)), flow, bytes, out);
        Ok(())
    }

    /// The final answer to our UPDATE, or none.
    pub(super) fn on_update_over(
        &mut self,
        now: Instant,
        key: SessionKey,
        client: ClientKey,
        (status, message): (u16, Option<(&Message<'_>, Flow)>),
        out: &mut Outputs,
    ) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let is_this = |usage: &&mut Usage| usage.update.as_ref().is_some_and(|open| open.is_ours(client));
        let Some(usage) = session.usages().find(is_this) else { return };
        let Some(Update::Ours { is_refresh, .. }) = usage.update.take() else { return };
        if let (200..300, Some((message, flow))) = (status, message) {
            usage.dialog.refresh(message, flow);
            let body = Body::of(message);
            usage.descriptions.they_conclude(body.as_ref());
            let kept = session.confirmed().and_then(|confirmed| confirmed.timer);
            let timer = self.timer_of_answer(message, kept);
            self.start_timer(now, key, timer);
            if !is_refresh {
                out.event(Event::UpdateAnswered { session: key, body });
            }
            return;
        }
        usage.descriptions.withdraw();
        let is_caller = usage.dialog.is_caller();
        let retry_after = self.retry_time(status, is_caller, message.map(|(message, _)| message));
        if is_refresh {
            self.refresh_failed(now, key, (status, message.map(|(message, _)| message)), retry_after);
        } else {
            out.event(Event::UpdateFailed { session: key, status, retry_after });
        }
        self.end_if_unknown(now, key, status, out);
    }

    /// When a request that failed may be tried again. 14.1: after 491 the side that made the Call-ID waits longer, so
    /// that the two do not meet again; both in steps of 10 ms.
    pub(super) fn retry_time(
        &mut self,
        status: u16,
        is_caller: bool,
        message: Option<&Message<'_>>,
    ) -> Option<Duration> {
        let steps = match (status, is_caller) {
            (491, true) => 210 + self.tokens.below(191),
            (491, false) => self.tokens.below(201),
            _ => {
                return message
                    .and_then(|message| message.leading_seconds(HeaderName::RetryAfter))
                    .map(|secs| Duration::from_secs(secs.into()));
            }
        };
        Some(Duration::from_millis(10 * u64::from(steps)))
    }

    /// RFC 3311 5.2: the peer's UPDATE. Its sequence number has been taken.
    pub(super) fn on_update(
        &mut self,
        now: Instant,
        key: SessionKey,
        server: ServerKey,
        (flow, message): (Flow, &Message<'_>),
        out: &mut Outputs,
    ) {
        let body = Body::of(message).filter(Body::is_description);
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let refusal = session.update_refusal(message, body.is_some());
        if let Some(status) = refusal {
            let mut reply = Reply::new(status);
            if status == 500 {
                reply = reply.header("Retry-After", self.tokens.below(RETRY_AFTER_MAX + 1).to_string());
            }
            return self.answer_now(now, key, server, &reply, out);
        }
        if let Some(body) = body {
            let target = contact_uri(message).map(Box::from);
            return self.on_offer(now, key, server, (body, target), out);
        }
        if let Some(usage) = session.usages().find(|usage| usage.dialog.owns(message)) {
            usage.dialog.refresh(message, flow);
        }
        self.answer_now(now, key, server, &Reply::new(200), out);
    }

    /// Asks the owner for the answer to an offer outside an INVITE.
    pub(super) fn on_offer(
        &mut self,
        _now: Instant,
        key: SessionKey,
        server: ServerKey,
        (body, target): (Body, Option<Box<str>>),
        out: &mut Outputs,
    ) {
        let Some(owned) = self.servers.get(server).and_then(|found| found.request.clone()) else { return };
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let Some(usage) = session.usages().find(|usage| usage.dialog.owns(&owned.view())) else { return };
        usage.descriptions.they_say(Some(&body));
        usage.update = Some(Update::Theirs { server, target });
        session.pending.push(server);
        out.event(Event::Update { session: key, body });
    }

    /// Accepts the peer's offer with an answer.
    pub fn answer_update(&mut self, now: Instant, key: SessionKey, body: Body, out: &mut Outputs) {
        let Some(server) = self.close_update(key, Some(&body)) else { return };
        self.answer_now(now, key, server, &Reply::new(200).body(body), out);
    }

    /// Refuses the peer's offer; the session stays as it was.
    pub fn refuse_update(&mut self, now: Instant, key: SessionKey, reply: Reply, out: &mut Outputs) {
        if reply.status < 300 {
            return;
        }
        let Some(server) = self.close_update(key, None) else { return };
        self.answer_now(now, key, server, &reply, out);
    }

    /// Ends the state of the peer's offer: with our answer, or as if it had not been made.
    fn close_update(&mut self, key: SessionKey, answer: Option<&Body>) -> Option<ServerKey> {
        let session = self.sessions.get_mut(&key)?;
        let usage = session.usages().find(|usage| usage.is_asked())?;
        let Some(Update::Theirs { server, target }) = usage.update.take() else { return None };
        match answer {
            Some(body) => {
                usage.descriptions.we_say(Some(body));
                usage.dialog.retarget(target);
            }
            None => usage.descriptions.withdraw(),
        }
        session.pending.retain(|pending| *pending != server);
        Some(server)
    }

    /// The owner has not answered this request: if it was the offer, it counts as refused.
    pub(crate) fn forget_update(&mut self, key: SessionKey, server: ServerKey) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let is_this = |usage: &&mut Usage| matches!(usage.update, Some(Update::Theirs { server: open, .. }) if open == server);
        if let Some(usage) = session.usages().find(is_this) {
            usage.update = None;
            usage.descriptions.withdraw();
        }
    }

    /// Answers a request of the peer inside a session, as a member of its dialog.
    pub(super) fn answer_now(
        &mut self,
        now: Instant,
        key: SessionKey,
        server: ServerKey,
        reply: &Reply,
        out: &mut Outputs,
    ) {
        let is_refreshed = reply.status < 300
            && self
                .servers
                .get(server)
                .and_then(|found| found.request.as_ref())
                .is_some_and(|request| request.view().method() == Method::Update);
        let contact = self.sessions.get_mut(&key).filter(|_| is_refreshed).and_then(|session| {
            let user = session.contact_user.clone();
            session.usages().next().map(|usage| contact(&user, usage.dialog.leg()))
        });
        let is_confirmed = self.sessions.get_mut(&key).and_then(Session::confirmed).is_some();
        if !(is_refreshed && is_confirmed) {
            self.answer_server(now, server, reply, contact.as_deref(), out);
            return;
        }
        let (reply, timer) = self.with_timer(server, reply.clone());
        self.answer_server(now, server, &reply, contact.as_deref(), out);
        self.start_timer(now, key, timer);
    }
}

impl Session {
    /// RFC 3311 5.2: why an UPDATE cannot be taken now. 500: something of theirs is open; 491: something of ours.
    fn update_refusal(&mut self, message: &Message<'_>, is_offer: bool) -> Option<u16> {
        if self.usages().any(|usage| usage.is_asked()) {
            return Some(500);
        }
        if !is_offer {
            return None;
        }
        if let Stage::Confirmed(confirmed) = &self.stage {
            match confirmed.exchange {
                Exchange::Theirs { .. } => return Some(500),
                Exchange::Ours { .. } | Exchange::OursAnswered { .. } => return Some(491),
                Exchange::Idle | Exchange::TheirsAnswered(_) => {}
            }
        }
        let usage = self.usages().find(|usage| usage.dialog.owns(message))?;
        if usage.descriptions.is_ours_open() || matches!(usage.update, Some(Update::Ours { .. })) {
            return Some(491);
        }
        // Their first offer has no answer yet, or there was none: it has to come by the INVITE's own messages.
        let is_confirmed = matches!(self.stage, Stage::Confirmed(_));
        let usage = self.usages().find(|usage| usage.dialog.owns(message))?;
        (usage.descriptions.is_theirs_open() || !is_confirmed && !usage.descriptions.are_settled())
            .then_some(500)
    }
}
