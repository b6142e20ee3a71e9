//! A trunk as clients see and describe it.

use std::{fmt, net::IpAddr};

use contract::{
    id::TrunkId,
    outside::{self, Credentials, NumberFormat, Outside, Registering},
};
use dialplan::limits::REGISTRATION_SECS;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::{ToSchema, openapi};
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields},
    instant::Instant,
    telephony::outside::mistakes,
};

/// Characters of a username or password, as the columns have it.
const LOGIN_CHARS_MAX: usize = 128;

/// A trunk: a provider of calls to and from the telephone network, or a gateway.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Trunk {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// For people, nobody else's in the organisation.
    #[schema(example = "Provider")]
    pub name: String,
    /// Networks that its calls come from. Whoever sends from there is believed to be it.
    #[schema(example = json!(["203.0.113.0/28"]))]
    pub sources: Vec<String>,
    /// Where calls to it go, the first that can take them; none: it only brings calls.
    #[schema(example = json!(["sip:sip.provider.example"]))]
    pub targets: Vec<String>,
    /// What it knows us by.
    #[schema(example = "62215550100")]
    pub auth_username: Option<String>,
    /// Whether there is a password. Nobody can read it.
    pub has_password: bool,
    /// The only realm that is answered; null: that of whichever challenge to a request of ours.
    pub auth_realm: Option<String>,
    /// Whether the switch registers there.
    pub is_registering: bool,
    /// For how long, in seconds.
    pub registration_expiry_seconds: i32,
    /// Seconds between two OPTIONS that ask whether it is there; 0: none.
    pub options_interval_seconds: i32,
    /// How numbers are written to it.
    #[schema(schema_with = number_format)]
    pub number_format: String,
    /// Who calls, by E.164, where the caller has no number of their own in the telephone network.
    #[schema(example = "+62215550100")]
    pub from_number: Option<String>,
    /// Calls at once, in both directions.
    pub channels_max: i32,
    /// Whether its word on who calls is believed, and who calls is told to it (RFC 3325).
    pub is_trusted: bool,
    /// False: nothing is taken from it, and nothing sent to it.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// Goes in and never comes out, not even into a log.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Password(pub(super) String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// All that can be said of a trunk. What is left out is as for a new one, also in a change, but for `auth_password`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrunkDescription {
    /// For people, nobody else's in the organisation
    #[schema(example = "Provider", min_length = 1, max_length = 100)]
    pub name: String,
    /// Addresses and networks that its calls come from, at least /16, or /32 of IPv6
    #[serde(default)]
    #[schema(max_items = 64, example = json!(["203.0.113.0/28"]))]
    pub sources: Vec<String>,
    /// Where calls to it go, the first that can take them: `sip:host[:port][;transport=udp|tcp|tls]` in lower case
    #[serde(default)]
    #[schema(max_items = 8, example = json!(["sip:sip.provider.example"]))]
    pub targets: Vec<String>,
    /// What it knows us by, with a domain where the provider has one of its own
    #[serde(default)]
    #[schema(max_length = 128, example = "62215550100")]
    pub auth_username: Option<String>,
    /// Its password. Left out in a change: the one that there is, as long as the username stays
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 128, write_only)]
    pub auth_password: Option<Password>,
    /// The only realm that is answered
    #[serde(default)]
    #[schema(max_length = 255)]
    pub auth_realm: Option<String>,
    /// Whether the switch registers there
    #[serde(default)]
    pub is_registering: bool,
    /// For how long, in seconds
    #[serde(default = "hour")]
    #[schema(minimum = 60, maximum = 86400, default = 3600)]
    pub registration_expiry_seconds: u32,
    /// Seconds between two OPTIONS that ask whether it is there, 10 … 3600; 0: none
    #[serde(default)]
    #[schema(maximum = 3600, default = 0)]
    pub options_interval_seconds: u16,
    /// How numbers are written to it
    #[serde(default)]
    #[schema(schema_with = number_format)]
    pub number_format: NumberFormat,
    /// Who calls, by E.164, where the caller has no number of their own in the telephone network
    #[serde(default)]
    #[schema(example = "+62215550100")]
    pub from_number: Option<String>,
    /// Calls at once, in both directions
    #[serde(default = "channels")]
    #[schema(minimum = 1, maximum = 2000, default = 30)]
    pub channels_max: u16,
    /// Whether its word on who calls is believed, and who calls is told to it (RFC 3325)
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub is_trusted: bool,
    /// False: nothing is taken from it, and nothing sent to it
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub is_active: bool,
}

