//! What connects an organisation with the telephone network as rows have it: trunks to providers, and the numbers that people
//! outside dial. Words and plain numbers, no meaning; what they come to is `dialplan`'s business.

use serde::{Deserialize, Serialize};

use crate::id::{DidId, ExtensionId, TrunkId, UserId};

/// An organisation's way to and from the telephone network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    /// Its country by E.164, `62`: numbers written without one are in it.
    pub country_code: String,
    /// Ordered by id.
    pub trunks: Vec<Trunk>,
    /// Ordered by id.
    pub dids: Vec<Did>,
}

impl Default for Outside {
    fn default() -> Self {
        Self { country_code: default_country_code(), trunks: Vec::new(), dids: Vec::new() }
    }
}

/// Indonesia's.
pub fn default_country_code() -> String {
    "62".to_owned()
}

/// A provider's switch, or a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trunk {
    /// Its id.
    pub id: TrunkId,
    /// For people.
    pub name: String,
    /// Networks that its calls come from, `203.0.113.0/28`; whoever sends from there is believed to be it.
    pub sources: Vec<String>,
    /// Calls at once, in both directions.
    pub channels_max: u16,
    /// Whether its word on who calls is believed, and who calls is told to it (RFC 3325 §3).
    pub is_trusted: bool,
    /// False: nothing is taken from it.
    pub is_active: bool,
}

/// A number of the organisation in the telephone network (direct inward dialling).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Did {
    /// Its id.
    pub id: DidId,
    /// By E.164: `+62215550100`.
    pub number: String,
    /// What it stands for: an extension, or a person.
    pub extension: Option<ExtensionId>,
    /// See `extension`.
    pub user: Option<UserId>,
}
