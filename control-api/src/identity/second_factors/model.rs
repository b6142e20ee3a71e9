//! What is said of a second factor.

use contract::language::Language;
use qrcode::{QrCode, render::svg};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use totp_rs::{Builder, Totp};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{http::error::ApiError, instant::Instant};

/// Codes for the day the phone is lost.
pub const RECOVERY_CODES: usize = 10;
/// Codes that may be wrong one after the other (NIST SP 800-63B §5.2.2); after them only recovery codes are good.
pub const FAILURES_MAX: i32 = 100;
/// Octets of the secret (RFC 4226 §4).
pub(super) const SECRET_BYTES: usize = 20;
/// What authenticator apps show above the code.
const ISSUER: &str = "sambung";
/// Of recovery codes: no letter looks like a digit.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
/// Characters of a recovery code, each five bits.
const RECOVERY_CHARS: usize = 16;

/// Who wants one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    /// The password, because whoever has found a browser that is signed in may not shut its owner out
    pub password: String,
}

/// Whose phone shows codes now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// What the phone shows
    #[schema(example = "123456")]
    pub code: String,
    /// The language of the letter about it: `id` or `en`
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "id")]
    pub language: Language,
}

/// Who wants none any more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TurnOff {
    /// The password
    pub password: String,
    /// What the phone shows, or a recovery code
    #[schema(example = "123456")]
    pub code: String,
    /// The language of the letter about it: `id` or `en`
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "id")]
    pub language: Language,
}

/// What a phone is to know.
#[derive(Debug, Serialize, ToSchema)]
pub struct Begun {
    /// For typing, base 32
    pub secret: String,
    /// The same for an app on this machine, `otpauth://totp/…`
    pub uri: String,
    /// The same for a phone's camera, as SVG
    pub qr_svg: String,
}

/// Each is good once in the place of a code. They are told this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Ten of them
    pub recovery_codes: Vec<String>,
}

/// How it stands.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct SecondFactor {
    /// Since when a code is asked for; null: none is
    pub confirmed_at: Option<Instant>,
    /// Recovery codes that are left
    pub recovery_codes_left: i32,
}

/// A generator of codes of six digits, each for 30 s; the one before and the one after are good, too.
pub(super) fn totp(secret: &[u8], account: &str) -> Result<Totp, ApiError> {
    // A colon would part the name of the issuer from that of the account.
    let account = account.replace(':', "");
    let builder =
        Builder::new().with_secret(secret.to_vec()).with_issuer(Some(ISSUER)).with_account_name(account);
    builder.with_skew(1).build().map_err(|error| ApiError::Internal(format!("no codes can be made: {error}")))
}

/// What there is to show of a new secret.
pub(super) fn begun(totp: &Totp) -> Result<Begun, ApiError> {
    let failed = |error: &dyn std::fmt::Display| ApiError::Internal(format!("no QR code: {error}"));
    let uri = totp.to_url().map_err(|error| failed(&error))?;
    let code = QrCode::new(&uri).map_err(|error| failed(&error))?;
    let qr_svg = code.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
    Ok(Begun { secret: totp.secret().to_base32(), uri, qr_svg })
}

/// Ten codes of 80 random bits each.
pub(super) fn recovery_codes() -> Result<Vec<String>, ApiError> {
    let mut bytes = [0_u8; RECOVERY_CODES * RECOVERY_CHARS];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::Internal(error.to_string()))?;
    let letter = |byte: &u8| char::from(LETTERS.get(usize::from(byte % 32)).copied().unwrap_or_default());
    let code = |bytes: &[u8]| {
        let groups: Vec<String> = bytes.chunks(4).map(|group| group.iter().map(letter).collect()).collect();
        groups.join("-")
    };
    Ok(bytes.chunks(RECOVERY_CHARS).map(code).collect())
}

/// What is stored of `user`'s recovery code, however it is typed.
pub(super) fn hash_of(user: Uuid, code: &str) -> Vec<u8> {
    let letters: String = code.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
    Sha256::new().chain_update(user.as_bytes()).chain_update(letters.to_ascii_lowercase()).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, of SHA-1, its last six digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let totp = totp(b"12345678901234567890", "sari@example.com").unwrap();
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(totp.check(code, time), Some(time / 30));
            assert_eq!(totp.check(code, time + 30), Some(time / 30));
            assert_eq!(totp.check(code, time + 61), None);
        }
        let uri = totp.to_url().unwrap();
        assert!(uri.starts_with("otpauth://totp/sambung:sari%40example.com?secret=GEZDGNBV"), "{uri}");
    }

    #[test]
    fn a_recovery_code_is_the_same_however_it_is_typed_and_another_ones_is_not() {
        let codes = recovery_codes().unwrap();
        assert_eq!((codes.len(), codes[0].len()), (10, 19));
        let typed = format!(" {} ", codes[0].to_uppercase().replace('-', " "));
        assert_eq!(hash_of(Uuid::nil(), &codes[0]), hash_of(Uuid::nil(), &typed));
        assert_ne!(hash_of(Uuid::nil(), &codes[0]), hash_of(Uuid::max(), &codes[0]));
    }
}
