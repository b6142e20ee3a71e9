//! The jitter buffer in a simulated network: what leaves a sender evenly arrives as the seed will have it, and every
//! 20 ms a frame is asked for. A failure names its seed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

#[expect(dead_code, reason = "one story needs a part of the sounds")]
mod sound;

use sound::{Chance, power, speech};
use streams::{
    audio::{
        Rate,
        jitter::{Arrival, Counts, Kind, Playout, Sound},
    },
    codec::{Codec, Encoder, LinearRate, PAYLOAD_BYTES_MAX, comfort_noise::Noise, opus::Parameters},
};

const LINEAR: Codec = Codec::L16(LinearRate::Narrow);

/// A packet on its way.
#[derive(Clone, Debug)]
struct Sent {
    at_micros: u64,
    arrives_micros: u64,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    kind: Kind,
    payload: Vec<u8>,
}

/// Packets of 20 ms, evenly sent, that arrive 30 ms later; beginning just before both numbers wrap.
fn stream(codec: Codec, seconds: usize) -> Vec<Sent> {
    let rate = codec.rate();
    let wanted = Parameters { in_band_fec: true, ..Parameters::default() };
    let mut encoder = Encoder::new(codec, rate, &wanted).unwrap();
    encoder.set_expected_loss(10);
    let sound = speech(rate.hz(), rate.samples(seconds * 1_000));
    let frames = sound.chunks_exact(rate.frame()).enumerate();
    frames
        .map(|(n, frame)| {
            let mut payload = [0; PAYLOAD_BYTES_MAX];
            let bytes = encoder.encode(frame, &mut payload).unwrap();
            let at_micros = 1_000_000 + n as u64 * 20_000;
            Sent {
                at_micros,
                arrives_micros: at_micros + 30_000,
                ssrc: 7,
                sequence: (n as u16).wrapping_sub(100),
                timestamp: (n as u32 * codec.clock_units(20)).wrapping_sub(codec.clock_units(2_000)),
                kind: Kind::Speech,
                payload: payload[..bytes].to_vec(),
            }
        })
        .collect()
}

/// What the listener got.
struct Heard {
    sounds: Vec<Sound>,
    samples: Vec<i16>,
    /// At every tick where something was played, in ms.
    waits: Vec<i64>,
    counts: Counts,
}

impl Heard {
    fn share(&self, from: usize, sound: Sound) -> f64 {
        let part = &self.sounds[from..];
        part.iter().filter(|s| **s == sound).count() as f64 / part.len() as f64
    }

    /// The longest time without anything that was sent, in ms, between the first and the last that was heard.
    fn longest_gap_ms(&self) -> usize {
        let heard: Vec<usize> = (0..self.sounds.len()).filter(|n| self.sounds[*n] == Sound::Heard).collect();
        heard.windows(2).map(|w| (w[1] - w[0] - 1) * 20).max().unwrap()
    }

    fn longest_wait_ms(&self, from: usize) -> i64 {
        *self.waits[from..].iter().max().unwrap()
    }
}

/// Lets the packets arrive and takes a frame every 20 ms, at a moment between two packets.
fn listen(codec: Codec, mut packets: Vec<Sent>) -> Heard {
    packets.sort_by_key(|p| p.arrives_micros);
    let end = packets.last().unwrap().arrives_micros;
    let rate = codec.rate();
    let mut playout = Playout::new(codec, rate, 1).unwrap();
    let mut heard =
        Heard { sounds: Vec::new(), samples: Vec::new(), waits: Vec::new(), counts: Counts::default() };
    let mut coming = packets.iter().peekable();
    let mut frame = vec![0; rate.frame()];
    for now in (1_000_000 + 7_000..end).step_by(20_000) {
        while let Some(p) = coming.next_if(|p| p.arrives_micros <= now) {
            let arrival = Arrival {
                ssrc: p.ssrc,
                sequence: p.sequence,
                timestamp: p.timestamp,
                kind: p.kind,
                payload: &p.payload,
            };
            playout.push(p.arrives_micros, &arrival);
        }
        heard.sounds.push(playout.tick(now, &mut frame));
        heard.samples.extend_from_slice(&frame);
        heard.waits.extend(playout.wait_micros().map(|wait| wait / 1_000));
    }
    heard.counts = playout.counts();
    heard
}

