//! The datagrams chunk by chunk, and what becomes of messages that find no way.

use std::{collections::BTreeMap, time::Duration};

use sip::Transport;
use uuid::Uuid;

use super::*;

const MESSAGE: &str = "REGISTER sip:demo.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK1\r\n\
    Call-ID: one@phone\r\nFrom: <sip:a@demo.test>;tag=1\r\nTo: <sip:a@demo.test>\r\nCSeq: 2 REGISTER\r\n\
    Authorization: Digest username=\"a\", response=\"0123456789abcdef\"\r\nContent-Length: 0\r\n\r\n";

fn show(mirror: &Mirror, local: &str, remote: &str) {
    let flow = Flow {
        transport: Transport::Tcp,
        local: local.parse().unwrap(),
        remote: remote.parse().unwrap(),
        connection: 7,
    };
    let at = Timestamp(1_700_000_000_123_456);
    let call = Some(CallId(Uuid::from_u128(5)));
    mirror.show(at, Way::In, flow, call, || Bytes::from_static(MESSAGE.as_bytes()));
}

fn identity() -> Identity {
    Identity { capture_id: 2_001, password: Some("shared-word".into()) }
}

/// The chunks of a datagram by type, read by the letter of the specification.
fn chunks(datagram: &[u8]) -> BTreeMap<u16, Vec<u8>> {
    let number = |bytes: &[u8]| usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    assert_eq!((&datagram[..4], number(&datagram[4..6])), (&b"HEP3"[..], datagram.len()));
    let mut rest = &datagram[6..];
    let mut chunks = BTreeMap::new();
    while !rest.is_empty() {
        let (vendor, kind, length) = (number(rest), number(&rest[2..]), number(&rest[4..]));
        assert!(vendor == 0 && (6..=rest.len()).contains(&length), "{rest:?}");
        assert!(chunks.insert(u16::try_from(kind).unwrap(), rest[6..length].to_vec()).is_none());
        rest = &rest[length..];
    }
    chunks
}

#[test]
fn homer_gets_every_chunk_that_the_specification_asks_for() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let target = server.local_addr().unwrap().to_string();
    let counters = Arc::<Counters>::default();
    let mirror = Mirror::start(&target, identity(), Arc::clone(&counters)).unwrap();
    let mut buffer = [0; 4_096];
    let octets = |address: &str| match address.parse().unwrap() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    for (local, remote, family, source, destination) in
        [("192.0.2.1", "198.51.100.9", 2, 3, 4), ("2001:db8::1", "2001:db8::9", 10, 5, 6)]
    {
        let address = |ip: &str, port| SocketAddr::new(ip.parse().unwrap(), port).to_string();
        show(&mirror, &address(local, 5_060), &address(remote, 40_000));
        let bytes = server.recv(&mut buffer).unwrap();
        let chunks = chunks(&buffer[..bytes]);
        let masked =
            MESSAGE.replace("response=\"0123456789abcdef\"", &format!("response={}", "*".repeat(18)));
        let expected: [(u16, Vec<u8>); 13] = [
            (1, vec![family]),
            (2, vec![6]),
            (source, octets(remote)),
            (destination, octets(local)),
            (7, 40_000_u16.to_be_bytes().to_vec()),
            (8, 5_060_u16.to_be_bytes().to_vec()),
            (9, 1_700_000_000_u32.to_be_bytes().to_vec()),
            (10, 123_456_u32.to_be_bytes().to_vec()),
            (11, vec![1]),
            (12, 2_001_u32.to_be_bytes().to_vec()),
            (14, b"shared-word".to_vec()),
            (15, masked.into_bytes()),
            (17, b"00000000-0000-0000-0000-000000000005".to_vec()),
        ];
        assert_eq!(chunks, BTreeMap::from(expected));
    }
    assert_eq!((counters.dropped.load(Ordering::Relaxed), counters.failed.load(Ordering::Relaxed)), (0, 0));
}

#[test]
fn without_a_server_messages_are_counted_and_nobody_waits() {
    let counters = Arc::<Counters>::default();
    let mirror = Mirror::start("no-such-host.invalid:9060", identity(), Arc::clone(&counters)).unwrap();
    for _ in 0..3 * QUEUE_MAX {
        show(&mirror, "192.0.2.1:5060", "198.51.100.9:40000");
    }
    let queue = mirror.queue.clone();
    drop(mirror);
    // The thread empties its queue and ends; until then nothing has been lost track of.
    while !queue.is_empty() {
        std::thread::yield_now();
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    assert_eq!(count(&counters.sent), 0);
    assert!(count(&counters.dropped) + count(&counters.failed) >= 3 * QUEUE_MAX as u64 - 1);
}
