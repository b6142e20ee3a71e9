//! What SRTP costs for one packet of speech: sealing, opening, refusing, and both on the way through a relay.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion writes its own items; a bench may stop")]

use std::{hint::black_box, net::SocketAddr};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use streams::{
    leg::{Channel, LegState},
    media::{LegMedia, Protection},
    path::{Path, Step},
    srtp::{MasterKey, OVERHEAD_BYTES_MAX, Opener, Sealer, SrtpKeys, Suite},
};

const PACKET_BYTES: usize = 172;
const ROOM_BYTES: usize = PACKET_BYTES + OVERHEAD_BYTES_MAX;
type Room = [u8; ROOM_BYTES];

fn master(suite: Suite, seed: u8) -> MasterKey {
    MasterKey::new(suite, &vec![seed; suite.master_bytes()]).unwrap()
}

fn packet(sequence: u64) -> Room {
    let mut room = [0xd5; ROOM_BYTES];
    room[..2].copy_from_slice(&[0x80, 8]);
    room[2..4].copy_from_slice(&sequence.to_be_bytes()[6..]);
    room[4..8].copy_from_slice(&(sequence * 160).to_be_bytes()[4..]);
    room[8..12].copy_from_slice(&7_u32.to_be_bytes());
    room
}

fn one_end(c: &mut Criterion) {
    for suite in Suite::ALL {
        let name = suite.as_str();
        let mut sealer = Sealer::new(suite, &master(suite, 1)).unwrap();
        let mut next = 0;
        c.bench_function(&format!("srtp/seal/{name}"), |bench| {
            bench.iter(|| {
                next += 1;
                let mut room = packet(next);
                sealer.seal_rtp(black_box(&mut room), PACKET_BYTES).unwrap()
            });
        });
        let mut sealer = Sealer::new(suite, &master(suite, 1)).unwrap();
        let mut opener = Opener::new(suite, &master(suite, 1)).unwrap();
        let mut next = 0;
        let mut sealed = || {
            next += 1;
            let mut room = packet(next);
            let len = sealer.seal_rtp(&mut room, PACKET_BYTES).unwrap();
            (room, len)
        };
        c.bench_function(&format!("srtp/open/{name}"), |bench| {
            bench.iter_batched(
                &mut sealed,
                |(mut room, len)| opener.open_rtp(black_box(&mut room[..len])).unwrap(),
                BatchSize::SmallInput,
            );
        });
        let (replayed, len) = sealed();
        let (mut forged, mut first) = (replayed, replayed);
        assert!(opener.open_rtp(&mut first[..len]).is_ok());
        // A number that has not been seen, so that all of it has to be looked at.
        forged[3] = forged[3].wrapping_add(9);
        for (kind, bad) in [("replayed", replayed), ("forged", forged)] {
            c.bench_function(&format!("srtp/refuse_{kind}/{name}"), |bench| {
                bench.iter(|| {
                    let mut room = bad;
                    opener.open_rtp(black_box(&mut room[..len])).unwrap_err()
                });
            });
        }
    }
}

/// The whole decision of a relay, from a leg to a leg: what SRTP adds to `rtp_forward/decision`.
fn through(c: &mut Criterion) {
    let (a, b): (SocketAddr, SocketAddr) =
        ("192.0.2.1:4000".parse().unwrap(), "192.0.2.2:4000".parse().unwrap());
    let media = |remote: SocketAddr, suite: Option<Suite>| LegMedia {
        remote: Some(remote),
        protection: suite.map_or(Protection::Plain, |suite| {
            Protection::Srtp(SrtpKeys { suite, send: master(suite, 2), receive: master(suite, 1) })
        }),
        ..LegMedia::unknown(remote.ip())
    };
    let (gcm, sha) = (Some(Suite::AeadAes128Gcm), Some(Suite::AesCm128HmacSha1_80));
    for (name, from, to) in [
        ("plain_to_plain", None, None),
        ("gcm_to_plain", gcm, None),
        ("plain_to_gcm", None, gcm),
        ("sha1_80_to_plain", sha, None),
        ("plain_to_sha1_80", None, sha),
        ("sha1_80_to_gcm", sha, gcm),
    ] {
        let mut speaker = from.map(|suite| Sealer::new(suite, &master(suite, 1)).unwrap());
        let (mut from, mut to) = (LegState::new(media(a, from)), LegState::new(media(b, to)));
        let mut next = 0;
        let mut said = || {
            next += 1;
            let mut room = packet(next);
            let len =
                speaker.as_mut().map_or(PACKET_BYTES, |one| one.seal_rtp(&mut room, PACKET_BYTES).unwrap());
            (room, len)
        };
        c.bench_function(&format!("srtp/relay/{name}"), |bench| {
            bench.iter_batched(
                &mut said,
                |(mut room, len)| {
                    let mut path = Path::new(Channel::Rtp, &mut from, Some(&mut to));
                    let step = path.carry(1_000_000, a, black_box(&mut room), len);
                    assert!(matches!(step, Step::Send(_)));
                },
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, one_end, through);
criterion_main!(benches);
