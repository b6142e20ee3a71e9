//! Requests that are too large for a datagram: they go by a stream where the peer listens, and as a datagram after all
//! where it takes no stream (RFC 3261 18.1.1).
//!
//! This holds for every request of a client transaction, inside dialogs and outside. The ACK of a 2xx is none: it goes
//! where its own Request-URI and routes lead. The dialog stays on its datagram flow: one large request is no wish to
//! speak TCP from then on.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::challenged::Proof;
use super::config::DATAGRAM_REQUEST_BYTES_MAX;
use super::{ClientKey, ClientMachine, ClientUser, Endpoint, Outputs, Step, Why};
use crate::flow::{Flow, Transport};
use crate::header::HeaderName;
use crate::message::OwnedMessage;
use crate::message::fields::NameAddr;
use crate::method::Method;
use crate::session::Session;
use crate::transaction::client::Client;
use crate::transaction::invite_client::InviteClient;
use crate::uri::Uri;

/// How long a peer that takes no stream is remembered, so that no second request has to wait for that.
const DATAGRAMS_ONLY_FOR: Duration = Duration::from_secs(3_600);
/// Peers that are remembered.
const DATAGRAMS_ONLY_MAX: usize = 1_024;

impl Endpoint {
    /// Starts a client transaction.
    pub(crate) fn open_client(
        &mut self,
        now: Instant,
        key: ClientKey,
        what: (Method, ClientUser),
        flow: Flow,
        request: Bytes,
        out: &mut Outputs,
    ) {
        let streamed = self.streamed(now, flow, &request);
        let is_by_size = streamed.is_some();
        let (flow, request) = streamed.unwrap_or((flow, request));
        let step = Step { now, durations: &self.config.timers, queue: &mut self.timers, out };
        self.clients.open(key, what, flow, request, step);
        let user = what.1;
        let session = user.session().and_then(|session| self.sessions.get(&session));
        let login = session.and_then(|session| session.login.clone());
        let silence_secs = session.and_then(Session::silence_secs);
        if let Some(transaction) = self.clients.get_mut(key) {
            transaction.is_by_size = is_by_size;
            transaction.proof = login.map(Proof::of);
            if let (ClientUser::Invite(_), Some(secs)) = (user, silence_secs) {
                let at = now + Duration::from_secs(secs.into());
                transaction.running.set(&mut self.timers, at, Why::Silent(key));
            }
        }
    }

    /// A large request as it goes to a peer that listens where its URI says. Behind a NAT there is no stream to be had.
    fn streamed(&mut self, now: Instant, flow: Flow, request: &Bytes) -> Option<(Flow, Bytes)> {
        if request.len() <= DATAGRAM_REQUEST_BYTES_MAX || flow.transport != Transport::Udp {
            return None;
        }
        self.datagrams_only.retain(|_, since| now.saturating_duration_since(*since) < DATAGRAMS_ONLY_FOR);
        if self.datagrams_only.contains_key(&flow.remote) || !leads_to(request, flow.remote)? {
            return None;
        }
        let request = with_transport(request, (Transport::Udp, Transport::Tcp))?;
        Some((Flow { transport: Transport::Tcp, connection: 0, ..flow }, request))
    }

    /// Sends a request as a datagram whose stream has failed before anything was heard. False: it had to be a stream,
    /// or has been heard.
    pub(super) fn goes_by_datagram(&mut self, now: Instant, key: ClientKey, out: &mut Outputs) -> bool {
        let Some(transaction) = self.clients.get(key).filter(|transaction| transaction.is_by_size) else {
            return false;
        };
        let is_taken_back = matches!(transaction.user, ClientUser::Invite(session)
            if self.sessions.get(&session).is_none_or(|session| !session.wants_invite()));
        let request = match &transaction.machine {
            ClientMachine::Invite { machine: InviteClient::Calling { .. }, request, .. }
                if !is_taken_back =>
            {
                request
            }
            ClientMachine::Other(Client::Trying { request, .. }) => request,
            ClientMachine::Invite { .. } | ClientMachine::Other(_) => return false,
        };
        let Some(request) = with_transport(request, (Transport::Tcp, Transport::Udp)) else { return false };
        let what = (transaction.method, transaction.user);
        let flow = Flow::udp(transaction.flow.local, transaction.flow.remote);
        let proof = self.clients.close(key, &mut self.timers).and_then(|closed| closed.proof);
        if self.datagrams_only.len() < DATAGRAMS_ONLY_MAX {
            self.datagrams_only.insert(flow.remote, now);
        }
        let step = Step { now, durations: &self.config.timers, queue: &mut self.timers, out };
        self.clients.open(key, what, flow, request, step);
        if let Some(transaction) = self.clients.get_mut(key) {
            transaction.proof = proof;
        }
        true
    }
}

/// Whether the route or the Request-URI of a request names this address, as who listens there.
fn leads_to(request: &Bytes, remote: SocketAddr) -> Option<bool> {
    let message = OwnedMessage::parse(request).ok()?;
    let message = message.view();
    let route = message.first(HeaderName::Route).and_then(|route| NameAddr::parse(route).ok());
    // A strict router stands in the Request-URI, before the routes.
    let hops = [route.map(|route| route.uri), Some(message.request_uri())];
    let mut hops = hops.into_iter().flatten().filter_map(|hop| Uri::parse(hop).ok());
    Some(hops.any(|uri| {
        let port = uri.port.unwrap_or(Transport::Udp.default_port());
        uri.host.ip().is_some_and(|ip| SocketAddr::new(ip.to_canonical(), port) == remote)
    }))
}

/// A request of ours with another transport in its Via, which is its only one and its first header.
fn with_transport(request: &Bytes, (from, to): (Transport, Transport)) -> Option<Bytes> {
    let old = format!("\r\nVia: SIP/2.0/{} ", from.as_str());
    let at = memchr::memmem::find(request, old.as_bytes())?;
    let (head, rest) = (request.get(..at)?, request.get(at + old.len()..)?);
    let new = format!("\r\nVia: SIP/2.0/{} ", to.as_str());
    Some([head, new.as_bytes(), rest].concat().into())
}
