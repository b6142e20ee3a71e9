//! Judging what comes in: RFC 3261 8.1.3 and 18.1.2 for responses, 8.2, 9.2 and 17.2.3 for requests.
//!
//! A request that is refused here leaves nothing behind; its answer is computed from the request alone, so
//! repeats get the same one.

use std::time::Instant;

use crate::dialog::to_tag;
use crate::flow::Flow;
use crate::header::HeaderName;
use crate::message::fields::Via;
use crate::message::index::Index;
use crate::message::valid::Invalid;
use crate::message::{Message, OwnedMessage};
use crate::method::Method;
use crate::nat;
use crate::parse::{ParseError, parse_head};
use crate::transaction::Letter;
use crate::transaction::invite_server::InviteServer;
use crate::uri::Uri;

use super::{
    ClientEvent, ClientKey, ClientMachine, DropReason, Endpoint, Event, NewRequest, Outputs, Reply, Report,
    SESSION_EXTENSIONS, SESSION_METHODS, ServerEvent, ServerMachine, ServerUser, Why, ack_like,
};

impl Endpoint {
    pub(super) fn receive(
        &mut self,
        now: Instant,
        flow: Flow,
        bytes: &[u8],
        index: &mut Index,
        out: &mut Outputs,
    ) {
        let message = match parse_head(bytes, index) {
            Ok(message) => message,
            // A keep-alive (RFC 5626 3.5.1).
            Err(ParseError::Empty) => return,
            Err(_) => return out.event(Event::Dropped(DropReason::Malformed)),
        };
        let fault = message.defect().map_or_else(|| message.require_valid().err(), ParseError::answer);
        match fault {
            None if message.is_request() => self.on_request(now, flow, &message, out),
            None => self.on_response(now, flow, &message, out),
            Some(fault) if message.is_request() && message.method() != Method::Ack => {
                self.refuse_invalid(flow, &message, fault, out);
            }
            Some(_) => out.event(Event::Dropped(DropReason::Malformed)),
        }
    }

    fn refuse_invalid(&mut self, flow: Flow, message: &Message<'_>, fault: Invalid, out: &mut Outputs) {
        if message.via().is_err() {
            return out.event(Event::Dropped(DropReason::Malformed));
        }
        self.refuse_stateless(flow, message, &Reply::new(fault.status).phrase(fault.reason), out);
    }

    /// Answers without keeping anything, and counts.
    pub(crate) fn refuse_stateless(
        &mut self,
        flow: Flow,
        message: &Message<'_>,
        reply: &Reply,
        out: &mut Outputs,
    ) {
        let tag = self.stateless_tag(message);
        self.answer_stateless(flow, message, reply, &tag, out);
        out.event(Event::Dropped(DropReason::Refused));
    }

    /// Answers without keeping anything.
    pub(crate) fn answer_stateless(
        &mut self,
        flow: Flow,
        message: &Message<'_>,
        reply: &Reply,
        tag: &str,
        out: &mut Outputs,
    ) {
        let Ok(via) = message.via() else { return };
        let bare = Reply::new(500);
        let written = self
            .compose_stateless(message, &via, flow.remote, reply, tag)
            .or_else(|_| self.compose_stateless(message, &via, flow.remote, &bare, tag));
        match written {
            Ok(bytes) => out.send(nat::response_flow(flow, &via), bytes),
            Err(_) => out.event(Event::Dropped(DropReason::Unwritable)),
        }
    }

    /// Turns new work away.
    pub(crate) fn refuse_full(&mut self, now: Instant, flow: Flow, message: &Message<'_>, out: &mut Outputs) {
        let reply = Reply::new(503).header("Retry-After", self.retry_after().to_string());
        let number = self.stateless_number(message, message.via().ok().as_ref());
        self.note_turned_away(now, number);
        self.answer_stateless(flow, message, &reply, &self.tokens.tag(number), out);
        out.event(Event::Dropped(DropReason::Full));
    }

    fn on_request(&mut self, now: Instant, flow: Flow, message: &Message<'_>, out: &mut Outputs) {
        let Ok(via) = message.via() else { return };
        let known = self.servers.find(message, &via);
        match (message.method(), known) {
            (Method::Ack, _) => self.on_ack(now, flow, message, out),
            (Method::Cancel, _) => self.on_cancel(now, flow, message, out),
            (_, Some(key)) => self.drive_server(now, key, ServerEvent::Request, out),
            // Whoever has subscribed takes NOTIFY, whatever else is allowed.
            (Method::Notify, None) if self.on_notify(now, flow, message, out) => {}
            (_, None) => {
                if let Some(reply) = self.unacceptable(message) {
                    self.refuse_stateless(flow, message, &reply, out);
                } else if to_tag(message).is_empty() {
                    self.on_new_request(now, flow, message, out);
                } else if !self.on_subscribe(now, flow, message, out) {
                    self.on_in_dialog(now, flow, message, out);
                }
            }
        }
    }