const fn yes() -> bool {
    true
}

const fn hour() -> u32 {
    3_600
}

const fn channels() -> u16 {
    30
}

/// What each field must be, where it is not as the compiler wants it.
const REASONS: &[(&str, &str)] = &[
    (
        "sources",
        "must be 64 addresses or networks at most, at least /16, or /32 of IPv6, and some where there are no targets",
    ),
    (
        "targets",
        "must be up to 8 places such as sip:sip.provider.example or sip:203.0.113.5:5080;transport=tcp, and some to register at",
    ),
    (
        "auth_username",
        "must be there to register, and be a user, with a domain where the provider has one of its own",
    ),
    ("auth_password", "must be 1 … 128 printable characters"),
    ("auth_realm", "must be 1 … 255 printable characters"),
    ("options_interval_secs", "must be 0, or 10 … 3600"),
    ("from_number", "must be a number by E.164, such as +62215550100"),
    ("channels_max", "must be 1 … 2000"),
];

impl TrunkDescription {
    /// Itself, or everything that is wrong with it as far as it can be seen without looking at other rows.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        fields.name("name", &self.name);
        let has_username = self.auth_username.is_some();
        let reason = "must be there: there is a password or a realm";
        let is_known = has_username || (self.auth_password.is_none() && self.auth_realm.is_none());
        fields.must(is_known, "auth_username", reason);
        let texts = [&self.auth_username, &self.auth_password.as_ref().map(|password| password.0.clone())];
        for (field, text) in ["auth_username", "auth_password"].into_iter().zip(texts) {
            let is_short = text.as_ref().is_none_or(|text| text.chars().count() <= LOGIN_CHARS_MAX);
            fields.must(is_short, field, format!("must be {LOGIN_CHARS_MAX} characters at most"));
        }
        let expiry = "must be 60 … 86400";
        let is_expiry = REGISTRATION_SECS.contains(&self.registration_expiry_seconds);
        fields.must(is_expiry, "registration_expiry_seconds", expiry);
        let wrong = mistakes(Outside { trunks: vec![self.alone(is_expiry)], ..Outside::default() }, REASONS);
        fields.extend(wrong.map(|mut one| {
            if one.field == "options_interval_secs" {
                one.field = "options_interval_seconds".to_owned();
            }
            one
        }));
        fields.done().map(|()| self)
    }

    /// For the compiler; whichever password it will be, it is one line of text.
    fn alone(&self, is_expiry: bool) -> outside::Trunk {
        let password = self.auth_password.as_ref().map_or("kept", |password| &password.0).to_owned();
        let credentials = self.auth_username.clone();
        let expiry_secs = if is_expiry { self.registration_expiry_seconds } else { hour() };
        outside::Trunk {
            id: TrunkId(Uuid::nil()),
            name: self.name.clone(),
            sources: self.sources.clone(),
            targets: self.targets.clone(),
            credentials: credentials.map(|username| Credentials {
                username,
                password,
                realm: self.auth_realm.clone(),
            }),
            registration: self.is_registering.then_some(Registering { expiry_secs }),
            options_interval_secs: self.options_interval_seconds,
            number_format: self.number_format,
            from_number: self.from_number.clone(),
            channels_max: self.channels_max,
            is_trusted: self.is_trusted,
            is_active: self.is_active,
        }
    }

    /// The sources as Postgres writes networks: one address is one of its own, and what is not of the network is not said.
    pub(super) fn networks(&self) -> Vec<String> {
        let network = |text: &String| {
            text.parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                .map(|net| net.trunc().to_string())
        };
        self.sources.iter().filter_map(|text| network(text).ok()).collect()
    }
}

/// The words, from the one place where they stand.
fn number_format() -> openapi::schema::Object {
    openapi::ObjectBuilder::new()
        .schema_type(openapi::schema::Type::String)
        .enum_values(Some(NumberFormat::ALL.iter().map(|format| format.as_str())))
        .build()
}
