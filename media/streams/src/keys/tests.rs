//! Keys through codecs and through losses: the limits of ITU-T Q.24, and the packets of RFC 4733 in every order.

use std::f32::consts::TAU;

use super::*;
use crate::{
    audio::sample::round,
    codec::{Encoder, PAYLOAD_BYTES_MAX, opus::Parameters},
    media::{EventFormat, VoiceFormat},
};

const SIGNS: &str = "0123456789*#ABCD";
/// -10 dBm0 for each tone.
const USUAL: f32 = 7_219.0;

fn signs(keys: impl IntoIterator<Item = Key>) -> String {
    keys.into_iter().map(Key::sign).collect()
}

fn tones_of(sign: char) -> [f32; 2] {
    let at = "123A456B789C*0#D".find(sign).unwrap();
    [[697.0, 770.0, 852.0, 941.0][at / 4], [1_209.0, 1_336.0, 1_477.0, 1_633.0][at % 4]]
}

/// Two sines, each of a frequency and an amplitude.
fn sound(rate: Rate, ms: usize, parts: [(f32, f32); 2]) -> Vec<i16> {
    let per_second = rate.hz() as f32;
    let wave = |n: usize, (hz, amplitude): (f32, f32)| amplitude * (n as f32 / per_second * hz * TAU).sin();
    (0..rate.samples(ms)).map(|n| round(parts.iter().map(|part| wave(n, *part)).sum())).collect()
}

fn pressed(rate: Rate, sign: char, ms: usize) -> Vec<i16> {
    sound(rate, ms, tones_of(sign).map(|hz| (hz, USUAL)))
}

fn silence(rate: Rate, ms: usize) -> Vec<i16> {
    vec![0; rate.samples(ms)]
}

/// What is found in a sound that comes in packets of 20 ms.
fn found(rate: Rate, sound: &[i16]) -> String {
    let mut tones = Tones::new(rate);
    signs(sound.chunks(rate.frame()).filter_map(|packet| tones.hear(packet)))
}

