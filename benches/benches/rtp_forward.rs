//! What a relayed packet costs: the decision alone, and the media thread's CPU time through real sockets.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion writes its own items; a bench may stop")]

use std::{hint::black_box, net::SocketAddr};

use benches::relaying::{Call, PACKET_BYTES, media, packet};
use criterion::{Criterion, criterion_group, criterion_main};
use relay::Helpers;
use streams::{
    leg::{Channel, LegState},
    path::{Path, Step},
};

/// Packets that wait in one socket at the same time: 1 is calm traffic, 32 a full batch.
const BURSTS: [u64; 2] = [1, 32];

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

fn sockets(c: &mut Criterion) {
    let mut call = Call::begin(Helpers::default());
    for burst in BURSTS {
        c.bench_function(&format!("rtp_forward/worker_cpu_burst_{burst}"), |bench| {
            bench.iter_custom(|packets| call.carry(packets, burst, || {}));
        });
    }
    call.take_over();
    for burst in BURSTS {
        c.bench_function(&format!("rtp_forward/worker_cpu_taken_over_burst_{burst}"), |bench| {
            bench.iter_custom(|packets| call.carry(packets, burst, || {}));
        });
    }
}

criterion_group!(benches, decision, sockets);
criterion_main!(benches);
