//! Every message of RFC 4475 and RFC 5118 against the switch as built, over UDP, TCP and TLS, by the table in
//! `switch/sip/tests/torture/verdicts.txt`. After each one an OPTIONS still has to be answered; where the stream has
//! lost its framing, on a new connection.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by stopping"
)]

use std::{
    collections::BTreeSet,
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use sip::{Frame, Index, StreamFramer};
use socket2::{Domain, Socket, Type};
use tests::{demo::Demo, phones::Transport};

/// Longest wait for an answer that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A row of the table, for one kind of transport.
struct Row {
    name: String,
    /// Statuses that are right, "-" for no answer.
    statuses: Vec<String>,
    /// The stream is closed after it.
    closes: bool,
    /// The stream waits for more of it.
    waits: bool,
    bytes: Vec<u8>,
}

fn rows(column: usize) -> Vec<Row> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../switch/sip/tests/torture");
    let table = std::fs::read_to_string(folder.join("verdicts.txt")).unwrap();
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            let words: Vec<&str> = columns[column].split(' ').collect();
            Row {
                name: columns[0].to_owned(),
                statuses: words[0].split('/').map(str::to_owned).collect(),
                closes: words.contains(&"close"),
                waits: words.contains(&"wait"),
                bytes: std::fs::read(folder.join(format!("{}.sip", columns[0]))).unwrap(),
            }
        })
        .collect()
}

