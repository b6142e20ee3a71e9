//! The certificate for DTLS-SRTP: made when a row of lives begins, and kept as long as calls are, because phones have
//! been told its fingerprint. It says nothing but its key: who we are is what descriptions say (RFC 8122).

use std::{io, sync::Arc};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use streams::dtls::Identity;

/// A new one.
pub(super) fn make() -> io::Result<(Arc<Identity>, Vec<u8>)> {
    let made = || -> Result<(Vec<u8>, Vec<u8>), rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "sambung");
        Ok((params.self_signed(&key)?.der().to_vec(), key.serialize_der()))
    };
    let (certificate, key) = made().map_err(io::Error::other)?;
    let len = u16::try_from(certificate.len()).map_err(io::Error::other)?;
    let kept = [&len.to_be_bytes(), certificate.as_slice(), &key].concat();
    Ok((Arc::new(Identity::new(certificate, key).map_err(io::Error::other)?), kept))
}

/// The one that was kept, if it is one.
pub(super) fn read(kept: &[u8]) -> Option<Arc<Identity>> {
    let (len, rest) = kept.split_first_chunk()?;
    let (certificate, key) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    Identity::new(certificate.to_vec(), key.to_vec()).ok().map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_life_has_the_certificate_of_the_first_one() {
        let (identity, kept) = make().unwrap();
        assert_eq!(read(&kept).unwrap().fingerprint(), identity.fingerprint());
        let (another, _) = make().unwrap();
        assert_ne!(another.fingerprint(), identity.fingerprint(), "and no other switch has");
        for len in 0..kept.len() {
            assert_eq!(read(&kept[..len]), None, "{len} bytes");
        }
    }
}
