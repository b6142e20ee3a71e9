//! A browser's sound without a browser: one socket on which it checks (ICE), shakes hands (DTLS) and speaks (SRTP).
//!
//! Nothing of it is the switch's own work: checks are written by RFC ([`super::stun`]), the handshake is `dimpl`'s and the packets are
//! sealed by `rtc-srtp`, so that both ends cannot be wrong in the same way. It has no microphone: whoever has it says packets and is told
//! those that come. It controls, trusts the first candidate that it is told, is always the one that begins the handshake, and sends no RTCP.

use std::{
    fmt::Write as _,
    io::ErrorKind,
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use dimpl::{Config, Dtls, DtlsCertificate, KeyingMaterial, Output, SrtpProfile};
use rtc_srtp::{context::Context, protection_profile::ProtectionProfile};
use sha2::{Digest as _, Sha256};

use super::stun::{self, Transaction};

/// Between two checks that nobody has answered yet.
const CHECK_EVERY: Duration = Duration::from_millis(100);
/// Between two checks by which it goes on to be spoken to (RFC 7675 §5.1).
const CONSENT_EVERY: Duration = Duration::from_secs(4);
/// Longest datagram.
const DATAGRAM_BYTES_MAX: usize = 2_048;
/// What classes of packets begin with (RFC 7983 §7), and the payload types that are RTCP's (RFC 5761 §4).
const STUN: std::ops::RangeInclusive<u8> = 0..=3;
const DTLS: std::ops::RangeInclusive<u8> = 20..=63;
const RTP: std::ops::RangeInclusive<u8> = 128..=191;
const RTCP: std::ops::RangeInclusive<u8> = 64..=95;

/// Who it speaks with, by a description.
#[derive(Debug)]
struct Far {
    address: SocketAddr,
    username: String,
    password: String,
    fingerprint: String,
}

/// One browser's.
pub struct Sound {
    socket: UdpSocket,
    local: SocketAddr,
    username: String,
    password: String,
    fingerprint: String,
    far: Option<Far>,
    checks: u32,
    /// Of the check that nobody has answered yet.
    asked: Option<Transaction>,
    check_at: Instant,
    is_checked: bool,
    dtls: Dtls,
    dtls_at: Option<Instant>,
    is_proven: bool,
    keys: Option<[Context; 2]>,
    suite: Option<SrtpProfile>,
    room: Vec<u8>,
}

/// SHA-256 as descriptions have it (RFC 8122 §5).
fn fingerprint(certificate: &[u8]) -> String {
    let bytes = Sha256::digest(certificate);
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// The value of an attribute, wherever it stands.
fn attribute<'a>(sdp: &'a str, name: &str) -> Result<&'a str> {
    let found = sdp.lines().find_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'));
    found.with_context(|| format!("no {name} in\n{sdp}"))
}

impl Sound {
    /// At an address of its own. `name` tells it from others.
    pub fn new(ip: IpAddr, name: u32) -> Result<Self> {
        let socket = UdpSocket::bind((ip, 0))?;
        socket.set_nonblocking(true)?;
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let certificate = rcgen::CertificateParams::default().self_signed(&key)?.der().to_vec();
        let (fingerprint, private_key) = (fingerprint(&certificate), key.serialize_der());
        let now = Instant::now();
        let certificate = DtlsCertificate { certificate, private_key };
        let mut dtls = Dtls::new_auto(Arc::new(Config::default()), certificate, now);
        dtls.set_active(true);
        Ok(Self {
            local: socket.local_addr()?,
            socket,
            username: format!("u{name:03}"),
            password: format!("password{name:016}"),
            fingerprint,
            far: None,
            checks: 0,
            asked: None,
            check_at: now,
            is_checked: false,
            dtls,
            dtls_at: None,
            is_proven: false,
            keys: None,
            suite: None,
            room: vec![0; DATAGRAM_BYTES_MAX],
        })
    }

