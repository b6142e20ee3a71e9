//! Our INVITE until its final answer: RFC 3261 13.2, with CANCEL by 9.1 and forks by 12.1.2 and 13.2.2.4.

use std::time::Instant;

use bytes::Bytes;

use crate::dialog::{Dialog, contact_uri, to_tag};
use crate::endpoint::{
    Body, Cause, ClientKey, ClientMachine, ClientTransaction, ClientUser, DropReason, Endpoint, Event,
    FORKS_MAX, Invite, Outputs, Reason, Refused, Reliability, SentAck, Why, ack_like, cancel,
    credentials_like, via,
};
use crate::flow::Flow;
use crate::header::HeaderName;
use crate::message::fields::ContactValue;
use crate::message::{Message, OwnedMessage};
use crate::method::Method;
use crate::transaction::Letter;
use crate::transaction::invite_client::InviteClient;

use super::usage::{Descriptions, Usage};
use super::{Cancel, Confirmed, Early, Exchange, Outgoing, Session, SessionKey, Stage};

/// Sequence number of the INVITE that opens a session.
pub(super) const FIRST_CSEQ: u32 = 1;

/// Contacts of a 3xx that are told to the owner.
const CONTACTS_MAX: usize = 16;

impl Endpoint {
    /// Opens a session by an INVITE. `Progress`, then `Answered` or `Failed` follow.
    ///
    /// # Errors
    /// `Full` at a limit, `Invalid` when the INVITE cannot be written.
    pub fn invite(&mut self, now: Instant, invite: Invite, out: &mut Outputs) -> Result<SessionKey, Refused> {
        if self.sessions.len() >= self.config.sessions_max || self.is_full() {
            return Err(Refused::Full);
        }
        let session = SessionKey(self.tokens.number());
        let (tag, call_id) = (self.tokens.tag(session.0), self.tokens.call_id());
        let mut elsewhere = self.prepare(&invite, (&tag, &call_id))?;
        let Some(first) = elsewhere.pop() else { return Err(Refused::Invalid) };
        let (client, user) = (first.client, ClientUser::Invite(session));
        let stage = Stage::Outgoing(Outgoing {
            client,
            cseq: FIRST_CSEQ,
            call_id: call_id.into_boxed_str(),
            offer: invite.body,
            reliable: invite.reliable,
            is_longer: false,
            silence_secs: invite.silence_secs,
            early: Vec::new(),
            cancel: None,
            elsewhere,
        });
        let login = invite.login;
        self.sessions.insert(session, Session { login, ..Session::new(stage, invite.contact_user) });
        self.open_client(now, client, (Method::Invite, user), first.flow, first.request, out);
        Ok(session)
    }

    /// How long an INVITE of ours may ring, or is waited for, once it has been answered like this.
    pub(crate) fn time_invite(&mut self, now: Instant, key: ClientKey, status: u16) {
        if let Some(transaction) = self.clients.get_mut(key) {
            transaction.running.stop(&mut self.timers, &Why::Silent(key));
        }
        if status < 200 {
            self.renew_timer_c(now, key, status);
        } else if let Some(transaction) = self.clients.get_mut(key) {
            transaction.running.stop(&mut self.timers, &Why::Client(key, Letter::C));
            transaction.running.stop(&mut self.timers, &Why::Abandoned(key));
        }
    }

