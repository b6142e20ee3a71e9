//! The datagrams as somebody else's decoder reads them, and what becomes of messages that find no way.

use std::{process::Command, time::Duration};

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

/// What tshark's HEP dissector makes of a datagram: `field=value` lines.
fn dissected(datagram: &[u8], fields: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let hex: Vec<String> = datagram.iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(path("hex"), format!("0000 {}\n", hex.join(" "))).unwrap();
    let wrapped =
        Command::new("text2pcap").args(["-q", "-u", "9060,9060"]).arg(path("hex")).arg(path("pcap")).output();
    assert!(wrapped.unwrap().status.success());
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(path("pcap")).args([
        "-d",
        "udp.port==9060,hep",
        "-T",
        "fields",
        "-E",
        "separator=|",
    ]);
    fields.iter().for_each(|field| drop(tshark.args(["-e", field])));
    let output = tshark.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn wiresharks_own_dissector_reads_what_homer_gets() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let target = server.local_addr().unwrap().to_string();
    let counters = Arc::<Counters>::default();
    let mirror = Mirror::start(&target, identity(), Arc::clone(&counters)).unwrap();
    let mut buffer = [0; 4_096];
    for (local, remote, fields) in [
        ("192.0.2.1:5060", "198.51.100.9:40000", ["hep.src_ip4", "hep.dst_ip4"]),
        ("[2001:db8::1]:5060", "[2001:db8::9]:40000", ["hep.src_ip6", "hep.dst_ip6"]),
    ] {
        show(&mirror, local, remote);
        let bytes = server.recv(&mut buffer).unwrap();
        let fields = [
            &fields[..],
            &["hep.src_port", "hep.dst_port", "hep.capture_id", "sip.Call-ID", "sip.CSeq.method"],
        ];
        let seen = dissected(&buffer[..bytes], &fields.concat());
        let ip = |address: &str| address.parse::<SocketAddr>().unwrap().ip().to_string();
        let expected = format!("{}|{}|40000|5060|2001|one@phone|REGISTER", ip(remote), ip(local));
        assert_eq!(seen, expected);
        let text = String::from_utf8_lossy(&buffer[..bytes]);
        assert!(text.contains("shared-word") && text.contains("00000000-0000-0000-0000-000000000005"));
        assert!(!text.contains("0123456789abcdef"), "what proves a password is masked");
    }
    drop(mirror);
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
