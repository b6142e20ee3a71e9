//! A phone's side of digest authentication (RFC 7616, RFC 8760), written apart from the switch's.

use std::fmt::Write as _;

use md5::Md5;
use sha2::{Digest as _, Sha256};

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The two algorithms of RFC 8760 that phones know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5.
    Md5,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// Hash of a text, in hex.
    pub fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text.as_bytes())),
            Self::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        }
    }

    /// H(A1) of a login.
    pub fn ha1(self, username: &str, realm: &str, password: &str) -> String {
        self.hash(&format!("{username}:{realm}:{password}"))
    }
}

/// What a `WWW-Authenticate` asked for.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The protection domain.
    pub realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// The old nonce was too old; the password may be right.
    pub stale: bool,
    /// How often we have answered it.
    uses: u32,
}

impl Challenge {
    /// Reads one header value; `None` when it is not a digest with an algorithm and qop we know.
    pub fn read(value: &str) -> Option<Self> {
        let rest = value.trim().strip_prefix("Digest")?;
        let field = |name: &str| field_of(rest, name);
        let algorithm = match field("algorithm").as_deref() {
            None | Some("MD5") => Algorithm::Md5,
            Some("SHA-256") => Algorithm::Sha256,
            Some(_) => return None,
        };
        let qop = field("qop")?;
        qop.split(',').any(|word| word.trim() == "auth").then_some(())?;
        Some(Self {
            realm: field("realm")?,
            nonce: field("nonce")?,
            opaque: field("opaque"),
            algorithm,
            stale: field("stale").is_some_and(|word| word.eq_ignore_ascii_case("true")),
            uses: 0,
        })
    }

    /// Whether it asks for MD5.
    pub fn is_md5(&self) -> bool {
        self.algorithm == Algorithm::Md5
    }

    /// The value of an `Authorization` header for the next use of this challenge.
    pub fn answer(&mut self, login: (&str, &str), method: &str, uri: &str, cnonce: &str) -> String {
        self.uses += 1;
        let (username, password) = login;
        let (hash, nc) = (self.algorithm, format!("{:08x}", self.uses));
        let ha1 = hash.ha1(username, &self.realm, password);
        let ha2 = hash.hash(&format!("{method}:{uri}"));
        let response = hash.hash(&format!("{ha1}:{}:{nc}:{cnonce}:auth:{ha2}", self.nonce));
        let algorithm = if self.is_md5() { "MD5" } else { "SHA-256" };
        let opaque = self.opaque.as_ref().map(|text| format!(", opaque=\"{text}\"")).unwrap_or_default();
        format!(
            "Digest username=\"{username}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", response=\"{response}\", \
             algorithm={algorithm}, cnonce=\"{cnonce}\", qop=auth, nc={nc}{opaque}",
            self.realm, self.nonce
        )
    }
}

/// The value of `name=` in a comma-separated list, without its quotes.
fn field_of(list: &str, name: &str) -> Option<String> {
    let mut rest = list;
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.trim_matches([' ', ',', '\t']);
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value.trim().to_owned());
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_7616_example_with_sha_256() {
        // RFC 7616 §3.9.1, the same numbers.
        let text = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
                    nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                    opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        let mut challenge = Challenge::read(text).unwrap();
        let answer = challenge.answer(
            ("Mufasa", "Circle of Life"),
            "GET",
            "/dir/index.html",
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        );
        assert!(
            answer.contains("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            "{answer}"
        );
    }
}
