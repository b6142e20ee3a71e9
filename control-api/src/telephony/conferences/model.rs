//! The conference of an extension as clients see and describe it.

use contract::conferences::Pin;
use dialplan::limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{http::fields::Fields, instant::Instant, telephony::part};

/// A room in which callers of an extension hear each other.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Conference {
    /// Its id.
    pub id: Uuid,
    /// Whether callers press a PIN to come in.
    pub has_pin: bool,
    /// Who may be there at once.
    pub members_max: u16,
    /// Whether a tone says that somebody has come or gone.
    pub has_tones: bool,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// All that can be said of it. What is left out is as for a new one, but for the PIN, which nobody can read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = ConferenceDescription)]
pub struct Description {
    /// Whether callers press a PIN to come in: the one that is given, or the one that there is; without it, whether one is given
    pub has_pin: Option<bool>,
    /// The digits; they are never shown
    #[schema(value_type = Option<String>, pattern = "^[0-9]{4,10}$")]
    pub pin: Option<Pin>,
    /// Who may be there at once
    #[schema(minimum = 2, maximum = 32, default = 32)]
    pub members_max: u16,
    /// Whether a tone says that somebody has come or gone
    #[schema(default = true)]
    pub has_tones: bool,
}

impl Default for Description {
    /// As the columns of `telephony.conferences` have it.
    fn default() -> Self {
        Self { has_pin: None, pin: None, members_max: 32, has_tones: true }
    }
}

impl part::Description for Description {
    fn check(&self, fields: &mut Fields) {
        if let Some(Pin(pin)) = &self.pin {
            let is_pin =
                limits::PIN_DIGITS.contains(&pin.len()) && pin.bytes().all(|byte| byte.is_ascii_digit());
            fields.must(is_pin, "pin", "must be 4 … 10 digits");
            fields.must(self.has_pin != Some(false), "has_pin", "must not be false where a PIN is given");
        }
        fields.within("members_max", &self.members_max, &limits::CONFERENCE_MEMBERS);
    }
}
