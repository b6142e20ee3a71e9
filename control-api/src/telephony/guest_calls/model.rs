//! Whom guests may call, and what they call with. No I/O.

use contract::{
    guests::{PASS_SECS, Pass, Secret},
    id::ExtensionId,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{http::error::ApiError, identity::guests::Guest, instant::Instant};

/// An extension as guests see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OpenExtension {
    /// Its id.
    pub id: Uuid,
    /// Its number.
    #[schema(example = "100")]
    pub number: String,
    /// Its name.
    #[schema(example = "Resepsionis")]
    pub name: String,
    /// Whether it is open now, by its hours and the organisation's holidays.
    pub is_open: bool,
    /// When it opens next, if it is closed and does within two weeks.
    pub opens: Option<Opening>,
}

/// A time for which an extension is open.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Opening {
    /// From when on.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
}

impl From<dialplan::Opening> for Opening {
    fn from(opening: dialplan::Opening) -> Self {
        Self { from: Instant(opening.from), until: Instant(opening.until) }
    }
}

/// Whom a guest wants to call.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GuestCallDescription {
    /// The extension
    pub extension: Uuid,
}

/// What a guest calls with: good for one call that is begun before it expires.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GuestCallPass {
    /// Whom the INVITE is for.
    #[schema(example = "sip:100@demo.sambung.test")]
    pub uri: String,
    /// The extension.
    pub extension: OpenExtension,
    /// Username of the INVITE's credentials, and the user of its From.
    pub username: String,
    /// Password of the same (RFC 8760 digest); shown this once.
    pub password: String,
    /// Their realm, and the domain of From.
    #[schema(example = "demo.sambung.test")]
    pub realm: String,
    /// Until when a call can be begun.
    pub expires_at: Instant,
    /// Where the switch takes SIP over WebSocket (RFC 7118), the best first.
    #[schema(example = json!(["wss://pbx.example.com/sip"]))]
    pub websocket_urls: Vec<String>,
}

impl GuestCallPass {
    /// A pass for this guest to this extension, from now on.
    pub(super) fn new(
        (secret, id): (&Secret, Uuid),
        guest: &Guest,
        (extension, realm): (OpenExtension, String),
        (now, websocket_urls): (Timestamp, Vec<String>),
    ) -> Result<Self, ApiError> {
        let pass = Pass {
            id,
            org: guest.org,
            guest: guest.user,
            // In whole seconds, as the pass says it.
            expires_at: Timestamp(now.0 - now.0.rem_euclid(1_000_000))
                .plus_micros(i64::from(PASS_SECS) * 1_000_000),
            extensions: vec![ExtensionId(extension.id)],
            name: guest.name.clone(),
        };
        let username =
            pass.username().ok_or_else(|| ApiError::Internal("a pass that says nothing".to_owned()))?;
        Ok(Self {
            uri: format!("sip:{}@{realm}", extension.number),
            extension,
            password: secret.password(&username),
            username,
            realm,
            expires_at: Instant(pass.expires_at),
            websocket_urls,
        })
    }
}
