//! One handshake with one source, around the library's machine.
//!
//! Alerts in clear are not given to the library: anybody can write them, and it obeys them. They are remembered as the
//! reason, should the handshake come to nothing. What the library calls an error ends the attempt if it says so to the
//! far end; else it was noise. A panic of it, of which we know none, ends it too: this runs where all calls' media does.

use std::{
    net::{Ipv4Addr, SocketAddr},
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use rtc_dtls::{
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
    state::State,
};
use rtc_shared::TransportProtocol;
use zeroize::Zeroizing;

use super::{
    Failure, Fingerprint, Identity, Role,
    records::{Content, content_of},
};
use crate::srtp::{MasterKey, SrtpKeys, Suite};

/// Longest datagram that is sent, so that it passes every network whole.
pub const DATAGRAM_BYTES_MAX: usize = 1_200;
/// Datagrams of the far end that one handshake may take.
pub const ATTEMPT_DATAGRAMS_MAX: u16 = 200;
/// How long one handshake may take.
pub const HANDSHAKE_SECS_MAX: u64 = 20;

/// RFC 5764 §4.2.
const EXPORTER: &str = "EXTRACTOR-dtls_srtp";

/// A handshake with one source.
pub(super) struct Attempt {
    endpoint: Endpoint,
    pub(super) peer: SocketAddr,
    datagrams: u16,
    alert: Option<u8>,
    until: Instant,
    is_done: bool,
    pub(super) heard_micros: u64,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// What a turn has brought: keys, once they are there.
type Outcome = Result<Option<SrtpKeys>, Failure>;

impl Attempt {
    /// With whom to speak, whoever begins.
    pub(super) fn new(
        identity: &Identity,
        role: Role,
        peer: SocketAddr,
        now: Instant,
        now_micros: u64,
    ) -> Self {
        let server = (role == Role::Passive).then(|| identity.server.clone());
        // Which of our addresses it is does not matter to it.
        let local = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        Self {
            endpoint: Endpoint::new(local, TransportProtocol::UDP, server),
            peer,
            datagrams: 0,
            alert: None,
            until: now.checked_add(Duration::from_secs(HANDSHAKE_SECS_MAX)).unwrap_or(now),
            is_done: false,
            heard_micros: now_micros,
        }
    }

    /// Whether the far end has been heard.
    pub(super) fn is_heard(&self) -> bool {
        self.datagrams > 0
    }

    /// When it wants to be advanced.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let repeat = self.endpoint.poll_timeout(&self.peer);
        (!self.is_done).then(|| repeat.map_or(self.until, |repeat| repeat.min(self.until)))
    }

    /// Begins, as the client. What is to be sent goes to `out`.
    pub(super) fn begin(&mut self, now: Instant, identity: &Identity, out: &mut Vec<Vec<u8>>) -> Outcome {
        let (peer, config) = (self.peer, identity.client.clone());
        self.guarded(|attempt| {
            attempt.endpoint.connect(now, peer, config, None).map_err(|_| Failure::NothingInCommon)?;
            attempt.drain(out);
            Ok(None)
        })
    }

    /// A datagram from the far end: the keys, once they are there.
    pub(super) fn handle(
        &mut self,
        now: Instant,
        fingerprints: &[Fingerprint],
        datagram: &[u8],
        out: &mut Vec<Vec<u8>>,
    ) -> Outcome {
        self.datagrams = self.datagrams.saturating_add(1);
        match content_of(datagram) {
            _ if self.datagrams > ATTEMPT_DATAGRAMS_MAX && self.is_done => return Ok(None),
            _ if self.datagrams > ATTEMPT_DATAGRAMS_MAX => return Err(self.because(Failure::Silence)),
            Content::Nonsense => return Ok(None),
            Content::ClearAlert(description) => {
                self.alert = self.alert.or(Some(description));
                return Ok(None);
            }
            Content::Sound => {}
        }
        self.guarded(|attempt| attempt.read(now, fingerprints, datagram, out))
    }

    fn read(
        &mut self,
        now: Instant,
        fingerprints: &[Fingerprint],
        datagram: &[u8],
        out: &mut Vec<Vec<u8>>,
    ) -> Outcome {
        let events = self.endpoint.read(now, self.peer, None, BytesMut::from(datagram));
        let has_given_up = self.drain(out);
        let Ok(events) = events else {
            let is_over = has_given_up && !self.is_done;
            return if is_over { Err(Failure::NothingInCommon) } else { Ok(None) };
        };
        let is_complete = events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete));
        if self.is_done || !is_complete {
            return Ok(None);
        }
        let state = self.endpoint.get_connection_state(self.peer).ok_or(Failure::Defect)?;
        let certificate = state.peer_certificates.first().ok_or(Failure::Fingerprint)?;
        if !Fingerprint::fit(fingerprints, certificate) {
            return Err(Failure::Fingerprint);
        }
        let keys = keys_of(state).ok_or(Failure::NoProfile)?;
        self.is_done = true;
        Ok(Some(keys))
    }

    /// Time has passed.
    pub(super) fn advance(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) -> Outcome {
        if !self.is_done && now >= self.until {
            return Err(self.because(Failure::Silence));
        }
        let peer = self.peer;
        self.guarded(|attempt| {
            // A server that nobody has spoken to yet has no association.
            let outcome = attempt.endpoint.handle_timeout(peer, now);
            attempt.drain(out);
            outcome.map(|()| None).map_err(|_| Failure::Silence)
        })
    }

    /// What the library wants sent; true if an alert in clear says that it has given up.
    fn drain(&mut self, out: &mut Vec<Vec<u8>>) -> bool {
        let mut has_given_up = false;
        while let Some(sent) = self.endpoint.poll_transmit() {
            has_given_up |= matches!(content_of(&sent.message), Content::ClearAlert(_));
            out.push(sent.message.to_vec());
        }
        has_given_up
    }

    fn guarded(&mut self, turn: impl FnOnce(&mut Self) -> Outcome) -> Outcome {
        match catch_unwind(AssertUnwindSafe(|| turn(self))) {
            Ok(outcome) => outcome.map_err(|failure| self.because(failure)),
            Err(_) => Err(Failure::Defect),
        }
    }

    /// An alert says more than that nothing has come after it.
    fn because(&self, failure: Failure) -> Failure {
        match (failure, self.alert) {
            (Failure::Silence, Some(description)) => Failure::Alert(description),
            _ => failure,
        }
    }
}