    /// 8.2.1 and 8.2.2.3: method and required extensions; RFC 4028 9: the session interval.
    fn unacceptable(&self, message: &Message<'_>) -> Option<Reply> {
        let method = message.method();
        let is_of_session = SESSION_METHODS.contains(&method);
        if !is_of_session && !self.config.methods.contains(&method) {
            let status = if method == Method::Other { 501 } else { 405 };
            return Some(Reply::new(status).header("Allow", self.allow.as_str()));
        }
        let supported = |tag: &str| {
            let owners = self.config.supported.iter().map(String::as_str).filter(|_| !is_of_session);
            SESSION_EXTENSIONS.into_iter().chain(owners).any(|known| known.eq_ignore_ascii_case(tag))
        };
        let unsupported: Vec<&str> =
            message.values(HeaderName::Require).filter(|tag| !supported(tag)).collect();
        if !unsupported.is_empty() {
            return Some(Reply::new(420).header("Unsupported", unsupported.join(", ")));
        }
        self.interval_refusal(message)
    }

    fn on_new_request(&mut self, now: Instant, flow: Flow, message: &Message<'_>, out: &mut Outputs) {
        if self.was_turned_away(now, message) {
            return self.refuse_full(now, flow, message, out);
        }
        let status = match message.method() {
            // These live inside dialogs only.
            Method::Bye | Method::Info | Method::Prack | Method::Update => 481,
            // These end here whatever they have passed (16.3 step 3, 11); the others would be passed on.
            Method::Register | Method::Options | Method::Subscribe | Method::Publish => 0,
            _ if message.max_forwards() == Ok(Some(0)) => 483,
            _ if self.servers.find_merged(message).is_some() => 482,
            Method::Invite if self.is_loop(message) => 482,
            _ => 0,
        };
        if status != 0 {
            return self.refuse_stateless(flow, message, &Reply::new(status), out);
        }
        out.event(Event::Request(NewRequest { flow, message: message.to_owned() }));
    }

    /// RFC 5393 4.2: an INVITE that has left us is back, unchanged in where it wants to go: one of its Vias names an
    /// INVITE of ours that has no final answer. One that a proxy has sent on to somebody else is a spiral and may
    /// come in; its Max-Forwards ends it.
    fn is_loop(&self, message: &Message<'_>) -> bool {
        message.values(HeaderName::Via).skip(1).any(|value| {
            let branch = Via::parse(value).ok().and_then(|via| self.tokens.number_of_branch(via.branch()?));
            let key = branch.map(|branch| ClientKey { branch, cancel: false });
            let sent = key.and_then(|key| match &self.clients.get(key)?.machine {
                ClientMachine::Invite { machine, request, .. } if !machine.is_final() => {
                    OwnedMessage::parse(request).ok()
                }
                ClientMachine::Invite { .. } | ClientMachine::Other(_) => None,
            });
            sent.is_some_and(|sent| {
                let wanted = Uri::parse(message.request_uri());
                let is_same = |text: &str| wanted.is_ok() && Uri::parse(text) == wanted;
                is_same(sent.view().request_uri()) || sent.view().to().is_ok_and(|to| is_same(to.uri))
            })
        })
    }

    /// 17.2.1 for the ACK of a failure, 13.3.1.4 for that of a 2xx. An ACK is never answered.
    fn on_ack(&mut self, now: Instant, flow: Flow, message: &Message<'_>, out: &mut Outputs) {
        let known = message.via().ok().and_then(|via| self.servers.find(message, &via));
        // Some clients give the ACK of a 2xx the INVITE's branch: then the machine is in Accepted, which hands
        // it to the session (RFC 6026 figure 5).
        let failed = known.filter(|key| {
            let machine = self.servers.get(*key).map(|transaction| &transaction.machine);
            !matches!(machine, Some(ServerMachine::Invite(InviteServer::Accepted)))
        });
        if let Some(key) = failed {
            return self.drive_server(now, key, ServerEvent::Ack, out);
        }
        let is_ours = self.on_session_ack(now, flow, message, out);
        if !is_ours && to_tag(message) != self.stateless_tag(message) {
            out.event(Event::Dropped(DropReason::StrayAck));
        }
    }

