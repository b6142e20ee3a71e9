//! Requests inside a call that change nothing about it, carried from one side to the other and answered from there.
//!
//! INFO (RFC 6086) and MESSAGE (RFC 3428) are for the device at the other end, unless that wants a key to be told in another
//! way (`keypad`), or is ours alone to send (`sound`); a REFER is for us (`transfer`). What the
//! endpoint does not know it refuses with 405 or 501 and what it would take.

use sip::{Body, HeaderName, Message, Method, OwnedMessage, Reply, RequestKey, SessionKey};

use super::{
    pressed::{Told, told},
    recording::Recording,
    state::{Carried, Talking},
};
use crate::{config::CARRIED_REQUESTS_MAX, means::Means};

impl Talking {
    /// INFO and MESSAGE go to the other side and the answer comes back; OPTIONS asks whether we are there (RFC 3261 §11).
    pub(super) fn carry(
        &mut self,
        (session, request): (SessionKey, RequestKey),
        message: &OwnedMessage,
        recording: &mut Recording,
        means: &mut Means<'_>,
    ) {
        let Some(by) = self.side_of(session) else { return };
        if message.view().method() == Method::Info && self.info((by, request), message, recording, means) {
            return;
        }
        let message = message.view();
        let reply = match message.method() {
            Method::Options => Reply::new(200).header("Accept", "application/sdp"),
            Method::Info | Method::Message if self.carried.len() >= CARRIED_REQUESTS_MAX => Reply::new(503),
            method @ (Method::Info | Method::Message) => {
                let other = self.leg(by.other()).session;
                match means.request(other, method.as_str(), package_of(&message), Body::of(&message)) {
                    Ok(to) => {
                        let key = match told(&message) {
                            Told::Key(key, ms) if method == Method::Info => Some((key, ms)),
                            _ => None,
                        };
                        return self.carried.push(Carried { from: Some(request), to, key });
                    }
                    Err(_) => Reply::new(480),
                }
            }
            _ => Reply::new(405),
        };
        means.respond_in_dialog(request, reply);
    }

    pub(super) fn carry_back(
        &mut self,
        (session, request): (SessionKey, RequestKey),
        status: u16,
        message: Option<&OwnedMessage>,
        means: &mut Means<'_>,
    ) {
        let Some(at) = self.carried.iter().position(|carried| carried.to == request) else { return };
        let carried = self.carried.swap_remove(at);
        let status = if matches!(status, 401 | 407) { 403 } else { status };
        let told = match carried.key.zip(self.side_of(session)) {
            Some((key, side)) => self.key_answered(side, (key, status), means),
            None => status,
        };
        let Some(from) = carried.from else { return };
        let mut reply = Reply::new(told);
        if let Some(message) = message.map(OwnedMessage::view).filter(|_| told == status) {
            reply.headers = remedies(&message);
            // RFC 3428 §7: the answer to a MESSAGE says nothing but that.
            let is_message = message.cseq().is_ok_and(|cseq| cseq.method == Method::Message);
            reply.body = Body::of(&message).filter(|_| !is_message);
        }
        means.respond_in_dialog(from, reply);
    }

    /// Who waits for the other side's answer gets none from there.
    pub(super) fn give_up_carried(&mut self, means: &mut Means<'_>) {
        for from in self.carried.drain(..).filter_map(|carried| carried.from) {
            means.respond_in_dialog(from, Reply::new(480));
        }
    }
}

/// RFC 3261 §21.4: whether an answer says that such a request will never be understood.
pub(super) fn says_never(status: u16) -> bool {
    matches!(status, 400 | 403 | 405 | 406 | 415 | 420 | 469 | 488 | 489 | 501 | 606)
}

/// The header that says what an INFO is about (RFC 6086 §4.2); what its body is for goes with the body.
fn package_of(message: &Message<'_>) -> sip::ExtraHeaders {
    let package = message.first(HeaderName::InfoPackage);
    package.map(|name| ("Info-Package".into(), name.to_owned())).into_iter().collect()
}

/// What an answer says would be understood, or when (RFC 3261 §21.4.13, §20.33, RFC 6086 §4.2.2).
fn remedies(answer: &Message<'_>) -> sip::ExtraHeaders {
    let names = [
        (HeaderName::Accept, "Accept"),
        (HeaderName::AcceptEncoding, "Accept-Encoding"),
        (HeaderName::RecvInfo, "Recv-Info"),
        (HeaderName::RetryAfter, "Retry-After"),
    ];
    let value =
        |(name, text): (HeaderName, &'static str)| Some((text.into(), answer.first(name)?.to_owned()));
    names.into_iter().filter_map(value).collect()
}
