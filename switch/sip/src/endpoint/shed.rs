//! Requests that the owner turns away before they are taken up, when more comes in than goes out (RFC 7339, RFC 3261
//! §21.5.4). Nothing is copied, validated or kept for them; which ones they are is the owner's decision.

use std::time::Instant;

use crate::flow::Flow;
use crate::message::Message;

use super::{Endpoint, Outputs, Reply};

impl Endpoint {
    /// Whether a request is the repeat of one that has been taken up, so that its transaction has to answer it.
    pub fn knows(&mut self, request: &Message<'_>) -> bool {
        request.via().is_ok_and(|via| self.servers.find(request, &via).is_some())
    }

    /// Answers a request that was read by [`crate::parse_head`] only. A repeat that is answered so too gets the same
    /// To tag, and the ACK is known by it.
    pub fn shed(
        &mut self,
        now: Instant,
        flow: Flow,
        request: &Message<'_>,
        reply: &Reply,
        out: &mut Outputs,
    ) {
        let tag = self.stateless_tag(request);
        self.note_turned_away(now, request, &tag);
        self.answer_stateless(flow, request, reply, &tag, out);
    }
}