    /// A response that its INVITE client transaction calls news.
    pub(crate) fn on_invite_response(
        &mut self,
        now: Instant,
        (key, user): (ClientKey, ClientUser),
        flow: Flow,
        (status, message): (u16, &Message<'_>),
        out: &mut Outputs,
    ) {
        match (user, status) {
            (ClientUser::Invite(session), ..200) if !self.awaits(session, key) => {
                self.take_late(now, key, out);
            }
            (ClientUser::Invite(session), ..200) => {
                self.on_progress(now, session, flow, (status, message), out);
            }
            (ClientUser::Invite(session), 200..300) => self.on_success(now, key, session, flow, message, out),
            // Of a way that was given up: what counts is what is said to the INVITE that went another way.
            (ClientUser::Invite(session), _) if !self.awaits(session, key) => {}
            (ClientUser::Invite(session), 422) if self.invite_longer(now, session, key, message, out) => {}
            (ClientUser::Invite(session), _) => {
                let says_elsewhere = matches!(status, 430 | 503);
                if !(says_elsewhere && self.goes_elsewhere(now, (session, key), out)) {
                    self.on_failure(session, (status, Cause::Response), Some(message), out);
                }
            }
            (ClientUser::Reinvite(_), ..200) => {}
            (ClientUser::Reinvite(session), 200..300) => {
                self.on_reinvite_success(now, key, session, flow, message, out);
            }
            (ClientUser::Reinvite(session), _) => {
                self.on_reinvite_failure(now, session, (status, Some(message)), out);
            }
            (
                ClientUser::Bye(_)
                | ClientUser::Prack(_)
                | ClientUser::Update(_)
                | ClientUser::Request(..)
                | ClientUser::Report(..)
                | ClientUser::Outside(_)
                | ClientUser::Subscribe(_)
                | ClientUser::Notify(_)
                | ClientUser::Nobody,
                _,
            ) => {}
        }
    }

    /// 13.2.2.1. A To tag above 100 makes an early dialog.
    fn on_progress(
        &mut self,
        now: Instant,
        key: SessionKey,
        flow: Flow,
        (status, message): (u16, &Message<'_>),
        out: &mut Outputs,
    ) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let Stage::Outgoing(outgoing) = &mut session.stage else { return };
        let client = outgoing.client;
        let dialog = to_tag(message);
        let is_new = status > 100
            && !dialog.is_empty()
            && outgoing.early.len() < FORKS_MAX
            && !outgoing.early.iter().any(|early| early.usage.dialog.is_with(message));
        if is_new && let Some(request) = self.clients.get(client).and_then(|found| invite_of(&found.machine))
        {
            let descriptions = Descriptions::offered(outgoing.offer.as_ref());
            let usage = Usage::new(Dialog::of_client(&request.view(), message, flow), descriptions);
            outgoing.early.push(Early { usage, rseq: None, owes_prack: false, prack: None });
        }
        let is_cancelled = outgoing.cancel.is_some();
        if status > 100 {
            session.peer.hear(&self.config.info_package, message);
            let early = outgoing.early.iter_mut().find(|early| early.usage.dialog.is_with(message));
            let taken = match early.filter(|_| outgoing.reliable) {
                Some(early) => early.take(message),
                // Not asked for, or one fork too many: it can be acknowledged by nobody.
                None => Some(Reliability::Unreliable),
            };
            let Some(reliability) = taken else { return };
            if reliability == Reliability::Reliable
                || reliability == Reliability::AnswerWanted && is_cancelled
            {
                self.send_prack(now, key, dialog, None, out);
            }
            if !is_cancelled {
                let (phrase, body) = (message.reason_phrase().to_owned(), Body::of(message));
                let dialog = Box::from(dialog);
                out.event(Event::Progress { session: key, dialog, status, phrase, body, reliability });
            }
        }
        if is_cancelled {
            self.send_cancel(now, key, out);
        }
    }

    /// 13.2.2.4. The first 2xx confirms the session; a fork's is acknowledged and ended; a repeated one gets its
    /// ACK again.
    fn on_success(
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
        let Some(session) = self.sessions.get_mut(&key) else {
            return self.end_fork(now, (client, flow), message, None, out);
        };
        match &mut session.stage {
            // Of a way that was given up.
            Stage::Outgoing(outgoing) if outgoing.client != client => {
                self.end_fork(now, (client, flow), message, None, out);
            }
            Stage::Outgoing(outgoing) if outgoing.cancel.is_none() => {
                let Some(request) = self.clients.get(client).and_then(|found| invite_of(&found.machine))
                else {
                    return;
                };
                let confirmed = Dialog::of_client(&request.view(), message, flow);
                let usage = outgoing.confirm(confirmed, message);
                let said = &usage.descriptions;
                // Complete before the 2xx: a description in that one says nothing new (13.2.1).
                let body = if said.are_settled() { said.theirs().cloned() } else { Body::of(message) };
                let cseq = message.cseq().map_or(0, |cseq| cseq.number);
                let exchange = Exchange::OursAnswered { client, cseq };
                session.peer.hear(&self.config.info_package, message);
                session.stage = Stage::Confirmed(Confirmed {
                    usage,
                    overtaken: None,
                    timer: None,
                    exchange,
                    hang_up: None,
                });
                let timer = self.timer_of_answer(message, None);
                self.start_timer(now, key, timer);
                out.event(Event::Answered {
                    session: key,
                    dialog: Box::from(to_tag(message)),
                    body,
                    contact: contact_uri(message).map(str::to_owned),
                    user_agent: message
                        .first(HeaderName::UserAgent)
                        .or_else(|| message.first(HeaderName::Server))
                        .map(str::to_owned),
                });
            }
            Stage::Outgoing(outgoing) => {
                // The answer has crossed our CANCEL (9.1): it is a session nobody wants, for the same reason.
                let reason = outgoing.cancel.as_ref().and_then(|cancel| cancel.reason.clone());
                self.end_fork(now, (client, flow), message, reason.as_ref(), out);
                self.on_failure(key, (487, Cause::Canceled), None, out);
            }
            Stage::Confirmed(Confirmed { usage, exchange: Exchange::OursAnswered { .. }, .. })
                if usage.dialog.is_with(message) =>
            {
                // The owner has not given the ACK yet; it will answer this repeat too.
            }
            Stage::Confirmed(_) | Stage::Incoming(_) | Stage::Leaving(_) => {
                self.end_fork(now, (client, flow), message, None, out);
            }
        }
    }

    /// Sends the ACK of a 2xx again; `false` when there was none yet.
    pub(super) fn repeat_ack(&mut self, client: ClientKey, message: &Message<'_>, out: &mut Outputs) -> bool {
        let Some(ClientMachine::Invite { acks, .. }) = self.clients.get(client).map(|found| &found.machine)
        else {
            return false;
        };
        let Some(ack) = acks.iter().find(|ack| *ack.to_tag == *to_tag(message)) else { return false };
        out.send(ack.flow, ack.bytes.clone());
        true
    }

    /// A 2xx that opens a session nobody wants: ACK, then BYE.
    fn end_fork(
        &mut self,
        now: Instant,
        (client, flow): (ClientKey, Flow),
        message: &Message<'_>,
        reason: Option<&Reason>,
        out: &mut Outputs,
    ) {
        let Some(ClientMachine::Invite { acks, request, .. }) =
            self.clients.get(client).map(|found| &found.machine)
        else {
            return;
        };
        let Ok(request) = OwnedMessage::parse(request) else { return };
        if acks.len() >= FORKS_MAX {
            return out.event(Event::Dropped(DropReason::Full));
        }
        let mut dialog = Dialog::of_client(&request.view(), message, flow);
        let cseq = message.cseq().map_or(0, |cseq| cseq.number);
        self.send_ack(client, &dialog, (cseq, to_tag(message)), None, out);
        let proof = self.clients.get(client).and_then(|found| found.proof.clone());
        self.send_bye(now, &mut dialog, (reason, proof), ClientUser::Nobody, out);
    }

    /// 13.2.2.4: the ACK of a 2xx, with a branch of its own, kept for repeats of the 2xx.
    pub(super) fn send_ack(
        &mut self,
        client: ClientKey,
        dialog: &Dialog,
        (cseq, to_tag): (u32, &str),
        body: Option<&Body>,
        out: &mut Outputs,
    ) {
        let flow = dialog.next_hop();
        let number = self.tokens.number();
        let via = via(flow, &self.tokens.branch(number));
        let challenged = self.clients.get(client).filter(|found| found.proof.is_some());
        let invite = challenged.and_then(|found| invite_of(&found.machine));
        let write = |body: Option<&Body>| {
            let mut writer = dialog.request(Method::Ack.as_str(), cseq, &via);
            if let Some(invite) = &invite {
                credentials_like(&mut writer, &invite.view());
            }
            if let Some(body) = body {
                body.write(&mut writer);
            }
            writer.finish()
        };
        // Without its body it at least stops the peer's repeats.
        match write(body).or_else(|_| write(None)) {
            Ok(bytes) => self.keep_ack(client, to_tag, flow, bytes, out),
            Err(_) => out.event(Event::Dropped(DropReason::Unwritable)),
        }
    }

    fn keep_ack(&mut self, client: ClientKey, to_tag: &str, flow: Flow, bytes: Bytes, out: &mut Outputs) {
        out.send(flow, bytes.clone());
        if let Some(transaction) = self.clients.get_mut(client)
            && let ClientMachine::Invite { acks, .. } = &mut transaction.machine
        {
            acks.reserve_exact(1);
            acks.push(SentAck { to_tag: Box::from(to_tag), flow, bytes });
        }
    }

    /// The ACK of a 2xx to a re-INVITE whose session is over: its BYE is on its way already.
    pub(super) fn send_late_ack(&mut self, client: ClientKey, message: &Message<'_>, out: &mut Outputs) {
        let Some(transaction) = self.clients.get(client) else { return };
        let ClientMachine::Invite { request, acks, .. } = &transaction.machine else { return };
        if acks.len() >= FORKS_MAX {
            return out.event(Event::Dropped(DropReason::Full));
        }
        let flow = transaction.flow;
        let request = request.clone();
        let number = self.tokens.number();
        let via = via(flow, &self.tokens.branch(number));
        if let Ok(bytes) = ack_like(&request, message, Some(&via)) {
            self.keep_ack(client, to_tag(message), flow, bytes, out);
        }
    }

    /// The INVITE has failed: the session is over.
    pub(super) fn on_failure(
        &mut self,
        key: SessionKey,
        (status, cause): (u16, Cause),
        message: Option<&Message<'_>>,
        out: &mut Outputs,
    ) {
        let Some(Session { stage: Stage::Outgoing(outgoing), .. }) = self.sessions.get(&key) else { return };
        let cause = outgoing.cancel.as_ref().map_or(cause, |cancel| cancel.cause);
        let contacts = message.filter(|_| (300..400).contains(&status)).map(contacts_of).unwrap_or_default();
        out.event(Event::Failed {
            session: key,
            status,
            cause,
            reason: message.and_then(Reason::of),
            retry_after: message.and_then(|message| message.leading_seconds(HeaderName::RetryAfter)),
            contacts,
        });
        self.forget(key);
    }

    /// There will be no answer to a request of ours.
    pub(crate) fn no_answer(
        &mut self,
        now: Instant,
        (key, user): (ClientKey, ClientUser),
        (status, cause): (u16, Cause),
        out: &mut Outputs,
    ) {
        match user {
            ClientUser::Invite(session) if self.goes_elsewhere(now, (session, key), out) => {}
            ClientUser::Invite(session) => {
                let found = self.sessions.get(&session).map(|found| &found.stage);
                if matches!(found, Some(Stage::Outgoing(outgoing)) if outgoing.client != key) {
                    // It was sent again (RFC 4028 7.3): its answer has been heard.
                    return;
                }
                let cancelled = self.sessions.get(&session).and_then(|found| match &found.stage {
                    Stage::Outgoing(outgoing) => outgoing.cancel.as_ref().map(|cancel| cancel.status),
                    Stage::Incoming(_) | Stage::Confirmed(_) | Stage::Leaving(_) => None,
                });
                self.on_failure(session, (cancelled.unwrap_or(status), cause), None, out);
            }
            ClientUser::Reinvite(session) => self.on_reinvite_failure(now, session, (status, None), out),
            ClientUser::Prack(session) => self.on_prack_over(now, session, key, status, out),
            ClientUser::Update(session) => self.on_update_over(now, session, key, (status, None), out),
            ClientUser::Bye(session) => self.forget(session),
            ClientUser::Request(session, request) => {
                self.on_request_over(now, session, request, (status, None), out);
            }
            ClientUser::Report(session, request) => self.tell_response(session, request, (status, None), out),
            ClientUser::Outside(request) => Self::on_outside_over(request, (status, None), out),
            ClientUser::Subscribe(watch) => self.on_subscribed(now, (watch, key), (status, None), out),
            ClientUser::Notify(subscription) => self.on_notified(now, subscription, status, out),
            ClientUser::Nobody => {}
        }
    }

    /// The peer has said nothing for as long as the owner waits, who hears so now. What it says later, until timer B, is taken
    /// back: a 1xx by CANCEL, a 2xx by BYE.
    pub(crate) fn fell_silent(&mut self, now: Instant, key: ClientKey, out: &mut Outputs) {
        let Some(transaction) = self.clients.get_mut(key) else { return };
        transaction.running.stop(&mut self.timers, &Why::Client(key, Letter::A));
        let user = transaction.user;
        self.no_answer(now, (key, user), (408, Cause::Timeout), out);
    }

    /// Whether a session waits for the answer to this INVITE.
    fn awaits(&self, session: SessionKey, client: ClientKey) -> bool {
        let stage = self.sessions.get(&session).map(|session| &session.stage);
        matches!(stage, Some(Stage::Outgoing(outgoing)) if outgoing.client == client)
    }

    /// A 1xx that nobody waits for any more.
    fn take_late(&mut self, now: Instant, key: ClientKey, out: &mut Outputs) {
        let is_taken_back = |found: &ClientTransaction| found.running.has(&self.timers, &Why::Abandoned(key));
        if !self.clients.get(key).is_none_or(is_taken_back) {
            self.cancel_client(now, key, None, out);
        }
    }

    /// Timer C: it has rung for too long since the last provisional answer.
    pub(crate) fn rang_too_long(&mut self, now: Instant, key: ClientKey, out: &mut Outputs) {
        match self.clients.get(key).map(|transaction| transaction.user) {
            Some(ClientUser::Invite(session)) => {
                self.take_back(now, session, (408, Cause::Timeout), None, out);
            }
            Some(_) => self.cancel_client(now, key, None, out),
            None => {}
        }
    }

    /// 9.1: takes an unanswered INVITE back, at once or after the first provisional answer.
    pub(super) fn take_back(
        &mut self,
        now: Instant,
        key: SessionKey,
        (status, cause): (u16, Cause),
        reason: Option<Reason>,
        out: &mut Outputs,
    ) {
        let Some(Session { stage: Stage::Outgoing(outgoing), .. }) = self.sessions.get_mut(&key) else {
            return;
        };
        if outgoing.cancel.is_none() {
            outgoing.cancel = Some(Cancel { cause, status, reason, sent: false });
            self.send_cancel(now, key, out);
        }
    }

    fn send_cancel(&mut self, now: Instant, key: SessionKey, out: &mut Outputs) {
        let Some(Session { stage: Stage::Outgoing(outgoing), .. }) = self.sessions.get_mut(&key) else {
            return;
        };
        let client = outgoing.client;
        let proceeding = self.clients.get(client).is_some_and(|transaction| {
            matches!(transaction.machine, ClientMachine::Invite { machine: InviteClient::Proceeding, .. })
        });
        let Some(wanted) = outgoing.cancel.as_mut().filter(|cancel| !cancel.sent && proceeding) else {
            return;
        };
        wanted.sent = true;
        let reason = wanted.reason.as_ref().map(Reason::to_string);
        self.cancel_client(now, client, reason.as_deref(), out);
    }

    /// Sends CANCEL, and waits for the INVITE's end no longer than 64*T1.
    pub(super) fn cancel_client(
        &mut self,
        now: Instant,
        key: ClientKey,
        reason: Option<&str>,
        out: &mut Outputs,
    ) {
        self.abandon(now, key);
        let Some(transaction) = self.clients.get(key) else { return };
        let ClientMachine::Invite { request, .. } = &transaction.machine else { return };
        let flow = transaction.flow;
        match cancel(request, reason).or_else(|_| cancel(request, None)) {
            Ok(bytes) => {
                let key = ClientKey { cancel: true, ..key };
                self.open_client(now, key, (Method::Cancel, ClientUser::Nobody), flow, bytes, out);
            }
            Err(_) => out.event(Event::Dropped(DropReason::Unwritable)),
        }
    }

    /// Gives an INVITE that nobody waits for a last 64*T1.
    pub(super) fn abandon(&mut self, now: Instant, key: ClientKey) {
        let at = now + self.config.timers.t1x64();
        let Some(transaction) = self.clients.get_mut(key) else { return };
        if matches!(&transaction.machine, ClientMachine::Invite { machine, .. } if !machine.is_final()) {
            transaction.running.set(&mut self.timers, at, Why::Abandoned(key));
        }
    }

    /// 9.1: the cancelled INVITE got no final answer.
    pub(crate) fn abandoned(&mut self, now: Instant, key: ClientKey, out: &mut Outputs) {
        if let Some(transaction) = self.clients.close(key, &mut self.timers) {
            self.no_answer(now, (key, transaction.user), (408, Cause::Timeout), out);
        }
    }

    /// Removes a session and its timers.
    pub(super) fn forget(&mut self, key: SessionKey) {
        if let Some(mut session) = self.sessions.remove(&key) {
            session.running.stop_all(&mut self.timers);
        }
    }
}

impl Outgoing {
    /// 13.2.2.4: the 2xx turns the early dialog of its fork, or a new one, into the session's.
    fn confirm(&mut self, confirmed: Dialog, message: &Message<'_>) -> Usage {
        let early = self.early.iter().position(|early| early.usage.dialog.is_with(message));
        let mut usage = early.map_or_else(
            || Usage::new(confirmed.clone(), Descriptions::offered(self.offer.as_ref())),
            |at| self.early.swap_remove(at).usage,
        );
        usage.dialog.confirm(confirmed);
        if !usage.descriptions.are_settled() {
            usage.descriptions.they_conclude(Body::of(message).as_ref());
        }
        usage
    }
}

/// The INVITE a machine was started with.
fn invite_of(machine: &ClientMachine) -> Option<OwnedMessage> {
    match machine {
        ClientMachine::Invite { request, .. } => OwnedMessage::parse(request).ok(),
        ClientMachine::Other(_) => None,
    }
}

fn contacts_of(message: &Message<'_>) -> Vec<String> {
    message
        .contacts()
        .filter_map(|contact| match contact {
            Ok(ContactValue::Address(address)) => Some(address.uri.to_owned()),
            Ok(ContactValue::All) | Err(_) => None,
        })
        .take(CONTACTS_MAX)
        .collect()
}
