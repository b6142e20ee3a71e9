//! Stories of messages over real sockets: framing, limits, lost flows.

use std::{
    io::{Read, Write},
    net::{IpAddr, TcpListener, TcpStream, UdpSocket},
    sync::atomic::AtomicU16,
};

use mio::{Events, Poll};

mod browsers;
mod hostile;
mod secure;
mod strangers;

use super::*;
use crate::config::Config;

const OPTIONS: &str = "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 4\r\n\r\nbody";

struct Switch {
    poll: Poll,
    wire: Wire,
    address: SocketAddr,
}

/// A port that is free for UDP and TCP, below those that the system gives to clients by itself.
fn free_address(ip: &str) -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    loop {
        let port = 11_000 + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        let address = SocketAddr::new(ip.parse().unwrap(), port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

impl Switch {
    fn start(change: impl FnOnce(&mut config::Sip)) -> Self {
        Self::start_on("127.0.0.1", change)
    }

    fn start_on(ip: &str, change: impl FnOnce(&mut config::Sip)) -> Self {
        let address = free_address(ip);
        let mut sip = Config::default().sip;
        (sip.udp, sip.tcp) = (vec![address], vec![address]);
        change(&mut sip);
        let poll = Poll::new().unwrap();
        let wire = Wire::bind(&sip, poll.registry(), Instant::now()).unwrap();
        Self { poll, wire, address }
    }

    /// What comes in until `enough` says so, at most for some seconds.
    fn receive_until(
        &mut self,
        enough: impl Fn(&[(Flow, Option<String>)], &Counters) -> bool,
    ) -> Vec<(Flow, Option<String>)> {
        let mut events = Events::with_capacity(64);
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        let mut received = Vec::new();
        let started = Instant::now();
        while !enough(&received, &self.wire.counters()) {
            assert!(started.elapsed() < Duration::from_secs(10), "only {received:?}");
            self.poll.poll(&mut events, Some(Duration::from_millis(10))).unwrap();
            let now = Instant::now();
            for event in &events {
                self.wire.ready(event, now);
            }
            while let Some(item) = self.wire.next(now, &mut buffer) {
                received.push(match item {
                    Received::Datagram { flow, bytes, queued: _ } => (flow, Some(text(&buffer[..bytes]))),
                    Received::Message { flow, bytes, queued: _ } => (flow, Some(text(&bytes))),
                    Received::Lost { flow } => (flow, None),
                });
            }
        }
        received
    }

    /// Turns while somebody else talks to it, and returns what came meanwhile and what that one has to say.
    fn turn_while<T: Send>(&mut self, talk: impl FnOnce() -> T + Send) -> (Vec<(Flow, Option<String>)>, T) {
        std::thread::scope(|scope| {
            let talk = scope.spawn(talk);
            let received = self.receive_until(|_, _| talk.is_finished());
            (received, talk.join().unwrap())
        })
    }

    fn receive(&mut self, count: usize) -> Vec<(Flow, Option<String>)> {
        self.receive_until(|received, _| received.len() >= count)
    }

    fn send(&mut self, flow: Flow, bytes: &'static [u8]) {
        self.wire.send(Instant::now(), flow, Bytes::from_static(bytes));
    }

    fn flow_to(&self, transport: Transport, remote: SocketAddr) -> Flow {
        Flow { transport, local: self.address, remote, connection: 0 }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn datagrams_come_and_go_and_keep_alives_are_only_counted() {
    for ip in ["127.0.0.1", "::1"] {
        let mut switch = Switch::start_on(ip, |_| {});
        let phone = UdpSocket::bind((ip, 0)).unwrap();
        for bytes in [b"\r\n\r\n".as_slice(), b"", &[0; 4], OPTIONS.as_bytes()] {
            phone.send_to(bytes, switch.address).unwrap();
        }
        let received = switch.receive(1);
        let flow = switch.flow_to(Transport::Udp, phone.local_addr().unwrap());
        assert_eq!(received, [(flow, Some(OPTIONS.into()))]);
        assert_eq!(switch.wire.counters().keep_alives.load(Ordering::Relaxed), 3);
        switch.send(flow, b"answer");
        let mut buffer = [0; 64];
        let (count, from) = phone.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..count], from), (b"answer".as_slice(), switch.address));
    }
}

#[test]
fn rfc_5626_3_5_2_a_stun_keep_alive_is_answered_with_the_address_it_came_from() {
    let mut switch = Switch::start(|_| {});
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    phone.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[9; 12]].concat();
    phone.send_to(&request, switch.address).unwrap();
    switch.receive_until(|_, counters| counters.keep_alives.load(Ordering::Relaxed) == 1);
    let mut answer = [0; 64];
    let count = phone.recv(&mut answer).unwrap();
    let port = u16::from_be_bytes([answer[26] ^ 0x21, answer[27] ^ 0x12]);
    assert_eq!((count, port), (32, phone.local_addr().unwrap().port()));
}

