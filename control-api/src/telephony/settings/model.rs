//! An organisation's settings as clients see and describe them.

use contract::{language::Language, snapshot::default_timezone};
use dialplan::limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::fields::Fields,
    instant::Instant,
    telephony::{extensions::model::Recording, part, words},
};

/// Days that recordings are kept.
const RETENTION_DAYS: std::ops::RangeInclusive<u16> = 1..=36_500;
/// Characters of a zone's name.
const ZONE_CHARS_MAX: usize = 64;
/// Digits of a country code (E.164).
const COUNTRY_DIGITS: std::ops::RangeInclusive<usize> = 1..=3;

/// An organisation's settings.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Settings {
    /// Where its phones register; passwords are made with it, so it stays.
    #[schema(example = "demo.sambung.test")]
    pub sip_domain: String,
    /// All that can be changed.
    #[serde(flatten)]
    pub described: Description,
    /// When they were changed last, or its holidays.
    pub updated_at: Instant,
    /// Their version, which tells of holidays too; also the ETag.
    pub version: i32,
}

/// All that can be said of them. What is left out is as for a new organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SettingsDescription)]
pub struct Description {
    /// Seconds that a call rings
    #[schema(minimum = 5, maximum = 600, default = 60)]
    pub ring_timeout_secs: u16,
    /// What callers are spoken to in
    #[schema(schema_with = words::language, default = "id")]
    pub language: Language,
    /// Whether people who cannot be connected hear why
    #[schema(default = true)]
    pub has_announcements: bool,
    /// Which calls are recorded, where an extension has no word of its own
    pub recording: Recording,
    /// Whether callers hear that their call will be recorded before anybody rings
    #[schema(default = false)]
    pub has_recording_notice: bool,
    /// Whether its people begin and pause recordings of their calls by keys (`*1`)
    #[schema(default = false)]
    pub has_recording_keys: bool,
    /// Days that recordings are kept; null: for ever
    #[schema(minimum = 1, maximum = 36500)]
    pub recording_retention_days: Option<u16>,
    /// The zone of its hours, by its IANA name
    #[schema(example = "Asia/Jakarta", max_length = 64, default = "Asia/Jakarta")]
    pub timezone: String,
    /// What numbers without one begin with in the telephone network
    #[schema(example = "62", pattern = "^[1-9][0-9]{0,2}$", default = "62")]
    pub country_code: String,
    /// Numbers that reach the emergency services, whatever routes and budgets say
    #[schema(example = json!(["110", "112", "113", "118", "119"]), max_items = 16)]
    pub emergency_numbers: Vec<String>,
}

impl Default for Description {
    /// As the columns of `telephony.organisation_settings` have it.
    fn default() -> Self {
        Self {
            ring_timeout_secs: 60,
            language: Language::default(),
            has_announcements: true,
            recording: Recording::Never,
            has_recording_notice: false,
            has_recording_keys: false,
            recording_retention_days: None,
            timezone: default_timezone(),
            country_code: contract::outside::default_country_code(),
            emergency_numbers: ["110", "112", "113", "118", "119"].map(str::to_owned).to_vec(),
        }
    }
}

impl part::Description for Description {
    fn check(&self, fields: &mut Fields) {
        fields.within("ring_timeout_secs", &self.ring_timeout_secs, &limits::RING_TIMEOUT_SECS);
        if let Some(days) = &self.recording_retention_days {
            fields.within("recording_retention_days", days, &RETENTION_DAYS);
        }
        let is_name = (1..=ZONE_CHARS_MAX).contains(&self.timezone.chars().count());
        fields.must(is_name, "timezone", "must be the IANA name of a zone, such as Asia/Jakarta");
        let code = &self.country_code;
        let is_code = COUNTRY_DIGITS.contains(&code.len())
            && code.bytes().all(|byte| byte.is_ascii_digit())
            && !code.starts_with('0');
        fields.must(is_code, "country_code", "must be 1 … 3 digits, such as 62");
        let numbers = &self.emergency_numbers;
        let most = limits::EMERGENCY_NUMBERS_MAX;
        fields.must(numbers.len() <= most, "emergency_numbers", format!("must be {most} at most"));
        for (at, number) in numbers.iter().enumerate() {
            let is_number = limits::EMERGENCY_DIGITS.contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit());
            fields.must(is_number, &format!("emergency_numbers[{at}]"), "must be 2 … 6 digits");
        }
    }
}
