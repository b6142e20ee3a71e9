//! Fingerprints of certificates as descriptions tell them (RFC 8122 §5).

use std::fmt;

use ring::digest;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

/// A hash that is still hard to forge; a fingerprint under any other is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hash {
    /// `sha-256`, which everybody must have.
    Sha256,
    /// `sha-384`
    Sha384,
    /// `sha-512`
    Sha512,
}

impl Hash {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// The fingerprint of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    hash: Hash,
    digest: Vec<u8>,
}

impl Fingerprint {
    /// Of a certificate in DER.
    pub fn of(hash: Hash, certificate: &[u8]) -> Self {
        Self { hash, digest: digest::digest(hash.algorithm(), certificate).as_ref().to_vec() }
    }

    /// Reads the value of an attribute: `sha-256 4A:AD:…`. `None` for one that is malformed or of a hash that we do not
    /// trust.
    pub fn read(value: &str) -> Option<Self> {
        let (name, digits) = value.trim().split_once(' ')?;
        let hash = Hash::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name))?;
        let octet = |text: &str| match text.len() {
            2 if text.bytes().all(|digit| digit.is_ascii_hexdigit()) => u8::from_str_radix(text, 16).ok(),
            _ => None,
        };
        let octets = digits.trim().split(':').take(hash.algorithm().output_len() + 1);
        let digest: Vec<u8> = octets.map(octet).collect::<Option<_>>()?;
        (digest.len() == hash.algorithm().output_len()).then_some(Self { hash, digest })
    }

    /// Whether a certificate is the one that these mean: one of those with the strongest hash must be its own
    /// (RFC 8122 §5).
    pub fn fit(these: &[Self], certificate: &[u8]) -> bool {
        let Some(strongest) = these.iter().map(|one| one.hash).max() else { return false };
        let own = Self::of(strongest, certificate);
        these.iter().any(|one| one.hash == strongest && bool::from(one.digest.ct_eq(&own.digest)))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hash.as_str())?;
        for (octet, before) in self.digest.iter().zip(std::iter::once(' ').chain(std::iter::repeat(':'))) {
            write!(f, "{before}{octet:02X}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_8122_5_a_fingerprint_is_read_as_it_is_written() {
        for hash in Hash::ALL {
            let fingerprint = Fingerprint::of(hash, b"a certificate");
            let text = fingerprint.to_string();
            assert_eq!(Fingerprint::read(&text), Some(fingerprint.clone()), "{text}");
            assert_eq!(Fingerprint::read(&text.to_lowercase()), Some(fingerprint.clone()));
            assert_eq!(Fingerprint::read(&text.to_uppercase()), Some(fingerprint));
            for bad in [
                &text[..text.len() - 1],
                &text[..text.len() - 3],
                &format!("{text}:00"),
                &text.replace(':', ""),
                &text.replace("sha-", "md"),
                &text.replacen(' ', "", 1),
                &text.replacen(':', ":+", 1),
                &text.replacen(':', "::", 1),
                "",
            ] {
                assert_eq!(Fingerprint::read(bad), None, "{bad}");
            }
        }
        let empty = "sha-256 E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:\
                     27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55";
        assert_eq!(Fingerprint::of(Hash::Sha256, b"").to_string(), empty);
        assert_eq!(Fingerprint::read(&"sha-1 DA:39".replace("39", &["39"; 19].join(":"))), None, "forgeable");
    }

    #[test]
    fn of_several_fingerprints_the_strongest_count() {
        let of = |hash, text: &[u8]| Fingerprint::of(hash, text);
        let (hers, other) = (b"hers".as_slice(), b"another".as_slice());
        assert!(!Fingerprint::fit(&[], hers));
        assert!(Fingerprint::fit(&[of(Hash::Sha256, hers)], hers));
        assert!(!Fingerprint::fit(&[of(Hash::Sha256, other)], hers));
        assert!(Fingerprint::fit(&[of(Hash::Sha256, other), of(Hash::Sha256, hers)], hers), "either of two");
        assert!(Fingerprint::fit(&[of(Hash::Sha256, other), of(Hash::Sha512, hers)], hers));
        assert!(!Fingerprint::fit(&[of(Hash::Sha256, hers), of(Hash::Sha384, other)], hers));
    }
}