#[test]
fn the_largest_datagram_arrives_whole() {
    let mut switch = Switch::start(|_| {});
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    let largest = "x".repeat(65_507);
    phone.send_to(largest.as_bytes(), switch.address).unwrap();
    assert_eq!(switch.receive(1)[0].1.as_deref(), Some(largest.as_str()));
}

#[test]
fn messages_are_cut_out_of_a_stream_however_it_is_split() {
    let mut switch = Switch::start(|_| {});
    let mut phone = TcpStream::connect(switch.address).unwrap();
    phone.set_nodelay(true).unwrap();
    let stream = format!("{OPTIONS}\r\n\r\n{OPTIONS}{OPTIONS}");
    for part in stream.as_bytes().chunks(7) {
        phone.write_all(part).unwrap();
        switch.receive(0);
    }
    let received = switch.receive(3);
    assert!(received.iter().all(|(flow, message)| {
        flow.remote == phone.local_addr().unwrap()
            && flow.connection != 0
            && message.as_deref() == Some(OPTIONS)
    }));
    let mut pong = [0; 2];
    phone.read_exact(&mut pong).unwrap();
    assert_eq!(&pong, b"\r\n");
    switch.send(received[0].0, b"answer");
    let mut answer = [0; 6];
    phone.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"answer");
}

#[test]
fn a_request_to_an_address_takes_the_connection_that_is_there_or_opens_one() {
    let mut switch = Switch::start(|_| {});
    let mut dialling = TcpStream::connect(switch.address).unwrap();
    dialling.write_all(OPTIONS.as_bytes()).unwrap();
    switch.receive(1);
    switch.send(switch.flow_to(Transport::Tcp, dialling.local_addr().unwrap()), b"here");
    let mut here = [0; 4];
    dialling.read_exact(&mut here).unwrap();

    let listening = TcpListener::bind("127.0.0.1:0").unwrap();
    let flow = switch.flow_to(Transport::Tcp, listening.local_addr().unwrap());
    switch.send(flow, b"first ");
    switch.send(flow, b"second");
    let (mut stream, _) = listening.accept().unwrap();
    stream.write_all(OPTIONS.as_bytes()).unwrap();
    let received = switch.receive(1);
    assert_eq!((received[0].0.local, received[0].0.remote), (flow.local, flow.remote));
    let mut both = [0; 12];
    stream.read_exact(&mut both).unwrap();
    assert_eq!(&both, b"first second");
    assert_eq!(switch.wire.counters().tcp_connections.load(Ordering::Relaxed), 2);
}

#[test]
fn what_cannot_be_sent_is_reported_as_lost() {
    let mut switch = Switch::start(|_| {});
    let nobody = free_address("127.0.0.1");
    let refused = switch.flow_to(Transport::Tcp, nobody);
    switch.send(refused, b"to nobody");
    let lost = switch.receive(1);
    assert!(lost[0].0.is_hit_by(&refused) && lost[0].1.is_none(), "{lost:?}");
    let gone = Flow { connection: 77, ..refused };
    switch.send(gone, b"to a connection of a former life");
    assert_eq!(switch.receive(1), [(gone, None)]);
    let not_ours = Flow::udp(nobody, nobody);
    switch.send(not_ours, b"from a socket we do not have");
    assert_eq!(switch.receive(1), [(not_ours, None)]);
    let unroutable = switch.flow_to(Transport::Udp, "192.0.2.1:5060".parse().unwrap());
    switch.send(unroutable, b"from loopback to the world");
    assert_eq!(switch.receive(1), [(unroutable, None)]);
}