    /// 9.2. The CANCEL itself needs no transaction: its answer depends on what it finds alone.
    fn on_cancel(&mut self, now: Instant, flow: Flow, message: &Message<'_>, out: &mut Outputs) {
        let found = message.via().ok().and_then(|via| self.servers.find_cancelled(message, &via));
        // A branch may be easy to guess; whoever sends the INVITE's CANCEL is at its address (22.1: a CANCEL cannot be
        // challenged). The port may differ: a NAT can have let go of it.
        let found = found.and_then(|key| Some((key, self.servers.get(key)?)));
        let found = found.filter(|(_, transaction)| transaction.source().ip() == flow.remote.ip());
        let Some((key, transaction)) = found else {
            return self.refuse_stateless(flow, message, &Reply::new(481), out);
        };
        let (tag, user) = (transaction.to_tag.to_string(), transaction.user);
        // A CANCEL inside a dialog has our tag in its To; one that lacks it is answered with a tag all the same.
        let tag = if tag.is_empty() { self.stateless_tag(message) } else { tag };
        self.answer_stateless(flow, message, &Reply::new(200), &tag, out);
        match user {
            ServerUser::Invite(session) => self.on_invite_cancelled(now, session, message, out),
            ServerUser::Reinvite(session) => self.on_reinvite_cancelled(now, session, key, out),
            _ => {}
        }
    }

    fn on_response(&mut self, now: Instant, flow: Flow, message: &Message<'_>, out: &mut Outputs) {
        let Some((key, status)) = self.client_of(message) else {
            return out.event(Event::Dropped(DropReason::UnknownResponse));
        };
        let Some(transaction) = self.clients.get(key) else { return };
        let user = transaction.user;
        let proven = self.proven(key, flow, (status, message));
        let Some(transaction) = self.clients.get(key) else { return };
        // A dialog on datagrams does not move to TCP because one request of it was large.
        let is_by_size = transaction.is_by_size;
        let flow = if is_by_size { Flow::udp(transaction.flow.local, transaction.flow.remote) } else { flow };
        let event = match (status, &transaction.machine) {
            (..200, _) => ClientEvent::Provisional,
            (200..300, _) | (_, ClientMachine::Other(_)) => ClientEvent::Success,
            (_, ClientMachine::Invite { request, .. }) => match ack_like(request, message, None) {
                Ok(ack) => ClientEvent::Failure { ack },
                Err(_) => return out.event(Event::Dropped(DropReason::Unwritable)),
            },
        };
        let is_invite = matches!(transaction.machine, ClientMachine::Invite { .. });
        if self.step_client(now, key, event, out) != Some(Report::Deliver) {
            return;
        }
        if is_invite {
            self.time_invite(now, key, status);
        }
        if proven.is_some_and(|proven| self.sends_proven(now, (key, user), proven, out)) {
            return;
        }
        if is_invite {
            self.on_invite_response(now, (key, user), flow, (status, message), out);
        } else if status >= 200 {
            self.on_other_response(now, (key, user), flow, (status, message), out);
        }
    }

    /// 17.1.3 and 8.1.3.3: the transaction a response belongs to, by branch and method. It has passed no other
    /// element if ours is its only Via.
    fn client_of(&self, message: &Message<'_>) -> Option<(ClientKey, u16)> {
        let via = message.via().ok()?;
        let cseq = message.cseq().ok()?;
        let branch = self.tokens.number_of_branch(via.branch()?)?;
        let key = ClientKey { branch, cancel: cseq.method == Method::Cancel };
        let transaction = self.clients.get(key)?;
        let alone = message.values(HeaderName::Via).nth(1).is_none();
        (alone && transaction.method == cseq.method).then_some((key, message.status()?))
    }

    /// Keeps timer C running while an INVITE of ours rings: set by the first provisional, renewed by those
    /// above 100 (16.7 step 2).
    pub(crate) fn renew_timer_c(&mut self, now: Instant, key: ClientKey, status: u16) {
        let Some(transaction) = self.clients.get_mut(key) else { return };
        let why = Why::Client(key, Letter::C);
        if status > 100 || !transaction.running.has(&self.timers, &why) {
            transaction.running.set(&mut self.timers, now + self.config.timers.c, why);
        }
    }
}
