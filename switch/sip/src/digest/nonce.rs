//! Nonces that need no memory: `hex(unix seconds ‖ salt) hex(HMAC-SHA-256(key, seconds ‖ salt ‖ source ‖ realm))`,
//! the MAC truncated to 128 bits. The salt keeps challenges of the same second apart, so that each has a count of its own.
//!
//! Whoever holds the key can tell later that a nonce is its own, for which realm and peer and how old. One that comes
//! back proves that the peer has heard us at its source address. A new key at start makes every older nonce stale,
//! which costs each client one more round trip and nothing else.

use super::{Hex, hex};
use arrayvec::ArrayString;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt::Write as _;
use subtle::ConstantTimeEq as _;

const TIME_DIGITS: usize = 16;
/// Lower bits of the first number; the seconds are above them, which lasts until 2106.
const SALT_BITS: u32 = 32;
const MAC_BYTES: usize = 16;
/// Seconds that a nonce may come from the future, when the clock was set back.
const CLOCK_STEP_SECS_MAX: u64 = 5;

type Text = ArrayString<{ TIME_DIGITS + 2 * MAC_BYTES }>;

/// The secret behind the nonces of one server or one group of servers.
#[derive(Clone)]
pub struct NonceKey([u8; 32]);

/// How old a nonce is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Age {
    Secs(u64),
    NotOurs,
}

impl NonceKey {
    /// A key from 32 random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn issue(&self, realm: &str, source: &[u8], now_secs: u64, salt: u32) -> Text {
        let mut text = Text::new();
        let stamp = (now_secs << SALT_BITS) | u64::from(salt);
        // The capacity is exactly what is written.
        let _ = write!(text, "{stamp:016x}{}", self.mac(stamp, source, realm));
        text
    }

    pub(super) fn age(&self, nonce: &str, realm: &str, source: &[u8], now_secs: u64) -> Age {
        let Some((time, mac)) = nonce.split_at_checked(TIME_DIGITS) else { return Age::NotOurs };
        let Ok(stamp) = u64::from_str_radix(time, 16) else { return Age::NotOurs };
        let issued = stamp >> SALT_BITS;
        let ours = bool::from(self.mac(stamp, source, realm).as_bytes().ct_eq(mac.as_bytes()));
        if !ours || issued > now_secs.saturating_add(CLOCK_STEP_SECS_MAX) {
            return Age::NotOurs;
        }
        Age::Secs(now_secs.saturating_sub(issued))
    }

    fn mac(&self, stamp: u64, source: &[u8], realm: &str) -> Hex {
        // HMAC pads a short key with zeros to the block, so this is the 32-byte key (RFC 2104 §2).
        let mut block = [0_u8; 64];
        for (to, from) in block.iter_mut().zip(self.0) {
            *to = from;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(&stamp.to_be_bytes());
        mac.update(&source.len().to_be_bytes());
        mac.update(source);
        mac.update(realm.as_bytes());
        let full = mac.finalize().into_bytes();
        hex(full.get(..MAC_BYTES).unwrap_or_default())
    }
}

/// Never shows the key.
impl std::fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NonceKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &[u8] = &[192, 0, 2, 7];

    #[test]
    fn a_nonce_tells_its_age_only_to_its_key_realm_and_source() {
        let (key, other) = (NonceKey::new([7; 32]), NonceKey::new([8; 32]));
        let nonce = key.issue("demo.test", HERE, 1_000, 5);
        assert_ne!(nonce, key.issue("demo.test", HERE, 1_000, 6));
        assert_eq!(nonce.len(), 48);
        assert_eq!(key.age(&nonce, "demo.test", HERE, 1_030), Age::Secs(30));
        assert_eq!(key.age(&nonce, "demo.test", HERE, 995), Age::Secs(0), "the clock was set back a little");
        assert_eq!(key.age(&nonce, "demo.test", HERE, 994), Age::NotOurs, "issued in the future");
        assert_eq!(key.age(&nonce, "other.test", HERE, 1_030), Age::NotOurs);
        assert_eq!(key.age(&nonce, "demo.test", &[192, 0, 2, 8], 1_030), Age::NotOurs, "from elsewhere");
        assert_eq!(other.age(&nonce, "demo.test", HERE, 1_030), Age::NotOurs);
    }

    #[test]
    fn a_changed_nonce_is_not_ours() {
        let key = NonceKey::new([7; 32]);
        let nonce = key.issue("demo.test", HERE, 1_000, 5).to_string();
        for at in 0..nonce.len() {
            let mut changed = nonce.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(
                key.age(std::str::from_utf8(&changed).unwrap(), "demo.test", HERE, 1_000),
                Age::NotOurs
            );
        }
        for text in ["", "00", "ééééééééééééééééééééé", "+00000000000000a0123456789abcdef0123456789abcdef"]
        {
            assert_eq!(key.age(text, "demo.test", HERE, 1_000), Age::NotOurs, "{text}");
        }
    }
}