/// What is found of a key of these tones and this length, however it lies on the blocks.
fn found_anywhere(ms: usize, parts: [(f32, f32); 2]) -> Vec<String> {
    let mut all: Vec<String> = (0..26)
        .map(|half_ms| {
            let mut heard = vec![0; 240 + half_ms * 4];
            heard.extend(sound(Rate::Narrow, ms, parts));
            heard.extend(silence(Rate::Narrow, 60));
            found(Rate::Narrow, &heard)
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

fn of(sign: char, change: impl Fn([f32; 2]) -> [(f32, f32); 2]) -> [(f32, f32); 2] {
    change(tones_of(sign))
}

#[test]
fn all_keys_are_found_in_what_codecs_make_of_them() {
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus] {
        let rate = if codec == Codec::Opus { Rate::Wide } else { codec.rate() };
        let mut encoder = Encoder::new(codec, rate, &Parameters::default()).unwrap();
        let voice = Voice { formats: vec![VoiceFormat::new(codec, 96)], ..Voice::default() };
        let mut ear = Ear::new(Some(&voice), Events::default());
        let mut keys = Vec::new();
        let heard = SIGNS.chars().flat_map(|sign| [pressed(rate, sign, 60), silence(rate, 60)].concat());
        let heard: Vec<i16> = heard.collect();
        for (n, frame) in heard.chunks(rate.frame()).enumerate() {
            let mut payload = [0; PAYLOAD_BYTES_MAX];
            let octets = encoder.encode(frame, &mut payload).unwrap();
            let packet = packet((96, false), n as u16, n as u32 * 160, &payload[..octets]);
            keys.extend(ear.hear(n as u64 * 20_000, &packet));
        }
        assert_eq!(signs(keys), SIGNS, "{codec:?}");
    }
}

#[test]
fn q_24_forty_milliseconds_are_a_key_and_twenty_three_are_none() {
    for sign in SIGNS.chars() {
        assert_eq!(found_anywhere(40, of(sign, |hz| hz.map(|hz| (hz, USUAL)))), [sign.to_string()]);
        assert_eq!(found_anywhere(23, of(sign, |hz| hz.map(|hz| (hz, USUAL)))), [""], "{sign}");
    }
}

#[test]
fn q_24_forty_milliseconds_are_a_pause_and_ten_are_a_hole() {
    for shift in 0..26 {
        let twice = |pause| {
            let first = pressed(Rate::Narrow, '5', 50);
            let begin = vec![0; shift * 4];
            found(Rate::Narrow, &[begin, first.clone(), silence(Rate::Narrow, pause), first].concat())
        };
        assert_eq!((twice(40).as_str(), twice(10).as_str()), ("55", "5"), "{shift}");
    }
}

#[test]
fn q_24_levels_twist_and_frequencies() {
    let decibels = |db: f32| 10_f32.powf(db / 20.0);
    let check = |sign, low: f32, high: f32, off: f32, expected: &str| {
        let parts = of(sign, |[one, other]| {
            [(one * off, USUAL * decibels(low)), (other * off, USUAL * decibels(high))]
        });
        assert_eq!(found_anywhere(50, parts), [expected], "{sign} {low} {high} {off}");
    };
    for (sign, is) in [('1', "1"), ('D', "D"), ('8', "8")] {
        check(sign, 7.0, 7.0, 1.0, is);
        check(sign, -15.0, -15.0, 1.0, is);
        check(sign, -26.0, -26.0, 1.0, "");
        // The high tone stronger, and then the low one.
        check(sign, -4.0, 0.0, 1.0, is);
        check(sign, -7.0, 0.0, 1.0, "");
        check(sign, 0.0, -8.0, 1.0, is);
        check(sign, 0.0, -11.0, 1.0, "");
        for off in [0.985, 1.015] {
            check(sign, 0.0, 0.0, off, is);
        }
        for off in [0.965, 1.035] {
            check(sign, 0.0, 0.0, off, "");
        }
    }
}

#[test]
fn noise_and_single_tones_are_no_keys() {
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as i16
    };
    let noise: Vec<i16> = (0..Rate::Narrow.samples(60_000)).map(|_| random() / 4).collect();
    assert_eq!(found(Rate::Narrow, &noise), "");
    for hz in (300..3_400).step_by(7) {
        let hz = hz as f32;
        assert_eq!(found(Rate::Narrow, &sound(Rate::Narrow, 100, [(hz, USUAL), (hz, 0.0)])), "", "{hz}");
    }
    // What a switch says itself: 425 Hz, and a North American ringing tone.
    assert_eq!(found(Rate::Narrow, &sound(Rate::Narrow, 500, [(440.0, USUAL), (480.0, USUAL)])), "");
}

#[test]
fn a_key_is_found_over_noise() {
    let mut state = 7_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as i16
    };
    // 15 dB below both tones together.
    let heard =
        SIGNS.chars().flat_map(|sign| [pressed(Rate::Narrow, sign, 50), silence(Rate::Narrow, 50)].concat());
    let heard: Vec<i16> = heard.map(|sample| sample.saturating_add(random() / 16)).collect();
    assert_eq!(found(Rate::Narrow, &heard), SIGNS);
}

fn packet((number, marker): (u8, bool), sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, number | if marker { 0x80 } else { 0 }];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(9_u32.to_be_bytes());
    packet.extend(payload);
    packet
}

fn listener() -> Ear {
    let voice = Voice {
        formats: vec![VoiceFormat::new(Codec::Pcmu, 0)],
        events: vec![EventFormat::new(101, 8_000)],
        ..Voice::default()
    };
    Ear::new(Some(&voice), Events::default())
}

/// `sequence timestamp code duration`, with `m` for the marker and `e` for the end.
fn told(ear: &mut Ear, packets: &[&str]) -> String {
    let hear = |(n, text): (usize, &&str)| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let flags = words.get(4).copied().unwrap_or_default();
        let duration: u16 = words[3].parse().unwrap();
        let [high, low] = duration.to_be_bytes();
        let end = if flags.contains('e') { 0x8a } else { 0x0a };
        let payload = [words[2].parse().unwrap(), end, high, low];
        let (sequence, timestamp) = (words[0].parse().unwrap(), words[1].parse().unwrap());
        let packet = packet((101, flags.contains('m')), sequence, timestamp, &payload);
        ear.hear(n as u64 * 20_000, &packet)
    };
    signs(packets.iter().enumerate().filter_map(hear))
}

