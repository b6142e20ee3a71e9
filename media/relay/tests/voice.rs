//! Stories of legs that are sent another codec, or other numbers, than what comes (decision 0024). Sockets are real; what is
//! heard is decoded and measured.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod played;
#[path = "../../streams/tests/sound/mod.rs"]
#[expect(dead_code, reason = "these stories need a part of the sounds")]
mod sound;
mod talk;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use played::{Pair, is_tone, joined, keys, play, with_sounds};
use sound::purity_db;
use streams::{
    codec::{Codec, LinearRate},
    media::{EventFormat, LegMedia, MediaCommand, Protection, Voice, VoiceFormat},
    srtp::{Opener, Suite},
};
use talk::{Heard, Talker, count, voice};
use world::{Phone, World, config, v4};

#[test]
fn a_tone_is_heard_right_from_every_codec_to_every_other_and_back() {
    let mut world = World::start(config(v4(), 44_000, 44_059));
    let wide = (Codec::L16(LinearRate::Wide), 97);
    for (one, other) in [
        ((Codec::Pcma, 8), (Codec::Opus, 111)),
        ((Codec::G722, 9), (Codec::Pcmu, 0)),
        ((Codec::G722, 9), (Codec::Opus, 96)),
        (wide, (Codec::Pcma, 8)),
    ] {
        let Pair { mut a, mut b, leg_a, leg_b } = joined(&mut world, one, other);
        for _ in 0..60 {
            a.says(1_020.0, &leg_a);
            assert_eq!(b.hears().payload_type, b.payload_type);
            b.says(440.0, &leg_b);
            assert_eq!(a.hears().payload_type, a.payload_type);
        }
        b.heard_one_stream();
        a.heard_one_stream();
        assert_ne!(b.packets[0].ssrc, a.phone.ssrc, "a stream of our own");
        is_tone(&b.heard, b.codec, 1_020.0, &format!("{one:?} to {other:?}"));
        is_tone(&a.heard, a.codec, 440.0, &format!("{other:?} to {one:?}"));
        let report = world.close(leg_b.id);
        assert_eq!((report.packets_received, report.packets_sent), (60, 60));
        world.close(leg_a.id);
    }
}

/// Nothing waits: what is missing is made up when the next one comes, and what comes after that is too late.
#[test]
fn what_is_lost_is_made_up_and_what_comes_late_is_dropped() {
    let mut world = World::start(config(v4(), 44_060, 44_099));
    for (one, other) in [((Codec::Opus, 111), (Codec::Pcma, 8)), ((Codec::Pcmu, 0), (Codec::Opus, 111))] {
        let late_before = count(&world.relay, "dropped_late");
        let Pair { mut a, mut b, leg_a, .. } = joined(&mut world, one, other);
        let packets: Vec<Heard> = (0..80).map(|n| a.tone(1_020.0, n == 0)).collect();
        for (n, packet) in packets.iter().enumerate() {
            match n {
                // Lost; two in a row; overtaken by the next one.
                20 | 31 | 32 | 50 => continue,
                51 => {
                    a.sends(packet, &leg_a);
                    a.sends(&packets[50], &leg_a);
                }
                _ => a.sends(packet, &leg_a),
            }
            let made_up = match n {
                21 | 51 => 2,
                33 => 3,
                _ => 1,
            };
            (0..made_up).for_each(|_| drop(b.hears()));
        }
        b.heard_one_stream();
        assert_eq!(b.packets.len(), 80);
        world.counted("dropped_late", late_before + 1);
        // Nothing is silent. SILK predicts from what it has heard, so it takes some packets until it is as pure as before.
        let (rate, frame) = (b.codec.rate(), b.codec.rate().samples(20));
        let piece = |from: usize, to: usize| &b.heard[from * frame..to * frame];
        for lost in [20, 31, 50] {
            let level = sound::power(piece(lost, lost + 3)).sqrt();
            assert!(level > 1_000.0, "{one:?} to {other:?}, frame {lost}: {level:.0}");
        }
        let settled = if one.0 == Codec::Opus { [(10, 20), (70, 80)] } else { [(36, 50), (56, 80)] };
        for (from, to) in settled {
            let purity = purity_db(piece(from, to), rate.hz(), 1_020.0);
            assert!(purity > 10.0, "{one:?} to {other:?}, frames {from} to {to}: {purity:.1} dB");
        }
    }
}

