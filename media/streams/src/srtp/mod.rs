//! SRTP and SRTCP (RFC 3711, RFC 7714): what one leg's packets are sealed with, in place and without allocating.
//!
//! A leg has one [`Opener`] for what it receives and one [`Sealer`] for what it is sent, each with a master key of its
//! own, so a packet that goes through us is opened with the keys of one leg and sealed with those of the other.
//! Keys are agreed in session descriptions ([`crate::sdp::crypto`], RFC 4568).
//!
//! Deliberately missing: master key identifiers, key derivation rates, null ciphers and unencrypted SRTCP. A
//! description that asks for one of them is not taken.

mod cipher;
mod derive;
mod opener;
mod sealer;
mod window;

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use opener::{OPEN_STREAMS_MAX, OpenError, Opener};
pub use sealer::{SEALED_STREAMS_MAX, SealError, Sealer};
pub use window::WINDOW_PACKETS;

/// Bytes that sealing adds to a packet at most: SRTCP with AES-GCM (RFC 7714 §9.2).
pub const OVERHEAD_BYTES_MAX: usize = 20;

/// A crypto suite: cipher and authentication of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Suite {
    /// `AEAD_AES_128_GCM` (RFC 7714 §12).
    AeadAes128Gcm,
    /// `AES_CM_128_HMAC_SHA1_80` (RFC 4568 §6.2.1).
    AesCm128HmacSha1_80,
    /// `AES_CM_128_HMAC_SHA1_32` (RFC 4568 §6.2.2). SRTCP keeps a tag of 80 bits.
    AesCm128HmacSha1_32,
    /// `AEAD_AES_256_GCM` (RFC 7714 §12).
    AeadAes256Gcm,
}

impl Suite {
    /// All, the one we like best first: AES-GCM authenticates more and costs less, and 128 bits are enough.
    pub const ALL: [Self; 4] =
        [Self::AeadAes128Gcm, Self::AeadAes256Gcm, Self::AesCm128HmacSha1_80, Self::AesCm128HmacSha1_32];

    /// Its name in `a=crypto`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// Bytes of its master salt (RFC 3711 §8.2, RFC 7714 §12).
    pub fn salt_bytes(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 14,
        }
    }

    /// Bytes of its master key.
    pub fn key_bytes(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            Self::AeadAes128Gcm | Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 16,
        }
    }

    /// Bytes of its master key with its salt.
    pub fn master_bytes(self) -> usize {
        self.key_bytes() + self.salt_bytes()
    }
}

/// Bytes of the longest master key.
pub const KEY_BYTES_MAX: usize = 32;
/// Bytes of the longest master salt.
pub const SALT_BYTES_MAX: usize = 14;
/// Room for any master key with its salt.
pub const MASTER_BYTES_MAX: usize = KEY_BYTES_MAX + SALT_BYTES_MAX;

/// A master key with its salt. Never printed, and wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
pub struct MasterKey {
    /// A shorter one is followed by zeros.
    key: [u8; KEY_BYTES_MAX],
    /// A shorter one is followed by zeros, as its derivation wants it (RFC 7714 §11).
    salt: [u8; SALT_BYTES_MAX],
}

fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut room = [0; N];
    room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    room
}

impl MasterKey {
    /// Of key and salt, one behind the other, as long as `suite` has them; `None` for any other length.
    pub fn new(suite: Suite, key_and_salt: &[u8]) -> Option<Self> {
        let (key, salt) = key_and_salt.split_at_checked(suite.key_bytes())?;
        (salt.len() == suite.salt_bytes()).then(|| Self { key: padded(key), salt: padded(salt) })
    }

    /// Of random bytes that nobody else knows.
    pub fn random(suite: Suite, mut bytes: [u8; MASTER_BYTES_MAX]) -> Option<Self> {
        let key = Self::new(suite, bytes.get(..suite.master_bytes())?);
        bytes.zeroize();
        key
    }

    /// Key and salt, one behind the other, with how many of the bytes `suite` has.
    pub(crate) fn write(&self, suite: Suite) -> ([u8; MASTER_BYTES_MAX], usize) {
        let mut bytes = [0; MASTER_BYTES_MAX];
        let key = self.key.iter().take(suite.key_bytes());
        bytes.iter_mut().zip(key.chain(&self.salt)).for_each(|(to, from)| *to = *from);
        (bytes, suite.master_bytes())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// What the two ends of a stream have agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SrtpKeys {
    /// Of both directions.
    pub suite: Suite,
    /// Ours: what the far end is sent.
    pub send: MasterKey,
    /// Theirs: what the far end sends.
    pub receive: MasterKey,
}

#[cfg(test)]
mod tests;
