//! The client's half (RFC 3261 22.2, 22.3; RFC 7616 §3.4; RFC 8760 §2.4): who we are to a peer that asks, which of its
//! challenges is answered, and whether it is at all.
//!
//! Nothing is kept here. Which requests may be answered for, and how they are sent again, is the endpoint's business
//! (`endpoint/challenged.rs`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Challenge, Credentials};

/// Challenges of one answer that are looked at; a server asks with one for each of its algorithms.
pub const CHALLENGES_MAX: usize = 8;

/// What a provider has given us to prove who we are.
///
/// It stays bound to the requests that it was given with: no challenge to any other request is answered with it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The user.
    pub username: Box<str>,
    /// The password. It is hashed and never sent.
    pub password: Box<str>,
    /// The only realm that it is good for, byte for byte; `None`: the realm that the peer names.
    pub realm: Option<Box<str>>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No password may get into a log by the Debug of what holds it.
        f.debug_struct("Login").field("realm", &self.realm).finish_non_exhaustive()
    }
}

/// The challenge that is answered: of the realms that the login is good for the first with the strongest algorithm.
pub(crate) fn chosen<'a>(values: impl Iterator<Item = &'a str>, login: &Login) -> Option<Challenge<'a>> {
    let readable = values.take(CHALLENGES_MAX).filter_map(|value| Challenge::parse(value).ok());
    let ours =
        readable.filter(|challenge| login.realm.as_deref().is_none_or(|realm| realm == challenge.realm));
    ours.min_by_key(|challenge| std::cmp::Reverse(challenge.algorithm))
}

/// Whether a challenge to a request is another one than it has answered already. `answered` is the value that the
/// request had. RFC 7616 §3.3: without `stale` the same password would be refused again; and a nonce that was refused
/// once is no better the second time, whatever is said of it.
pub(crate) fn is_news(challenge: &Challenge<'_>, answered: Option<&str>) -> bool {
    let Some(answered) = answered else { return true };
    let is_same_nonce = Credentials::parse(answered).is_ok_and(|before| before.nonce == challenge.nonce);
    challenge.stale && !is_same_nonce
}
