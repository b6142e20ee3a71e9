//! What is going on right now, as the switch socket and `sambung calls` show it. Nothing here is stored.

use serde::{Deserialize, Serialize};

use crate::{
    id::{AccountId, CallId, OrgId},
    journal::{Direction, EventKind},
    time::Timestamp,
};

/// A call that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveCall {
    /// The call.
    pub call: CallId,
    /// Its organisation.
    pub org: OrgId,
    /// H-057.
    pub direction: Direction,
    /// Number or username of the caller.
    pub caller: String,
    /// What was dialled.
    pub dialled: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was answered, if it was.
    pub answered_at: Option<Timestamp>,
    /// Its latest event.
    pub state: EventKind,
}

/// A contact at which an account can be reached (RFC 3261 §10.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The organisation.
    pub org: OrgId,
    /// The account.
    pub account: AccountId,
    /// Its username.
    pub username: String,
    /// The contact URI the phone gave.
    pub contact: String,
    /// Where its signalling came from, `udp/192.0.2.1:5060`.
    pub source: String,
    /// What the phone calls itself, if it said.
    pub user_agent: Option<String>,
    /// When it expires unless refreshed.
    pub expires_at: Timestamp,
}
