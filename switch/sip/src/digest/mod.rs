//! Digest authentication (RFC 7616 and RFC 8760, RFC 3261 §22) without state, of both sides: who asks is here, who is
//! asked in `client.rs`.
//!
//! A nonce is a time and its HMAC, so a challenge keeps nothing (see [`NonceKey`]). It is good for one realm and for the
//! address it was sent to: a captured header is worth nothing elsewhere. Without state there is no count of `nc` here;
//! who keeps it for senders that have proven themselves is the caller ([`Credentials::count`]).
//!
//! Decisions: SHA-256 and MD5, whichever the caller offers. `qop=auth` is asked for; `auth-int` is understood.
//! Old clients that answer without `qop` (RFC 2069 style) are accepted with MD5 only. `-sess` variants, `username*`
//! and `userhash` are refused: they are not offered.

mod client;
mod credentials;
mod nonce;
#[cfg(test)]
mod tests;

pub use client::{CHALLENGES_MAX, Login};
pub(crate) use client::{chosen, is_news};
pub use credentials::{Challenge, Credentials, DigestError};
pub use nonce::NonceKey;

use crate::write::Quoted;
use arrayvec::{ArrayString, ArrayVec};
use md5::Md5;
use nonce::Age;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// A hash in lower-case hexadecimal digits.
pub(crate) type Hex = ArrayString<64>;

/// The algorithms that are offered and answered, the weaker one first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Algorithm {
    /// `MD5`, for what phones still speak.
    Md5,
    /// `SHA-256` (RFC 8760).
    Sha256,
}

impl Algorithm {
    /// The name in headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn of(text: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256].into_iter().find(|one| one.as_str().eq_ignore_ascii_case(text))
    }

    /// The hash of the parts joined by colons.
    fn hash(self, parts: &[&[u8]]) -> Hex {
        match self {
            Self::Md5 => hex(&joined::<Md5>(parts)),
            Self::Sha256 => hex(&joined::<Sha256>(parts)),
        }
    }
}

fn joined<D: sha2::Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = D::new();
    for (position, part) in parts.iter().enumerate() {
        if position > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    hash.finalize().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> Hex {
    let mut text = Hex::new();
    for byte in bytes.iter().take(32) {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    text
}

/// The protection a client asks for with `qop`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Qop {
    /// `auth`: the request line.
    Auth,
    /// `auth-int`: the request line and the body.
    AuthInt,
}

impl Qop {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

/// What the credentials of a request are worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The client knows the password, and the nonce is a fresh one of ours.
    Accepted,
    /// The nonce is none of ours for this peer, or too old: challenge again with `stale=true`. Says nothing about the
    /// password, so that nobody can try passwords without taking a nonce where we can see them.
    Stale,
    /// The nonce is good; wrong password, unknown user, or credentials for another target.
    Refused,
}

/// The values of the `WWW-Authenticate` (or `Proxy-Authenticate`) lines to send, one for each algorithm of `offer`.
///
/// RFC 8760 §2.4 wants the preferred algorithm first. Deployed clients are not all up to that: SIPp 3.6 looks at
/// the first line only, and baresip before 3.11 gives up as soon as any line names another algorithm than MD5.
/// Only `[Md5]` works with all of them; `[Sha256, Md5]` is for installations that know their phones.
///
/// `source` is the peer's address, or the part of it that stays: the nonce is good for that peer only. `salt` is a
/// random number, another one for every challenge.
#[must_use]
pub fn challenge(
    key: &NonceKey,
    offer: &[Algorithm],
    realm: &str,
    source: &[u8],
    (now_secs, salt): (u64, u32),
    stale: bool,
) -> ArrayVec<String, 2> {
    let nonce = key.issue(realm, source, now_secs, salt);
    let (realm, stale) = (Quoted(realm), if stale { ", stale=true" } else { "" });
    offer
        .iter()
        .take(2)
        .map(|algorithm| {
            let algorithm = algorithm.as_str();
            format!("Digest realm={realm}, nonce=\"{nonce}\", algorithm={algorithm}, qop=\"auth\"{stale}")
        })
        .collect()
}

/// The parts of a request that its credentials are checked against.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The method as it stands in the request line.
    pub method: &'a str,
    /// The Request-URI.
    pub request_uri: &'a str,
    /// The body, for `auth-int`.
    pub body: &'a [u8],
    /// The peer's address as [`challenge`] was given it.
    pub source: &'a [u8],
}

/// Checks the credentials of a request, in the same time whatever is wrong with them.
///
/// `ha1_md5` and `ha1_sha256` are what [`ha1`] made when the password was set; for an unknown user the caller
/// passes dummies. The realm must be one the caller serves: the nonce is bound to it. `now_secs` is the clock that
/// [`challenge`] was given.
#[must_use]
pub fn verify(
    credentials: &Credentials<'_>,
    key: &NonceKey,
    signed: &Signed<'_>,
    ha1_md5: &str,
    ha1_sha256: &str,
    now_secs: u64,
    nonce_lifetime_secs: u64,
) -> Verdict {
    let ha1 = match credentials.algorithm {
        Algorithm::Md5 => ha1_md5,
        Algorithm::Sha256 => ha1_sha256,
    };
    let expected = credentials.expected_response(ha1, signed.method, signed.body);
    // Case is free in hexadecimal digits; a response of another length, in bytes, is wrong whatever it says.
    let mut given = Hex::new();
    if given.try_push_str(credentials.response).is_ok() {
        given.make_ascii_lowercase();
    }
    let knows_password = bool::from(expected.as_bytes().ct_eq(given.as_bytes()));
    let age = key.age(credentials.nonce, credentials.realm, signed.source, now_secs);
    let without_qop_allowed = credentials.qop.is_some() || credentials.algorithm == Algorithm::Md5;
    let is_good = knows_password && without_qop_allowed && credentials.are_for(signed.request_uri);
    match age {
        Age::Secs(age) if age > nonce_lifetime_secs => Verdict::Stale,
        Age::NotOurs => Verdict::Stale,
        Age::Secs(_) if is_good => Verdict::Accepted,
        Age::Secs(_) => Verdict::Refused,
    }
}

/// The stored form of a password: `H(username:realm:password)` in hexadecimal (RFC 7616 §3.4.2).
#[must_use]
pub fn ha1(algorithm: Algorithm, username: &str, realm: &str, password: &str) -> String {
    algorithm.hash(&[username.as_bytes(), realm.as_bytes(), password.as_bytes()]).to_string()
}
