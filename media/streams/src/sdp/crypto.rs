//! `a=crypto`: keys told in a description (RFC 4568), for whoever reads the signalling to use. Signalling that anybody
//! can read is call control's concern.
//!
//! An attribute is taken whole or not at all: an unknown suite, several keys, a master key identifier, a key
//! derivation rate or a session parameter that leaves something unprotected make it one that we do not support, and the
//! next one is looked at (§5.1.2, §6.3). A lifetime must be sensible; to keep it is the sender's duty.

use std::fmt;

use base64ct::{Base64Unpadded, Encoding as _};
use sdp_types::Attribute;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::srtp::{MASTER_BYTES_MAX, MasterKey, Suite};

/// Most `a=crypto` lines of an m-line that are looked at.
pub const CRYPTO_LINES_MAX: usize = 16;
/// Longest tag that is answered (RFC 4568 §9.1: up to nine digits).
const TAG_DIGITS_MAX: usize = 9;
/// Packets that a key may be used for at most (RFC 3711 §9.2); a lifetime beyond is none.
const LIFETIME_BITS_MAX: u32 = 48;

/// Characters of the longest key in base64.
const TEXT_BYTES: usize = MASTER_BYTES_MAX.div_ceil(3) * 4;

/// One `a=crypto` that we support.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crypto {
    /// Names it within its m-line; the answer repeats it.
    pub tag: u32,
    /// Cipher and authentication.
    pub suite: Suite,
    /// The key of whoever wrote it, for what they send.
    pub key: MasterKey,
}

/// The value: `1 AES_CM_128_HMAC_SHA1_80 inline:…`.
impl fmt::Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, len) = self.key.write(self.suite);
        let bytes = Zeroizing::new(bytes);
        let mut text = Zeroizing::new([0; TEXT_BYTES]);
        let text = Base64Unpadded::encode(bytes.get(..len).unwrap_or_default(), text.as_mut());
        // RFC 4648 §3.2: the last group of a key of 28 or 44 bytes is filled up.
        let padding = ["", "==", "="].get(len % 3).copied().unwrap_or_default();
        write!(f, "{} {} inline:{}{padding}", self.tag, self.suite.as_str(), text.unwrap_or_default())
    }
}

impl Crypto {
    /// Reads a value (RFC 4568 §9.1); `None` for one that is malformed or not supported.
    pub fn read(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next().filter(|tag| tag.len() <= TAG_DIGITS_MAX && is_number(tag))?.parse().ok()?;
        let suite = words.next()?;
        let suite = Suite::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(suite))?;
        let key = read_key(suite, words.next()?)?;
        words.all(is_harmless).then_some(Self { tag, suite, key })
    }
}

/// Those of an m-line that we support, in its order. RFC 4568 §5.1: they stand in the m-line only.
pub(super) fn cryptos(attributes: &[Attribute]) -> Vec<Crypto> {
    let values = attributes.iter().filter(|a| a.attribute.eq_ignore_ascii_case("crypto"));
    values.take(CRYPTO_LINES_MAX).filter_map(|a| Crypto::read(a.value.as_deref()?)).collect()
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// `inline:<key and salt in base64>[|lifetime]`. A second `|` would begin an identifier, a `;` another key.
fn read_key(suite: Suite, word: &str) -> Option<MasterKey> {
    let (method, info) = word.split_once(':')?;
    if !method.eq_ignore_ascii_case("inline") || info.contains(';') {
        return None;
    }
    let (text, lifetime) = info.split_once('|').map_or((info, None), |(text, rest)| (text, Some(rest)));
    if !lifetime.is_none_or(is_lifetime) {
        return None;
    }
    let unpadded = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let mut bytes = Zeroizing::new([0; MASTER_BYTES_MAX]);
    let key_and_salt = Base64Unpadded::decode(unpadded, bytes.as_mut()).ok()?;
    MasterKey::new(suite, key_and_salt)
}

/// `2^20` or a number of packets, up to 2^48.
fn is_lifetime(word: &str) -> bool {
    match word.strip_prefix("2^") {
        Some(bits) => is_number(bits) && bits.parse().is_ok_and(|bits: u32| bits <= LIFETIME_BITS_MAX),
        None => is_number(word) && word.parse().is_ok_and(|n: u64| n > 0 && n <= 1 << LIFETIME_BITS_MAX),
    }
}

/// A session parameter that changes nothing for us: a hint for the replay window, no key derivation, or one that its
/// author marks as not needed (RFC 4568 §6.3).
fn is_harmless(word: &str) -> bool {
    word.starts_with('-')
        || word.eq_ignore_ascii_case("KDR=0")
        || word.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("WSH="))
            && word.get(4..).is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    fn read(value: &str) -> Option<(u32, Suite)> {
        Crypto::read(value).map(|crypto| (crypto.tag, crypto.suite))
    }

    #[test]
    fn rfc_4568_9_1_an_attribute_is_read_whole_or_not_at_all() {
        let (sha80, sha32) = (Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32);
        let taken = [
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"), 1, sha80),
            (format!("999999999 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^20"), 999_999_999, sha32),
            (format!("2 aes_cm_128_hmac_sha1_80 INLINE:{KEY}|1048576"), 2, sha80),
            (format!("2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^48 WSH=128 KDR=0 -x"), 2, sha80),
            (format!("0 AEAD_AES_128_GCM inline:{}AA==", &KEY[..36]), 0, Suite::AeadAes128Gcm),
            (format!("0 AEAD_AES_128_GCM inline:{}AA", &KEY[..36]), 0, Suite::AeadAes128Gcm),
        ];
        for (value, tag, suite) in taken {
            assert_eq!(read(&value), Some((tag, suite)), "{value}");
        }
        let refused = [
            String::new(),
            format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1000000000 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 other:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{}", &KEY[1..]),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}AAAA"),
            format!("1 AEAD_AES_128_GCM inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^49"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|0"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20;inline:{KEY}|2^20"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=1"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTCP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNAUTHENTICATED_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} FEC_ORDER=FEC_SRTP"),
        ];
        for value in refused {
            assert_eq!(read(&value), None, "{value}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for suite in Suite::ALL {
            let bytes: Vec<u8> = (0..suite.master_bytes()).map(|at| at as u8).collect();
            let crypto = Crypto { tag: 7, suite, key: MasterKey::new(suite, &bytes).unwrap() };
            let text = crypto.to_string();
            assert_eq!(text.len() % 4, (2 + suite.as_str().len() + 1 + 7) % 4, "padded: {text}");
            assert_eq!(Crypto::read(&text), Some(crypto), "{text}");
        }
        // The key of RFC 4568 §9.1's example.
        let example = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}");
        assert_eq!(Crypto::read(&example).unwrap().to_string(), example);
    }
}
