//! What 20 ms of decoded sound cost: each codec alone, each pair that calls have, a jitter buffer, a conference.
//!
//! The target is Opus to G.711 and back in at most 75 µs together. Payloads are of speech-like sound, encoded beforehand:
//! silence and tones are cheaper. Wall time of one thread; compare within one run.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion writes its own items; a bench may stop")]

use std::hint::black_box;

use benches::speech::{payloads, speech};
use criterion::{Criterion, criterion_group, criterion_main};
use streams::{
    audio::{
        PACKET_SAMPLES_MAX, Rate,
        jitter::{Arrival, Kind, Playout},
        mix::{Audience, Mixer},
        transcode::Transcoder,
    },
    codec::{Codec, Decoder, Encoder, PAYLOAD_BYTES_MAX, opus::Parameters},
    conference::{Member, Room},
    media::{Voice, VoiceFormat},
    voice::{Made, Outgoing},
};

/// Each codec by itself, at its own rate.
fn codecs(c: &mut Criterion) {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let rate = codec.rate();
        let (sound, sent) = (speech(rate), payloads(codec, &Parameters::default()));
        let mut encoder = Encoder::new(codec, rate, &Parameters::default()).unwrap();
        let mut decoder = Decoder::new(codec, rate).unwrap();
        let (mut payload, mut samples) = ([0; PAYLOAD_BYTES_MAX], [0; PACKET_SAMPLES_MAX]);
        let name = codec.rtpmap().0.to_lowercase();
        let mut frames = sound.chunks_exact(rate.frame()).cycle();
        c.bench_function(&format!("transcode/encode_{name}"), |bench| {
            bench.iter(|| encoder.encode(black_box(frames.next().unwrap()), &mut payload).unwrap());
        });
        let mut packets = sent.iter().cycle();
        c.bench_function(&format!("transcode/decode_{name}"), |bench| {
            bench.iter(|| decoder.decode(black_box(packets.next().unwrap()), &mut samples).unwrap());
        });
    }
}

/// A frame of each direction of a call between two codecs.
fn pairs(c: &mut Criterion) {
    for (one, other) in [(Codec::Opus, Codec::Pcma), (Codec::G722, Codec::Pcma), (Codec::Opus, Codec::G722)] {
        // What browsers ask for.
        let wanted = Parameters { in_band_fec: true, ..Parameters::default() };
        let mut there = Transcoder::new(one, other, &wanted).unwrap();
        let mut back = Transcoder::new(other, one, &wanted).unwrap();
        let (from_one, from_other) = (payloads(one, &wanted), payloads(other, &wanted));
        let mut packets = from_one.iter().zip(&from_other).cycle();
        let mut payload = [0; PAYLOAD_BYTES_MAX];
        let name = format!("transcode/{}_{}_both_ways", one.rtpmap().0, other.rtpmap().0).to_lowercase();
        c.bench_function(&name, |bench| {
            bench.iter(|| {
                let (first, second) = packets.next().unwrap();
                there.accept(black_box(first)).unwrap();
                there.next_payload(&mut payload).unwrap().unwrap();
                back.accept(black_box(second)).unwrap();
                back.next_payload(&mut payload).unwrap().unwrap()
            });
        });
    }
}

/// A packet into the jitter buffer and a frame out of it.
fn jitter(c: &mut Criterion) {
    let sent = payloads(Codec::Pcma, &Parameters::default());
    let mut playout = Playout::new(Codec::Pcma, Rate::Narrow, 1).unwrap();
    let (mut packets, mut frame, mut n) = (sent.iter().cycle(), [0; 160], 0_u32);
    c.bench_function("transcode/jitter_pcma", |bench| {
        bench.iter(|| {
            n = n.wrapping_add(1);
            let arrival = Arrival {
                ssrc: 1,
                sequence: u16::try_from(n & 0xffff).unwrap(),
                timestamp: n.wrapping_mul(160),
                kind: Kind::Speech,
                payload: packets.next().unwrap(),
            };
            playout.push(u64::from(n) * 20_000, &arrival);
            playout.tick(u64::from(n) * 20_000 + 5_000, black_box(&mut frame))
        });
    });
}

/// A tick of a conference of ten who all speak and all listen.
fn conference(c: &mut Criterion) {
    let sound = speech(Rate::Wide);
    let mut mixer = Mixer::new(Rate::Wide, 10);
    let seats: Vec<_> = (0..10).map(|_| mixer.join(Audience::Everyone).unwrap()).collect();
    let (mut frames, mut heard) = (sound.chunks_exact(Rate::Wide.frame()).cycle(), [0; 320]);
    c.bench_function("transcode/mix_ten_wide", |bench| {
        bench.iter(|| {
            mixer.begin();
            for seat in &seats {
                mixer.speak(*seat, frames.next().unwrap());
            }
            for seat in &seats {
                mixer.listen(*seat, black_box(&mut heard));
            }
        });
    });
}

/// A tick of a room of ten with their packets, as the media thread works it off: from G.711 to G.711, and from Opus to Opus.
fn room(c: &mut Criterion) {
    for codec in [Codec::Pcma, Codec::Opus] {
        let (voice, sent) = (
            Voice { formats: vec![VoiceFormat::new(codec, 96)], ..Voice::default() },
            payloads(codec, &Parameters::default()),
        );
        let mut room = Room::new(0, 0);
        let mut members: Vec<_> = (0..10_u32)
            .map(|ssrc| {
                let mut ear = Outgoing::new(u64::from(ssrc));
                ear.sit(Some(&voice));
                let seat = room.join().unwrap();
                room.set_audience(seat, Audience::Everyone);
                (ssrc, seat, Member::new(Some(&voice), 1), ear)
            })
            .collect();
        let (mut made, mut n) = (Made::new(), 0_u32);
        c.bench_function(&format!("transcode/room_ten_{}", codec.rtpmap().0.to_lowercase()), |bench| {
            bench.iter(|| {
                n = n.wrapping_add(1);
                let now = u64::from(n) * 20_000;
                for (ssrc, _, member, _) in &mut members {
                    let payload = &sent[usize::try_from(n + *ssrc).unwrap() % sent.len()];
                    member.take(now, &packet(*ssrc, n, codec, payload), false);
                }
                while let Some(due) = room.begin(now) {
                    for (_, seat, member, _) in &mut members {
                        room.speak(due, *seat, member);
                    }
                    for (_, seat, _, ear) in &mut members {
                        ear.hear_room(due, room.listen(*seat), true, black_box(&mut made));
                        made.clear();
                    }
                }
            });
        });
    }
}

/// The `n`th packet of a source.
fn packet(ssrc: u32, n: u32, codec: Codec, payload: &[u8]) -> Vec<u8> {
    let timestamp = n.wrapping_mul(codec.clock_units(20));
    let sequence = u16::try_from(n & 0xffff).unwrap();
    let head = [&[0x80, 96][..], &sequence.to_be_bytes(), &timestamp.to_be_bytes(), &ssrc.to_be_bytes()];
    [&head.concat(), payload].concat()
}

criterion_group!(benches, codecs, pairs, jitter, conference, room);
criterion_main!(benches);