#[test]
fn a_pause_of_the_sender_stays_one_and_what_follows_it_is_marked() {
    let mut world = World::start(config(v4(), 44_100, 44_139));
    let Pair { mut a, mut b, leg_a, .. } = joined(&mut world, (Codec::G722, 9), (Codec::Pcma, 8));
    for _ in 0..10 {
        a.says(600.0, &leg_a);
        b.hears();
    }
    b.heard_one_stream();
    let before = b.packets.last().unwrap().clone();
    a.timestamp += 8_000;
    a.says(600.0, &leg_a);
    let after = b.hears();
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(160 + 8_000));
    assert_eq!((after.sequence, after.ssrc), (before.sequence.wrapping_add(1), before.ssrc));
    assert!(after.marker);
    // The sender begins anew from another place: our numbers and our time do not.
    (a.sequence, a.timestamp, a.phone.ssrc) = (40_000, 4_000_000_000, a.phone.ssrc + 1);
    let renewed = a.media();
    world.order(MediaCommand::Configure { lease: leg_a.id, media: renewed });
    world.settle();
    a.says(600.0, &leg_a);
    let last = b.hears();
    assert_eq!((last.sequence, last.ssrc), (after.sequence.wrapping_add(1), after.ssrc));
    let step = last.timestamp.wrapping_sub(after.timestamp);
    assert!((160..80_000).contains(&step), "{step}");
    assert!(last.marker);
}

/// RFC 7587 §3.1.3: nothing comes in silence. A phone without comfort noise must not take that for a dead line.
#[test]
fn silence_that_opus_does_not_send_is_heard_as_noise_by_a_narrow_phone() {
    let mut world = World::start(config(v4(), 44_140, 44_179));
    let Pair { mut a, mut b, leg_a, .. } = joined(&mut world, (Codec::Opus, 111), (Codec::Pcma, 8));
    for _ in 0..10 {
        a.says(600.0, &leg_a);
        b.hears();
    }
    let mut silence = a.tone(600.0, false);
    silence.payload.truncate(1);
    a.sends(&silence, &leg_a);
    // Nothing more is sent, and all the same it goes on.
    (0..10).for_each(|_| drop(b.hears()));
    b.heard_one_stream();
    a.timestamp += 960 * 9;
    a.says(600.0, &leg_a);
    let ends_with = b.hears();
    assert_eq!(ends_with.sequence, b.packets[0].sequence.wrapping_add(b.packets.len() as u16 - 1));
}

#[test]
fn comfort_noise_is_heard_by_a_phone_that_knows_none() {
    let mut world = World::start(config(v4(), 44_180, 44_219));
    let Pair { mut a, mut b, leg_a, .. } = joined(&mut world, (Codec::Pcma, 8), (Codec::Opus, 111));
    let noisy = Voice { noise: Some(13), ..voice(Codec::Pcma, 8) };
    world.order(MediaCommand::Configure {
        lease: leg_a.id,
        media: LegMedia { voice: Some(noisy), ..a.media() },
    });
    world.settle();
    for _ in 0..5 {
        a.says(600.0, &leg_a);
        b.hears();
    }
    b.forget();
    let mut noise = a.tone(600.0, false);
    (noise.payload_type, noise.payload) = (13, vec![40]);
    a.sends(&noise, &leg_a);
    for _ in 0..40 {
        b.hears();
    }
    let heard = &b.heard[b.codec.rate().samples(300)..];
    let level_dbov = 10.0 * (sound::power(heard) / 32_768_f64.powi(2)).log10();
    assert!((-46.0..-34.0).contains(&level_dbov), "{level_dbov} dBov where 40 below was described");
}

