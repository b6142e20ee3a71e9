//! Requests of ours that are challenged (RFC 3261 22.2, 22.3): sent again with credentials, where we have any for that
//! peer.
//!
//! A [`Login`] is given with an INVITE or with a request outside dialogs, and stays with what follows from it: the
//! session's own requests, the BYE of a fork. A challenge to any other request, be it a BYE in a session that the peer
//! has opened, is an answer like any other, and so is one that does not come from where the request went
//! (CVE-2021-41158). No credentials are sent unasked, so each request is asked for its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::digest::{Login, chosen, is_news};
use crate::flow::Flow;
use crate::header::HeaderName;
use crate::message::{Message, OwnedMessage};
use crate::method::Method;
use crate::transaction::client::Client;
use crate::write::MessageWriter;

use super::compose::again;
use super::table::{ClientKey, ClientMachine, ClientUser};
use super::{Endpoint, Outputs};

/// Times that one request is sent again with credentials: for its server and for a proxy on the way, or once more for a
/// nonce that had become stale.
pub const ANSWERS_MAX: u8 = 2;

/// Nonces whose count is kept (RFC 7616 §3.4.5); an older one is counted from 1 again and gets `stale` at worst.
const COUNTED_NONCES_MAX: usize = 256;

/// How challenges to a request are answered.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Proof {
    login: Arc<Login>,
    /// Times that it has been sent again.
    answers: u8,
}

impl Proof {
    /// Of a request that nobody has challenged yet.
    pub(crate) fn of(login: Arc<Login>) -> Box<Self> {
        Box::new(Self { login, answers: 0 })
    }
}

/// How often each nonce has been used, the latest last.
#[derive(Default)]
pub(crate) struct NonceCounts(VecDeque<(Box<str>, u32)>);

impl NonceCounts {
    /// The `nc` of one more request with this nonce.
    fn next(&mut self, nonce: &str) -> u32 {
        let known = self.0.iter().position(|(counted, _)| **counted == *nonce);
        let (nonce, count) = known.and_then(|at| self.0.remove(at)).unwrap_or_else(|| (Box::from(nonce), 0));
        let count = count.saturating_add(1);
        if self.0.len() >= COUNTED_NONCES_MAX {
            self.0.pop_front();
        }
        self.0.push_back((nonce, count));
        count
    }
}

/// A request with the credentials that it is sent again with.
pub(super) struct Proven {
    request: OwnedMessage,
    flow: Flow,
    method: Method,
    proof: Box<Proof>,
    header: HeaderName,
    credentials: String,
}

impl Endpoint {
    /// The credentials that this answer to a request of ours asks for; `None` where it is not for us to give any. To be
    /// asked before the transaction hears of the answer and forgets its request.
    pub(super) fn proven(
        &mut self,
        key: ClientKey,
        flow: Flow,
        (status, message): (u16, &Message<'_>),
    ) -> Option<Proven> {
        let (asks, header) = match status {
            401 => (HeaderName::WwwAuthenticate, HeaderName::Authorization),
            407 => (HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization),
            _ => return None,
        };
        let transaction = self.clients.get(key)?;
        let proof = transaction.proof.as_ref().filter(|proof| proof.answers < ANSWERS_MAX)?;
        let sent_to = transaction.flow;
        if flow.remote.ip() != sent_to.remote.ip() {
            return None;
        }
        let bytes = match &transaction.machine {
            ClientMachine::Invite { machine, request, .. } if !machine.is_final() => request,
            ClientMachine::Invite { .. } => return None,
            ClientMachine::Other(Client::Trying { request, .. } | Client::Proceeding { request }) => request,
            ClientMachine::Other(Client::Completed | Client::Terminated) => return None,
        };
        let request = OwnedMessage::parse(bytes).ok()?;
        let view = request.view();
        let challenge = chosen(message.values(asks), &proof.login)?;
        if !is_news(&challenge, view.first(header)) {
            return None;
        }
        let (login, answers) = (proof.login.clone(), proof.answers + 1);
        let flow = if transaction.is_by_size { Flow::udp(sent_to.local, sent_to.remote) } else { sent_to };
        let method = transaction.method;
        let cnonce = format!("{:016x}", self.tokens.number());
        let count = self.nonces.next(challenge.nonce);
        let (username, password) = (&*login.username, &*login.password);
        let (what, uri) = (view.method_text(), view.request_uri());
        let credentials = challenge.respond(username, password, what, uri, &cnonce, count);
        Some(Proven { flow, method, proof: Box::new(Proof { login, answers }), header, credentials, request })
    }

    /// Sends a request again with its credentials, as a new one of the same dialog or Call-ID. `false`: it is not wanted
    /// any more, or could not be written, and the challenge is its end.
    pub(super) fn sends_proven(
        &mut self,
        now: Instant,
        (old, user): (ClientKey, ClientUser),
        proven: Proven,
        out: &mut Outputs,
    ) -> bool {
        let Proven { request, flow, method, proof, header, credentials } = proven;
        let view = request.view();
        let client = ClientKey { branch: self.tokens.number(), cancel: false };
        let written = self.renumbered(user, old, &view).and_then(|cseq| {
            let way = (flow, &*self.tokens.branch(client.branch), cseq);
            let with_credentials = |writer: &mut MessageWriter, name| {
                if name == HeaderName::CallId {
                    writer.header(header, &credentials);
                }
                name == header
            };
            again(&view, way, with_credentials).ok()
        });
        let Some(bytes) = written else { return false };
        self.retake(user, old, client);
        self.open_client(now, client, (method, user), flow, bytes, out);
        self.prove(client, proof);
        true
    }

    /// Has challenges to a request answered.
    pub(crate) fn prove(&mut self, client: ClientKey, proof: Box<Proof>) {
        if let Some(transaction) = self.clients.get_mut(client) {
            transaction.proof = Some(proof);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_7616_3_4_5_a_nonce_is_counted_for_as_long_as_it_is_kept() {
        let mut counts = NonceCounts::default();
        assert_eq!([counts.next("a"), counts.next("b"), counts.next("a")], [1, 1, 2]);
        for number in 0..COUNTED_NONCES_MAX {
            counts.next(&format!("x{number}"));
        }
        assert_eq!((counts.0.len(), counts.next("a")), (COUNTED_NONCES_MAX, 1));
    }
}
