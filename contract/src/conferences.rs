//! Conferences as rows have them: words and plain numbers, no meaning. What they come to is `dialplan`'s and the switch's
//! business.

use serde::{Deserialize, Serialize};

use crate::id::ConferenceId;

/// A room in which callers of an extension hear each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conference {
    /// Its id.
    pub id: ConferenceId,
    /// What callers press to come in; `None`: nothing.
    pub pin: Option<Pin>,
    /// Who may be there at once, 2 … 32.
    pub members_max: u16,
    /// Whether a tone says that somebody has come or gone.
    pub has_tones: bool,
}

impl Conference {
    /// One that is open to everybody, as the columns of `telephony.conferences` have it.
    pub fn plain(id: ConferenceId) -> Self {
        Self { id, pin: None, members_max: 32, has_tones: true }
    }
}

/// Digits that are a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pin(pub String);

impl std::fmt::Debug for Pin {
    /// Leaves the digits out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin")
    }
}
