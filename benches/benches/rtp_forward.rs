//! What a relayed packet costs: the decision alone, and the media thread's CPU time through real sockets.
//!
//! The second is CPU time of the thread `media-0` (from `/proc`), not wall time: senders and receivers run in the
//! same process and are left out, so figures of a shared machine can be compared.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion writes its own items; a bench may stop")]

use std::{
    fs,
    hint::black_box,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    sync::mpsc,
    time::Duration,
};

use criterion::{Criterion, criterion_group, criterion_main};
use relay::{MediaAddress, PortRange, Relay, RelayConfig};
use streams::{
    leg::{Channel, LegState},
    media::{LegMedia, MediaCommand, MediaEvent, PortLease},
    path::{Path, Step},
};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PACKET_BYTES: usize = 172;
/// Packets that wait in one socket at the same time: 1 is calm traffic, 32 a full batch.
const BURSTS: [u64; 2] = [1, 32];

fn packet(ssrc: u32, sequence: u16) -> [u8; PACKET_BYTES] {
    let mut packet = [0xd5; PACKET_BYTES];
    packet[..2].copy_from_slice(&[0x80, 8]);
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    packet
}

fn media(remote: SocketAddr) -> LegMedia {
    LegMedia { remote: Some(remote), ..LegMedia::unknown(remote.ip()) }
}

fn decision(c: &mut Criterion) {
    let (a, b): (SocketAddr, SocketAddr) =
        ("192.0.2.1:4000".parse().unwrap(), "192.0.2.2:4000".parse().unwrap());
    let (mut from, mut to) = (LegState::new(media(a)), LegState::new(media(b)));
    let (mut sequence, mut now) = (0_u16, 0_u64);
    let mut speech = packet(7, 0);
    c.bench_function("rtp_forward/decision", |bench| {
        bench.iter(|| {
            sequence = sequence.wrapping_add(1);
            now += 20_000;
            speech[2..4].copy_from_slice(&sequence.to_be_bytes());
            speech[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
            let mut path = Path::new(Channel::Rtp, &mut from, Some(&mut to));
            assert_eq!(path.carry(now, a, black_box(&mut speech), PACKET_BYTES), Step::Send(PACKET_BYTES));
        });
    });
    let foreign: SocketAddr = "198.51.100.1:4000".parse().unwrap();
    c.bench_function("rtp_forward/decision_foreign", |bench| {
        let mut packet = packet(7, 1);
        bench.iter(|| {
            let mut path = Path::new(Channel::Rtp, &mut from, Some(&mut to));
            path.carry(now, black_box(foreign), black_box(&mut packet), PACKET_BYTES)
        });
    });
}

/// CPU time of the media thread so far.
fn worker_cpu(statistics: &PathBuf) -> Duration {
    let text = fs::read_to_string(statistics).unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

fn worker_statistics() -> PathBuf {
    let threads = fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
    let is_worker = |path: &PathBuf| fs::read_to_string(path.join("comm")).unwrap().trim() == "media-0";
    threads.into_iter().find(is_worker).unwrap().join("schedstat")
}

fn draw(relay: &mut Relay, stock: &mut Vec<PortLease>, woken: &mpsc::Receiver<()>) -> PortLease {
    loop {
        while let Some(event) = relay.receive() {
            if let MediaEvent::Stock(leases) = event {
                stock.extend(leases);
            }
        }
        if let Some(lease) = stock.pop() {
            return lease;
        }
        woken.recv().unwrap();
    }
}

fn sockets(c: &mut Criterion) {
    let (wake, woken) = mpsc::channel();
    let config = RelayConfig {
        addresses: vec![MediaAddress::direct(HOST)],
        ports: PortRange { first: 44_000, last: 44_199 },
        ..RelayConfig::default()
    };
    let mut relay = Relay::start(config, move || {
        let _ = wake.send(());
    })
    .unwrap();
    let mut stock = Vec::new();
    let (a, b) = (UdpSocket::bind((HOST, 0)).unwrap(), UdpSocket::bind((HOST, 0)).unwrap());
    let legs = [&a, &b].map(|phone| {
        let lease = draw(&mut relay, &mut stock, &woken);
        relay
            .send(MediaCommand::Open { lease: lease.id, media: media(phone.local_addr().unwrap()) })
            .unwrap();
        lease
    });
    relay.send(MediaCommand::Join { a: legs[0].id, b: legs[1].id }).unwrap();
    a.connect(legs[0].address).unwrap();
    b.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut buffer = [0; 2_048];
    // Until the join has been obeyed nothing comes through.
    while a.send(&packet(7, 0)).is_err() || b.recv(&mut buffer).is_err() {}
    b.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // The worker has worked, so it has its name.
    let statistics = worker_statistics();
    let mut sequence = 0_u16;
    for burst in BURSTS {
        c.bench_function(&format!("rtp_forward/worker_cpu_burst_{burst}"), |bench| {
            bench.iter_custom(|packets| {
                let before = worker_cpu(&statistics);
                let mut left = packets;
                while left > 0 {
                    let now = left.min(burst);
                    for _ in 0..now {
                        sequence = sequence.wrapping_add(1);
                        a.send(&packet(7, sequence)).unwrap();
                    }
                    for _ in 0..now {
                        b.recv(&mut buffer).unwrap();
                    }
                    left -= now;
                }
                worker_cpu(&statistics) - before
            });
        });
    }
}

criterion_group!(benches, decision, sockets);
criterion_main!(benches);
