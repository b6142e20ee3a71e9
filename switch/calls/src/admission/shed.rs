//! What comes in, before anything is taken up: who is kept out, and what is turned away when there is too much.
//!
//! A message that is turned away has been read as far as its header lines; it is not validated, copied or kept, and its
//! answer is written from it alone. BYE, ACK, CANCEL, PRACK, everything inside a dialog, responses, repeats of what has
//! been taken up and emergency calls are never turned away (RFC 7339 §5.10.1).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sip::{Flow, HeaderName, Message, Method, parse};

use super::overload::Class;
use crate::{
    facts,
    guard::{Attempt, Source},
    output::{Notice, Outputs},
    registrar::Binding,
    switchboard::Switchboard,
};

impl Switchboard {
    /// A message from the wire that has waited for so long.
    pub(crate) fn received(&mut self, flow: Flow, bytes: &[u8], queued: Duration, out: &mut Outputs) {
        if !self.guard.lets_in(self.guard_secs(), flow.remote.ip(), || self.is_trunk(flow.remote.ip())) {
            return out.notice(Notice::Silenced);
        }
        if !self.is_pressed(self.now) {
            self.overload.observe(self.now, queued);
        }
        if !self.overload.is_on(self.now) || !self.is_shed(flow, bytes, queued, out) {
            self.sip(sip::Input::Received { flow, bytes });
        }
    }

    /// Whether more comes in than goes out: messages are to be given in the order of [`super::Lanes`].
    #[must_use]
    pub fn is_pressed(&self, now: Instant) -> bool {
        self.overload.is_late(now)
    }

    /// Contacts stand on a proof, also those from before a restart.
    pub(crate) fn trust_restored(&mut self, bindings: &[Arc<Binding>]) {
        let now = self.guard_secs();
        for binding in bindings {
            let (from, org) = (binding.flow.remote, binding.org);
            self.guard.proven(now, &Attempt { from, org, username: &binding.username });
        }
    }

    fn is_shed(&mut self, flow: Flow, bytes: &[u8], queued: Duration, out: &mut Outputs) -> bool {
        // Taken out for the time of the look, so that the message can be read while the rest changes.
        let mut index = std::mem::take(&mut self.index);
        let is_shed = match parse(bytes, &mut index) {
            Ok(message) if message.is_request() => match message.method() {
                Method::Ack => {
                    let is_of_shed = self.endpoint.is_ack_of_shed(self.now, &message);
                    if is_of_shed {
                        out.notice(Notice::ShedAcked);
                    }
                    is_of_shed
                }
                _ => self.shed(flow, &message, queued, out),
            },
            // Whatever it is, the endpoint gets rid of it at little cost.
            _ => false,
        };
        self.index = index;
        is_shed
    }

    fn shed(&mut self, flow: Flow, message: &Message<'_>, queued: Duration, out: &mut Outputs) -> bool {
        let Some(class) = self.class_of(flow, message) else { return false };
        if class != Class::Credentials && self.is_pressed(self.now) {
            self.overload.observe(self.now, queued);
        }
        let Some(knock) = self.endpoint.knock(message) else { return false };
        let is_admitted =
            self.overload.admits(self.now, class, queued) && !self.endpoint.was_shed(self.now, &knock);
        // What is malformed gets its 400, which costs as little: coming back with it would be of no use.
        if is_admitted || self.endpoint.knows(&knock) || message.require_valid().is_err() {
            return false;
        }
        self.overload.shed(self.now);
        // Spread, so that the refused do not come back together; by the request, so that repeats get the same.
        let least = u64::from(self.config.timeouts.retry_after_secs);
        let retry_after = least + knock.number() % (least + 1);
        out.notice(Notice::Shed);
        self.endpoint.shed(self.now, flow, &knock, retry_after, &mut self.wire);
        true
    }

    /// `None`: never turned away.
    fn class_of(&self, flow: Flow, message: &Message<'_>) -> Option<Class> {
        let method = message.method();
        let is_part =
            matches!(method, Method::Bye | Method::Cancel | Method::Prack | Method::Update | Method::Info);
        let is_new = || message.to().is_ok_and(|to| to.param("tag").is_none());
        if is_part || !is_new() || (method == Method::Invite && self.is_emergency(message)) {
            return None;
        }
        if message.first(HeaderName::Authorization).is_some() {
            return Some(Class::Credentials);
        }
        let address = flow.remote.ip();
        let is_known = self.guard.trusts(self.guard_secs(), Source::of(address)) || self.is_trunk(address);
        Some(match (method, is_known) {
            (Method::Invite, false) => Class::StrangersCall,
            (Method::Invite, true) => Class::KnownCall,
            (_, false) => Class::StrangersRequest,
            (_, true) => Class::KnownRequest,
        })
    }

    /// Whether an INVITE is an emergency call (RFC 5031, or one of the numbers in the configuration or of the organisation) to us.
    pub(crate) fn is_emergency(&self, message: &Message<'_>) -> bool {
        let uri = message.request_uri();
        let is_service = uri
            .get(..EMERGENCY_SERVICE.len())
            .is_some_and(|service| service.eq_ignore_ascii_case(EMERGENCY_SERVICE));
        let is_number = || {
            let org = facts::addressed(&self.plan, &self.config.own_hosts, message);
            org.zip(facts::dialled(message)).is_some_and(|(org, dialled)| {
                self.config.emergency_numbers.iter().any(|number| *number == dialled)
                    || org.is_emergency(&dialled)
            })
        };
        is_service || is_number()
    }
}

/// The service of RFC 5031 §4.2, with or without a part of it (`urn:service:sos.fire`).
const EMERGENCY_SERVICE: &str = "urn:service:sos";
