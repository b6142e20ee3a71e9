//! DTLS-SRTP through real sockets, with OpenSSL at the other end: in either role, with certificates of either kind, in every
//! profile that it knows. What it exports is what the leg opens and seals with (RFC 5764 §4.2).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation)]

mod keeper;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use std::{
    io::{BufRead as _, BufReader},
    net::{SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use rcgen::{CertificateParams, KeyPair};
use relay::RelayConfig;
use streams::{
    diagnosis::Diagnosis,
    dtls::{Failure, Fingerprint, Hash, Identity, Role, Stage, Terms},
    media::{LegMedia, MediaCommand, PortLease, Protection},
    srtp::{MasterKey, OVERHEAD_BYTES_MAX, Opener, Sealer, Suite},
};
use world::{DEADLINE, Phone, World, config, v4};

fn identity() -> Arc<Identity> {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    Arc::new(Identity::new(certificate.der().to_vec(), key.serialize_der()).unwrap())
}

fn with_identity(first: u16) -> RelayConfig {
    RelayConfig { identity: Some(identity()), ..config(v4(), first, first + 39) }
}

/// A certificate as phones make them, in a folder.
struct Certificate {
    folder: tempfile::TempDir,
    fingerprint: Fingerprint,
}

impl Certificate {
    /// `kind` as in `openssl req -newkey`.
    fn new(kind: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let openssl = |args: &[&str], files: [(&str, PathBuf); 2]| {
            let mut command = Command::new("openssl");
            command.args(args);
            for (option, file) in files {
                command.arg(option).arg(file);
            }
            let made = command.stderr(Stdio::null()).status().expect("openssl is installed");
            assert!(made.success(), "{args:?}");
        };
        let request =
            [&["req", "-x509", "-nodes", "-subj", "/CN=phone", "-days", "2", "-newkey"], kind].concat();
        openssl(&request, [("-keyout", path("key.pem")), ("-out", path("cert.pem"))]);
        openssl(&["x509", "-outform", "DER"], [("-in", path("cert.pem")), ("-out", path("cert.der"))]);
        let fingerprint = Fingerprint::of(Hash::Sha256, &std::fs::read(path("cert.der")).unwrap());
        Self { folder, fingerprint }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

const RSA: &[&str] = &["rsa:2048"];
const ECDSA: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

/// A running `openssl s_client` or `s_server`; ended with the test.
struct Openssl(Child);

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Openssl {
    fn start(tool: &str, certificate: &Certificate, profile: &str, len: usize, args: &[&str]) -> Self {
        let mut command = Command::new("openssl");
        command.args([tool, "-dtls1_2", "-use_srtp", profile, "-keymatexport", "EXTRACTOR-dtls_srtp"]);
        command.arg("-keymatexportlen").arg(len.to_string());
        command.arg("-cert").arg(certificate.path().join("cert.pem"));
        command.arg("-key").arg(certificate.path().join("key.pem")).args(args);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Self(pipes.spawn().expect("openssl is installed"))
    }

    /// A phone at `v4()` that begins the handshake with `to`.
    fn client(certificate: &Certificate, profile: &str, len: usize, to: SocketAddr) -> Self {
        let (to, from) = (to.to_string(), format!("{}:0", v4()));
        Self::start("s_client", certificate, profile, len, &["-connect", &to, "-bind", &from])
    }

    /// What it exports, once it has shaken hands.
    fn material(&mut self) -> Vec<u8> {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut printed = Vec::new();
        for line in lines {
            if let Some(hex) = line.trim().strip_prefix("Keying material: ") {
                let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
                return (0..hex.len()).step_by(2).map(digit).collect();
            }
            printed.push(line);
        }
        panic!("no keys: {printed:#?}");
    }
}

/// The material's keys: what the client seals with, what the server does.
fn keys(suite: Suite, material: &[u8]) -> [MasterKey; 2] {
    let (key, salt) = (suite.key_bytes(), suite.salt_bytes());
    [0, 1].map(|who| {
        let master = [&material[who * key..][..key], &material[2 * key + who * salt..][..salt]].concat();
        MasterKey::new(suite, &master).unwrap()
    })
}

fn shaken(role: Role, fingerprint: &Fingerprint, remote: Option<SocketAddr>) -> LegMedia {
    let terms = Terms { association: 1, role, fingerprints: vec![fingerprint.clone()] };
    LegMedia { protection: Protection::Dtls(terms), remote, ..LegMedia::unknown(v4()) }
}

/// The leg of a phone with keys and that of a plain one, joined.
fn call(world: &mut World, media: LegMedia) -> (PortLease, Phone, PortLease) {
    let phone = Phone::new(v4());
    let (secured, plain) = (world.open(media), world.open(phone.media()));
    world.order(MediaCommand::Join { a: secured.id, b: plain.id });
    world.settle();
    (secured, phone, plain)
}

/// What the phone says under its key reaches the plain one, and the other way round.
fn talk(
    suite: Suite,
    [send, receive]: [&MasterKey; 2],
    secured: &PortLease,
    (phone, plain): (&Phone, &PortLease),
) {
    let mouth = UdpSocket::bind((v4(), 0)).unwrap();
    mouth.set_read_timeout(Some(DEADLINE)).unwrap();
    let (mut sealer, mut opener) = (Sealer::new(suite, send).unwrap(), Opener::new(suite, receive).unwrap());
    for sequence in 1..20 {
        let mut room = phone.packet(sequence).to_vec();
        let len = room.len();
        room.resize(len + OVERHEAD_BYTES_MAX, 0);
        let len = sealer.seal_rtp(&mut room, len).unwrap();
        mouth.send_to(&room[..len], secured.address).unwrap();
        assert_eq!(phone.hears().1, phone.packet(sequence));
        phone.says(sequence, plain);
        let mut room = [0; 1_500];
        let (len, _) = mouth.recv_from(&mut room).unwrap();
        let len = opener.open_rtp(&mut room[..len]).unwrap();
        assert_eq!(room[..len], phone.packet(sequence)[..]);
    }
}

fn suites() -> [(Suite, &'static str); 4] {
    [
        (Suite::AesCm128HmacSha1_80, "SRTP_AES128_CM_SHA1_80"),
        (Suite::AesCm128HmacSha1_32, "SRTP_AES128_CM_SHA1_32"),
        (Suite::AeadAes128Gcm, "SRTP_AEAD_AES_128_GCM"),
        (Suite::AeadAes256Gcm, "SRTP_AEAD_AES_256_GCM"),
    ]
}

#[test]
fn a_phone_that_begins_the_handshake_is_heard_under_its_keys() {
    let mut world = World::start(with_identity(43_400));
    for (suite, profile) in suites() {
        for kind in [RSA, ECDSA] {
            let certificate = Certificate::new(kind);
            let (secured, phone, plain) =
                call(&mut world, shaken(Role::Passive, &certificate.fingerprint, None));
            let mut openssl =
                Openssl::client(&certificate, profile, 2 * suite.master_bytes(), secured.address);
            let [client, server] = keys(suite, &openssl.material());
            talk(suite, [&client, &server], &secured, (&phone, &plain));
            let report = world.close(secured.id);
            assert_eq!((report.handshake, report.packets_received), (Some(Stage::Done), 19), "{profile}");
            world.close(plain.id);
        }
    }
}

#[test]
fn a_phone_that_waits_for_the_handshake_gets_it() {
    let mut world = World::start(with_identity(43_440));
    for (suite, profile) in suites() {
        for kind in [RSA, ECDSA] {
            let certificate = Certificate::new(kind);
            let at = UdpSocket::bind((v4(), 0)).unwrap().local_addr().unwrap();
            let args = ["-accept", &at.to_string(), "-Verify", "1", "-verify_quiet"];
            let mut openssl =
                Openssl::start("s_server", &certificate, profile, 2 * suite.master_bytes(), &args);
            let (secured, phone, plain) =
                call(&mut world, shaken(Role::Active, &certificate.fingerprint, Some(at)));
            let [client, server] = keys(suite, &openssl.material());
            // The address of the description is OpenSSL's own: from here on the phone speaks from another one.
            let elsewhere =
                LegMedia { remote: None, ..shaken(Role::Active, &certificate.fingerprint, Some(at)) };
            world.order(MediaCommand::Configure { lease: secured.id, media: elsewhere });
            world.settle();
            talk(suite, [&server, &client], &secured, (&phone, &plain));
            assert_eq!(world.close(secured.id).handshake, Some(Stage::Done), "{profile}");
            world.close(plain.id);
        }
    }
}

/// RFC 5763 §5: whoever has another certificate than the description tells is not heard, whatever it says.
#[test]
fn a_phone_with_another_certificate_gets_no_keys() {
    let mut world = World::start(with_identity(43_480));
    let (certificate, told) = (Certificate::new(RSA), Certificate::new(ECDSA));
    let (secured, phone, _) = call(&mut world, shaken(Role::Passive, &told.fingerprint, None));
    let _openssl = Openssl::client(&certificate, "SRTP_AES128_CM_SHA1_80", 60, secured.address);
    world.counted("handshakes_failed", 1);
    let mut stranger = Phone::new(v4());
    stranger.ssrc = 7;
    (1..10).for_each(|sequence| stranger.says(sequence, &secured));
    world.counted("dropped_unkeyed", 9);
    assert!(phone.has_heard_nothing());
    let report = world.close(secured.id);
    assert_eq!(report.handshake, Some(Stage::Failed(Failure::Fingerprint)));
    assert_eq!(report.judgement.diagnosis, Some(Diagnosis::OtherFingerprint));
}

/// A device may begin before its answer has come by way of SIP. Its first word is not lost.
#[test]
fn a_handshake_that_is_quicker_than_the_answer_waits_for_it() {
    let mut world = World::start(with_identity(43_520));
    let certificate = Certificate::new(ECDSA);
    let unkeyed = LegMedia { protection: Protection::Unkeyed, ..LegMedia::unknown(v4()) };
    let (secured, phone, plain) = call(&mut world, unkeyed);
    let mut openssl = Openssl::client(&certificate, "SRTP_AEAD_AES_128_GCM", 56, secured.address);
    world.counted("handshake_datagrams", 1);
    let media = shaken(Role::Passive, &certificate.fingerprint, None);
    world.order(MediaCommand::Configure { lease: secured.id, media });
    let [client, server] = keys(Suite::AeadAes128Gcm, &openssl.material());
    talk(Suite::AeadAes128Gcm, [&client, &server], &secured, (&phone, &plain));
}

/// Found with baresip on a busy machine: it began while the order to open its leg was still on its way, was not heard, and
/// the call was silent for a second. What else has come by then is thrown away as before.
#[test]
fn a_handshake_that_is_quicker_than_the_leg_waits_for_it() {
    let mut world = World::start(with_identity(43_640));
    let certificate = Certificate::new(ECDSA);
    let trap = UdpSocket::bind((v4(), 0)).unwrap();
    let to = trap.local_addr().unwrap();
    let _openssl = Openssl::client(&certificate, "SRTP_AEAD_AES_128_GCM", 56, to);
    let mut hello = [0; 1_500];
    let len = trap.recv(&mut hello).unwrap();
    for (protection, is_quick) in [
        (shaken(Role::Passive, &certificate.fingerprint, None).protection, true),
        (Protection::Unkeyed, true),
        (Protection::Plain, false),
    ] {
        let (phone, lease) = (Phone::new(v4()), world.draw());
        (1..10).for_each(|sequence| phone.says(sequence, &lease));
        phone.rtp.send_to(&hello[..len], lease.address).unwrap();
        world.order(MediaCommand::Open { lease: lease.id, media: LegMedia { protection, ..phone.media() } });
        world.settle();
        let media = shaken(Role::Passive, &certificate.fingerprint, Some(phone.address()));
        world.order(MediaCommand::Configure { lease: lease.id, media });
        world.settle();
        if is_quick {
            assert_eq!(phone.hears().1[13], 3, "RFC 6347 §4.2.1: HelloVerifyRequest");
        } else {
            assert!(phone.has_heard_nothing(), "a leg without keys takes no handshake");
        }
        assert_eq!(world.close(lease.id).packets_foreign, 0);
    }
}

#[test]
fn a_call_with_keys_of_a_handshake_goes_on_over_the_end_of_its_relay() {
    let config = with_identity(43_560);
    let (mut world, keeper) = World::kept(&config);
    let certificate = Certificate::new(RSA);
    let (secured, phone, plain) = call(&mut world, shaken(Role::Passive, &certificate.fingerprint, None));
    let mut openssl = Openssl::client(&certificate, "SRTP_AES128_CM_SHA1_80", 60, secured.address);
    let [client, server] = keys(Suite::AesCm128HmacSha1_80, &openssl.material());
    world.counted("handshakes_done", 1);
    world.settle();
    let left = world.ends(&keeper, true);
    let mut world = World::resume(config, left, Some(Box::new(keeper)));
    talk(Suite::AesCm128HmacSha1_80, [&client, &server], &secured, (&phone, &plain));
    let report = world.close(secured.id);
    assert_eq!((report.packets_unauthentic, report.packets_received), (0, 19));
}

/// 200,000 datagrams of DTLS and SRTP that are none, from where the leg may be spoken to and from elsewhere: nothing of it
/// is answered but a bounded number of first words, and the call goes on.
#[test]
fn bad_handshakes_and_bad_packets_end_no_call_and_get_no_answer() {
    let mut world = World::start(with_identity(43_600));
    let certificate = Certificate::new(ECDSA);
    let (secured, phone, plain) = call(&mut world, shaken(Role::Passive, &certificate.fingerprint, None));
    let mut openssl = Openssl::client(&certificate, "SRTP_AEAD_AES_128_GCM", 56, secured.address);
    let [client, server] = keys(Suite::AeadAes128Gcm, &openssl.material());
    let near = UdpSocket::bind((v4(), 0)).unwrap();
    let far = UdpSocket::bind("127.0.0.2:0").unwrap();
    let mut seed = 1_u32;
    for n in 0..200_000_u32 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut packet = [(seed >> 24) as u8; 60];
        packet[..4].copy_from_slice(&seed.to_be_bytes());
        match n % 4 {
            0 => packet[0] = 22,
            1 => packet[..13].copy_from_slice(&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 47]),
            2 => packet[..2].copy_from_slice(&[0x80, 0]),
            _ => packet[..2].copy_from_slice(&[0x80, 200]),
        }
        let from = if n % 3 == 0 { &far } else { &near };
        // A full buffer is no failure: then the kernel drops for us.
        let _ = from.send_to(&packet, secured.address);
        if n % 5_000 == 0 {
            world.settle();
        }
    }
    for socket in [&near, &far] {
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        assert!(socket.recv_from(&mut [0; 100]).is_err(), "answered");
    }
    talk(Suite::AeadAes128Gcm, [&client, &server], &secured, (&phone, &plain));
    let report = world.close(secured.id);
    assert_eq!((report.handshake, report.packets_received), (Some(Stage::Done), 19));
}
