//! Stories of SIP over TLS: who is let in, who is believed, and what a new certificate changes.

use std::{fs, path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

use super::*;

/// An authority and a folder for what it signs.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// Writes `NAME.pem` and `NAME.key` for these names.
    pub(super) fn sign(&self, name: &str, subjects: &[&str]) {
        let key = KeyPair::generate().unwrap();
        let subjects: Vec<String> = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        let certificate = CertificateParams::new(subjects).unwrap().signed_by(&key, &self.issuer).unwrap();
        fs::write(self.path(&format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn start(&self, change: impl FnOnce(&mut config::Sip)) -> Switch {
        self.sign("switch", &["127.0.0.1", "switch.test"]);
        Switch::start(|sip| {
            (sip.tls, sip.tcp) = (sip.tcp.clone(), Vec::new());
            sip.tls_certificate = Some(self.path("switch.pem"));
            sip.tls_key = Some(self.path("switch.key"));
            sip.tls_ca = Some(self.path("ca.pem"));
            change(sip);
        })
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("ca.pem")).unwrap()).unwrap();
        roots
    }

    /// A phone that believes this authority.
    pub(super) fn phone(
        &self,
        to: SocketAddr,
        own: Option<&str>,
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots());
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(name) => builder
                .with_client_auth_cert(
                    chain(&self.path(&format!("{name}.pem"))),
                    key(&self.path(&format!("{name}.key"))),
                )
                .unwrap(),
        };
        let name = ServerName::from(to.ip());
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        StreamOwned::new(connection, TcpStream::connect(to).unwrap())
    }

    /// Somebody the switch may connect to, who shows this certificate.
    fn server(&self, name: &str) -> Arc<ServerConfig> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                chain(&self.path(&format!("{name}.pem"))),
                key(&self.path(&format!("{name}.key"))),
            );
        Arc::new(config.unwrap())
    }
}

fn chain(path: &Path) -> Vec<CertificateDer<'static>> {
    vec![CertificateDer::from_pem_file(path).unwrap()]
}

fn key(path: &Path) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_file(path).unwrap()
}

#[test]
fn rfc_3261_26_2_messages_come_and_go_over_tls_however_they_are_split() {
    let authority = Authority::new();
    let mut switch = authority.start(|_| {});
    let address = switch.address;
    let (received, mut phone) = switch.turn_while(|| {
        let mut phone = authority.phone(address, None);
        for part in format!("{OPTIONS}\r\n\r\n{OPTIONS}").as_bytes().chunks(11) {
            phone.write_all(part).unwrap();
        }
        let mut pong = [0; 2];
        phone.read_exact(&mut pong).unwrap();
        assert_eq!(&pong, b"\r\n");
        phone
    });
    let mut received = received;
    received.extend(switch.receive(2 - received.len()));
    assert!(received.iter().all(|(flow, message)| {
        flow.transport == Transport::Tls && flow.connection != 0 && message.as_deref() == Some(OPTIONS)
    }));
    // Larger than what a session keeps: it must be written on while the phone reads.
    static LARGE: [u8; 60_000] = [b'y'; 60_000];
    switch.wire.trust(received[0].0.connection);
    for _ in 0..3 {
        switch.send(received[0].0, &LARGE);
    }
    let (_, all) = switch.turn_while(move || {
        let mut all = vec![0; 180_000];
        phone.read_exact(&mut all).unwrap();
        (all, phone)
    });
    assert!(all.0.iter().all(|byte| *byte == b'y'));
    drop(all);
    assert_eq!(switch.receive(1), [(received[0].0, None)]);
}

