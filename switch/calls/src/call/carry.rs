//! Requests inside a call that change nothing about it, carried from one side to the other and answered from there.
//!
//! INFO (RFC 6086) is for the device at the other end. A MESSAGE inside a call is not carried yet and is answered 405;
//! what is not understood at all has been refused by the endpoint with 405 or 501 and what would be.

use sip::{Body, HeaderName, Message, Method, OwnedMessage, Reply, RequestKey, SessionKey};

use super::state::{Carried, Talking};
use crate::{config::CARRIED_REQUESTS_MAX, means::Means};

impl Talking {
    /// INFO goes to the other side and its answer comes back; OPTIONS asks whether we are there (RFC 3261 §11).
    pub(super) fn carry(
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

    pub(super) fn carry_back(
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
