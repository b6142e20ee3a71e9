//! `*46`: somebody who answers queues is asked no more, or again, whichever it is not (decision 0045). It hears which.
//!
//! The same as the order of an operator (`sambung queue pause`), and the last of the two counts. Who is asked is decided in `queues`.

use std::time::Duration;

use contract::language::Language;
use serde::{Deserialize, Serialize};
use streams::media::LeaseId;

use super::super::{dial::Opening, events::Record};
use crate::{means::Means, queues::AgentKey};

/// Longer than what is said.
const SAID_MAX: Duration = Duration::from_secs(15);

/// What has become of it, in the caller's language.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pause {
    is_paused: bool,
    language: Language,
}

impl Pause {
    /// Takes effect at once. `None`: the caller answers no queue.
    pub(super) fn turned(opening: &Opening<'_>, means: &mut Means<'_>) -> Option<Self> {
        let agent = AgentKey { org: opening.org.id(), person: opening.caller.person };
        let is_paused = !means.queues.is_paused(agent);
        let now = means.moment();
        means.queues.pause(agent, is_paused, (means.plan, now))?;
        Some(Self { is_paused, language: opening.org.language() })
    }

    /// The stable word for programs, in the record of the call.
    pub(super) const fn as_str(&self) -> &'static str {
        if self.is_paused { "paused" } else { "resumed" }
    }

    pub(super) fn begin(&self, lease: LeaseId, record: &Record, means: &mut Means<'_>) -> Duration {
        let words = if self.is_paused { "agent-paused" } else { "agent-resumed" };
        record.say(lease, (self.language, &[words]), means);
        SAID_MAX
    }
}
