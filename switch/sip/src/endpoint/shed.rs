//! Requests that the owner turns away before they are taken up, when more comes in than goes out (RFC 7339, RFC 3261
//! §21.5.4). Nothing is copied, validated or kept for them but a number; which ones they are is the owner's decision.
//!
//! This is the road that has to be short: at ten times the load that can be carried it is walked ten times for each
//! request that is taken up, and what it costs is what the refused take from the others.

use std::time::Instant;

use crate::dialog::to_tag;
use crate::flow::Flow;
use crate::header::HeaderName;
use crate::message::Message;
use crate::message::fields::Via;
use crate::nat;

use super::{DropReason, Endpoint, Event, Outputs, response};

/// A new request, looked at as far as it takes to turn it away.
#[derive(Clone, Copy, Debug)]
pub struct Knock<'a> {
    request: Message<'a>,
    via: Via<'a>,
    number: u64,
}

impl Knock<'_> {
    /// Tells one request from another, and is the same for its repeats (RFC 3261 §8.2.7). A keyed hash: nobody can choose it.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Endpoint {
    /// Looks at a request that [`crate::parse()`] has read. `None`: without a Via it cannot be answered.
    #[must_use]
    pub fn knock<'a>(&self, request: &Message<'a>) -> Option<Knock<'a>> {
        let via = request.via().ok()?;
        Some(Knock { request: *request, number: self.stateless_number(request, Some(&via)), via })
    }

    /// Whether it repeats a request that has been taken up, so that its transaction has to answer it.
    pub fn knows(&mut self, knock: &Knock<'_>) -> bool {
        self.servers.find(&knock.request, &knock.via).is_some()
    }

    /// Whether it repeats one that was turned away. It must not get in now: its sender has been told that there is no
    /// room and is gone.
    pub fn was_shed(&mut self, now: Instant, knock: &Knock<'_>) -> bool {
        self.has_turned_away(now, knock.number)
    }

    /// Turns it away with 503. A repeat gets the same To tag, and the ACK is known by it.
    pub fn shed(
        &mut self,
        now: Instant,
        flow: Flow,
        knock: &Knock<'_>,
        retry_after_secs: u64,
        out: &mut Outputs,
    ) {
        self.note_turned_away(now, knock.number);
        let tag = self.tokens.tag(knock.number);
        let mut writer = response(&knock.request, Some(&knock.via), flow.remote, (503, None), &tag);
        writer.header(HeaderName::RetryAfter, retry_after_secs);
        match writer.finish() {
            Ok(bytes) => out.send(nat::response_flow(flow, &knock.via), bytes),
            Err(_) => out.event(Event::Dropped(DropReason::Unwritable)),
        }
    }

    /// Whether a request is the ACK of such a 503; nothing follows from it.
    pub fn is_ack_of_shed(&mut self, now: Instant, ack: &Message<'_>) -> bool {
        let number = self.tokens.number_of_tag(to_tag(ack));
        number.is_some_and(|number| self.has_turned_away(now, number))
    }
}
