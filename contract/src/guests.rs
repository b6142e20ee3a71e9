//! Passes of guests: what lets a browser without an account of its own make one call (H-020, HX-17).
//!
//! The API hands a pass out as a SIP username and a password, and the switch reads it back from the username alone: the password is
//! proven by a secret that both know, so that nobody stores passes, as with TURN's ephemeral credentials
//! (draft-uberti-behave-turn-rest). That a pass is used once, and from how many places, is the switch's to see; whether a guest gets
//! one, the API's.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;
use uuid::Uuid;

use crate::{
    id::{ExtensionId, OrgId},
    time::Timestamp,
};

/// What the SIP username of a guest begins with, and no other's may.
pub const PREFIX: &str = "g.";

/// Octets of a username at most.
pub const USERNAME_BYTES_MAX: usize = 255;

/// Extensions that one pass may be for at most.
pub const PASS_EXTENSIONS_MAX: usize = 4;

/// How long a pass may begin a call, in seconds. A call that has begun outlives it.
pub const PASS_SECS: u32 = 120;

/// The form of a pass: another one begins with another octet.
const FORM: u8 = 1;

/// Three ids, the second it ends in, how many extensions.
const FIXED_BYTES: usize = 1 + 3 * 16 + 4 + 1;

/// Octets that a username holds behind its prefix: base64url has six bits in a character.
const PASS_BYTES_MAX: usize = (USERNAME_BYTES_MAX - PREFIX.len()) / 4 * 3;

const MICROS_A_SECOND: i64 = 1_000_000;

/// Who may call whom, once, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Its own id, a UUIDv7: used once.
    pub id: Uuid,
    /// The organisation.
    pub org: OrgId,
    /// Who the guest is to the organisation, in whatever call.
    pub guest: Uuid,
    /// When it is over, in whole seconds: later ones are cut.
    pub expires_at: Timestamp,
    /// Who may be called, 1 to [`PASS_EXTENSIONS_MAX`].
    pub extensions: Vec<ExtensionId>,
    /// What the guest is called, without control characters. Longer names than there is room for are cut.
    pub name: String,
}

/// Why a username is no pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoPass {
    /// It is not in the form of a pass.
    #[error("is no pass")]
    Malformed,
    /// It was one.
    #[error("the pass has expired")]
    Expired,
}

impl Pass {
    /// The SIP username that says all of it, at most [`USERNAME_BYTES_MAX`] octets of letters, digits, `.`, `-` and `_`.
    ///
    /// `None`: it has no extension or too many, or ends outside the years 1970 to 2106.
    pub fn username(&self) -> Option<String> {
        let is_counted = (1..=PASS_EXTENSIONS_MAX).contains(&self.extensions.len());
        let count = u8::try_from(self.extensions.len()).ok().filter(|_| is_counted)?;
        let second = u32::try_from(self.expires_at.0.div_euclid(MICROS_A_SECOND)).ok()?;
        let mut bytes = Vec::with_capacity(PASS_BYTES_MAX);
        bytes.push(FORM);
        for id in [self.id, self.org.0, self.guest] {
            bytes.extend_from_slice(id.as_bytes());
        }
        bytes.extend_from_slice(&second.to_be_bytes());
        bytes.push(count);
        for extension in &self.extensions {
            bytes.extend_from_slice(extension.0.as_bytes());
        }
        let name: String = self.name.chars().filter(|c| !c.is_control()).collect();
        bytes.extend_from_slice(cut(&name, PASS_BYTES_MAX - bytes.len()).as_bytes());
        Some(format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(&bytes)))
    }
}

/// The pass that a username says, which nobody is to believe before its [`password`] is proven.
///
/// # Errors
/// It is none, or none any more at `now`.
pub fn read(username: &str, now: Timestamp) -> Result<Pass, NoPass> {
    let pass = decoded(username).ok_or(NoPass::Malformed)?;
    if pass.expires_at <= now { Err(NoPass::Expired) } else { Ok(pass) }
}

fn decoded(username: &str) -> Option<Pass> {
    let text = username.strip_prefix(PREFIX).filter(|_| username.len() <= USERNAME_BYTES_MAX)?;
    let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
    let (fixed, rest) = bytes.split_at_checked(FIXED_BYTES)?;
    let (form, fixed) = fixed.split_first()?;
    let (ids, fixed) = fixed.split_at_checked(3 * 16)?;
    let (second, count) = fixed.split_first_chunk::<4>()?;
    let count = usize::from(*count.first()?);
    if *form != FORM || !(1..=PASS_EXTENSIONS_MAX).contains(&count) {
        return None;
    }
    let (extensions, name) = rest.split_at_checked(count * 16)?;
    let name = std::str::from_utf8(name).ok().filter(|name| !name.chars().any(char::is_control))?;
    let mut ids = uuids(ids);
    Some(Pass {
        id: ids.next()?,
        org: OrgId(ids.next()?),
        guest: ids.next()?,
        expires_at: Timestamp(i64::from(u32::from_be_bytes(*second)) * MICROS_A_SECOND),
        extensions: uuids(extensions).map(ExtensionId).collect(),
        name: name.to_owned(),
    })
}

fn uuids(bytes: &[u8]) -> impl Iterator<Item = Uuid> {
    bytes.as_chunks::<16>().0.iter().map(|id| Uuid::from_bytes(*id))
}

