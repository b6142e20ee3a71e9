//! Other ways to the same peer for an INVITE of ours: the next target of a name (RFC 3263 4.3), or another flow of the
//! same device (RFC 5626 5.3).
//!
//! All INVITEs are written beforehand, each with a branch of its own and otherwise the same, so that a session keeps
//! nothing but what it may still send. Which ways there are is the owner's to say.

use std::time::Instant;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::endpoint::{ClientKey, ClientUser, Endpoint, FALLBACKS_MAX, Invite, Outputs, Refused, Way};
use crate::flow::Flow;
use crate::method::Method;

use super::outgoing::FIRST_CSEQ;
use super::{Session, SessionKey, Stage};

/// An INVITE that can be sent when the ones before it have failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Prepared {
    pub(super) client: ClientKey,
    pub(super) flow: Flow,
    pub(super) request: Bytes,
}

impl Endpoint {
    /// Writes the INVITE for every way, first things first.
    pub(super) fn prepare(
        &mut self,
        invite: &Invite,
        (tag, call_id): (&str, &str),
    ) -> Result<Vec<Prepared>, Refused> {
        let mut all = vec![self.prepare_way(invite, (tag, call_id))?];
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
        Ok(Prepared { client, flow: invite.flow, request })
    }

    /// Sends the INVITE the next way there is, if the failure of this one is no answer. `false`: it is over.
    pub(super) fn goes_elsewhere(
        &mut self,
        now: Instant,
        (session, failed): (SessionKey, ClientKey),
        out: &mut Outputs,
    ) -> bool {
        let Some(Session { stage: Stage::Outgoing(outgoing), .. }) = self.sessions.get_mut(&session) else {
            return false;
        };
        if outgoing.client != failed || outgoing.cancel.is_some() {
            return false;
        }
        let Some(next) = outgoing.elsewhere.pop() else { return false };
        outgoing.client = next.client;
        // Whatever the way before has asked for, this one has not.
        (outgoing.cseq, outgoing.is_longer) = (FIRST_CSEQ, false);
        outgoing.early.clear();
        let what = (Method::Invite, ClientUser::Invite(session));
        self.open_client(now, next.client, what, next.flow, next.request, out);
        true
    }
}