#[test]
fn rfc_4733_a_key_is_told_once_however_many_packets_say_it() {
    let whole = ["1 80 5 160 m", "2 80 5 320", "3 80 5 480", "4 80 5 640 e", "5 80 5 640 e", "6 80 5 640 e"];
    assert_eq!(told(&mut listener(), &whole), "5");
    for lost in 0..whole.len() {
        let mut packets = whole.to_vec();
        packets.remove(lost);
        assert_eq!(told(&mut listener(), &packets), "5", "without {lost}");
    }
    for only in whole {
        assert_eq!(told(&mut listener(), &[only]), "5");
    }
    // Overtaken, and come twice.
    assert_eq!(told(&mut listener(), &["2 80 5 320", "1 80 5 160 m", "2 80 5 320", "4 80 5 640 e"]), "5");
}

#[test]
fn rfc_4733_the_same_key_again_is_known_by_its_timestamp() {
    assert_eq!(told(&mut listener(), &["1 80 5 640 me", "9 2000 5 160 m", "10 2000 5 640 e"]), "55");
    // All that said its end is lost, or all but one packet of each.
    assert_eq!(told(&mut listener(), &["1 80 5 160 m", "9 2000 5 160 m"]), "55");
    assert_eq!(told(&mut listener(), &["1 80 5 160", "9 2000 5 320"]), "55");
    assert_eq!(told(&mut listener(), &["65535 80 5 160 m", "0 80 5 320", "1 2000 6 160 m"]), "56");
    // What belongs to the one before comes late.
    assert_eq!(
        told(&mut listener(), &["1 80 5 160", "9 2000 6 160 m", "5 80 5 640 e", "10 2000 6 320"]),
        "56"
    );
}

#[test]
fn rfc_4733_2_5_1_3_a_long_key_in_segments_is_one() {
    let packets =
        ["1 80 5 160 m", "400 80 5 65535", "401 65615 5 160", "402 65615 5 320 e", "409 99999 5 160 m"];
    assert_eq!(told(&mut listener(), &packets), "55");
}

#[test]
fn all_keys_have_their_events_and_a_flash_is_none() {
    let all: Vec<String> = (0..18).map(|code| format!("{code} {} {code} 160 m", 1_000 * code)).collect();
    let mut ear = listener();
    let keys: String = all.iter().map(|one| told(&mut ear, &[one])).collect();
    assert_eq!(keys, SIGNS);
    assert_eq!(Key::of_sign('d').map(Key::sign), Some('D'));
    assert_eq!((Key::of_sign('x'), Key::of_event(16)), (None, None));
    assert_eq!(format!("{:?}", Key::of_event(5)), "Some(Key(_))");
}

#[test]
fn a_leg_presses_no_more_keys_than_anybody_can() {
    let mut ear = listener();
    let mut count = 0;
    for n in 0..200_u16 {
        let packet = packet((101, true), n, u32::from(n) * 80, &[3, 10, 0, 80]);
        count += usize::from(ear.hear(u64::from(n) * 10_000, &packet).is_some());
    }
    assert_eq!(count, 2 * usize::from(KEYS_PER_SECOND_MAX));
}

#[test]
fn another_life_goes_on_with_the_same_key() {
    let mut ear = listener();
    assert_eq!(told(&mut ear, &["1 80 5 160 m"]), "5");
    let voice = Voice { events: vec![EventFormat::new(101, 8_000)], ..Voice::default() };
    let mut next = Ear::new(Some(&voice), ear.events());
    assert_eq!(told(&mut next, &["2 80 5 320", "3 80 5 640 e", "4 2000 6 160 m"]), "6");
}

#[test]
fn who_has_agreed_on_events_says_nothing_by_tones() {
    let mut ear = listener();
    let mut encoder = Encoder::new(Codec::Pcmu, Rate::Narrow, &Parameters::default()).unwrap();
    for (n, frame) in pressed(Rate::Narrow, '5', 200).chunks(160).enumerate() {
        let mut payload = [0; PAYLOAD_BYTES_MAX];
        let octets = encoder.encode(frame, &mut payload).unwrap();
        assert_eq!(ear.hear(0, &packet((0, false), n as u16, 0, &payload[..octets])), None);
    }
}
