//! Recordings and links as clients see them.

use contract::id::OrgId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields, page::Cursor},
    identifier,
    instant::Instant,
};

/// Seconds that a link is good for, unless asked otherwise.
const LINK_SECONDS: u16 = 300;
/// Seconds that a link is good for at least and at most.
const LINK_SECONDS_RANGE: std::ops::RangeInclusive<u16> = 10..=900;
/// What the record holds of the part that somebody asks for.
const RANGE_CHARS_MAX: usize = 64;

/// A recording that the store has, or had.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Recording {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// The call.
    pub call_id: Uuid,
    /// When it began.
    pub started_at: Instant,
    /// `wav` or `opus`.
    #[schema(example = "wav")]
    pub format: String,
    /// How long it is, pauses and holes included.
    pub length_ms: i64,
    /// How often the switch died while it was made.
    pub interruptions: i32,
    /// When the store had it.
    pub stored_at: Instant,
    /// When somebody ordered that it be deleted, if so; the store has it for a minute or two after that.
    pub deletion_ordered_at: Option<Instant>,
    /// Which person, or which key.
    pub deletion_ordered_by: Option<Uuid>,
    /// When the store had it no more, if so.
    pub deleted_at: Option<Instant>,
    /// Why: `retention`, or `order`.
    #[schema(example = "retention")]
    pub deleted_because: Option<String>,
}

impl Recording {
    /// Nobody hears it any more.
    pub const fn is_gone(&self) -> bool {
        self.deletion_ordered_at.is_some() || self.deleted_at.is_some()
    }

    /// Where the list goes on after this one.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.started_at, id: self.id }
    }
}

/// What can be asked of the list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordingsQuery {
    /// Only those of this call
    #[param(inline, value_type = Option<Uuid>)]
    call_id: Option<String>,
    /// Recordings on a page
    #[param(inline, value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// The same, understood.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    pub(super) call: Option<Uuid>,
    pub(super) limit: u16,
    pub(super) after: Option<Cursor>,
}

impl RecordingsQuery {
    /// Understands all of it, or says everything that is wrong with it.
    pub fn check(self) -> Result<Filter, ApiError> {
        let mut fields = Fields::default();
        let uuid = |text: &str| Uuid::parse_str(text).ok();
        let cursor = "must be the next_cursor of a page before";
        let filter = Filter {
            call: fields.read("call_id", self.call_id.as_deref(), uuid, "must be a UUID"),
            limit: fields.limit(self.limit.as_deref()),
            after: fields.read("cursor", self.cursor.as_deref(), Cursor::parse, cursor),
        };
        fields.done().map(|()| filter)
    }
}

/// What a link is to be.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkOrder {
    /// Seconds that it is good for
    #[serde(default = "link_seconds")]
    #[schema(minimum = 10, maximum = 900, default = 300)]
    pub seconds: u16,
}

const fn link_seconds() -> u16 {
    LINK_SECONDS
}

impl LinkOrder {
    /// Itself, or what is wrong with it.
    pub fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        fields.must(LINK_SECONDS_RANGE.contains(&self.seconds), "seconds", "must be 10 … 900");
        fields.done().map(|()| self)
    }
}

/// A way to the sound of a recording that needs no key.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Link {
    /// Where the sound is, seen from here: whoever has it hears the recording.
    #[schema(example = "/api/telephony/recordings/…/sound?org=…&link=…")]
    pub url: String,
    /// Until when.
    pub expires_at: Instant,
}

/// What the record says of a link.
#[derive(Clone, Copy, Debug, Serialize)]
pub(in crate::telephony) struct LinkTold {
    pub(in crate::telephony) expires_at: Instant,
}

/// What the record says of somebody who listens.
#[derive(Clone, Debug, Serialize)]
pub(in crate::telephony) struct Heard<'a> {
    /// The part of the sound that was asked for.
    range: Option<&'a str>,
}

impl<'a> Heard<'a> {
    /// Of what a stranger asks for no more than a range needs.
    pub(in crate::telephony) fn of(range: Option<&'a str>) -> Self {
        Self { range: range.map(|range| range.get(..RANGE_CHARS_MAX).unwrap_or(range)) }
    }
}

/// What stands in a link.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LinkQuery {
    /// Whose recording it is
    pub org: Uuid,
    /// What makes it good
    pub link: String,
}

/// What makes a link good: 32 random octets in hexadecimal. The database holds its SHA-256.
pub(in crate::telephony) fn fresh_link() -> Result<String, ApiError> {
    Ok(identifier::random::<32>()?.iter().map(|octet| format!("{octet:02x}")).collect())
}

/// What the database knows a link by.
pub(in crate::telephony) fn hash_of(link: &str) -> Vec<u8> {
    Sha256::digest(link).to_vec()
}

/// Where the sound is.
pub(super) fn url(org: OrgId, recording: Uuid, link: &str) -> String {
    format!("/api/telephony/recordings/{recording}/sound?org={org}&link={link}")
}