#[test]
fn what_is_no_sip_ends_its_connection_and_no_other() {
    let mut switch = Switch::start(|_| {});
    let mut stranger = TcpStream::connect(switch.address).unwrap();
    let mut phone = TcpStream::connect(switch.address).unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    switch.receive_until(|_, counters| counters.tcp_broken.load(Ordering::Relaxed) == 1);
    assert_eq!(stranger.read(&mut [0; 16]).unwrap(), 0);
    phone.write_all(OPTIONS.as_bytes()).unwrap();
    assert_eq!(switch.receive(1).len(), 1);
}

#[test]
fn connections_are_limited_per_source() {
    let mut switch = Switch::start(|sip| sip.tcp_connections_per_source_max = 3);
    let mut phones: Vec<TcpStream> = (0..5).map(|_| TcpStream::connect(switch.address).unwrap()).collect();
    switch.receive_until(|_, counters| counters.tcp_refused.load(Ordering::Relaxed) == 2);
    assert_eq!(phones[4].read(&mut [0; 16]).unwrap(), 0);
    drop(phones.remove(0));
    switch.receive_until(|_, counters| counters.tcp_connections.load(Ordering::Relaxed) == 2);
    let mut late = TcpStream::connect(switch.address).unwrap();
    late.write_all(OPTIONS.as_bytes()).unwrap();
    switch.receive(1);
}

#[test]
fn a_host_with_many_ipv6_addresses_is_one_source() {
    let source = |text: &str| streams::source_of(text.parse().unwrap());
    assert_eq!(source("[2001:db8:1:2::1]:5060"), source("[2001:db8:1:2:aaaa:bbbb:cccc:dddd]:40000"));
    assert_ne!(source("[2001:db8:1:2::1]:5060"), source("[2001:db8:1:3::1]:5060"));
    assert_ne!(source("192.0.2.1:5060"), source("192.0.2.2:5060"));
}

#[test]
fn silent_half_said_and_unread_connections_are_closed_in_time() {
    let mut switch = Switch::start(|_| {});
    let silent = TcpStream::connect(switch.address).unwrap();
    let mut half_said = TcpStream::connect(switch.address).unwrap();
    let mut talking = TcpStream::connect(switch.address).unwrap();
    half_said.write_all(OPTIONS.as_bytes()).unwrap();
    half_said.write_all(b"OPTIONS sip:").unwrap();
    talking.write_all(OPTIONS.as_bytes()).unwrap();
    let received = switch.receive(2);
    switch.receive_until(|_, counters| counters.tcp_connections.load(Ordering::Relaxed) == 3);
    received.iter().for_each(|(flow, _)| switch.wire.trust(flow.connection));
    switch.wire.sweep(Instant::now() + Duration::from_secs(25));
    assert_eq!(switch.wire.counters().tcp_timed_out.load(Ordering::Relaxed), 2);
    let talking_flow = received.iter().find(|(f, _)| f.remote == talking.local_addr().unwrap()).unwrap().0;
    for stream in [silent, half_said] {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert_eq!((&stream).read(&mut [0; 16]).unwrap(), 0);
    }

    static FLOOD: [u8; 60_000] = [b'x'; 60_000];
    let mut sends = 0;
    while switch.wire.counters().tcp_timed_out.load(Ordering::Relaxed) == 2 {
        switch.send(talking_flow, &FLOOD);
        sends += 1;
        assert!(sends < 1_000, "a peer that reads nothing is never too slow");
    }
    assert!(switch.receive(1).contains(&(talking_flow, None)));
    switch.wire.sweep(Instant::now() + Duration::from_secs(1_000));
    assert_eq!(switch.wire.counters().tcp_connections.load(Ordering::Relaxed), 0);
}