/// As much of the beginning of `text` as whole characters within `bytes_max` octets are.
fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

/// What only the two daemons know.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// The secret that a file says: 64 hexadecimal digits, as key files are. Space around them does not matter.
    pub fn of_digits(text: &str) -> Option<Self> {
        let digits = text.trim().as_bytes();
        let mut secret = [0_u8; 32];
        if digits.len() != 2 * secret.len() {
            return None;
        }
        for (byte, pair) in secret.iter_mut().zip(digits.chunks(2)) {
            let [high, low] = *pair else { return None };
            let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = digit(high)? << 4 | digit(low)?;
        }
        Some(Self(secret))
    }

    /// The password of a username: base64url of HMAC-SHA-256 (RFC 2104) over it, 43 characters. Nobody can make it who does not know
    /// the secret.
    pub fn password(&self, username: &str) -> String {
        let key = Hmac::<Sha256>::new(&block(&self.0).into());
        Base64UrlUnpadded::encode_string(&key.chain_update(username).finalize().into_bytes())
    }
}

/// A key as long as one block of SHA-256, as RFC 2104 §2 pads shorter ones.
fn block(key: &[u8; 32]) -> [u8; 64] {
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

    fn pass(extensions: usize, name: &str) -> Pass {
        let id = |last: u128| Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | last);
        Pass {
            id: id(1),
            org: OrgId(id(2)),
            guest: id(3),
            expires_at: NOW.plus_micros(i64::from(PASS_SECS) * MICROS_A_SECOND),
            extensions: (0..extensions).map(|at| ExtensionId(id(10 + at as u128))).collect(),
            name: name.to_owned(),
        }
    }

    fn secret(digit: char) -> Secret {
        Secret::of_digits(&digit.to_string().repeat(64)).unwrap()
    }

    #[test]
    fn a_pass_is_read_as_it_was_written_until_it_expires() {
        let pass = pass(2, "Siti Nurhaliza");
        let username = pass.username().unwrap();
        assert!(username.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b)), "{username}");
        assert_eq!(read(&username, NOW), Ok(pass.clone()));
        assert_eq!(read(&username, pass.expires_at.plus_micros(-1)), Ok(pass.clone()));
        assert_eq!(read(&username, pass.expires_at), Err(NoPass::Expired));
    }

    #[test]
    fn a_name_is_cut_between_its_letters_and_loses_what_cannot_be_shown() {
        let long = pass(PASS_EXTENSIONS_MAX, &"é".repeat(100));
        let username = long.username().unwrap();
        assert!(username.len() <= USERNAME_BYTES_MAX, "{}", username.len());
        let name = read(&username, NOW).unwrap().name;
        assert!(name.chars().count() >= 30 && name.chars().all(|c| c == 'é'), "{name}");
        let bell = pass(1, "a\u{7}b\r\nc").username().unwrap();
        assert_eq!(read(&bell, NOW).unwrap().name, "abc");
    }

    #[test]
    fn a_pass_is_for_somebody_and_not_for_everybody() {
        assert_eq!(pass(0, "").username(), None);
        assert_eq!(pass(PASS_EXTENSIONS_MAX + 1, "").username(), None);
        assert!(pass(PASS_EXTENSIONS_MAX, "").username().is_some());
    }

    #[test]
    fn whatever_else_is_no_pass() {
        let good = pass(1, "").username().unwrap();
        let bytes = Base64UrlUnpadded::decode_vec(&good[PREFIX.len()..]).unwrap();
        let with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = bytes.clone();
            change(&mut bytes);
            format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(&bytes))
        };
        let wrong = [
            String::new(),
            "100".to_owned(),
            PREFIX.to_owned(),
            good[PREFIX.len()..].to_owned(),
            format!("{good}="),
            format!("{good}A"),
            format!("{good}!"),
            with(&|bytes| bytes[0] = 2),
            with(&|bytes| bytes[FIXED_BYTES - 1] = 0),
            with(&|bytes| bytes[FIXED_BYTES - 1] = 2),
            with(&|bytes| bytes.truncate(FIXED_BYTES - 1)),
            with(&|bytes| bytes.extend(b"\n")),
            with(&|bytes| bytes.push(0xff)),
            with(&|bytes| bytes.extend([b'a'; USERNAME_BYTES_MAX])),
        ];
        for username in wrong {
            assert_eq!(read(&username, NOW), Err(NoPass::Malformed), "{username}");
        }
    }

    #[test]
    fn a_password_is_of_its_secret_and_its_username_alone() {
        // printf g.AQ | openssl dgst -sha256 -mac HMAC -macopt hexkey:aaaa… -binary | basenc --base64url
        assert_eq!(secret('a').password("g.AQ"), "kUUwYA-ZynIMkMYJTosft4oTv13m4ZlWWliTcYaEb2Y");
        assert_ne!(secret('a').password("g.AQ"), secret('b').password("g.AQ"));
        assert_ne!(secret('a').password("g.AQ"), secret('a').password("g.AR"));
        assert_eq!(format!("{:?}", secret('a')), "Secret");
    }

    #[test]
    fn a_secret_is_64_digits() {
        assert!(Secret::of_digits(&format!(" {}\n", "0f".repeat(32))).is_some());
        for wrong in ["", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"+0".repeat(32)] {
            assert!(Secret::of_digits(wrong).is_none(), "{wrong}");
        }
    }
}
