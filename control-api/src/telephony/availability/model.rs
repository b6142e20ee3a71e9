//! Availability of people as clients see it, and what can be ordered of it.

use contract::{
    availability::{Availability, Person},
    command::Command,
    id::{OrgId, UserId},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How somebody can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersonAvailability {
    /// Who.
    pub user_id: Uuid,
    /// Whether nothing of theirs rings.
    pub do_not_disturb: bool,
    /// Whether a second call rings while they are in one.
    pub call_waiting: bool,
    /// Why no queue asks them: `order`, or `missed` (too many calls in a row were not answered); null: queues ask them.
    #[schema(example = "order")]
    pub pause: Option<&'static str>,
}

impl PersonAvailability {
    /// What rows of setting and value say; what is in none is as it is at first.
    pub fn of(user_id: Uuid, rows: &[(String, String)]) -> Self {
        let mut found = Self { user_id, do_not_disturb: false, call_waiting: true, pause: None };
        for one in rows.iter().filter_map(|(setting, value)| Availability::of(setting, value)) {
            match one {
                Availability::DoNotDisturb(is_on) => found.do_not_disturb = is_on,
                Availability::CallWaiting(is_on) => found.call_waiting = is_on,
                Availability::Pause(why) => found.pause = why.map(|why| why.as_str()),
            }
        }
        found
    }
}

/// What came of an order that the switch has taken.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Turned {
    /// `done`, or `already_so`: nothing had to be done any more.
    #[schema(example = "done")]
    pub outcome: &'static str,
    /// Whom it is about.
    pub user_id: Uuid,
}

/// What can be ordered of one person.
pub trait PersonOrdered {
    /// The word in the record.
    const ACTION: &'static str;

    /// As the switch takes it.
    fn command(self, org: OrgId, user: UserId) -> Command;
}

/// Whether queues ask somebody.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseOrder {
    /// Whether none is to
    pub is_paused: bool,
}

impl PersonOrdered for PauseOrder {
    const ACTION: &'static str = "person.pause";

    fn command(self, org: OrgId, user: UserId) -> Command {
        Command::PauseAgent { org, user, is_paused: self.is_paused }
    }
}

/// Whether anything of somebody's rings.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DoNotDisturbOrder {
    /// Whether nothing is to
    pub is_on: bool,
}

impl PersonOrdered for DoNotDisturbOrder {
    const ACTION: &'static str = "person.do_not_disturb";

    fn command(self, org: OrgId, user: UserId) -> Command {
        Command::DoNotDisturb { org, person: Person::User(user), is_on: self.is_on }
    }
}

/// Whether a second call rings while somebody is in one.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallWaitingOrder {
    /// Whether it is to
    pub is_on: bool,
}

impl PersonOrdered for CallWaitingOrder {
    const ACTION: &'static str = "person.call_waiting";

    fn command(self, org: OrgId, user: UserId) -> Command {
        Command::CallWaiting { org, person: Person::User(user), is_on: self.is_on }
    }
}