fn keys_of(state: &State) -> Option<SrtpKeys> {
    let suite = match state.srtp_protection_profile() {
        SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Suite::AeadAes128Gcm,
        SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm => Suite::AeadAes256Gcm,
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Suite::AesCm128HmacSha1_80,
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_32 => Suite::AesCm128HmacSha1_32,
        _ => return None,
    };
    let material = state.export_keying_material(EXPORTER, &[], 2 * suite.master_bytes()).ok()?;
    let material = Zeroizing::new(material.into_bytes());
    srtp_keys(suite, &material, state.is_client())
}

/// RFC 5764 §4.2: the client's key, the server's key, the client's salt, the server's salt.
pub(super) fn srtp_keys(suite: Suite, material: &[u8], is_client: bool) -> Option<SrtpKeys> {
    let (client_key, rest) = material.split_at_checked(suite.key_bytes())?;
    let (server_key, rest) = rest.split_at_checked(suite.key_bytes())?;
    let (client_salt, server_salt) = rest.split_at_checked(suite.salt_bytes())?;
    let master = |key: &[u8], salt: &[u8]| {
        let bytes = Zeroizing::new([key, salt].concat());
        MasterKey::new(suite, &bytes)
    };
    let (client, server) = (master(client_key, client_salt)?, master(server_key, server_salt)?);
    let (send, receive) = if is_client { (client, server) } else { (server, client) };
    Some(SrtpKeys { suite, send, receive })
}