#[test]
fn whoever_speaks_no_tls_is_refused_and_costs_no_session() {
    let authority = Authority::new();
    let mut switch = authority.start(|_| {});
    let mut plain = TcpStream::connect(switch.address).unwrap();
    plain.write_all(OPTIONS.as_bytes()).unwrap();
    switch.receive_until(|_, counters| counters.tls_refused.load(Ordering::Relaxed) == 1);
    assert_eq!(plain.read(&mut [0; 16]).unwrap_or(0), 0);
    let mut half = TcpStream::connect(switch.address).unwrap();
    // A record of a handshake that never comes whole.
    half.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
    switch.receive_until(|_, counters| counters.tls_handshakes.load(Ordering::Relaxed) == 1);
    switch.wire.sweep(Instant::now() + Duration::from_secs(9));
    assert_eq!(switch.wire.counters().tcp_timed_out.load(Ordering::Relaxed), 1);
    // TLS 1.1 (RFC 8996): what is left of a handshake that offers no more.
    let mut old = TcpStream::connect(switch.address).unwrap();
    old.write_all(&client_hello_of_tls_1_1()).unwrap();
    switch.receive_until(|_, counters| counters.tls_refused.load(Ordering::Relaxed) == 2);
}

/// A ClientHello of RFC 4346 §7.4.1.2: version 3.2, one cipher suite, no extensions.
fn client_hello_of_tls_1_1() -> Vec<u8> {
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0, 47, 1, 0]);
    let mut message = vec![1, 0, 0, body.len() as u8];
    message.extend(body);
    let mut record = vec![22, 3, 2, 0, message.len() as u8];
    record.extend(message);
    record
}

#[test]
fn a_new_certificate_is_shown_to_newcomers_and_drops_nobody() {
    let authority = Authority::new();
    let mut switch = authority.start(|_| {});
    let (address, tls) = (switch.address, switch.wire.tls().unwrap());
    let shown = |phone: &StreamOwned<ClientConnection, TcpStream>| {
        phone.conn.peer_certificates().unwrap()[0].as_ref().to_vec()
    };
    let say = |mut phone: StreamOwned<ClientConnection, TcpStream>| {
        phone.write_all(OPTIONS.as_bytes()).unwrap();
        phone
    };
    let (received, before) = switch.turn_while(|| say(authority.phone(address, None)));
    let mut received = received;
    received.extend(switch.receive(1 - received.len()));
    assert!(!tls.reload_if_changed().unwrap());
    authority.sign("switch", &["127.0.0.1", "renewed.test"]);
    // Renewed within the clock's grain and of the same length: being told is what counts.
    tls.reload().unwrap();
    let (_, after) = switch.turn_while(|| say(authority.phone(address, None)));
    assert_ne!(shown(&before), shown(&after));

    // Key and certificate that do not belong together: the old pair stays.
    authority.sign("other", &["127.0.0.1"]);
    fs::copy(authority.path("other.key"), authority.path("switch.key")).unwrap();
    let mistake = tls.reload().unwrap_err().to_string();
    assert!(mistake.contains("is not the certificate of the key in"), "{mistake}");
    fs::write(authority.path("switch.pem"), "not a certificate").unwrap();
    let mistake = tls.reload_if_changed().unwrap_err().to_string();
    assert!(mistake.contains("switch.pem: holds no certificates"), "{mistake}");
    assert!(!tls.reload_if_changed().unwrap(), "the same bad files are complained of once");
    let (_, still) = switch.turn_while(|| say(authority.phone(address, None)));
    assert_eq!(shown(&after), shown(&still));
    // And the first connection has lived through all of it.
    let (more, _before) = switch.turn_while(|| say(before));
    let more = more.into_iter().chain(switch.receive(0)).count();
    let lost = switch.wire.counters().tcp_connections.load(Ordering::Relaxed);
    assert!(more <= 2 && lost == 3, "{more} {lost}");
}

#[test]
fn a_bad_pair_is_a_mistake_with_its_key_before_anything_starts() {
    let authority = Authority::new();
    authority.sign("a", &["a.test"]);
    authority.sign("b", &["b.test"]);
    let mut sip = Config::default().sip;
    (sip.udp, sip.tcp, sip.tls) = (Vec::new(), Vec::new(), vec![free_address("127.0.0.1")]);
    (sip.tls_certificate, sip.tls_key) = (Some(authority.path("a.pem")), Some(authority.path("b.key")));
    sip.tls_ca = Some(authority.path("missing.pem"));
    let poll = Poll::new().unwrap();
    let mistakes = Wire::bind(&sip, poll.registry(), Instant::now()).err().unwrap();
    let keys: Vec<&str> = mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
    assert_eq!(keys, ["sip.tls_certificate", "sip.tls_ca"], "{mistakes:?}");
}