/// A request that any SIP element answers.
fn options(name: &str, transport: &str, address: SocketAddr) -> String {
    format!(
        "OPTIONS sip:demo.sambung.test SIP/2.0\r\nVia: SIP/2.0/{transport} {address};branch=z9hG4bKwell{name};rport\r\n\
         From: <sip:a@demo.sambung.test>;tag=1\r\nTo: <sip:demo.sambung.test>\r\nCall-ID: well-{name}\r\nCSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Status and Call-ID of an answer.
fn read(bytes: &[u8]) -> (u16, String) {
    let mut index = Index::new();
    let message = sip::parse(bytes, &mut index).expect("what the switch sends can be read");
    (message.status().unwrap_or(0), message.named("Call-ID").unwrap_or("").to_owned())
}

fn judge(row: &Row, statuses: &[u16], wrong: &mut Vec<String>) {
    let mut finals: Vec<String> = statuses.iter().map(u16::to_string).collect();
    finals.dedup();
    let found = if finals.is_empty() { "-".to_owned() } else { finals.join(",") };
    if !row.statuses.contains(&found) {
        wrong.push(format!("{}: {found}, not {}", row.name, row.statuses.join("/")));
    }
}

/// A loopback address of its own for every message: whoever sends nothing but malformed ones is locked out.
fn own_address(row: usize) -> IpAddr {
    let block = u8::try_from(std::process::id() % 60).unwrap();
    IpAddr::from(Ipv4Addr::new(127, 30 + block, u8::try_from(row).unwrap(), 1))
}

/// Over UDP answers go to the port of the message's Via (RFC 3261 18.2.2), so all these ports listen.
fn over_udp(demo: &Demo) -> Vec<String> {
    let switch = demo.sip(Transport::Udp).unwrap();
    let mut wrong = Vec::new();
    for (at, row) in rows(3).into_iter().enumerate() {
        let sockets: Vec<UdpSocket> = [5_060, 5_050, 5_070, 6_050, 19_823, 0]
            .map(|port| UdpSocket::bind((own_address(at), port)).unwrap())
            .into();
        let [listening @ .., well] = &sockets[..] else { panic!("six sockets") };
        listening.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
        well.set_read_timeout(Some(PATIENCE)).unwrap();
        listening[0].send_to(&row.bytes, switch).unwrap();
        well.send_to(options(&row.name, "UDP", well.local_addr().unwrap()).as_bytes(), switch).unwrap();
        let mut room = [0; 65_535];
        let count = well.recv(&mut room).unwrap_or_else(|error| panic!("after {}: {error}", row.name));
        assert_eq!(read(&room[..count]).1, format!("well-{}", row.name));
        // The switch takes what it gets in order, so an answer has been sent before that of the OPTIONS.
        let mut statuses = Vec::new();
        for socket in listening {
            while let Ok(count) = socket.recv(&mut room) {
                statuses.push(read(&room[..count]).0);
            }
        }
        judge(&row, &statuses, &mut wrong);
    }
    wrong
}

/// A connection of any kind.
trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// A connection, what came on it, and whether the switch has closed it.
struct Line {
    stream: Box<dyn Stream>,
    framer: StreamFramer,
}

impl Line {
    /// The next answer; none when the switch has closed.
    fn answer(&mut self) -> Option<(u16, String)> {
        loop {
            match self.framer.next().expect("the switch keeps the framing") {
                Some(Frame::Message(bytes)) => return Some(read(&bytes)),
                Some(Frame::Ping) => continue,
                None => {}
            }
            let mut room = [0; 4_096];
            match self.stream.read(&mut room) {
                Ok(0) => return None,
                Ok(count) => self.framer.push(&room[..count]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof) =>
                {
                    return None;
                }
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }
}

fn over_streams(transport: &str, local: SocketAddr, open: impl Fn(IpAddr) -> Box<dyn Stream>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, row) in rows(4).into_iter().enumerate() {
        let line = || Line { stream: open(own_address(at)), framer: StreamFramer::new() };
        let mut first = line();
        first.stream.write_all(&row.bytes).unwrap();
        let well = options(&row.name, transport, local);
        let mut statuses = BTreeSet::new();
        let is_well = |line: &mut Line, statuses: &mut BTreeSet<u16>| {
            // A closed connection refuses the bytes or loses them; both show as its end.
            let _ = line.stream.write_all(well.as_bytes());
            while let Some((status, call_id)) = line.answer() {
                if call_id.starts_with("well-") {
                    return true;
                }
                statuses.insert(status);
            }
            false
        };
        if row.waits {
            // The rest of the message has not come; nobody is kept waiting by that.
        } else if is_well(&mut first, &mut statuses) == row.closes {
            wrong.push(format!("{}: closes the connection: {}", row.name, !row.closes));
        }
        if row.closes || row.waits {
            assert!(is_well(&mut line(), &mut BTreeSet::new()), "after {}", row.name);
        }
        judge(&row, &statuses.into_iter().collect::<Vec<_>>(), &mut wrong);
    }
    wrong
}

/// TLS clients that believe the demo's authority and nobody else.
fn trusting(authority: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

#[test]
fn every_message_has_its_verdict_on_every_transport() {
    let demo = Demo::start().unwrap();
    let mut wrong = BTreeSet::new();
    let mut add = |transport: &str, found: Vec<String>| {
        wrong.extend(found.into_iter().map(|line| format!("{transport}: {line}")));
    };
    add("UDP", over_udp(&demo));
    let tcp = demo.sip(Transport::Tcp).unwrap();
    let connect = |from: IpAddr, to: SocketAddr| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
        socket.connect(&to.into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    };
    let local = SocketAddr::from(([127, 0, 0, 1], 5_060));
    add("TCP", over_streams("TCP", local, |from| Box::new(connect(from, tcp))));
    let tls = demo.sip(Transport::Tls).unwrap();
    let config = trusting(&demo.account(0, Transport::Tls).unwrap().authority.unwrap());
    let local = SocketAddr::from(([127, 0, 0, 1], 5_061));
    add(
        "TLS",
        over_streams("TLS", local, |from| {
            let client =
                ClientConnection::new(Arc::clone(&config), ServerName::from(tls.ip())).expect("a TLS client");
            Box::new(StreamOwned::new(client, connect(from, tls)))
        }),
    );
    assert!(wrong.is_empty(), "{}\n{}", wrong.into_iter().collect::<Vec<_>>().join("\n"), demo.logs());
    demo.stop().unwrap();
}
