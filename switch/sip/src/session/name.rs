//! By which Call-ID a session is known on the wire, for those who look at messages from outside (ladders, captures).
//!
//! Reading only; nothing is decided by it (RFC 3261 §8.1.1.4).

use crate::endpoint::Endpoint;

use super::{Outgoing, SessionKey, Stage};

impl Endpoint {
    /// The Call-ID of a session; `None` when there is no such session (any more).
    #[must_use]
    pub fn call_id(&self, session: SessionKey) -> Option<Box<str>> {
        let dialog = match &self.sessions.get(&session)?.stage {
            Stage::Outgoing(Outgoing { call_id, .. }) => return Some(call_id.clone()),
            Stage::Incoming(incoming) => &incoming.usage.dialog,
            Stage::Confirmed(confirmed) => &confirmed.usage.dialog,
            Stage::Leaving(dialog) => dialog,
        };
        Some(Box::from(dialog.call_id()))
    }
}