/// What the switch sends to somebody who shows a certificate for `subject` and is known by `names`.
fn connect(subject: &str, names: &[&str], verify: bool) -> Option<String> {
    let authority = Authority::new();
    authority.sign("peer", &[subject]);
    let mut switch = authority.start(|sip| sip.tls_verify = verify);
    let listening = TcpListener::bind("127.0.0.1:0").unwrap();
    let flow = switch.flow_to(Transport::Tls, listening.local_addr().unwrap());
    for name in names {
        switch.wire.found(&target(name), vec![flow.remote]);
    }
    switch.send(flow, b"hello");
    let server = authority.server("peer");
    let (received, heard) = switch.turn_while(move || {
        let (stream, _) = listening.accept().unwrap();
        let mut peer = StreamOwned::new(ServerConnection::new(server).unwrap(), stream);
        let mut hello = [0; 5];
        let heard = peer.read_exact(&mut hello).is_ok().then(|| text(&hello));
        (heard, peer)
    });
    let lost = received.into_iter().chain(switch.receive(0)).any(|(lost, _)| lost.is_hit_by(&flow));
    if heard.0.is_none() {
        assert!(lost || switch.receive(1)[0].0.is_hit_by(&flow), "what was not sent is reported");
    }
    heard.0
}

#[test]
fn rfc_5922_7_a_server_must_prove_the_name_it_was_found_by() {
    assert_eq!(connect("trunk.test", &["trunk.test"], true).as_deref(), Some("hello"));
    assert_eq!(connect("other.test", &["trunk.test"], true), None);
    assert_eq!(connect("127.0.0.1", &[], true).as_deref(), Some("hello"), "known by its address only");
    assert_eq!(connect("trunk.test", &[], true), None);
    assert_eq!(connect("other.test", &["trunk.test"], false).as_deref(), Some("hello"), "not asked to");
}

/// A bug: the name that was located last was the only one, so that two trunks at one server threw each other's connections away.
#[test]
fn a_server_that_was_found_by_two_names_proves_either() {
    for subject in ["a.test", "b.test"] {
        for names in [["a.test", "b.test"], ["b.test", "a.test"]] {
            assert_eq!(connect(subject, &names, true).as_deref(), Some("hello"), "{subject} of {names:?}");
        }
    }
    assert_eq!(connect("other.test", &["a.test", "b.test"], true), None);
    assert_eq!(connect("127.0.0.1", &["a.test", "b.test"], true), None);
}

/// A bug: a connection was kept as that of the first of its names, whichever its peer had proved.
#[test]
fn a_connection_whose_peer_may_have_proved_a_name_that_is_gone_is_not_used_for_the_other() {
    let authority = Authority::new();
    authority.sign("peer", &["b.test"]);
    let mut switch = authority.start(|_| {});
    let listening = TcpListener::bind("127.0.0.1:0").unwrap();
    let flow = switch.flow_to(Transport::Tls, listening.local_addr().unwrap());
    let server = authority.server("peer");
    let answer = move |listening: TcpListener| {
        let (stream, _) = listening.accept().unwrap();
        let mut peer = StreamOwned::new(ServerConnection::new(Arc::clone(&server)).unwrap(), stream);
        let mut hello = [0; 5];
        let heard = peer.read_exact(&mut hello).is_ok().then(|| text(&hello));
        (heard, peer, listening)
    };
    for name in ["a.test", "b.test"] {
        switch.wire.found(&target(name), vec![flow.remote]);
    }
    switch.send(flow, b"hello");
    let first = answer.clone();
    let (_, (heard, _peer, listening)) = switch.turn_while(move || first(listening));
    assert_eq!(heard.as_deref(), Some("hello"));
    switch.wire.found(&target("b.test"), Vec::new());
    switch.send(flow, b"again");
    let (_, (heard, ..)) = switch.turn_while(move || answer(listening));
    assert_eq!(heard, None, "it proves b.test alone");
}