#[test]
fn a_keep_alive_does_not_end_the_connection_of_a_phone_that_has_spoken() {
    let mut switch = Switch::start(|_| {});
    let mut pinging = TcpStream::connect(switch.address).unwrap();
    let mut phone = TcpStream::connect(switch.address).unwrap();
    pinging.write_all(b"\r\n\r\n").unwrap();
    phone.write_all(OPTIONS.as_bytes()).unwrap();
    switch.receive(1);
    // A ping, and the answer to one of ours, which might be the first half of a ping.
    phone.write_all(b"\r\n\r\n\r\n").unwrap();
    switch.receive_until(|_, counters| counters.keep_alives.load(Ordering::Relaxed) == 2);
    while switch.wire.has_more() {
        assert!(switch.wire.next(Instant::now(), &mut [0; 1_024]).is_none());
    }
    switch.wire.sweep(Instant::now() + Duration::from_secs(25));
    let counters = switch.wire.counters();
    assert_eq!(counters.tcp_timed_out.load(Ordering::Relaxed), 1, "only the one that never said anything");
    phone.write_all(OPTIONS.as_bytes()).unwrap();
    assert_eq!(switch.receive(1).len(), 1);
}

#[test]
fn the_end_of_a_connection_is_reported_unless_nothing_was_ever_said() {
    let mut switch = Switch::start(|_| {});
    let mut polite = TcpStream::connect(switch.address).unwrap();
    polite.write_all(OPTIONS.as_bytes()).unwrap();
    let flow = switch.receive(1)[0].0;
    drop(polite);
    assert_eq!(switch.receive(1), [(flow, None)]);
    let mut knocking = TcpStream::connect(switch.address).unwrap();
    knocking.write_all(b"\r\n\r\n").unwrap();
    switch.receive_until(|_, counters| counters.keep_alives.load(Ordering::Relaxed) == 1);
    drop(knocking);
    let after = switch.receive_until(|_, counters| counters.tcp_connections.load(Ordering::Relaxed) == 0);
    assert_eq!(after, []);
    let mut rude = TcpStream::connect(switch.address).unwrap();
    rude.write_all(OPTIONS.as_bytes()).unwrap();
    let flow = switch.receive(1)[0].0;
    socket2::SockRef::from(&rude).set_linger(Some(Duration::ZERO)).unwrap();
    drop(rude);
    assert_eq!(switch.receive(1), [(flow, None)]);
}

#[test]
fn every_port_that_is_taken_is_named() {
    let taken = free_address("127.0.0.1");
    let _udp = UdpSocket::bind(taken).unwrap();
    let _tcp = TcpListener::bind(taken).unwrap();
    let mut sip = Config::default().sip;
    (sip.udp, sip.tcp) = (vec![taken], vec![taken, "192.0.2.77:5060".parse().unwrap()]);
    let poll = Poll::new().unwrap();
    let mistakes = Wire::bind(&sip, poll.registry(), Instant::now()).err().unwrap();
    let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[0].starts_with("sip.udp: cannot listen on") && texts[0].contains(&taken.to_string()));
    assert!(texts[1].contains("another program listens there"), "{}", texts[1]);
    assert!(texts[2].contains("no such address"), "{}", texts[2]);
}

#[test]
fn a_wildcard_listener_calls_itself_by_the_advertised_address() {
    let known_as: IpAddr = "127.0.0.9".parse().unwrap();
    let mut switch = Switch::start(|sip| {
        sip.udp[0].set_ip("0.0.0.0".parse().unwrap());
        sip.tcp.clear();
        sip.advertised_addresses = vec![known_as];
    });
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    phone.send_to(OPTIONS.as_bytes(), switch.address).unwrap();
    let flow = switch.receive(1)[0].0;
    assert_eq!(flow.local, SocketAddr::new(known_as, switch.address.port()));
    switch.send(flow, b"answer");
    assert_eq!(phone.recv(&mut [0; 64]).unwrap(), 6);
}