    /// An offer of A-law (RFC 8839, RFC 5763, RFC 8843).
    pub fn offer(&self) -> String {
        self.description("0", "actpass")
    }

    /// The answer to an offer.
    pub fn answer(&mut self, offer: &str) -> Result<String> {
        self.learn(offer, "actpass")?;
        Ok(self.description(attribute(offer, "mid")?, "active"))
    }

    /// Takes the answer to its offer.
    pub fn take_answer(&mut self, answer: &str) -> Result<()> {
        self.learn(answer, "passive")
    }

    fn description(&self, mid: &str, setup: &str) -> String {
        let Self { local, username, password, fingerprint, .. } = self;
        let (ip, port) = (local.ip(), local.port());
        let mut text = format!(
            "v=0\r\no=- {port} 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mid}\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 8\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\na=rtcp-mux\r\n"
        );
        let _ = write!(
            text,
            "a=ice-ufrag:{username}\r\na=ice-pwd:{password}\r\na=candidate:1 1 udp 2130706431 {ip} {port} typ host\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\na=setup:{setup}\r\n"
        );
        text
    }

    fn learn(&mut self, sdp: &str, setup: &str) -> Result<()> {
        ensure!(attribute(sdp, "setup")? == setup, "{setup} expected in\n{sdp}");
        ensure!(sdp.lines().any(|line| line == "a=rtcp-mux"), "no rtcp-mux in\n{sdp}");
        let candidate: Vec<&str> = attribute(sdp, "candidate")?.split(' ').collect();
        let (ip, port) = (candidate.get(4).context("an address")?, candidate.get(5).context("a port")?);
        let (hash, fingerprint) = attribute(sdp, "fingerprint")?.split_once(' ').context("a fingerprint")?;
        ensure!(hash == "sha-256", "{hash}");
        self.far = Some(Far {
            address: SocketAddr::new(ip.parse()?, port.parse()?),
            username: attribute(sdp, "ice-ufrag")?.to_owned(),
            password: attribute(sdp, "ice-pwd")?.to_owned(),
            fingerprint: fingerprint.to_owned(),
        });
        Ok(())
    }

    /// Whether it can say something and be heard.
    pub fn is_ready(&self) -> bool {
        self.keys.is_some()
    }

    /// How packets are sealed, once that is agreed.
    pub fn suite(&self) -> Option<SrtpProfile> {
        self.suite
    }

    /// Says an RTP packet.
    pub fn say(&mut self, packet: &[u8]) -> Result<()> {
        let [seal, _] = self.keys.as_mut().context("no keys yet")?;
        let sealed = seal.encrypt_rtp(packet).map_err(|error| anyhow!("{error}"))?;
        self.send(&sealed)
    }

    fn send(&self, datagram: &[u8]) -> Result<()> {
        let far = self.far.as_ref().context("nobody to speak with")?;
        self.socket.send_to(datagram, far.address)?;
        Ok(())
    }

    /// Takes all that has come, and tells the RTP packets in it, opened.
    pub fn listen(&mut self, now: Instant, mut heard: impl FnMut(&[u8])) -> Result<()> {
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        loop {
            let (len, source) = match self.socket.recv_from(&mut datagram) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let Some(far) = self.far.as_ref() else { continue };
            ensure!(source == far.address, "{source} is not {}", far.address);
            let datagram = &datagram[..len];
            let [first, second, ..] = *datagram else { continue };
            match first {
                first if STUN.contains(&first) => self.take_check(now, datagram),
                first if DTLS.contains(&first) => self.shake(now, datagram)?,
                first if RTP.contains(&first) && !RTCP.contains(&(second & 0x7f)) => {
                    let [_, open] = self.keys.as_mut().context("a packet before the keys")?;
                    heard(&open.decrypt_rtp(datagram).map_err(|error| anyhow!("{error}"))?);
                }
                _ => {}
            }
        }
    }

