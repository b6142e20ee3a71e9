//! What connects an organisation with the telephone network as rows have it: trunks to providers, the numbers that people
//! outside dial, which calls go out by which trunk, and how many somebody may make. Words and plain numbers, no meaning; what
//! they come to is `dialplan`'s business.

use serde::{Deserialize, Serialize};

use crate::{
    id::{AccountId, BudgetId, DidId, ExtensionId, OutboundRouteId, PriceId, TrunkId, UserId},
    words::words,
};

/// An organisation's way to and from the telephone network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    /// Its country by E.164, `62`: numbers written without one are in it.
    pub country_code: String,
    /// Ordered by id.
    pub trunks: Vec<Trunk>,
    /// Ordered by id.
    pub dids: Vec<Did>,
    /// Numbers of the emergency services, as they are dialled.
    #[serde(default = "default_emergency_numbers")]
    pub emergency_numbers: Vec<String>,
    /// In the order in which they are tried.
    #[serde(default)]
    pub routes: Vec<OutboundRoute>,
    /// Ordered by id.
    #[serde(default)]
    pub budgets: Vec<Budget>,
    /// Ordered by prefix.
    #[serde(default)]
    pub prices: Vec<Price>,
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            country_code: default_country_code(),
            trunks: Vec::new(),
            dids: Vec::new(),
            emergency_numbers: default_emergency_numbers(),
            routes: Vec::new(),
            budgets: Vec::new(),
            prices: Vec::new(),
        }
    }
}

/// Indonesia's.
pub fn default_country_code() -> String {
    "62".to_owned()
}

/// Indonesia's: police, all services, fire, ambulance.
pub fn default_emergency_numbers() -> Vec<String> {
    ["110", "112", "113", "118", "119"].map(str::to_owned).to_vec()
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
    /// Where calls to it go, the first that can take them: `sip:host[:port][;transport=udp|tcp|tls]` in lower case. None: it
    /// only brings calls.
    #[serde(default)]
    pub targets: Vec<String>,
    /// What it knows us by.
    #[serde(default)]
    pub credentials: Option<Credentials>,
    /// How we register there; `None`: we do not.
    #[serde(default)]
    pub registration: Option<Registering>,
    /// Seconds between two OPTIONS that ask each target whether it is there, 10 … 3600; 0: none.
    #[serde(default)]
    pub options_interval_secs: u16,
    /// How numbers are written to it.
    #[serde(default)]
    pub number_format: NumberFormat,
    /// Who calls, by E.164, where the caller has no number of their own in the telephone network.
    #[serde(default)]
    pub from_number: Option<String>,
    /// Calls at once, in both directions.
    pub channels_max: u16,
    /// Whether its word on who calls is believed, and who calls is told to it (RFC 3325 §3).
    pub is_trusted: bool,
    /// False: nothing is taken from it, and nothing sent to it.
    pub is_active: bool,
}

/// What a provider knows us by.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Digest username, and the user of our address there.
    pub username: String,
    /// Its password in plain text: whoever answers challenges cannot do with less.
    pub password: String,
    /// The only realm that is answered; `None`: that of whichever challenge to a request of ours to this trunk.
    pub realm: Option<String>,
}

impl std::fmt::Debug for Credentials {
    /// Leaves the password out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// How we register with a provider (RFC 3261 §10.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registering {
    /// Seconds that are asked for, 60 … 86400.
    pub expiry_secs: u32,
}

words! {
    /// How a number is written in requests to a trunk.
    #[derive(Default)]
    NumberFormat {
        /// `+62812…`
        #[default]
        E164 = "e164",
        /// `62812…`
        Digits = "digits",
        /// `0812…`, and `0065…` abroad.
        National = "national",
    }
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

/// Which calls go out by which trunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboundRoute {
    /// Its id.
    pub id: OutboundRouteId,
    /// For people.
    pub name: String,
    /// What the number begins with: with a plus by E.164, else as it is dialled. Empty: any number.
    pub prefix: String,
    /// Digits of `prefix` that are taken off what was dialled before it is read as a number, 0 … its length.
    pub strip_digits: u16,
    /// Digits that are put in front of the rest.
    pub prepend_digits: String,
    /// The trunks that are tried, in order.
    pub trunks: Vec<TrunkId>,
    /// False: passed over.
    pub is_active: bool,
}

/// What a minute costs that is talked with some numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Its id.
    pub id: PriceId,
    /// What the numbers begin with: `+62812`, or without a plus those of services; the longest that fits counts.
    pub prefix: String,
    /// Rupiah for each minute that has begun.
    pub rupiah_per_minute: u32,
}

/// How much of the telephone network somebody may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Its id.
    pub id: BudgetId,
    /// Whose: a person's, a bare account's, or with neither everybody's who has none of their own.
    pub user: Option<UserId>,
    /// See `user`.
    pub account: Option<AccountId>,
    /// What it allows.
    #[serde(flatten)]
    pub allowance: Allowance,
    /// Only while this extension is open; `None`: always.
    pub hours_of: Option<ExtensionId>,
}

/// What a budget allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// `national`, `international`, or what a number by E.164 begins with, `+65`. None: nowhere.
    pub destinations: Vec<String>,
    /// Calls to the telephone network at once.
    pub calls_at_once_max: u16,
    /// Calls begun within 60 seconds.
    pub calls_per_minute_max: u16,
    /// Within an hour.
    pub calls_per_hour_max: u16,
    /// Within 24 hours, 0 … 1000.
    pub calls_per_day_max: u16,
    /// Minutes that are talked within 24 hours.
    pub minutes_per_day_max: u32,
    /// What they may cost in rupiah; `None`: whatever they do. What has no price is not called where they may not.
    #[serde(default)]
    pub rupiah_per_day_max: Option<u32>,
}

impl Default for Allowance {
    /// What holds where no row says anything, as the columns of `telephony.outside_budgets` have it: a day of hard work in
    /// one's own country.
    fn default() -> Self {
        Self {
            destinations: vec!["national".to_owned()],
            calls_at_once_max: 3,
            calls_per_minute_max: 10,
            calls_per_hour_max: 60,
            calls_per_day_max: 300,
            minutes_per_day_max: 480,
            rupiah_per_day_max: None,
        }
    }
}
