//! `sambung_` + 32 hexadecimal digits naming the key + 64 digits that are the secret. The name makes the
//! look-up, the secret decides, compared in constant time; the database holds SHA-256 of the secret's 32
//! random bytes, which need no slow hash.

use contract::id::OrgId;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::http::actor::Actor;

/// What every key begins with, so that leaked ones can be searched for.
pub const PREFIX: &str = "sambung_";

/// What a key may permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Read calls, with participants, events, legs and quality.
    CallsRead,
    /// Read what calls are decided by: extensions and all else of telephony.
    TelephonyRead,
    /// Change it.
    TelephonyWrite,
    /// Read what was done in the organisation and by whom.
    AuditRead,
    /// Read what is done while nobody waits.
    JobsRead,
    /// Try again what was given up.
    JobsWrite,
}

impl Permission {
    /// All of them.
    pub const ALL: [Permission; 6] = [
        Permission::CallsRead,
        Permission::TelephonyRead,
        Permission::TelephonyWrite,
        Permission::AuditRead,
        Permission::JobsRead,
        Permission::JobsWrite,
    ];

    /// The word in the `permissions` column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Permission::CallsRead => "calls.read",
            Permission::TelephonyRead => "telephony.read",
            Permission::TelephonyWrite => "telephony.write",
            Permission::AuditRead => "audit.read",
            Permission::JobsRead => "jobs.read",
            Permission::JobsWrite => "jobs.write",
        }
    }
}

/// A key as a client sent it, well-formed but not proven.
pub struct PresentedKey {
    /// Which key it claims to be.
    pub id: Uuid,
    secret_hash: [u8; 32],
}

impl PresentedKey {
    /// `None` when `token` does not look like a key of ours.
    pub fn parse(token: &str) -> Option<Self> {
        let digits = token.strip_prefix(PREFIX)?;
        let (id, secret) = digits.split_at_checked(32)?;
        let id = u128::from_be_bytes(from_hex(id)?);
        let secret: [u8; 32] = from_hex(secret)?;
        Some(Self { id: Uuid::from_u128(id), secret_hash: Sha256::digest(secret).into() })
    }

    /// Whether `stored` is this key's hash. Takes the same time for a key that does not exist.
    pub fn matches(&self, stored: Option<&[u8]>) -> bool {
        let is_equal = self.secret_hash.ct_eq(stored.unwrap_or(&[0; 32]));
        bool::from(is_equal) && stored.is_some()
    }
}

fn from_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0_u8; N];
    read_hex(digits, &mut bytes).then_some(bytes)
}

/// Lower-case hexadecimal of exactly `bytes.len()` bytes.
fn read_hex(digits: &str, bytes: &mut [u8]) -> bool {
    let digits = digits.as_bytes();
    if digits.len() != bytes.len() * 2 {
        return false;
    }
    digits.chunks_exact(2).zip(bytes).all(|(pair, byte)| match pair {
        [high, low] => match (nibble(*high), nibble(*low)) {
            (Some(high), Some(low)) => {
                *byte = high << 4 | low;
                true
            }
            _ => false,
        },
        _ => false,
    })
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// A row of `identity.api_keys` with the state of its organisation.
#[derive(Clone, Debug)]
pub(super) struct StoredKey {
    pub(super) id: Uuid,
    pub(super) org: OrgId,
    pub(super) key_hash: Vec<u8>,
    pub(super) permissions: Vec<String>,
    /// Not revoked, not expired, and its organisation is approved.
    pub(super) is_usable: bool,
}

impl StoredKey {
    /// Words that are no permission (any more) permit nothing.
    pub(super) fn into_actor(self) -> Actor {
        let known = Permission::ALL.into_iter();
        let granted =
            known.filter(|permission| self.permissions.iter().any(|word| word == permission.as_str()));
        Actor::new(self.id, self.org, granted.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: &str, secret: &str) -> String {
        format!("{PREFIX}{id}{secret}")
    }

    #[test]
    fn a_key_matches_the_hash_of_its_own_secret_only() {
        let key = PresentedKey::parse(&token(&"0a".repeat(16), &"b1".repeat(32))).unwrap();
        assert_eq!(key.id, Uuid::from_bytes([0x0a; 16]));
        let hash = Sha256::digest([0xb1; 32]);
        assert!(key.matches(Some(&hash)));
        assert!(!key.matches(Some(&Sha256::digest([0xb2; 32]))));
        assert!(!key.matches(Some(&[])));
        assert!(!key.matches(None));
    }

    #[test]
    fn what_does_not_look_like_a_key_is_none() {
        let (id, secret) = ("0a".repeat(16), "b1".repeat(32));
        let wrong = [
            String::new(),
            PREFIX.to_owned(),
            format!("{id}{secret}"),
            token(&id, &secret[1..]),
            token(&id, &format!("{secret}0")),
            token(&id, &secret.to_uppercase()),
            token(&id, &"ä".repeat(32)),
            token(&"ä".repeat(16), &secret),
        ];
        for text in wrong {
            assert!(PresentedKey::parse(&text).is_none(), "{text}");
        }
    }
}
