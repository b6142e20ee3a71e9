//! ICE for a server that whoever calls can reach: the lite half (RFC 8445 §2.5), over STUN (RFC 8489).
//!
//! A far end checks our candidates, says which pair it has chosen, and goes on checking as long as it wants to be sent
//! anything (RFC 7675). Here is what such checks mean for one leg: [`Check`] reads one, [`Agent`] knows which sources
//! have proven that they have the leg's password, and which of them is sent to. Whoever has no password changes nothing.
//!
//! All legs may share one port, so a leg is found by the first half of a check's USERNAME, which begins with the number of
//! its lease ([`Credentials`]). Deliberately missing: checks of our own, candidates but the host's, TURN.

mod agent;
mod check;
#[cfg(test)]
mod tests;

use std::fmt;

use base64ct::{Base64Unpadded, Encoding as _};
use serde::{Deserialize, Serialize};

pub use agent::{Agent, CONSENT_MICROS, Checked, ROUTES_MAX, Route, Stage};
pub use check::{ANSWER_BYTES_MAX, Answer, Check};

use crate::media::LeaseId;

/// Longest user fragment or password that is believed (RFC 8839 §5.4).
pub const CREDENTIAL_CHARS_MAX: usize = 256;
/// Random octets of a pair of credentials: 6 for the user fragment, 18 for the password (RFC 8445 §5.3: 24 and 128 bits).
pub const CREDENTIALS_RANDOM_BYTES: usize = 24;
/// Digits of a lease's number at the beginning of a user fragment.
const LEASE_DIGITS: usize = 8;

/// A user fragment and its password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// `a=ice-ufrag`
    pub ufrag: String,
    /// `a=ice-pwd`
    pub password: String,
}

/// Without the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Ours for a leg. Everybody who reads its description learns the number of its lease, which is worth nothing.
    pub fn new(lease: LeaseId, random: [u8; CREDENTIALS_RANDOM_BYTES]) -> Self {
        let (name, password) = random.split_at(6);
        Self {
            ufrag: format!("{:08x}{}", lease.0, Base64Unpadded::encode_string(name)),
            password: Base64Unpadded::encode_string(password),
        }
    }
}

/// The lease that a user fragment of ours was made for.
fn lease_of(ufrag: &[u8]) -> Option<LeaseId> {
    let digits = std::str::from_utf8(ufrag.get(..LEASE_DIGITS)?).ok()?;
    let is_number = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| is_number).map(LeaseId)
}

/// What a leg's two ends have told each other. Another user fragment of ours is a restart (RFC 8445 §9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Ours.
    pub ours: Credentials,
    /// The far end's user fragment, once it has answered.
    pub theirs: Option<String>,
}
