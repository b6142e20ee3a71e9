//! Requests inside a dialog (RFC 3261 12.2): order, BYE of the peer, and everything that is no INVITE.

use std::time::Instant;

use crate::dialog::to_tag;
use crate::endpoint::{
    Body, Cause, ClientKey, ClientUser, DropReason, EndedBy, Endpoint, Event, ExtraHeaders, Outputs,
    PENDING_REQUESTS_MAX, Reason, Refused, Reply, RequestKey, SESSION_EXTENSIONS, SESSION_METHODS, ServerKey,
    ServerUser, contact, extend, via,
};
use crate::flow::Flow;
use crate::header::HeaderName;
use crate::message::Message;
use crate::method::Method;

use super::{SessionKey, Stage};

impl Endpoint {
    /// 12.2.2: a request with a To tag, of an allowed method, that repeats none we know.
    pub(crate) fn on_in_dialog(
        &mut self,
        now: Instant,
        flow: Flow,
        message: &Message<'_>,
        out: &mut Outputs,
    ) {
        let method = message.method();
        let key = self.tokens.number_of_tag(to_tag(message)).map(SessionKey);
        let found = key.and_then(|key| Some((key, self.sessions.get_mut(&key)?)));
        let Some((key, session)) = found else {
            return self.refuse_stateless(flow, message, &Reply::new(481), out);
        };
        let leaving = matches!(session.stage, Stage::Leaving(_));
        let waiting = session.pending.len();
        let Some(dialog) = session.dialog_of(message).filter(|_| !leaving || method == Method::Bye) else {
            return self.refuse_stateless(flow, message, &Reply::new(481), out);
        };
        if leaving {
            // Both have sent BYE (RFC 5407 3.2.2).
            return self.answer_for_good(now, flow, message, 200, out);
        }
        // Ending is always possible; anything else only while there is room.
        let full = self.clients.len() + self.servers.len() >= self.config.transactions_max;
        if method != Method::Bye && (full || waiting >= PENDING_REQUESTS_MAX) {
            return self.refuse_full(now, flow, message, out);
        }
        if !dialog.takes(message.cseq().map_or(0, |cseq| cseq.number)) {
            self.answer_for_good(now, flow, message, 500, out);
            return out.event(Event::Dropped(DropReason::Refused));
        }
        if flow.transport.is_reliable() {
            dialog.heard_on(flow);
        }
        let user = match method {
            Method::Bye => ServerUser::Nobody,
            Method::Invite => ServerUser::Reinvite(key),
            _ => ServerUser::InDialog(key),
        };
        let owned = message.to_owned();
        let Some(server) = self.open_server(now, flow, &owned, (user, "")) else { return };
        match method {
            Method::Bye => {
                // First what ends with it: an ACK that we owe has to arrive before the peer forgets the session.
                self.on_bye(now, key, message, out);
                self.answer_server(now, server, &Reply::new(200), None, out);
            }
            Method::Invite => self.on_reinvite(now, key, server, (flow, message), out),
            Method::Prack => self.on_prack(now, key, server, message, out),
            Method::Update => self.on_update(now, key, server, (flow, message), out),
            // 11.2: what it asks for is known here.
            Method::Options => self.answer_options(now, server, out),
            _ => {
                if let Some(session) = self.sessions.get_mut(&key) {
                    session.pending.push(server);
                }
                out.event(Event::InDialog { session: key, request: RequestKey(server.0), message: owned });
            }
        }
    }

    /// Answers by a transaction, so that a repeat gets the same answer even when the session is over by then, while
    /// there is room for it: the peer may send any number of them.
    fn answer_for_good(
        &mut self,
        now: Instant,
        flow: Flow,
        message: &Message<'_>,
        status: u16,
        out: &mut Outputs,
    ) {
        let reply = Reply::new(status);
        if self.is_full() {
            return self.answer_stateless(flow, message, &reply, "", out);
        }
        let owned = message.to_owned();
        if let Some(server) = self.open_server(now, flow, &owned, (ServerUser::Nobody, "")) {
            self.answer_server(now, server, &reply, None, out);
        }
    }

    /// 15.1.2. In an early dialog it ends that dialog only, and with the last one the INVITE.
    fn on_bye(&mut self, now: Instant, key: SessionKey, message: &Message<'_>, out: &mut Outputs) {
        let reason = Reason::of(message);
        let Some(session) = self.sessions.get_mut(&key) else { return };
        match &mut session.stage {
            Stage::Outgoing(outgoing) => {
                outgoing.early.retain(|early| !early.usage.dialog.owns(message));
                if outgoing.early.is_empty() {
                    self.take_back(now, key, (487, Cause::Response), None, out);
                }
            }
            Stage::Incoming(incoming) => {
                let (server, is_answered) = (incoming.server, incoming.sending.is_answered());
                self.end_incoming(now, key, server, &Reply::new(487), out);
                Self::tell_canceled(key, is_answered, reason, out);
            }
            Stage::Confirmed(_) => self.end_without_bye(now, key, EndedBy::Peer, reason, out),
            Stage::Leaving(_) => {}
        }
    }

    /// 11.2: what the endpoint can do, whatever becomes of the session meanwhile.
    fn answer_options(&mut self, now: Instant, server: ServerKey, out: &mut Outputs) {
        let reply = Reply::new(200)
            .header("Accept", "application/sdp")
            .header("Allow", self.allow.as_str())
            .header("Supported", SESSION_EXTENSIONS.join(", "));
        self.answer_server(now, server, &reply, None, out);
    }

