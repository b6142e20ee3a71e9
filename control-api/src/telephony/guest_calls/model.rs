//! Whom a guest calls, and with what. No I/O.

use contract::{
    guests::{PASS_SECS, Pass, Secret},
    id::ExtensionId,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::error::ApiError, identity::guests::Guest, instant::Instant,
    telephony::open_extensions::model::ExtensionNow,
};

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
    pub extension: ExtensionNow,
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
        (callee, realm): (ExtensionNow, String),
        (now, websocket_urls): (Timestamp, Vec<String>),
    ) -> Result<Self, ApiError> {
        let pass = Pass {
            id,
            org: guest.org,
            guest: guest.user,
            // In whole seconds, as the pass says it.
            expires_at: Timestamp(now.0 - now.0.rem_euclid(1_000_000))
                .plus_micros(i64::from(PASS_SECS) * 1_000_000),
            extensions: vec![ExtensionId(callee.extension.id)],
            name: guest.name.clone(),
        };
        let username =
            pass.username().ok_or_else(|| ApiError::Internal("a pass that says nothing".to_owned()))?;
        Ok(Self {
            uri: format!("sip:{}@{realm}", callee.extension.number),
            extension: callee,
            password: secret.password(&username),
            username,
            realm,
            expires_at: Instant(pass.expires_at),
            websocket_urls,
        })
    }
}
