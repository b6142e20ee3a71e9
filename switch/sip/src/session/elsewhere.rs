//! Other ways to the same peer for an INVITE of ours: the next target of a name (RFC 3263 4.3), another flow of the
//! same device (RFC 5626 5.3), or a stream for what is too large for a datagram (RFC 3261 18.1.1).
//!
//! All INVITEs are written beforehand, each with a branch of its own and otherwise the same, so that a session keeps
//! nothing but what it may still send. Which ways there are is the owner's to say.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::endpoint::{
    ClientKey, ClientUser, DATAGRAM_REQUEST_BYTES_MAX, Endpoint, FALLBACKS_MAX, Invite, Outputs, Refused, Way,
};
use crate::flow::{Flow, Transport};
use crate::message::fields::NameAddr;
use crate::method::Method;
use crate::uri::Uri;

use super::{Session, SessionKey, Stage};

/// How long a peer that takes no stream is remembered, so that no second call has to wait for that.
const DATAGRAMS_ONLY_FOR: Duration = Duration::from_secs(3_600);
/// Peers that are remembered.
pub(crate) const DATAGRAMS_ONLY_MAX: usize = 1_024;

/// An INVITE that can be sent when the ones before it have failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Prepared {
    pub(super) client: ClientKey,
    pub(super) flow: Flow,
    pub(super) request: Bytes,
    /// It goes to the same peer as the one before, so an answer of that one counts.
    is_same_peer: bool,
}

impl Endpoint {
    /// Writes the INVITE for every way, first things first.
    pub(super) fn prepare(
        &mut self,
        now: Instant,
        invite: &Invite,
        (tag, call_id): (&str, &str),
    ) -> Result<Vec<Prepared>, Refused> {
        let first = self.prepare_way(invite, (tag, call_id))?;
        let mut all = Vec::with_capacity(1);
        if first.request.len() > DATAGRAM_REQUEST_BYTES_MAX
            && let Some(flow) = self.by_stream(now, invite)
        {
            let invite = Invite { flow, ..invite.clone() };
            all.push(self.prepare_way(&invite, (tag, call_id))?);
            all.push(Prepared { is_same_peer: true, ..first });
        } else {
            all.push(first);
        }
        for Way { flow, request_uri, routes } in invite.fallbacks.iter().take(FALLBACKS_MAX).cloned() {
            let invite = Invite { flow, request_uri, routes, fallbacks: Vec::new(), ..invite.clone() };
            all.push(self.prepare_way(&invite, (tag, call_id))?);
        }
        all.reverse();
        Ok(all)
    }

    fn prepare_way(&mut self, invite: &Invite, (tag, call_id): (&str, &str)) -> Result<Prepared, Refused> {
        let client = ClientKey { branch: self.tokens.number(), cancel: false };
        let branch = self.tokens.branch(client.branch);
        let request = self.compose_invite(invite, (&branch, tag, call_id)).map_err(|_| Refused::Invalid)?;
        Ok(Prepared { client, flow: invite.flow, request, is_same_peer: false })
    }

    /// 18.1.1: the stream to a peer that listens where its URI says. Behind a NAT there is none to be had.
    fn by_stream(&mut self, now: Instant, invite: &Invite) -> Option<Flow> {
        let Flow { transport: Transport::Udp, remote, .. } = invite.flow else { return None };
        let route =
            invite.routes.first().and_then(|route| NameAddr::parse(route).ok()).map(|route| route.uri);
        let uri = Uri::parse(route.unwrap_or(&invite.request_uri)).ok()?;
        let named = SocketAddr::new(uri.host.ip()?, uri.port.unwrap_or(Transport::Udp.default_port()));
        self.datagrams_only.retain(|_, since| now.saturating_duration_since(*since) < DATAGRAMS_ONLY_FOR);
        let is_likely = named == remote && !self.datagrams_only.contains_key(&remote);
        is_likely.then_some(Flow { transport: Transport::Tcp, ..invite.flow })
    }

    /// Sends the INVITE the next way there is, if the failure of this one is no answer. `false`: it is over.
    pub(super) fn goes_elsewhere(
        &mut self,
        now: Instant,
        (session, failed): (SessionKey, ClientKey),
        is_unreachable: bool,
        out: &mut Outputs,
    ) -> bool {
        let Some(Session { stage: Stage::Outgoing(outgoing), .. }) = self.sessions.get_mut(&session) else {
            return false;
        };
        if outgoing.client != failed || outgoing.cancel.is_some() {
            return false;
        }
        while let Some(next) = outgoing.elsewhere.pop() {
            if next.is_same_peer && !is_unreachable {
                continue;
            }
            if next.is_same_peer && self.datagrams_only.len() < DATAGRAMS_ONLY_MAX {
                self.datagrams_only.insert(next.flow.remote, now);
            }
            outgoing.client = next.client;
            outgoing.early.clear();
            let what = (Method::Invite, ClientUser::Invite(session));
            self.open_client(now, next.client, what, next.flow, next.request, out);
            return true;
        }
        false
    }
}