    /// Sends a request inside the dialog: INFO, NOTIFY, … `Response` follows.
    ///
    /// # Errors
    /// `Gone` after the end, `Busy` before there is one dialog, `Full` at a limit, `Invalid` for the methods that
    /// have orders of their own and when it cannot be written.
    pub fn request(
        &mut self,
        now: Instant,
        key: SessionKey,
        method: &str,
        headers: ExtraHeaders,
        body: Option<Body>,
        out: &mut Outputs,
    ) -> Result<RequestKey, Refused> {
        let known = Method::of(method);
        if SESSION_METHODS.contains(&known) {
            return Err(Refused::Invalid);
        }
        let user = if known == Method::Notify { ClientUser::Report } else { ClientUser::Request };
        self.send_in_dialog(now, key, (method, user), (headers, body), out)
    }

    /// Sends an INFO of the owner's own. `Response` follows, and whatever it says the session goes on: a peer whose
    /// connection is gone may come back on another one, and is talked with meanwhile.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub fn inform(
        &mut self,
        now: Instant,
        key: SessionKey,
        headers: ExtraHeaders,
        body: Body,
        out: &mut Outputs,
    ) -> Result<RequestKey, Refused> {
        let order = (Method::Info.as_str(), ClientUser::Report as fn(_, _) -> _);
        self.send_in_dialog(now, key, order, (headers, Some(body)), out)
    }

    fn send_in_dialog(
        &mut self,
        now: Instant,
        key: SessionKey,
        (method, user): (&str, fn(SessionKey, RequestKey) -> ClientUser),
        (headers, body): (ExtraHeaders, Option<Body>),
        out: &mut Outputs,
    ) -> Result<RequestKey, Refused> {
        let known = Method::of(method);
        if self.is_full() {
            return Err(Refused::Full);
        }
        let session = self.sessions.get_mut(&key).ok_or(Refused::Gone)?;
        let dialog = match &mut session.stage {
            Stage::Incoming(incoming) => &mut incoming.usage.dialog,
            Stage::Confirmed(confirmed) => &mut confirmed.usage.dialog,
            Stage::Outgoing(_) => return Err(Refused::Busy),
            Stage::Leaving(_) => return Err(Refused::Gone),
        };
        let client = ClientKey { branch: self.tokens.number(), cancel: false };
        let flow = dialog.next_hop();
        let cseq = dialog.next_cseq();
        let mut writer = dialog.request(method, cseq, &via(flow, &self.tokens.branch(client.branch)));
        if matches!(known, Method::Refer | Method::Subscribe | Method::Notify) {
            writer.header(HeaderName::Contact, contact(&session.contact_user, flow));
        }
        self.name(&mut writer, HeaderName::UserAgent);
        extend(&mut writer, &headers, body.as_ref());
        drop((headers, body));
        let bytes = writer.finish().map_err(|_| Refused::Invalid)?;
        let request = RequestKey(client.branch);
        self.open_client(now, client, (known, user(key, request)), flow, bytes, out);
        Ok(request)
    }

    /// A final response to a request of ours that is no INVITE.
    pub(crate) fn on_other_response(
        &mut self,
        now: Instant,
        (client, user): (ClientKey, ClientUser),
        flow: Flow,
        (status, message): (u16, &Message<'_>),
        out: &mut Outputs,
    ) {
        match user {
            // Whatever the answer is, the session is over (15.1.1).
            ClientUser::Bye(session) => self.forget(session),
            ClientUser::Request(session, request) => {
                self.on_request_over(now, session, request, (status, Some(message)), out);
            }
            ClientUser::Report(session, request) => {
                self.tell_response(session, request, (status, Some(message)), out);
            }
            ClientUser::Outside(request) => Self::on_outside_over(request, (status, Some(message)), out),
            ClientUser::Subscribe(watch) => {
                self.on_subscribed(now, (watch, client), (status, Some(message)), out);
            }
            ClientUser::Notify(subscription) => self.on_notified(now, subscription, status, out),
            ClientUser::Prack(session) => self.on_prack_over(now, session, client, status, out),
            ClientUser::Update(session) => {
                self.on_update_over(now, session, client, (status, Some((message, flow))), out);
            }
            ClientUser::Invite(_) | ClientUser::Reinvite(_) | ClientUser::Nobody => {}
        }
    }

    /// Tells the owner how its request ended, and ends a session whose peer does not know it or is silent.
    pub(super) fn on_request_over(
        &mut self,
        now: Instant,
        key: SessionKey,
        request: RequestKey,
        (status, message): (u16, Option<&Message<'_>>),
        out: &mut Outputs,
    ) {
        self.tell_response(key, request, (status, message), out);
        self.end_if_unknown(now, key, status, out);
    }

    /// Tells the owner how its request ended.
    pub(super) fn tell_response(
        &self,
        key: SessionKey,
        request: RequestKey,
        (status, message): (u16, Option<&Message<'_>>),
        out: &mut Outputs,
    ) {
        if self.sessions.contains_key(&key) {
            let message = message.map(Message::to_owned);
            out.event(Event::Response { session: key, request, status, message });
        }
    }
}
