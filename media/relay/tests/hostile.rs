//! Hostile media on calls that are decoded (RELIABILITY 23 and 24): what foreigners spray is neither heard nor answered, and
//! what is forged or replayed ends nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

#[expect(dead_code, reason = "these stories need a part of the talk")]
mod talk;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use std::net::IpAddr;

use streams::{
    codec::Codec,
    media::{LegMedia, MediaCommand, Protection},
    srtp::{MasterKey, OVERHEAD_BYTES_MAX, Sealer, SrtpKeys, Suite},
};
use talk::{Talker, written};
use world::{Phone, World, config, v4};

/// As many as a socket's buffer surely holds.
const SALVO: usize = 64;

#[test]
fn a_hundred_thousand_foreign_packets_into_transcoded_calls_are_neither_heard_nor_answered() {
    let mut world = World::start(config(v4(), 44_700, 44_739));
    let attacker = Phone::new(IpAddr::from([127, 0, 0, 66]));
    let mut calls: Vec<_> = (0..4)
        .map(|_| {
            let a = Talker::new(Phone::new(v4()), Codec::Pcma, 8);
            let b = Talker::new(Phone::new(v4()), Codec::Opus, 111);
            let (leg_a, leg_b) = (world.open(a.media()), world.open(b.media()));
            world.order(MediaCommand::Join { a: leg_a.id, b: leg_b.id });
            (a, b, leg_a, leg_b)
        })
        .collect();
    world.settle();
    let (mut sprayed, mut round) = (0_u64, 0_usize);
    while sprayed < 100_000 {
        round += 1;
        for (a, _, leg_a, leg_b) in &mut calls {
            // With the phone's own source, the next number and the right payload type.
            let forged = written(&a.tone(1_800.0, false));
            a.sequence = a.sequence.wrapping_sub(1);
            a.timestamp = a.timestamp.wrapping_sub(160);
            for n in 0..SALVO {
                let leg = if n % 2 == 0 { &leg_a } else { &leg_b };
                attacker.rtp.send_to(&forged, leg.address).unwrap();
                sprayed += 1;
            }
            world.counted("dropped_foreign", sprayed);
        }
        for (a, b, leg_a, leg_b) in &mut calls {
            a.says(1_020.0, leg_a);
            b.hears();
            if round % 10 == 0 {
                b.says(440.0, leg_b);
                a.hears();
            }
        }
    }
    for (a, b, ..) in &calls {
        b.heard_one_stream();
        a.heard_one_stream();
        assert!(a.phone.has_heard_nothing() && b.phone.has_heard_nothing());
        assert_eq!(b.packets.len(), round);
    }
    assert!(attacker.has_heard_nothing(), "and the attacker has heard nothing at all");
    world.counted("datagrams_sent", (4 * (round + round / 10)) as u64);
}

#[test]
fn two_hundred_thousand_forged_and_replayed_srtp_packets_end_no_transcoded_call() {
    let mut world = World::start(config(v4(), 44_740, 44_779));
    let suite = Suite::AesCm128HmacSha1_80;
    let master = MasterKey::new(suite, &vec![7; suite.master_bytes()]).unwrap();
    let keys = SrtpKeys { suite, send: master.clone(), receive: master.clone() };
    let mut mouth = Sealer::new(suite, &master).unwrap();
    let mut a = Talker::new(Phone::new(v4()), Codec::Pcma, 8);
    let mut b = Talker::new(Phone::new(v4()), Codec::Opus, 111);
    let leg_a = world.open(LegMedia { protection: Protection::Srtp(keys), ..a.media() });
    let leg_b = world.open(b.media());
    world.order(MediaCommand::Join { a: leg_a.id, b: leg_b.id });
    world.settle();
    let (mut bad, mut replayed, mut forged) = (0_u64, 0_u64, 0_u64);
    while bad < 200_000 {
        let mut sealed = written(&a.tone(1_020.0, false));
        let len = sealed.len();
        sealed.resize(len + OVERHEAD_BYTES_MAX, 0);
        let len = mouth.seal_rtp(&mut sealed, len).unwrap();
        sealed.truncate(len);
        a.phone.rtp.send_to(&sealed, leg_a.address).unwrap();
        b.hears();
        // From the proven source: the same again, and the next one with a bit turned.
        let mut wrong = sealed.clone();
        wrong[2..4].copy_from_slice(&a.sequence.to_be_bytes());
        for n in 0..10 * SALVO {
            wrong[20] = n as u8;
            let packet = if n % 2 == 0 { &sealed } else { &wrong };
            a.phone.rtp.send_to(packet, leg_a.address).unwrap();
            if n % SALVO == SALVO - 1 {
                (replayed, forged) = (replayed + SALVO as u64 / 2, forged + SALVO as u64 / 2);
                world.counted("dropped_replayed", replayed);
                world.counted("dropped_unauthentic", forged);
            }
        }
        bad += 10 * SALVO as u64;
    }
    b.heard_one_stream();
    let report = world.close(leg_a.id);
    assert_eq!((report.packets_unauthentic, report.packets_lost), (bad, 0));
    assert_eq!(report.packets_received, b.packets.len() as u64);
}
