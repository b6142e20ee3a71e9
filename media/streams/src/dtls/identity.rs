//! Who we are in a handshake: a certificate, its key, and what all handshakes have in common.

use std::{sync::Arc, time::Duration};

use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use rtc_crypto::SignatureScheme;
use rtc_dtls::{
    config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig},
    crypto::Certificate,
    extension::extension_use_srtp::SrtpProtectionProfile,
};
use zeroize::Zeroizing;

use super::{Fingerprint, Hash, attempt::DATAGRAM_BYTES_MAX};

/// How long an answer is waited for before a flight is sent again, seven times at most. RFC 6347 §4.2.4.1 has a second,
/// which callers hear as a call without sound.
const FLIGHT_WAIT: Duration = Duration::from_millis(500);

/// SRTP under these, the one we like best first.
const PROFILES: [SrtpProtectionProfile; 4] = [
    SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
    SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
    SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
    SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_32,
];

/// Certificate and key do not belong together, or are none of the curve P-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("certificate and key for DTLS do not fit each other")]
pub struct BadIdentity;

/// A certificate that signs itself, and its private key. Shared by all legs.
pub struct Identity {
    pub(super) client: Arc<HandshakeConfig>,
    pub(super) server: Arc<HandshakeConfig>,
    fingerprint: Fingerprint,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// By what others know it by.
impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Identity {}

impl Identity {
    /// Of a certificate in DER and its key, of the curve P-256, in PKCS #8.
    pub fn new(certificate: Vec<u8>, private_key: Vec<u8>) -> Result<Self, BadIdentity> {
        let private_key = Zeroizing::new(private_key);
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &private_key, &random);
        let pair = pair.map_err(|_| BadIdentity)?;
        let public_key = pair.public_key().as_ref();
        if !certificate.windows(public_key.len()).any(|bytes| bytes == public_key) {
            return Err(BadIdentity);
        }
        let fingerprint = Fingerprint::of(Hash::Sha256, &certificate);
        let provider = rtc_crypto::default_provider().map_err(|_| BadIdentity)?;
        let key = provider.crypto().import_signing_key(SignatureScheme::EcdsaP256Sha256, &private_key);
        let key = key.map_err(|_| BadIdentity)?;
        let ours = Certificate::from_signing_key(vec![certificate.into()], key);
        // Who the far end is its fingerprint says, which is checked before keys are taken; there is no authority.
        let config = ConfigBuilder::default()
            .with_crypto_provider(provider)
            .with_certificates(vec![ours])
            .with_srtp_protection_profiles(PROFILES.to_vec())
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            .with_insecure_skip_verify(true)
            .with_extended_master_secret(ExtendedMasterSecretType::Request)
            .with_flight_interval(FLIGHT_WAIT)
            .with_mtu(DATAGRAM_BYTES_MAX)
            // Asked for by the library, and never sent to anybody who checks it.
            .with_server_name("localhost".into());
        let client = config.clone().build(true, None).map_err(|_| BadIdentity)?;
        let server = config.build(false, None).map_err(|_| BadIdentity)?;
        Ok(Self { client: Arc::new(client), server: Arc::new(server), fingerprint })
    }

    /// What descriptions tell of it.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}
