//! Telling a caller who cannot be connected why, before it is refused (RFC 3960 §3: early media, so nobody is billed).
//!
//! The final answer, and what is written down of the call, are the same as without. A caller who has heard a device early
//! hears it where it heard that; another one is told our ports in a 183 first. Who made no offer, who speaks nothing that
//! we speak, and who is no person (a gateway has words of its own) is refused at once.

use std::time::Duration;

use contract::{
    journal::{Detail, EventKind},
    language::Language,
};
use dialplan::{OrgPlan, PersonKey, Refusal};
use serde::{Deserialize, Serialize};
use sip::{Provisional, Reply};
use streams::sdp::Description;

use super::{
    super::{
        events::{Record, refused},
        leg::Leg,
        line::Line,
        outcome::LegResult,
        state::{Head, Side, State, end},
    },
    Served, Stage,
};
use crate::means::Means;

/// Longer than anything that is said, and shorter than a caller waits for a final answer.
pub(crate) const EXPLANATION_MAX: Duration = Duration::from_secs(15);

/// What a rule says may be longer: an organisation has it made. Shorter than timer C of a proxy (RFC 3261 §16.6).
pub(crate) const ANNOUNCEMENT_MAX: Duration = Duration::from_secs(120);

/// The final answer that waits until the caller has been told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Explaining {
    reply: Reply,
}

/// How a call that nobody took ends.
pub(crate) struct Unconnected<'a> {
    /// What is written down before `ended`.
    pub(crate) events: &'a [EventKind],
    /// What is written with them.
    pub(crate) told: Detail,
    /// The final answer.
    pub(crate) reply: Reply,
    /// What the caller hears; `None`: nothing.
    pub(crate) sound: Option<&'a str>,
    /// For how long at most.
    pub(crate) longest: Duration,
}

/// Whether callers of this organisation are told why, and in which language.
pub(crate) fn language_for(org: &OrgPlan, caller: PersonKey, means: &Means<'_>) -> Option<Language> {
    // Behind a trunk is somebody with a telephone, and a bare account is nobody.
    let is_person = !matches!(caller, PersonKey::Account(_));
    (means.config.announcements && org.has_announcements() && is_person).then(|| org.language())
}

/// What is said where nobody can be had.
pub(crate) const UNAVAILABLE: &str = "not-available";

/// What is said where a number may not be called.
const NO_PERMISSION: &str = "no-permission";

/// What is said of a number that leads nowhere.
pub(crate) fn of_number(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::UnknownNumber => "number-unknown",
        Refusal::Inactive(_) | Refusal::NoStaff(_) => UNAVAILABLE,
        Refusal::Closed(_) => "closed",
        Refusal::SelfCall(_) => "busy",
        Refusal::Barred(_) | Refusal::NoIntercom(_) | Refusal::InsideOnly(_) => NO_PERMISSION,
    }
}

/// What is said of devices that did not answer. Where ports have run out nobody is kept on the line.
pub(crate) fn of_devices(result: LegResult) -> Option<&'static str> {
    match result {
        LegResult::Congested => None,
        LegResult::MediaRefused => Some("call-failed"),
        LegResult::Busy => Some("busy"),
        LegResult::NoSuchNumber => Some("number-unknown"),
        LegResult::Barred(_) => Some(NO_PERMISSION),
        LegResult::Unreachable
        | LegResult::Refused
        | LegResult::Redirected
        | LegResult::Declined
        | LegResult::DoNotDisturb
        | LegResult::NoAnswer => Some(UNAVAILABLE),
    }
}

impl<'a> Unconnected<'a> {
    /// Nothing is said.
    pub(crate) fn silently(events: &'a [EventKind], told: Detail, reply: Reply) -> Self {
        Self { events, told, reply, sound: None, longest: EXPLANATION_MAX }
    }

    /// Something is said, and written down with this reason.
    pub(crate) fn saying(sound: &'a str, events: &'a [EventKind], (status, reason): (u16, &str)) -> Self {
        let silent = Self::silently(events, refused(Some(reason), status), Reply::new(status));
        Self { sound: Some(sound), ..silent }
    }
}

impl Unconnected<'_> {
    /// Refuses the caller at once.
    pub(crate) fn refuse(self, record: Record, caller: Leg, head: &mut Head, means: &mut Means<'_>) -> State {
        let status = self.reply.status;
        means.refuse(caller.session, self.reply);
        head.leave(caller, Some(status), means);
        end(record, self.events, &self.told, refused(None, status), means)
    }

    /// Tells the caller why, and refuses it then. `offer` is the caller's, whose ports are open; `is_told` when it hears
    /// something already.
    pub(crate) fn explain(
        self,
        (mut record, mut caller): (Record, Leg),
        (language, offer, is_told): (Option<Language>, Option<&Description>, bool),
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        let hearing = language.zip(self.sound).zip(offer);
        let Some(((language, sound), offer)) = hearing else {
            return self.refuse(record, caller, head, means);
        };
        if !is_told {
            let Some(own) = offer.own_answer() else { return self.refuse(record, caller, head, means) };
            let body = caller.streams.speak(&own, means);
            caller.streams.agree(offer, means);
            means.ring(caller.session, Provisional::new(183).body(body));
        }
        let Some(lease) = caller.streams.voice_line() else {
            return self.refuse(record, caller, head, means);
        };
        record.say(lease, (language, &[sound]), means);
        for kind in self.events {
            record.event(*kind, None, self.told.clone(), means);
        }
        State::Served(Box::new(Served {
            line: Line::new(record, caller, Side::Caller),
            stage: Stage::Explaining(Explaining { reply: self.reply }),
            until: means.after(self.longest),
        }))
    }
}

impl Served {
    /// The caller has been told; here is the final answer.
    pub(super) fn explained(self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        match self.stage {
            Stage::Explaining(Explaining { reply }) => {
                let last = Unconnected::silently(&[], Detail::default(), reply);
                last.refuse(self.line.record, self.line.caller, head, means)
            }
            stage => State::Served(Box::new(Self { stage, ..*self })),
        }
    }

    /// The caller does not want to hear it. The call has come to what it had come to.
    pub(super) fn given_up(
        mut self: Box<Self>,
        head: &mut Head,
        status: u16,
        means: &mut Means<'_>,
    ) -> State {
        self.write_canceled(Detail::default(), means);
        head.leave(self.line.caller, Some(status), means);
        end(self.line.record, &[], &Detail::default(), refused(None, status), means)
    }
}