    /// Does what is due by now.
    pub fn advance(&mut self, now: Instant) -> Result<()> {
        let Some(far) = self.far.as_ref() else { return Ok(()) };
        if self.check_at <= now {
            self.checks += 1;
            let mut transaction = Transaction::default();
            transaction[..4].copy_from_slice(&self.checks.to_be_bytes());
            transaction[4..6].copy_from_slice(&self.local.port().to_be_bytes());
            let username = format!("{}:{}", far.username, self.username);
            let check = stun::check(transaction, &username, &far.password);
            self.asked = Some(transaction);
            self.check_at = now + if self.is_checked { CONSENT_EVERY } else { CHECK_EVERY };
            self.send(&check)?;
        }
        if self.dtls_at.is_some_and(|at| at <= now) {
            self.dtls.handle_timeout(now)?;
            self.go_on()?;
        }
        Ok(())
    }

    /// When [`Sound::advance`] is wanted.
    pub fn deadline(&self) -> Option<Instant> {
        self.far.as_ref()?;
        self.dtls_at.into_iter().chain([self.check_at]).min()
    }

    /// An answer to a check lets the handshake begin.
    fn take_check(&mut self, now: Instant, answer: &[u8]) {
        let (Some(far), Some(transaction)) = (&self.far, self.asked) else { return };
        if stun::seen_as(answer, transaction, &far.password) == Some(self.local) {
            self.asked = None;
            self.is_checked = true;
            self.dtls_at = self.dtls_at.or(Some(now));
        }
    }

    fn shake(&mut self, now: Instant, datagram: &[u8]) -> Result<()> {
        self.dtls.handle_timeout(now)?;
        self.dtls.handle_packet(datagram)?;
        self.go_on()
    }

    /// Carries out what the handshake wants.
    fn go_on(&mut self) -> Result<()> {
        loop {
            match self.dtls.poll_output(&mut self.room) {
                Output::Packet(packet) => {
                    let far = self.far.as_ref().context("nobody to shake hands with")?;
                    self.socket.send_to(packet, far.address)?;
                }
                Output::PeerCert(certificate) => {
                    let told = self.far.as_ref().map(|far| far.fingerprint.as_str());
                    let shown = fingerprint(certificate);
                    ensure!(told == Some(shown.as_str()), "{told:?} was told and {shown} is shown");
                    self.is_proven = true;
                }
                Output::KeyingMaterial(material, suite) => {
                    ensure!(self.is_proven, "keys of nobody");
                    (self.keys, self.suite) = (Some(contexts(&material, suite)?), Some(suite));
                }
                Output::Timeout(at) => {
                    self.dtls_at = Some(at);
                    return Ok(());
                }
                Output::BufferTooSmall { needed } => self.room.resize(needed, 0),
                _ => {}
            }
        }
    }
}

impl AsFd for Sound {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What seals and what opens, for the one that has begun (RFC 5764 §4.2).
fn contexts(material: &KeyingMaterial, suite: SrtpProfile) -> Result<[Context; 2]> {
    let profile = match suite {
        SrtpProfile::AES128_CM_SHA1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        SrtpProfile::AEAD_AES_128_GCM => ProtectionProfile::AeadAes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => ProtectionProfile::AeadAes256Gcm,
        other => anyhow::bail!("{other} is not known here"),
    };
    let (key, salt) = (profile.key_len(), profile.salt_len());
    ensure!(material.len() == 2 * (key + salt), "{} bytes of keys", material.len());
    let (keys, salts) = material.split_at(2 * key);
    let provider = rtc_srtp::crypto::default_provider().map_err(|error| anyhow!("{error}"))?;
    let context = |nth: usize| {
        let (key, salt) = (&keys[nth * key..][..key], &salts[nth * salt..][..salt]);
        Context::new(key, salt, profile, None, None, provider.crypto()).map_err(|error| anyhow!("{error}"))
    };
    Ok([context(0)?, context(1)?])
}
