//! `sambung_` + 32 hexadecimal digits naming the key + 64 digits that are the secret. The name makes the
//! look-up, the secret decides, compared in constant time; the database holds SHA-256 of the secret's 32
//! random bytes, which need no slow hash.

use std::{collections::BTreeSet, net::IpAddr};

use contract::id::OrgId;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::{actor::Actor, error::ApiError, fields::Fields, page::Cursor},
    identifier,
    identity::{permission::Permission, presented},
    instant::Instant,
};

/// What every key begins with, so that leaked ones can be searched for.
pub const PREFIX: &str = "sambung_";
/// Keys of an organisation that are not revoked.
pub const KEYS_OF_ONE_MAX: i64 = 100;
/// Networks that a key is good from.
pub const SOURCES_MAX: usize = 16;

/// What a new key is to be.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyDescription {
    /// Which program has it
    #[schema(example = "n8n", min_length = 1, max_length = 100)]
    pub name: String,
    /// What it may, at least one; nobody gives what they have not themselves
    #[schema(value_type = Vec<Permission>, min_items = 1)]
    pub permissions: BTreeSet<Permission>,
    /// Until when it is good; else until it is revoked
    #[serde(default)]
    pub expires_at: Option<Instant>,
    /// Addresses and networks that it is good from, up to 16; none: everywhere
    #[serde(default)]
    #[schema(example = json!(["192.0.2.0/24"]), max_items = 16)]
    pub sources: Vec<String>,
}

impl KeyDescription {
    /// Itself, with networks as Postgres writes them, or everything that is wrong with it at the instant `now`.
    pub fn check(self, now: Instant) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        fields.name("name", &self.name);
        fields.must(!self.permissions.is_empty(), "permissions", "must be one at least");
        let is_to_come = self.expires_at.is_none_or(|expires_at| expires_at > now);
        fields.must(is_to_come, "expires_at", "must be in the future");
        let is_few = self.sources.len() <= SOURCES_MAX;
        fields.must(is_few, "sources", format!("must be {SOURCES_MAX} networks at most"));
        let mut sources = Vec::new();
        for (at, text) in self.sources.iter().take(SOURCES_MAX).enumerate() {
            let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            let is_one = format!("sources[{at}]");
            fields.must(network.is_ok(), &is_one, "must be an address or a network like 192.0.2.0/24");
            sources.extend(network.map(|network: IpNet| network.trunc().to_string()));
        }
        fields.done().map(|()| Self { sources, ..self })
    }
}

/// A key as clients see it: all but its secret.
#[derive(Clone, Debug, Serialize, ToSchema, FromRow)]
pub struct Key {
    /// Its id.
    pub id: Uuid,
    /// What it begins with.
    #[schema(example = "sambung_0192d3c4f1a27b3c8d4e5f60718293a4")]
    pub prefix: String,
    /// Which program has it.
    pub name: String,
    /// What it may.
    pub permissions: Vec<String>,
    /// Networks that it is good from; none: everywhere.
    pub sources: Vec<String>,
    /// Until when it is good.
    pub expires_at: Option<Instant>,
    /// When its secret became another one.
    pub rotated_at: Option<Instant>,
    /// Since when it is good no more.
    pub revoked_at: Option<Instant>,
    /// When it was used last, to the minute. Its version does not tell of it.
    pub last_used_at: Option<Instant>,
    /// Since when it is there.
    pub created_at: Instant,
    /// Rises with each change.
    pub version: i32,
}

impl Key {
    /// Where the list goes on after this one.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }

    /// What it may, as far as there is such a thing.
    pub fn permits(&self) -> BTreeSet<Permission> {
        Permission::among(&self.permissions)
    }
}

/// A key with its token, which nobody sees again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NewKey {
    /// What its requests bear: `Authorization: Bearer …`. It is told this once: a request that comes again by its `Idempotency-Key` is
    /// answered without it.
    pub token: Option<String>,
    /// The key.
    #[serde(flatten)]
    pub key: Key,
}

/// The secret of a key, before it is told.
pub struct Secret([u8; 32]);

impl Secret {
    /// # Errors
    /// The system gives no random bytes.
    pub fn fresh() -> Result<Self, ApiError> {
        identifier::random().map(Self)
    }

    /// What is stored of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// What the bearer of the key `id` presents.
    pub fn token(&self, id: Uuid) -> String {
        presented::format(PREFIX, id, &self.0)
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
    /// Not revoked, not expired, presented from where it is good, and its organisation is approved.
    pub(super) is_usable: bool,
    /// That it is used has been written down within the last minute.
    pub(super) is_told: bool,
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
