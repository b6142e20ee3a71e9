//! Reading `Authorization` and `WWW-Authenticate` values, and computing responses for both sides.
//!
//! Values are taken as they stand between their quotes: escapes are part of what is hashed (RFC 7616 §3.4), so a
//! user name with a backslash simply matches no account. A parameter given twice is refused.

use super::{Algorithm, Hex, Qop};
use crate::limits::CREDENTIALS_BYTES_MAX;
use crate::parse::token::{closing_quote, find_outside, trim};
use crate::uri::Uri;
use crate::write::Quoted;
use arrayvec::ArrayVec;

/// Parameters of one header; clients send up to ten.
const FIELDS_MAX: usize = 32;

/// Why a header holds no digest of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DigestError {
    /// The scheme is not Digest.
    #[error("not a Digest header")]
    Scheme,
    /// A parameter is missing, given twice or malformed, or there is too much of them.
    #[error("malformed Digest header")]
    Malformed,
    /// An algorithm or protection that was not offered.
    #[error("Digest algorithm or qop that is not offered")]
    NotOffered,
}

/// The credentials of an `Authorization` or `Proxy-Authorization` value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credentials<'a> {
    /// The user.
    pub username: &'a str,
    /// The realm the client answers for.
    pub realm: &'a str,
    /// The nonce of our challenge.
    pub nonce: &'a str,
    /// The URI the client means to reach.
    pub uri: &'a str,
    /// The response, in hexadecimal digits.
    pub response: &'a str,
    /// The algorithm; MD5 when the client names none.
    pub algorithm: Algorithm,
    /// The protection; `None` from an RFC 2069 client.
    pub qop: Option<Qop>,
    /// The nonce count as sent, 8 hexadecimal digits when there is a `qop`.
    pub nc: &'a str,
    /// The client's nonce.
    pub cnonce: &'a str,
    /// Echo of a challenge's `opaque`.
    pub opaque: Option<&'a str>,
}

impl<'a> Credentials<'a> {
    /// Reads a header value.
    ///
    /// # Errors
    /// [`DigestError`].
    pub fn parse(value: &'a str) -> Result<Self, DigestError> {
        let fields = Fields::parse(value)?;
        let qop = match fields.get("qop")? {
            None => None,
            Some(text) => Some(qop_of(text).ok_or(DigestError::NotOffered)?),
        };
        let (nc, cnonce) = (fields.get("nc")?.unwrap_or(""), fields.get("cnonce")?.unwrap_or(""));
        let counted =
            nc.len() == 8 && nc.bytes().all(|digit| digit.is_ascii_hexdigit()) && !cnonce.is_empty();
        if qop.is_some() && !counted {
            return Err(DigestError::Malformed);
        }
        Ok(Self {
            username: fields.required("username")?,
            realm: fields.required("realm")?,
            nonce: fields.required("nonce")?,
            uri: fields.required("uri")?,
            response: fields.required("response")?,
            algorithm: fields.algorithm()?,
            qop,
            nc,
            cnonce,
            opaque: fields.get("opaque")?,
        })
    }

    /// How many requests the client has made with this nonce, this one included (`nc`). 0 from a client that does
    /// not count: it answers without `qop`.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.qop.and_then(|_| u32::from_str_radix(self.nc, 16).ok()).unwrap_or(0)
    }

    /// The response that somebody who knows `ha1` gives (RFC 7616 §3.4.1).
    pub(super) fn expected_response(&self, ha1: &str, method: &str, body: &[u8]) -> Hex {
        let hash = |parts: &[&[u8]]| self.algorithm.hash(parts);
        let (method, uri) = (method.as_bytes(), self.uri.as_bytes());
        let ha2 = match self.qop {
            Some(Qop::AuthInt) => hash(&[method, uri, hash(&[body]).as_bytes()]),
            Some(Qop::Auth) | None => hash(&[method, uri]),
        };
        let (ha1, nonce, ha2) = (ha1.as_bytes(), self.nonce.as_bytes(), ha2.as_bytes());
        match self.qop {
            None => hash(&[ha1, nonce, ha2]),
            Some(qop) => {
                hash(&[ha1, nonce, self.nc.as_bytes(), self.cnonce.as_bytes(), qop.as_str().as_bytes(), ha2])
            }
        }
    }

    /// Whether the credentials were made for this request: where they name a user, it is the one dialled.
    ///
    /// Hosts are not compared: a proxy may have rewritten ours, and SIPp signs for the address it sends to,
    /// without a user. The realm, bound to the nonce, keeps the domains apart.
    pub(super) fn are_for(&self, request_uri: &str) -> bool {
        let Ok(ours) = Uri::parse(request_uri) else { return false };
        match Uri::parse(self.uri) {
            Ok(theirs) => theirs.user.is_none() || theirs.user_text() == ours.user_text(),
            Err(_) => false,
        }
    }
}

