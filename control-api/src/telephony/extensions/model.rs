//! An extension as clients see and describe it.

use std::collections::BTreeSet;

use dialplan::limits::NUMBER_DIGITS;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields, page::ListQuery},
    instant::Instant,
};

/// People that an extension rings.
const STAFF_MAX: usize = 200;

/// Whether its calls are recorded (HX-22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[schema(as = RecordingPolicy)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Recording {
    /// None is, whoever asks.
    Never,
    /// When somebody in the call, or an order, asks for it.
    OnDemand,
    /// All are.
    Always,
}

/// An extension.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Extension {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// What is dialled, 2 … 6 digits.
    #[schema(example = "100")]
    pub number: String,
    /// Shown on the phones that ring.
    #[schema(example = "Layanan Pelanggan")]
    pub name: String,
    /// Whether it takes calls (H-056).
    pub is_active: bool,
    /// What goes before the organisation's own word on recording; null: nothing does.
    pub recording: Option<Recording>,
    /// Whether phones of its staff may be made to answer by themselves (`*80`).
    pub takes_intercom: bool,
    /// People whose phones ring (H-051).
    pub staff: Vec<Uuid>,
    /// People who may listen to, whisper to and join calls of its staff.
    pub supervisors: Vec<Uuid>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// All that can be said of an extension. What is left out is as for a new one, also in a change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtensionDescription {
    /// What is dialled, 2 … 6 digits, nobody else's in the organisation
    #[schema(example = "100", pattern = "^[0-9]{2,6}$")]
    pub number: String,
    /// Shown on the phones that ring
    #[schema(example = "Layanan Pelanggan", min_length = 1, max_length = 100)]
    pub name: String,
    /// Whether it takes calls
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub is_active: bool,
    /// Goes before the organisation's own word on recording
    #[serde(default)]
    pub recording: Option<Recording>,
    /// Whether phones of its staff may be made to answer by themselves
    #[serde(default)]
    pub takes_intercom: bool,
    /// People whose phones ring, members of the organisation
    #[serde(default)]
    #[schema(max_items = 200)]
    pub staff: Vec<Uuid>,
    /// People who may listen to, whisper to and join calls of its staff
    #[serde(default)]
    #[schema(max_items = 200)]
    pub supervisors: Vec<Uuid>,
}

/// What a number must be.
pub const NUMBER: &str = "must be 2 … 6 digits";

/// Whether it can be dialled as somebody's number (HX-10).
pub fn is_number(text: &str) -> bool {
    NUMBER_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

const fn yes() -> bool {
    true
}

impl ExtensionDescription {
    /// Itself, or everything that is wrong with it as far as it can be seen without looking at other rows.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        fields.must(is_number(&self.number), "number", NUMBER);
        fields.name("name", &self.name);
        for (field, people) in [("staff", &self.staff), ("supervisors", &self.supervisors)] {
            fields.must(people.len() <= STAFF_MAX, field, format!("must be {STAFF_MAX} people at most"));
            let is_once = people.iter().collect::<BTreeSet<_>>().len() == people.len();
            fields.must(is_once, field, "must name nobody twice");
        }
        fields.done().map(|()| self)
    }
}

/// What can be asked of the list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExtensionsQuery {
    /// Only the one with this number
    number: Option<String>,
    /// Extensions on a page
    #[param(inline, value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

impl ExtensionsQuery {
    /// The number that is asked for and which page, or everything that is wrong with it.
    pub fn check(self) -> Result<(Option<String>, ListQuery), ApiError> {
        let page = ListQuery { limit: self.limit, cursor: self.cursor };
        let mut fields = Fields::default();
        page.read(&mut fields);
        fields.must(self.number.as_deref().is_none_or(is_number), "number", NUMBER);
        fields.done().map(|()| (self.number, page))
    }
}
