//! "Try this number at this time": the question, and what the plan makes of it (control plane → switch → control plane).
//!
//! Deliberately about configuration alone: whose phone is registered, who does not want to be disturbed and what a budget has
//! been used for is of the moment of the call.

use serde::{Deserialize, Serialize};

use crate::{id::OrgId, rules::Condition, time::Timestamp, trace::RouteStep};

/// Who calls what, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteQuestion {
    /// Of which organisation; without one the default one, or the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<OrgId>,
    /// Who calls: the number of a person, the username of an account, or for a call from outside the name of a trunk.
    pub from: String,
    /// What is dialled.
    pub to: String,
    /// When: `2026-12-25T19:00` by the organisation's clock, or `2026-12-25T12:00Z`; now without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// Why a question cannot be answered, of one of its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteMistake {
    /// Which, as [`RouteQuestion`] calls it.
    pub field: String,
    /// What is wrong, for people.
    pub reason: String,
}

impl RouteMistake {
    /// `field` is not as `reason` says.
    pub fn new(field: &str, reason: impl Into<String>) -> Self {
        Self { field: field.to_owned(), reason: reason.into() }
    }
}

/// What the switch's door says of a question that it cannot answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRefusal {
    /// For people, as with all that the door refuses.
    pub problem: String,
    /// All that is wrong.
    pub errors: Vec<RouteMistake>,
}

impl From<Vec<RouteMistake>> for RouteRefusal {
    fn from(errors: Vec<RouteMistake>) -> Self {
        let told: Vec<String> =
            errors.iter().map(|wrong| format!("{}: {}", wrong.field, wrong.reason)).collect();
        Self { problem: told.join("; "), errors }
    }
}

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteAnswer {
    /// Revision of the plan that was asked.
    pub revision: i64,
    /// The SIP domain of the organisation.
    pub organisation: String,
    /// Who calls, as it was asked.
    pub from: String,
    /// What is dialled; from outside by E.164.
    pub to: String,
    /// When.
    pub at: Timestamp,
    /// What the clock on the organisation's walls shows then, with its zone: `Fri 2026-12-25 19:00 Asia/Jakarta`.
    pub local: String,
    /// What is done with the call.
    pub route: Routed,
    /// Why, in order.
    pub steps: Vec<RouteStep>,
    /// What follows if everything that rings comes to the same; only what anything follows.
    pub then: Vec<RouteThen>,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteThen {
    /// If all that rings comes to this.
    pub condition: Condition,
    /// One after the other; the call ends after the last.
    pub decisions: Vec<RouteNext>,
}

/// One decision after the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteNext {
    /// What is done with the call.
    pub route: Routed,
    /// Why, in order.
    pub steps: Vec<RouteStep>,
}

/// What is done with a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Routed {
    /// These people ring, or a number in the telephone network is called.
    Ring {
        /// Its number, or the username of a bare account.
        number: String,
        /// Its name.
        name: String,
        /// For how long, in seconds.
        ring_timeout_secs: u16,
        /// Whether it is in the telephone network.
        is_outside: bool,
    },
    /// The phones of these people answer by themselves.
    Intercom {
        /// The number that is dialled behind the code.
        number: String,
        /// What has it.
        name: String,
    },
    /// One of a queue's people rings, or the caller waits for one.
    Queue {
        /// The number of the queue's extension.
        number: String,
        /// The name of that.
        name: String,
        /// For how long at most, in seconds.
        wait_max_secs: u16,
        /// Before callers with less.
        priority: u16,
    },
    /// The switch answers by itself: the word of the feature.
    Feature(String),
    /// The caller hears this and is refused.
    Announce {
        /// A sound by its name.
        sound: String,
    },
    /// The caller may leave a message.
    Voicemail {
        /// The number of the person for whom.
        number: String,
    },
    /// The caller chooses.
    Menu {
        /// The number of the menu's extension.
        number: String,
    },
    /// The caller comes into a room with others.
    Conference {
        /// The number of the conference's extension.
        number: String,
    },
    /// The caller speaks to phones that answer by themselves.
    Page {
        /// The number of the page group's extension.
        number: String,
    },
    /// The caller is told no.
    Refuse {
        /// A stable word: `unknown_number`, `closed`.
        reason: String,
    },
}