#[test]
fn an_even_stream_is_heard_sample_by_sample_as_it_was_said() {
    let packets = stream(LINEAR, 10);
    let heard = listen(LINEAR, packets.clone());
    let said: Vec<i16> = packets
        .iter()
        .flat_map(|p| p.payload.chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])))
        .collect();
    let begin = heard.sounds.iter().position(|s| *s == Sound::Heard).unwrap();
    assert!(begin <= 5, "30 ms on the way and a wait of 40 until something is known: {begin}");
    assert!(heard.sounds[begin..begin + 480].iter().all(|s| *s == Sound::Heard));
    // The wait shortens from the careful beginning to what this network needs; from then on nothing is changed.
    let later = &heard.samples[Rate::Narrow.samples(5_000)..Rate::Narrow.samples(9_000)];
    assert!(said.windows(later.len()).any(|part| part == later));
    assert_eq!((heard.counts.lost, heard.counts.late, heard.counts.discarded), (0, 0, 0));
    assert!(heard.longest_wait_ms(250) <= 40);
}

#[test]
fn reliability_47_five_percent_loss_and_thirty_milliseconds_of_jitter() {
    let sent = stream(LINEAR, 30);
    for seed in 1..=20 {
        let mut chance = Chance(seed);
        let mut in_a_row = 0;
        let packets: Vec<Sent> = sent
            .iter()
            .cloned()
            .filter_map(|mut p| {
                p.arrives_micros += (chance.next() * 30_000.0) as u64;
                let lost = chance.next() < 0.05 && in_a_row < 2;
                in_a_row = if lost { in_a_row + 1 } else { 0 };
                (!lost).then_some(p)
            })
            .collect();
        let sent = packets.len() as f64;
        let heard = listen(LINEAR, packets);
        assert!(heard.counts.late as f64 <= 0.01 * sent, "seed {seed}: {:?}", heard.counts);
        assert!(heard.longest_gap_ms() <= 60, "seed {seed}: {} ms", heard.longest_gap_ms());
        assert!(heard.longest_wait_ms(50) <= 120, "seed {seed}: {} ms", heard.longest_wait_ms(50));
        assert!(heard.share(50, Sound::Heard) > 0.9, "seed {seed}: {}", heard.share(50, Sound::Heard));
    }
}

#[test]
fn packets_that_overtake_each_other_are_put_in_order() {
    let sent = stream(LINEAR, 20);
    for seed in 1..=10 {
        let mut chance = Chance(seed);
        let mut packets = sent.clone();
        for p in &mut packets {
            // One in five takes 45 ms longer: two others pass it.
            p.arrives_micros += if chance.next() < 0.2 { 45_000 } else { 0 };
        }
        let heard = listen(LINEAR, packets);
        // One in a hundred while it learns, and the 97th percentile lets three go.
        assert!(heard.counts.late <= 30, "seed {seed}: {:?}", heard.counts);
        assert!(heard.share(100, Sound::Heard) > 0.97, "seed {seed}");
    }
}

#[test]
fn the_first_packet_of_a_stream_may_be_overtaken() {
    let mut packets = stream(LINEAR, 2);
    packets[0].arrives_micros += 25_000;
    let sent = packets.len() as u64;
    let counts = listen(LINEAR, packets).counts;
    assert_eq!((counts.late, counts.lost), (0, 0), "{counts:?}");
    assert!(counts.played >= sent - 3, "the last are still waiting: {counts:?}");
}

