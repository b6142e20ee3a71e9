//! Requests that are answered: statelessly, or by a server transaction once the owner has accepted them.

use std::time::Instant;

use bytes::Bytes;

use crate::flow::Flow;
use crate::header::HeaderName;
use crate::message::OwnedMessage;
use crate::method::Method;
use crate::nat;
use crate::transaction::server::Server;

use super::table::Opening;
use super::{
    DropReason, Endpoint, Event, NewRequest, Outputs, Refused, Reply, RequestKey, SESSION_EXTENSIONS,
    ServerEvent, ServerKey, ServerMachine, ServerUser, Why, dialog_headers, extend, response,
};

#[allow(clippy::needless_pass_by_value, reason = "orders are given away: the owner is done with them")]
impl Endpoint {
    /// Answers a request without keeping anything. A repeat of the request comes as a new event and gets the same
    /// To tag (8.2.7).
    pub fn reply(&mut self, _now: Instant, request: &NewRequest, reply: Reply, out: &mut Outputs) {
        let message = request.message.view();
        let tag = self.stateless_tag(&message);
        self.answer_stateless(request.flow, &message, &reply, &tag, out);
    }

    /// Opens a transaction for a request that is no INVITE. The owner has to `respond` within 64*T1.
    ///
    /// # Errors
    /// `Full` (503 was answered), `Merged` (482 was answered, or it is a repeat), `Invalid` for an INVITE.
    pub fn accept(
        &mut self,
        now: Instant,
        request: NewRequest,
        out: &mut Outputs,
    ) -> Result<ServerKey, Refused> {
        if request.message.view().method() == Method::Invite {
            return Err(Refused::Invalid);
        }
        self.admit(now, &request, out)?;
        let tag = self.stateless_tag(&request.message.view());
        self.open_server(now, request.flow, &request.message, (ServerUser::Owner, &tag))
            .ok_or(Refused::Invalid)
    }

    /// Answers an accepted request.
    pub fn respond(&mut self, now: Instant, key: ServerKey, reply: Reply, out: &mut Outputs) {
        if self.servers.get(key).is_some_and(|transaction| transaction.user == ServerUser::Owner) {
            self.answer_server(now, key, &reply, None, out);
        }
    }

    /// Answers a request of the peer inside a dialog.
    pub fn respond_in_dialog(&mut self, now: Instant, request: RequestKey, reply: Reply, out: &mut Outputs) {
        let key = ServerKey(request.0);
        let Some(ServerUser::InDialog(session)) = self.servers.get(key).map(|transaction| transaction.user)
        else {
            return;
        };
        if reply.status >= 200
            && let Some(session) = self.sessions.get_mut(&session)
        {
            session.pending.retain(|pending| *pending != key);
        }
        self.answer_server(now, key, &reply, None, out);
    }

    /// Whether new work may be taken up: it is no repeat (17.2.3), has not come on another path (8.2.2.2), and
    /// there is room.
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        request: &NewRequest,
        out: &mut Outputs,
    ) -> Result<(), Refused> {
        let message = request.message.view();
        let via = message.via().map_err(|_| Refused::Invalid)?;
        if let Some(key) = self.servers.find(&message, &via) {
            self.drive_server(now, key, ServerEvent::Request, out);
            return Err(Refused::Merged);
        }
        if self.servers.find_merged(&message).is_some() {
            self.refuse_stateless(request.flow, &message, &Reply::new(482), out);
            return Err(Refused::Merged);
        }
        if self.is_full() {
            self.refuse_full(now, request.flow, &message, out);
            return Err(Refused::Full);
        }
        Ok(())
    }

    /// Opens a server transaction. What the owner has to answer is guarded by a timer, so that nothing stays
    /// when it forgets; an INVITE may ring as long as its session lives.
    pub(crate) fn open_server(
        &mut self,
        now: Instant,
        flow: Flow,
        request: &OwnedMessage,
        (user, to_tag): (ServerUser, &str),
    ) -> Option<ServerKey> {
        let message = request.view();
        let via = message.via().ok()?;
        let opening = Opening {
            request,
            source_port: flow.remote.port(),
            flow: nat::response_flow(flow, &via),
            fallback_port: nat::response_fallback(flow, &via),
            user,
            to_tag: Box::from(to_tag),
        };
        let key = self.servers.open(opening, &via);
        let at = now + self.config.timers.until_slow();
        if message.method() != Method::Invite
            && let Some(transaction) = self.servers.get_mut(key)
        {
            transaction.running.set(&mut self.timers, at, Why::Unanswered(key));
        }
        Some(key)
    }

    /// Sends an answer by its transaction and returns it with its status. `contact` makes it one of a dialog. A
    /// final answer that cannot be written becomes a bare 500; a transaction that is answered already stays so.
    pub(crate) fn answer_server(
        &mut self,
        now: Instant,
        key: ServerKey,
        reply: &Reply,
        contact: Option<&str>,
        out: &mut Outputs,
    ) -> Option<(u16, Bytes)> {
        let request = self.servers.get(key)?.request.clone()?;
        let mut written = self.write_answer(key, &request, reply, contact);
        if written.is_none() {
            out.event(Event::Dropped(DropReason::Unwritable));
            if reply.status < 200 {
                return None;
            }
            written = self.write_answer(key, &request, &Reply::new(500), None);
        }
        let (status, bytes) = written?;
        self.drive_server(now, key, ServerEvent::Answer { status, bytes: bytes.clone() }, out);
        Some((status, bytes))
    }

    fn write_answer(
        &self,
        key: ServerKey,
        request: &OwnedMessage,
        reply: &Reply,
        contact: Option<&str>,
    ) -> Option<(u16, Bytes)> {
        let transaction = self.servers.get(key)?;
        let request = request.view();
        let line = (reply.status, reply.phrase.as_deref());
        let mut writer =
            response(&request, request.via().ok().as_ref(), transaction.source(), line, &transaction.to_tag);
        if let Some(contact) = contact {
            dialog_headers(&mut writer, &request, contact);
            self.capabilities(&mut writer, &SESSION_EXTENSIONS);
        }
        self.name(&mut writer, HeaderName::Server);
        extend(&mut writer, &reply.headers, reply.body.as_ref());
        Some((reply.status, writer.finish().ok()?))
    }

    /// The owner has not answered a request. When the peer repeats it only every T2 any more it is told that somebody
    /// is there, by a 100 and nothing else (RFC 4320 4.1). After 64*T1 it has given up, so there is nothing to answer.
    pub(crate) fn unanswered(&mut self, now: Instant, key: ServerKey, out: &mut Outputs) {
        let Some(transaction) = self.servers.get_mut(key) else { return };
        if matches!(transaction.machine, ServerMachine::Other(Server::Trying)) {
            let at = now + self.config.timers.t1x64().saturating_sub(self.config.timers.until_slow());
            transaction.running.set(&mut self.timers, at, Why::Unanswered(key));
            self.answer_server(now, key, &Reply::new(100), None, out);
            return;
        }
        if let ServerUser::InDialog(session) = transaction.user {
            self.forget_update(session, key);
            if let Some(session) = self.sessions.get_mut(&session) {
                session.pending.retain(|pending| *pending != key);
            }
        }
        self.servers.close(key, &mut self.timers);
        out.event(Event::Dropped(DropReason::Unanswered));
    }
}
