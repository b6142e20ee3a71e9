//! A device as clients see and describe it.

use std::collections::BTreeSet;

use contract::language::Language;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields},
    instant::Instant,
    telephony::{
        extensions::model::{NUMBER, is_number},
        words,
    },
};

/// Lines of a device: what every one of the vendors has a place for.
pub const LINES_MAX: usize = 4;
/// Keys of a device that show a number.
pub const KEYS_MAX: usize = 24;
/// Characters of a model's name.
const MODEL_CHARS_MAX: usize = 32;
/// Hexadecimal digits of a MAC address.
const MAC_DIGITS: usize = 12;

/// Who has made it: which files it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// `MAC.cfg`.
    Yealink,
    /// `cfgMAC.xml`.
    Grandstream,
    /// `MAC.cfg`, XML.
    Fanvil,
    /// `snomMODEL-MAC.htm`, XML.
    Snom,
    /// `MAC.json`, for whoever reads that.
    Generic,
}

impl Vendor {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Yealink, Self::Grandstream, Self::Fanvil, Self::Snom, Self::Generic];

    /// The one that is written so.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vendor| vendor.as_str() == word)
    }

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yealink => "yealink",
            Self::Grandstream => "grandstream",
            Self::Fanvil => "fanvil",
            Self::Snom => "snom",
            Self::Generic => "generic",
        }
    }
}

/// What a device speaks SIP over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// UDP.
    #[default]
    Udp,
    /// TCP.
    Tcp,
    /// TLS, at a port of its own.
    Tls,
}

impl Transport {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// A codec that a device offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// G.722.
    G722,
    /// Opus.
    Opus,
}

impl Codec {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pcma => "pcma",
            Self::Pcmu => "pcmu",
            Self::G722 => "g722",
            Self::Opus => "opus",
        }
    }
}

/// A device.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Device {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// For people: where it stands.
    #[schema(example = "Reception")]
    pub label: String,
    /// Who has made it.
    #[schema(value_type = Vendor)]
    pub vendor: String,
    /// Which one of the vendor's.
    #[schema(example = "T54W")]
    pub model: Option<String>,
    /// Its MAC address, twelve hexadecimal digits.
    #[schema(example = "001565aabbcc")]
    pub mac: String,
    /// What it speaks SIP over.
    #[schema(value_type = Transport)]
    pub transport: String,
    /// What it offers, the preferred one first.
    #[schema(value_type = Vec<Codec>)]
    pub codecs: Vec<String>,
    /// What it speaks to people in, if it can.
    #[schema(schema_with = words::language)]
    pub language: String,
    /// The account on each of its lines, the first line first.
    pub lines: Vec<Uuid>,
    /// The number that each of its keys shows and calls, behind those of its lines.
    #[schema(example = json!(["100", "1002"]))]
    pub keys: Vec<String>,
    /// Whether there is an address at which it finds its configuration. Nobody can read it.
    pub has_address: bool,
    /// False: it finds nothing there.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// All that can be said of a device. What is left out is as for a new one, also in a change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceDescription {
    /// For people: where it stands
    #[schema(example = "Reception", min_length = 1, max_length = 100)]
    pub label: String,
    /// Who has made it
    pub vendor: Vendor,
    /// Which one of the vendor's
    #[serde(default)]
    #[schema(example = "T54W", pattern = "^[A-Za-z0-9]{1,32}$")]
    pub model: Option<String>,
    /// Its MAC address, with or without `:` or `-`; no other device of the organisation has it
    #[schema(example = "00:15:65:aa:bb:cc", max_length = 17)]
    pub mac: String,
    /// What it speaks SIP over
    #[serde(default)]
    pub transport: Transport,
    /// What it offers, the preferred one first
    #[serde(default = "g711")]
    #[schema(min_items = 1, max_items = 4)]
    pub codecs: Vec<Codec>,
    /// What it speaks to people in, if it can
    #[serde(default)]
    #[schema(schema_with = words::language, default = "id")]
    pub language: Language,
    /// The account on each of its lines, the first line first
    #[schema(min_items = 1, max_items = 4)]
    pub lines: Vec<Uuid>,
    /// The number that each of its keys shows and calls, behind those of its lines: of extensions and people
    #[serde(default)]
    #[schema(max_items = 24, example = json!(["100", "1002"]))]
    pub keys: Vec<String>,
    /// False: it finds no configuration
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub is_active: bool,
}

const fn yes() -> bool {
    true
}

fn g711() -> Vec<Codec> {
    vec![Codec::Pcma, Codec::Pcmu]
}

/// Where a device finds its configuration.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeviceAddress {
    /// What is entered into it as its provisioning server; null when the same request comes again.
    #[schema(
        example = "https://pbx.example.com/provisioning/0192f3c0-9ae4-7cc1-9f55-0a52b6a1a001/Jx3v0Qm7Yc1uW9sT2bRkLw/"
    )]
    pub url: Option<String>,
    /// The file that it asks for there.
    #[schema(example = "001565aabbcc.cfg")]
    pub file: String,
}

fn is_distinct<T: Ord>(all: &[T]) -> bool {
    all.iter().collect::<BTreeSet<_>>().len() == all.len()
}

impl DeviceDescription {
    /// Itself with the MAC address as it is kept, or everything that is wrong with it as far as it can be seen without looking at other
    /// rows.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        fields.name("label", &self.label);
        let is_model = |model: &String| {
            (1..=MODEL_CHARS_MAX).contains(&model.len())
                && model.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let reason = format!("must be 1 … {MODEL_CHARS_MAX} letters and digits");
        fields.must(self.model.as_ref().is_none_or(is_model), "model", reason);
        let mac = self.mac.replace([':', '-'], "").to_ascii_lowercase();
        let is_mac = mac.len() == MAC_DIGITS && mac.bytes().all(|byte| byte.is_ascii_hexdigit());
        fields.must(is_mac, "mac", "must be twelve hexadecimal digits, such as 00:15:65:aa:bb:cc");
        let is_codecs = !self.codecs.is_empty() && is_distinct(&self.codecs);
        fields.must(is_codecs, "codecs", "must be at least one, and each once");
        let is_lines = (1..=LINES_MAX).contains(&self.lines.len()) && is_distinct(&self.lines);
        fields.must(is_lines, "lines", format!("must be 1 … {LINES_MAX} accounts, each once"));
        let is_keys = self.keys.len() <= KEYS_MAX && is_distinct(&self.keys);
        fields.must(is_keys, "keys", format!("must be {KEYS_MAX} numbers at most, each once"));
        for (at, key) in self.keys.iter().enumerate() {
            fields.must(is_number(key), &format!("keys[{at}]"), NUMBER);
        }
        fields.done().map(|()| Self { mac, ..self })
    }
}
