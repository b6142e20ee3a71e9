//! Requests of ours outside any dialog that make none (RFC 3261 8.1): OPTIONS, MESSAGE (RFC 3428), REGISTER.
//!
//! Nothing is kept of one but its client transaction; the owner hears of exactly one end. A challenge is answered where
//! the order brings a login; else a 401 or 407 is an answer like any other.

use std::time::Instant;

use crate::endpoint::{
    ClientKey, ClientUser, Endpoint, Event, Outputs, OutsideRequest, Proof, Refused, RequestKey, contact,
    extend, outside,
};
use crate::header::HeaderName;
use crate::message::Message;
use crate::method::Method;

#[allow(clippy::needless_pass_by_value, reason = "orders are given away: the owner is done with them")]
impl Endpoint {
    /// Sends a request. `OutsideResponse` follows.
    ///
    /// # Errors
    /// `Full` at a limit, `TooLarge` for more bytes than its transport may carry, `Invalid` for the methods that
    /// live in sessions and subscriptions and when it cannot be written.
    pub fn request_outside(
        &mut self,
        now: Instant,
        request: OutsideRequest,
        out: &mut Outputs,
    ) -> Result<RequestKey, Refused> {
        let method = Method::of(&request.method);
        if !may_stand_alone(method) {
            return Err(Refused::Invalid);
        }
        if self.is_full() {
            return Err(Refused::Full);
        }
        let client = ClientKey { branch: self.tokens.number(), cancel: false };
        let tag = self.tokens.number();
        let (call_id, cseq) = request.series.unwrap_or_else(|| (self.tokens.call_id().into(), 1));
        let names = (self.tokens.branch(client.branch), self.tokens.tag(tag), call_id);
        let way = (request.flow, request.max_forwards, &*request.routes);
        let parties = (&request.from, &request.to);
        let mut writer = outside(
            &request.method,
            cseq,
            &request.request_uri,
            way,
            parties,
            (&names.0, &names.1, &names.2),
        );
        if let Some(user) = &request.contact_user {
            writer.header(HeaderName::Contact, contact(user, request.flow));
        }
        self.name(&mut writer, HeaderName::UserAgent);
        extend(&mut writer, &request.headers, request.body.as_ref());
        let bytes = writer.finish().map_err(|_| Refused::Invalid)?;
        let is_datagram = !request.flow.transport.is_reliable();
        if request.datagram_bytes_max.is_some_and(|max| is_datagram && bytes.len() > max) {
            return Err(Refused::TooLarge);
        }
        let key = RequestKey(client.branch);
        self.open_client(now, client, (method, ClientUser::Outside(key)), request.flow, bytes, out);
        if let Some(login) = request.login {
            self.prove(client, Proof::of(login));
        }
        Ok(key)
    }

    /// Tells the owner how its request ended.
    pub(crate) fn on_outside_over(
        request: RequestKey,
        (status, message): (u16, Option<&Message<'_>>),
        out: &mut Outputs,
    ) {
        let message = message.map(Message::to_owned);
        out.event(Event::OutsideResponse { request, status, message });
    }
}

/// Whether a request of this method can be sent outside a dialog and leaves none behind.
fn may_stand_alone(method: Method) -> bool {
    match method {
        Method::Options | Method::Message | Method::Register | Method::Publish | Method::Other => true,
        Method::Invite
        | Method::Ack
        | Method::Bye
        | Method::Cancel
        | Method::Info
        | Method::Prack
        | Method::Update
        | Method::Subscribe
        | Method::Notify
        | Method::Refer => false,
    }
}
