//! `sambung_` + 32 hexadecimal digits naming the key + 64 digits that are the secret. The name makes the
//! look-up, the secret decides, compared in constant time; the database holds SHA-256 of the secret's 32
//! random bytes, which need no slow hash.

use contract::id::OrgId;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::{
    http::actor::Actor,
    identity::{permission::Permission, presented},
};

/// What every key begins with, so that leaked ones can be searched for.
pub const PREFIX: &str = "sambung_";

/// A key as a client sent it, well-formed but not proven.
pub struct PresentedKey {
    /// Which key it claims to be.
    pub id: Uuid,
    secret_hash: [u8; 32],
}

impl PresentedKey {
    /// `None` when `token` does not look like a key of ours.
    pub fn parse(token: &str) -> Option<Self> {
        let (id, secret) = presented::parse::<32>(PREFIX, token)?;
        Some(Self { id, secret_hash: Sha256::digest(secret).into() })
    }

    /// Whether `stored` is this key's hash. Takes the same time for a key that does not exist.
    pub fn matches(&self, stored: Option<&[u8]>) -> bool {
        let is_equal = self.secret_hash.ct_eq(stored.unwrap_or(&[0; 32]));
        bool::from(is_equal) && stored.is_some()
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
    pub(super) fn into_actor(self) -> Actor {
        Actor::key(self.id, self.org, Permission::among(&self.permissions))
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