/// One challenge of a `WWW-Authenticate` or `Proxy-Authenticate` value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Challenge<'a> {
    /// The realm.
    pub realm: &'a str,
    /// The nonce.
    pub nonce: &'a str,
    /// The algorithm; MD5 when the server names none.
    pub algorithm: Algorithm,
    /// Whether the server offers `qop=auth`.
    pub offers_auth: bool,
    /// Whether only the nonce was too old.
    pub stale: bool,
    /// To be echoed.
    pub opaque: Option<&'a str>,
}

impl<'a> Challenge<'a> {
    /// Reads a header value.
    ///
    /// # Errors
    /// [`DigestError`]; [`DigestError::NotOffered`] means: try the server's next challenge. A server that protects by
    /// `auth-int` alone is one of these.
    pub fn parse(value: &'a str) -> Result<Self, DigestError> {
        let fields = Fields::parse(value)?;
        let qop = fields.get("qop")?;
        let offers_auth =
            qop.is_some_and(|list| list.split(',').any(|one| qop_of(trim(one)) == Some(Qop::Auth)));
        if qop.is_some() && !offers_auth {
            return Err(DigestError::NotOffered);
        }
        Ok(Self {
            realm: fields.required("realm")?,
            nonce: fields.required("nonce")?,
            algorithm: fields.algorithm()?,
            offers_auth,
            stale: fields.get("stale")?.is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            opaque: fields.get("opaque")?,
        })
    }

    /// The `Authorization` value that answers this challenge. `nc` counts the requests with this nonce from 1.
    #[must_use]
    pub fn respond(
        &self,
        username: &str,
        password: &str,
        method: &str,
        uri: &str,
        cnonce: &str,
        nc: u32,
    ) -> String {
        let nc = format!("{nc:08x}");
        let credentials = Credentials {
            username,
            realm: self.realm,
            nonce: self.nonce,
            uri,
            response: "",
            algorithm: self.algorithm,
            qop: self.offers_auth.then_some(Qop::Auth),
            nc: &nc,
            cnonce,
            opaque: self.opaque,
        };
        let ha1 = super::ha1(self.algorithm, username, self.realm, password);
        let response = credentials.expected_response(&ha1, method, b"");
        let (username, algorithm) = (Quoted(username), self.algorithm.as_str());
        // Realm, nonce and opaque go back as they came, with the escapes they came with.
        let mut value = format!(
            "Digest username={username}, realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", response=\"{response}\", \
             algorithm={algorithm}",
            self.realm, self.nonce
        );
        if self.offers_auth {
            value.push_str(&format!(", qop=auth, nc={nc}, cnonce={}", Quoted(cnonce)));
        }
        if let Some(opaque) = self.opaque {
            value.push_str(&format!(", opaque=\"{opaque}\""));
        }
        value
    }
}

/// What a parameter holds: all of one quoted string, or something without quotes and escapes. Whatever else would
/// break out of its quotes when it is sent back.
fn content(value: &str) -> Option<&str> {
    if value.starts_with('"') {
        let close = closing_quote(value)?;
        return value.get(1..close).filter(|_| close + 1 == value.len());
    }
    (!value.contains(['"', '\\'])).then_some(value)
}

fn qop_of(text: &str) -> Option<Qop> {
    [Qop::Auth, Qop::AuthInt].into_iter().find(|qop| qop.as_str().eq_ignore_ascii_case(text))
}

/// `Digest name=value, name="value", …`, read once: every request that is let in shows a dozen of them, and as many are
/// looked for.
struct Fields<'a>(ArrayVec<(&'a str, Option<&'a str>), FIELDS_MAX>);

impl<'a> Fields<'a> {
    fn parse(value: &'a str) -> Result<Self, DigestError> {
        let value = trim(value);
        if value.len() > CREDENTIALS_BYTES_MAX {
            return Err(DigestError::Malformed);
        }
        let (scheme, mut rest) = value.split_once([' ', '\t']).ok_or(DigestError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Err(DigestError::Scheme);
        }
        let mut fields = ArrayVec::new();
        while !rest.is_empty() {
            let end = find_outside(rest, b',', false).unwrap_or(rest.len());
            let (one, tail) = rest.split_at_checked(end).ok_or(DigestError::Malformed)?;
            rest = tail.strip_prefix(',').unwrap_or("");
            let (name, value) = one.split_once('=').unwrap_or((one, ""));
            fields.try_push((trim(name), content(trim(value)))).map_err(|_| DigestError::Malformed)?;
        }
        Ok(Self(fields))
    }

    fn get(&self, name: &str) -> Result<Option<&'a str>, DigestError> {
        let mut found = self.0.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let first = found.next().map(|(_, value)| *value);
        match (first, found.next()) {
            (None, _) => Ok(None),
            (Some(Some(value)), None) => Ok(Some(value)),
            _ => Err(DigestError::Malformed),
        }
    }

    fn required(&self, name: &str) -> Result<&'a str, DigestError> {
        self.get(name)?.filter(|value| !value.is_empty()).ok_or(DigestError::Malformed)
    }

    fn algorithm(&self) -> Result<Algorithm, DigestError> {
        self.get("algorithm")?.map_or(Some(Algorithm::Md5), Algorithm::of).ok_or(DigestError::NotOffered)
    }
}