/// RFC 4733 §2.3: an event's packets have the time of its beginning, and its duration counts on the clock of the stream.
#[test]
fn events_ride_on_the_stream_of_speech_with_their_duration_on_its_clock() {
    let mut world = World::start(config(v4(), 44_220, 44_259));
    let Pair { mut a, mut b, leg_a, .. } = joined(&mut world, (Codec::Pcma, 8), (Codec::Opus, 111));
    for _ in 0..5 {
        a.says(600.0, &leg_a);
        b.hears();
    }
    let last = b.packets.last().unwrap().clone();
    let begins = a.timestamp;
    let durations = [160_u16, 320, 480, 640, 640, 640];
    for (n, duration) in durations.into_iter().enumerate() {
        let [high, low] = duration.to_be_bytes();
        let end = if n >= 3 { 0x8a } else { 0x0a };
        let event = Heard {
            marker: n == 0,
            payload_type: 101,
            sequence: a.sequence,
            timestamp: begins,
            ssrc: a.phone.ssrc,
            payload: vec![5, end, high, low],
        };
        a.sequence += 1;
        a.sends(&event, &leg_a);
        let heard = b.hears();
        assert_eq!((heard.payload_type, heard.ssrc, heard.marker), (101, last.ssrc, n == 0));
        assert_eq!(heard.timestamp, last.timestamp.wrapping_add(960));
        let [high, low] = (duration * 6).to_be_bytes();
        assert_eq!(heard.payload, [5, end, high, low]);
    }
    a.timestamp += 640;
    a.says(600.0, &leg_a);
    let after = b.hears();
    assert_eq!(after.timestamp, last.timestamp.wrapping_add(960 + 640 * 6));
    assert_eq!(after.sequence, last.sequence.wrapping_add(7));
}

#[test]
fn the_same_codec_under_other_numbers_stays_the_senders_own() {
    let mut world = World::start(config(v4(), 44_260, 44_299));
    let Pair { mut a, mut b, leg_a, leg_b } = joined(&mut world, (Codec::Opus, 111), (Codec::Opus, 96));
    for _ in 0..5 {
        let said = a.tone(600.0, false);
        a.sends(&said, &leg_a);
        assert_eq!(b.hears(), Heard { payload_type: 96, ..said });
        let said = b.tone(600.0, true);
        b.sends(&said, &leg_b);
        assert_eq!(a.hears(), Heard { payload_type: 111, ..said });
    }
    // What B would take for Opus and A has not agreed to is not let through.
    let mut wrong = a.tone(600.0, false);
    wrong.payload_type = 96;
    a.sends(&wrong, &leg_a);
    world.counted("dropped_format", 1);
    assert!(b.phone.has_heard_nothing());
}

/// A phone that lists several formats may change between them with every packet (RFC 3264 §6.1).
#[test]
fn a_sender_may_change_its_format_at_any_time() {
    let mut world = World::start(config(v4(), 44_300, 44_339));
    let Pair { mut a, mut b, leg_a, .. } = joined(&mut world, (Codec::Pcma, 8), (Codec::Pcma, 8));
    let both = Voice {
        formats: vec![VoiceFormat::new(Codec::Pcma, 8), VoiceFormat::new(Codec::Pcmu, 0)],
        ..Voice::default()
    };
    world.order(MediaCommand::Configure {
        lease: leg_a.id,
        media: LegMedia { voice: Some(both), ..a.media() },
    });
    world.settle();
    let mut mu = Talker::new(Phone::new(v4()), Codec::Pcmu, 0);
    mu.phone.ssrc = a.phone.ssrc;
    for n in 0..60 {
        let law = n / 10 % 2 == 1;
        let packet = if law { mu.tone(600.0, false) } else { a.tone(600.0, false) };
        let packet = Heard { sequence: 7 + n, timestamp: 1_000 + u32::from(n) * 160, ..packet };
        a.sends(&packet, &leg_a);
        assert_eq!(b.hears().payload_type, 8);
        // Each keeps the other's place in the tone.
        let other = if law { &mut a } else { &mut mu };
        other.tone(600.0, false);
    }
    assert!(b.packets.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)
        && pair[1].timestamp == pair[0].timestamp.wrapping_add(160)
        && pair[1].ssrc == pair[0].ssrc));
    is_tone(&b.heard, Codec::Pcma, 600.0, "in turns");
}