#[test]
fn a_stall_that_ends_in_a_burst_costs_no_more_than_itself() {
    let sent = stream(LINEAR, 20);
    for stall_ms in [100, 300, 1_000] {
        let mut packets = sent.clone();
        for p in &mut packets {
            let after = p.at_micros.saturating_sub(6_000_000);
            if p.at_micros >= 6_000_000 && after < stall_ms * 1_000 {
                p.arrives_micros = 6_000_000 + stall_ms * 1_000 + 30_000;
            }
        }
        let heard = listen(LINEAR, packets);
        assert!(heard.longest_gap_ms() as u64 <= stall_ms + 120, "{stall_ms}: {} ms", heard.longest_gap_ms());
        let depth = heard.longest_wait_ms(0);
        assert!(depth <= 280, "{stall_ms}: {depth} ms");
        // Ten seconds later all of it is forgotten.
        assert!(heard.longest_wait_ms(heard.waits.len() - 50) <= 60, "{stall_ms}");
        assert!(heard.share(heard.sounds.len() - 100, Sound::Heard) > 0.97, "{stall_ms}");
    }
}

#[test]
fn clocks_that_drift_apart_neither_starve_nor_fill_the_buffer() {
    let sent = stream(LINEAR, 120);
    for ppm in [-400_i64, -100, 100, 400] {
        let mut packets = sent.clone();
        for p in &mut packets {
            let sent = (p.at_micros - 1_000_000).cast_signed();
            p.arrives_micros = p.arrives_micros.wrapping_add_signed(sent * ppm / 1_000_000);
        }
        let heard = listen(LINEAR, packets);
        let made_up = heard.share(100, Sound::MadeUp);
        assert!(made_up < 0.003, "{ppm} ppm: {made_up}");
        assert!(heard.longest_wait_ms(250) <= 60, "{ppm} ppm: {} ms", heard.longest_wait_ms(250));
        assert_eq!(heard.counts.discarded, 0, "{ppm} ppm");
    }
}

#[test]
fn rfc_3389_a_described_silence_is_noise_and_the_next_word_is_heard_whole() {
    let codec = Codec::Pcma;
    let packets: Vec<Sent> = stream(codec, 10)
        .into_iter()
        .enumerate()
        .filter_map(|(n, mut p)| {
            // Every second: half of it speech, one description, then nothing. Numbers go on without a gap.
            let (second, in_second) = (n / 50, n % 50);
            p.sequence = (second * 26 + in_second) as u16;
            if in_second == 25 {
                p.kind = Kind::Noise;
                p.payload = vec![50];
            }
            (in_second <= 25).then_some(p)
        })
        .collect();
    let heard = listen(codec, packets.clone());
    // The last description is still on its way out.
    assert_eq!((heard.counts.lost, heard.counts.late, heard.counts.played), (0, 0, packets.len() as u64 - 1));
    let words = heard.sounds.iter().filter(|s| **s == Sound::Heard).count();
    // A word's last frame may end with the noise that follows it.
    assert!((235..=260).contains(&words), "{words} frames of 250");
    assert_eq!(heard.share(5, Sound::MadeUp).to_bits(), 0.0_f64.to_bits());
    let noise: Vec<f64> = (60..heard.sounds.len())
        .filter(|n| heard.sounds[n - 1..=*n] == [Sound::Noise; 2])
        .map(|n| power(&heard.samples[n * 160..(n + 1) * 160]))
        .collect();
    let level = 10.0 * (noise.iter().sum::<f64>() / noise.len() as f64 / 32_768.0_f64.powi(2)).log10();
    assert!((-52.0..-48.0).contains(&level), "{level} dBov where -50 was described");
    assert_eq!(Noise::read(&[50]).unwrap().level_dbov, 50);
}

#[test]
fn rfc_4733_events_take_numbers_of_the_stream_and_are_not_lost_speech() {
    let mut packets = stream(LINEAR, 10);
    for p in &mut packets[200..210] {
        p.kind = Kind::Other;
        p.timestamp = 0;
        p.payload.clear();
    }
    let heard = listen(LINEAR, packets);
    assert_eq!((heard.counts.lost, heard.counts.late), (0, 0));
    assert!(heard.share(230, Sound::Heard) > 0.99);
}

