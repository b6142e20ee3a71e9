//! A SIP account as clients see and describe it.

use dialplan::limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{http::fields::Fields, instant::Instant, telephony::part};

/// A SIP account.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct SipAccount {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// What phones register by; it stays, because the password is made with it.
    #[schema(example = "1001-desk")]
    pub username: String,
    /// Whose it is; null: nobody's, that of a place, and called by its username.
    pub user_id: Option<Uuid>,
    /// Whether it may register and call.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// The same with the password, once.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NewSipAccount {
    /// The account.
    #[serde(flatten)]
    pub account: SipAccount,
    /// What the phone is to be given; null when the same request comes again.
    #[schema(example = "Jx3v0Qm7Yc1uW9sT2bRk")]
    pub password: Option<String>,
}

/// All that can be changed. What is left out is as for a new one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SipAccountDescription)]
pub struct Description {
    /// Whose it is, a member of the organisation; null: nobody's
    #[serde(default)]
    pub user_id: Option<Uuid>,
    /// Whether it may register and call
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub is_active: bool,
}

/// A new one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FirstSipAccount)]
pub struct First {
    /// What phones register by, nobody else's in the organisation
    #[schema(example = "1001-desk", pattern = "^[A-Za-z0-9._~+-]{1,64}$")]
    pub username: String,
    /// Whose it is, a member of the organisation; null: nobody's
    #[serde(default)]
    pub user_id: Option<Uuid>,
    /// Whether it may register and call
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub is_active: bool,
}

const fn yes() -> bool {
    true
}

impl part::Description for Description {
    fn check(&self, _: &mut Fields) {}
}

impl part::Description for First {
    fn check(&self, fields: &mut Fields) {
        let is_username = (1..=limits::USERNAME_BYTES_MAX).contains(&self.username.len())
            && self.username.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~+-".contains(&byte));
        let reason = format!("must be 1 … {} letters, digits and . _ ~ + -", limits::USERNAME_BYTES_MAX);
        fields.must(is_username, "username", reason);
    }
}