#[test]
fn what_is_made_is_sealed_with_the_keys_of_its_leg() {
    let mut world = World::start(with_sounds(44_540));
    for suite in Suite::ALL {
        let Pair { mut a, mut b, leg_a, leg_b } = joined(&mut world, (Codec::Pcma, 8), (Codec::Opus, 111));
        let agreed = keys(suite, 9);
        let mut ear = Opener::new(suite, &agreed.send).unwrap();
        let media = LegMedia { protection: Protection::Srtp(agreed), ..b.media() };
        world.order(MediaCommand::Configure { lease: leg_b.id, media });
        world.settle();
        let mut opened = |b: &mut Talker| {
            let (_, mut packet) = b.phone.hears();
            let len = ear.open_rtp(&mut packet).expect("under our key");
            b.takes(&packet[..len])
        };
        for _ in 0..40 {
            a.says(800.0, &leg_a);
            opened(&mut b);
        }
        b.heard_one_stream();
        is_tone(&b.heard, Codec::Opus, 800.0, "sealed");
        let last = b.packets.last().unwrap().clone();
        world.order(play(&leg_b, &["id/short"], false));
        for n in 1..=10 {
            let heard = opened(&mut b);
            assert_eq!((heard.ssrc, heard.sequence), (last.ssrc, last.sequence.wrapping_add(n)));
            assert_eq!(heard.marker, n == 1);
        }
        world.close(leg_a.id);
        world.close(leg_b.id);
    }
}

/// Events at a clock that the other leg's speech has not are told at the one it has.
#[test]
fn an_event_between_legs_of_the_same_codec_changes_its_number_and_its_clock() {
    let mut world = World::start(config(v4(), 44_660, 44_699));
    let Pair { a, mut b, leg_a, leg_b } = joined(&mut world, (Codec::Opus, 111), (Codec::Opus, 111));
    let only_narrow = Voice { events: vec![EventFormat::new(96, 8_000)], ..voice(Codec::Opus, 111) };
    world.order(MediaCommand::Configure {
        lease: leg_b.id,
        media: LegMedia { voice: Some(only_narrow), ..b.media() },
    });
    world.settle();
    let event = Heard {
        marker: true,
        payload_type: 101,
        sequence: 1,
        timestamp: 48_000,
        ssrc: a.phone.ssrc,
        payload: vec![1, 10, 0x12, 0xc0],
    };
    a.sends(&event, &leg_a);
    let expected = Heard { payload_type: 96, payload: vec![1, 10, 0x03, 0x20], ..event };
    assert_eq!(b.hears(), expected, "4,800 units of 48 kHz are 800 of 8 kHz");
}

/// RFC 2833 §3.14, which RFC 4733 kept the format of: "911" is dialled at 0, 880 and 1,400 ms, for 200, 250 and so far 50 ms.
#[test]
fn the_digits_911_of_the_rfcs_example_reach_a_phone_of_another_clock() {
    let mut world = World::start(config(v4(), 44_700, 44_739));
    let Pair { a, mut b, leg_a, .. } = joined(&mut world, (Codec::Pcma, 8), (Codec::Opus, 111));
    let digits = [
        (0, [9, 0x80 | 7, 0x06, 0x40], [9, 0x80 | 7, 0x25, 0x80]),
        (7_040, [1, 0x80 | 10, 0x07, 0xd0], [1, 0x80 | 10, 0x2e, 0xe0]),
        (11_200, [1, 20, 0x01, 0x90], [1, 20, 0x09, 0x60]),
    ];
    let mut first = None;
    for (sequence, (timestamp, told, expected)) in (26..).zip(digits) {
        let event = Heard {
            marker: true,
            payload_type: 101,
            sequence,
            timestamp,
            ssrc: a.phone.ssrc,
            payload: told.to_vec(),
        };
        a.sends(&event, &leg_a);
        let heard = b.hears();
        let begin = *first.get_or_insert(heard.timestamp);
        assert_eq!((heard.payload_type, heard.marker, heard.payload.as_slice()), (101, true, &expected[..]));
        assert_eq!(heard.timestamp.wrapping_sub(begin), timestamp * 6, "on a clock of 48 kHz");
    }
}