#[test]
fn another_source_is_heard_at_once_and_what_was_waiting_of_the_old_one_is_let_go() {
    let mut packets = stream(LINEAR, 10);
    for p in &mut packets[250..] {
        p.ssrc = 99;
        p.sequence = p.sequence.wrapping_mul(3).wrapping_add(30_000);
        p.timestamp = p.timestamp.wrapping_add(3_000_000_000);
    }
    // Three times the numbers would be loss: count anew.
    for (n, p) in (0..).zip(&mut packets[250..]) {
        p.sequence = 40_000 + n;
    }
    let heard = listen(LINEAR, packets);
    assert!(heard.longest_gap_ms() <= 100, "{} ms", heard.longest_gap_ms());
    assert!(heard.counts.lost == 0 && heard.counts.discarded <= 3, "{:?}", heard.counts);
    assert!(heard.share(260, Sound::Heard) > 0.99);
}

#[test]
fn one_wild_packet_changes_nothing_and_a_sender_that_starts_anew_is_followed() {
    let mut packets = stream(LINEAR, 10);
    let mut wild = packets[150].clone();
    wild.sequence = wild.sequence.wrapping_add(20_000);
    packets.insert(150, wild);
    for (n, p) in (0..).zip(&mut packets[300..]) {
        p.sequence = 20_000 + n;
        p.timestamp = u32::from(n) * 160;
    }
    let heard = listen(LINEAR, packets);
    assert!(heard.sounds[20..295].iter().all(|s| *s == Sound::Heard));
    assert!(heard.longest_gap_ms() <= 120, "{} ms", heard.longest_gap_ms());
    assert!(heard.share(320, Sound::Heard) > 0.99);
}

#[test]
fn opus_redundancy_is_found_through_the_jitter_buffer() {
    let lossy: Vec<Sent> = stream(Codec::Opus, 10)
        .into_iter()
        .enumerate()
        .filter(|(n, _)| n % 10 != 9)
        .map(|(_, p)| p)
        .collect();
    let heard = listen(Codec::Opus, lossy);
    assert!((45..=50).contains(&heard.counts.lost), "{:?}", heard.counts);
    assert_eq!((heard.counts.late, heard.counts.discarded), (0, 0));
    assert!(heard.longest_gap_ms() <= 20);
    // Once there is loss the wait is long enough for the packet after it to be here.
    assert!(heard.waits[60..].iter().all(|wait| *wait >= 35), "{:?}", heard.waits);
}

/// Everything at once, then calm.
#[test]
fn whatever_the_network_did_ten_calm_seconds_later_all_is_well() {
    let sent = stream(LINEAR, 25);
    for seed in 1..=60 {
        let mut chance = Chance(seed);
        let (loss, jitter) = (chance.next() * 0.3, chance.next() * 200_000.0);
        let mut shift = 0_u16;
        let mut packets = Vec::new();
        for mut p in sent.iter().cloned() {
            let calm = p.at_micros > 13_000_000;
            p.sequence = p.sequence.wrapping_add(shift);
            if calm {
                packets.push(p);
                continue;
            }
            p.arrives_micros += (chance.next() * jitter) as u64;
            match chance.next() {
                x if x < loss => continue,
                x if x < loss + 0.02 => packets.push(p.clone()),
                x if x < loss + 0.03 => p.payload.truncate((chance.next() * 300.0) as usize),
                x if x < loss + 0.035 => shift = (chance.next() * 65_536.0) as u16,
                x if x < loss + 0.04 => p.timestamp = (chance.next() * 4e9) as u32,
                x if x < loss + 0.045 => p.ssrc = (chance.next() * 3.0) as u32,
                x if x < loss + 0.05 => p.arrives_micros += 700_000,
                _ => {}
            }
            packets.push(p);
        }
        let heard = listen(LINEAR, packets);
        let last = heard.sounds.len() - 100;
        assert!(heard.share(last, Sound::Heard) > 0.97, "seed {seed}: {:?}", &heard.sounds[last..]);
        let wait = heard.longest_wait_ms(heard.waits.len() - 80);
        assert!(wait <= 60, "seed {seed}: {wait} ms");
    }
}
