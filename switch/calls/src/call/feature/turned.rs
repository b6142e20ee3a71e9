//! Codes by which people turn something on and off: do-not-disturb, call waiting, and `*46`, by which somebody who answers
//! queues is asked no more, or again, whichever it is not (decisions 0044, 0046). They hear which it is now.
//!
//! The same as the orders of an operator, and the last of the two counts. Who is rung is decided in `availability`.

use std::time::Duration;

use contract::{availability::Availability, language::Language};
use serde::{Deserialize, Serialize};
use streams::media::LeaseId;

use super::super::{dial::Opening, events::Record};
use crate::{means::Means, queues::AgentKey};

/// Longer than what is said.
const SAID_MAX: Duration = Duration::from_secs(15);

/// How it is now, in the caller's language.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Turned {
    availability: Availability,
    language: Language,
}

impl Turned {
    /// The caller turns something on or off, which takes effect at once.
    pub(super) fn to(opening: &Opening<'_>, availability: Availability, means: &mut Means<'_>) -> Self {
        let whose = (opening.org.id(), opening.caller.person);
        means.availability.set(whose, availability, means.wall);
        Self { availability, language: opening.org.language() }
    }

    /// The caller pauses, or comes back. `None`: it answers no queue.
    pub(super) fn paused(opening: &Opening<'_>, means: &mut Means<'_>) -> Option<Self> {
        let agent = AgentKey { org: opening.org.id(), person: opening.caller.person };
        let whose = (agent.org, agent.person);
        let is_paused = means.availability.pause(whose).is_none();
        means.pause(agent, is_paused)?;
        let availability = Availability::Pause(means.availability.pause(whose));
        Some(Self { availability, language: opening.org.language() })
    }

    /// The stable word for programs, in the record of the call.
    pub(super) const fn as_str(&self) -> &'static str {
        match self.availability {
            Availability::Pause(Some(_)) => "paused",
            Availability::Pause(None) => "resumed",
            Availability::DoNotDisturb(true) => "do_not_disturb_on",
            Availability::DoNotDisturb(false) => "do_not_disturb_off",
            Availability::CallWaiting(true) => "call_waiting_on",
            Availability::CallWaiting(false) => "call_waiting_off",
        }
    }

    pub(super) fn begin(&self, lease: LeaseId, record: &Record, means: &mut Means<'_>) -> Duration {
        let words = match self.availability {
            Availability::Pause(Some(_)) => "agent-paused",
            Availability::Pause(None) => "agent-resumed",
            Availability::DoNotDisturb(true) => "do-not-disturb-on",
            Availability::DoNotDisturb(false) => "do-not-disturb-off",
            Availability::CallWaiting(true) => "call-waiting-on",
            Availability::CallWaiting(false) => "call-waiting-off",
        };
        record.say(lease, (self.language, &[words]), means);
        SAID_MAX
    }
}