/// A bug: names were never forgotten one by one, and all at once when there were too many.
#[test]
fn a_name_that_is_not_looked_for_any_more_proves_nothing() {
    let at = |text: &str| text.parse::<SocketAddr>().unwrap();
    let mut names = super::super::names::Names::default();
    names.found(&target("a.test"), vec![at("192.0.2.1:5061"), at("192.0.2.2:5061")]);
    names.found(&target("b.test"), vec![at("192.0.2.1:5061")]);
    assert_eq!(names.at(at("192.0.2.1:5061")), ["a.test", "b.test"].into());
    names.found(&target("a.test"), vec![at("192.0.2.3:5061")]);
    assert_eq!(names.at(at("192.0.2.1:5061")), ["b.test"].into());
    assert!(names.at(at("192.0.2.2:5061")).is_empty());
    names.found(&target("b.test"), Vec::new());
    assert!(names.at(at("192.0.2.1:5061")).is_empty());
}

fn target(name: &str) -> Target {
    Target { name: name.to_owned(), port: None, transport: Some(Transport::Tls), is_secure: false }
}

#[test]
fn a_client_may_show_a_certificate_of_ours_and_is_no_stranger_then() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    ours.sign("known", &["gateway.test"]);
    theirs.sign("unknown", &["gateway.test"]);
    let mut switch = ours.start(|sip| sip.tls_client_ca = Some(ours.path("ca.pem")));
    let address = switch.address;
    let say = |mut phone: StreamOwned<ClientConnection, TcpStream>| {
        phone.write_all(OPTIONS.as_bytes()).unwrap();
        phone
    };
    let (_, (known, none)) =
        switch.turn_while(|| (say(ours.phone(address, Some("known"))), say(ours.phone(address, None))));
    switch.receive_until(|_, counters| counters.tcp_received.load(Ordering::Relaxed) == 2);
    switch.wire.sweep(Instant::now() + Duration::from_secs(29));
    assert_eq!(switch.wire.counters().tcp_connections.load(Ordering::Relaxed), 1, "the stranger has gone");
    drop((known, none));
    fs::copy(theirs.path("unknown.pem"), ours.path("unknown.pem")).unwrap();
    fs::copy(theirs.path("unknown.key"), ours.path("unknown.key")).unwrap();
    let (_, _refused) = switch.turn_while(|| {
        let mut phone = ours.phone(address, Some("unknown"));
        let _ = phone.write_all(OPTIONS.as_bytes());
        phone
    });
    switch.receive_until(|_, counters| counters.tls_refused.load(Ordering::Relaxed) == 1);
}

#[test]
fn what_is_meant_for_tls_never_leaves_in_the_clear() {
    let authority = Authority::new();
    let mut switch = authority.start(|sip| sip.tcp = vec![free_address("127.0.0.1")]);
    let listening = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = switch.wire.streams.local(Transport::Tcp).unwrap();
    let clear = Flow { local: tcp, ..switch.flow_to(Transport::Tcp, listening.local_addr().unwrap()) };
    switch.send(clear, b"clear");
    let read = |count: usize| {
        let (mut stream, _) = listening.accept().unwrap();
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).unwrap();
        (bytes, stream)
    };
    let (_, (five, _open)) = switch.turn_while(|| read(5));
    assert_eq!(five, b"clear");
    // The same peer, and this time it has to be TLS: another connection, not the one that is open.
    let secret = switch.flow_to(Transport::Tls, clear.remote);
    switch.send(secret, b"secret");
    let (_, (first, _)) = switch.turn_while(|| read(1));
    assert_eq!(first, [22], "a handshake and nothing else");
}
