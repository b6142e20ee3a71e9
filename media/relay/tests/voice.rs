//! Stories of legs that are sent something else than what comes: another codec, other numbers, sounds, their own voice
//! (decision 0024). Sockets are real; what is heard is decoded and measured.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod keeper;
#[path = "../../streams/tests/sound/mod.rs"]
#[expect(dead_code, reason = "these stories need a part of the sounds")]
mod sound;
mod talk;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use keeper::Keeper;
use relay::{RelayConfig, Resumed};
use sound::{amplitude, purity_db};
use streams::{
    audio::{Rate, library::Library, player::Clip},
    codec::{Codec, LinearRate},
    media::{EventFormat, LegMedia, MediaCommand, PortLease, Protection, SoundName, Voice, VoiceFormat},
    srtp::{MasterKey, Opener, SrtpKeys, Suite},
};
use talk::{Heard, Talker, count, voice};
use world::{Phone, World, config};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct Pair {
    a: Talker,
    b: Talker,
    leg_a: PortLease,
    leg_b: PortLease,
}

fn joined(world: &mut World, a: (Codec, u8), b: (Codec, u8)) -> Pair {
    let [a, b] = [a, b].map(|(codec, number)| Talker::new(Phone::new(V4), codec, number));
    let (leg_a, leg_b) = (world.open(a.media()), world.open(b.media()));
    world.order(MediaCommand::Join { a: leg_a.id, b: leg_b.id });
    world.settle();
    Pair { a, b, leg_a, leg_b }
}

fn is_tone(heard: &[i16], codec: Codec, hz: f64, what: &str) {
    let rate = codec.rate();
    let settled = &heard[rate.samples(300)..];
    let level = amplitude(settled, rate.hz(), hz);
    assert!((5_500.0..10_500.0).contains(&level), "{what}: level {level:.0} of 8,000");
    let purity = purity_db(settled, rate.hz(), hz);
    assert!(purity > 12.0, "{what}: {purity:.1} dB above all else");
}

#[test]
fn a_tone_is_heard_right_from_every_codec_to_every_other_and_back() {
    let mut world = World::start(config(V4, 44_000, 44_059));
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
    let mut world = World::start(config(V4, 44_060, 44_099));
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
    let mut world = World::start(config(V4, 44_100, 44_139));
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
    let mut world = World::start(config(V4, 44_140, 44_179));
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
    let mut world = World::start(config(V4, 44_180, 44_219));
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
    let mut world = World::start(config(V4, 44_220, 44_259));
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
    let mut world = World::start(config(V4, 44_260, 44_299));
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
    let mut world = World::start(config(V4, 44_300, 44_339));
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
    let mut mu = Talker::new(Phone::new(V4), Codec::Pcmu, 0);
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

fn library() -> Arc<Library> {
    let mut library = Library::default();
    let tone = sound::tone(16_000, 700.0, 8_000.0, 16_000 / 5);
    library.add(SoundName::new("id/short"), &Clip::new(tone.into(), Rate::Wide)).unwrap();
    library.into()
}

fn with_sounds(first: u16) -> RelayConfig {
    RelayConfig { sounds: Some(library()), ..config(V4, first, first + 39) }
}

fn play(lease: &PortLease, names: &[&str], repeat: bool) -> MediaCommand {
    let sounds = names.iter().map(|name| SoundName::new(name)).collect();
    MediaCommand::Play { lease: lease.id, sounds, repeat }
}

#[test]
fn music_is_heard_in_place_of_the_other_leg_until_it_is_stopped() {
    let mut world = World::start(with_sounds(44_340));
    for codec in [(Codec::Pcma, 8), (Codec::G722, 9), (Codec::Opus, 111)] {
        let Pair { mut a, mut b, leg_a, leg_b } = joined(&mut world, codec, codec);
        let said = b.tone(300.0, false);
        b.sends(&said, &leg_b);
        assert_eq!(a.hears(), said, "as it came");
        a.forget();
        world.order(play(&leg_a, &["tone/dial"], true));
        world.settle();
        let kept = count(&world.relay, "kept");
        for n in 0..50 {
            b.says(300.0, &leg_b);
            a.hears();
            a.says(300.0, &leg_a);
            assert_eq!(b.hears().ssrc, a.phone.ssrc, "the other direction is as before ({n})");
        }
        a.heard_one_stream();
        assert_ne!(a.packets[0].ssrc, b.phone.ssrc);
        let level = amplitude(&a.heard[a.codec.rate().samples(200)..], a.codec.rate().hz(), 425.0);
        assert!(level > 4_000.0, "{level}");
        world.counted("kept", kept + 50);
        world.order(MediaCommand::Stop { lease: leg_a.id });
        world.settle();
        while !a.phone.has_heard_nothing() {}
        let said = b.tone(300.0, false);
        b.sends(&said, &leg_b);
        assert_eq!(a.hears(), said, "as it came, again");
        world.close(leg_a.id);
        world.close(leg_b.id);
    }
    assert!(world.played.is_empty(), "music has no end to be told");
}

#[test]
fn the_end_of_the_last_sound_is_told_and_what_is_not_there_ends_at_once() {
    let mut world = World::start(with_sounds(44_380));
    let mut a = Talker::new(Phone::new(V4), Codec::Pcma, 8);
    let lease = world.open(a.media());
    world.order(play(&lease, &["id/short", "id/not-there", "id/short"], false));
    (0..20).for_each(|_| drop(a.hears()));
    a.heard_one_stream();
    is_tone(&a.heard, Codec::Pcma, 700.0, "two sounds");
    world.until("the end of it", |w| w.played == [lease.id]);
    assert!(a.phone.has_heard_nothing());
    world.counted("sounds_missing", 1);
    world.order(play(&lease, &["id/not-there"], false));
    world.until("the end of nothing", |w| w.played == [lease.id; 2]);
    world.counted("sounds_missing", 2);
    // What cannot be written for this phone has ended too, but for one that has not answered yet it waits.
    let mute = LegMedia { voice: Some(Voice::default()), ..a.media() };
    world.order(MediaCommand::Configure { lease: lease.id, media: mute });
    world.order(play(&lease, &["id/short"], false));
    world.until("the end for a phone without a format", |w| w.played == [lease.id; 3]);
    world.order(MediaCommand::Configure { lease: lease.id, media: a.phone.media() });
    world.order(play(&lease, &["id/short"], false));
    world.settle();
    assert_eq!(world.played.len(), 3);
    world.order(MediaCommand::Configure { lease: lease.id, media: a.media() });
    a.forget();
    (0..10).for_each(|_| drop(a.hears()));
    world.until("the end of what had to wait", |w| w.played.len() == 4);
    // Stopped is not ended.
    world.order(play(&lease, &["id/short"], false));
    world.order(MediaCommand::Stop { lease: lease.id });
    world.settle();
    assert_eq!(world.played.len(), 4);
}

#[test]
fn packets_are_as_long_as_the_phone_has_asked_for() {
    let mut world = World::start(with_sounds(44_420));
    for (codec, number, wanted, ms) in [
        (Codec::Pcma, 8, 10, 10),
        (Codec::Pcma, 8, 30, 30),
        (Codec::G722, 9, 40, 40),
        (Codec::Opus, 111, 60, 60),
        (Codec::Opus, 111, 30, 20),
        (Codec::Pcmu, 0, 7, 20),
    ] {
        let mut a = Talker::new(Phone::new(V4), codec, number);
        let asked = Voice { packet_ms: wanted, ..voice(codec, number) };
        let lease = world.open(LegMedia { voice: Some(asked), ..a.media() });
        world.order(play(&lease, &["tone/dial"], true));
        let times: Vec<u32> = (0..4).map(|_| a.hears().timestamp).collect();
        let step = codec.clock_units(ms);
        assert!(
            times.windows(2).all(|t| t[1] == t[0].wrapping_add(step)),
            "{codec:?} {wanted} ms: {times:?}"
        );
        assert_eq!(a.heard.len(), codec.rate().samples(4 * ms as usize));
        world.close(lease.id);
    }
}

#[test]
fn an_echo_is_the_same_payload_on_a_stream_of_our_own() {
    let mut world = World::start(config(V4, 44_460, 44_499));
    let mut a = Talker::new(Phone::new(V4), Codec::Opus, 111);
    let lease = world.open(a.media());
    world.order(MediaCommand::Echo { lease: lease.id });
    world.settle();
    for n in 0..20 {
        let said = a.tone(500.0, false);
        a.sends(&said, &lease);
        let heard = a.hears();
        assert_eq!((heard.payload, heard.payload_type), (said.payload, 111), "{n}");
        assert_ne!(heard.ssrc, a.phone.ssrc);
    }
    a.heard_one_stream();
    is_tone(&a.heard, Codec::Opus, 500.0, "echo");
    // What is lost on the way in is seen to be lost, and what is overtaken finds its place.
    let (_lost, early, late) = (a.tone(500.0, false), a.tone(500.0, false), a.tone(500.0, false));
    let last = a.packets.last().unwrap().clone();
    for (said, places) in [(late, 3), (early, 2)] {
        a.sends(&said, &lease);
        let heard = a.hears();
        assert_eq!(heard.sequence, last.sequence.wrapping_add(places));
        assert_eq!(heard.timestamp, last.timestamp.wrapping_add(u32::from(places) * 960));
    }
    world.order(MediaCommand::Stop { lease: lease.id });
    world.settle();
    let kept = count(&world.relay, "kept");
    a.says(500.0, &lease);
    world.counted("kept", kept + 1);
    assert!(a.phone.has_heard_nothing());
    // Without a format that we know it comes back as it is.
    let mut unknown = Phone::new(V4);
    unknown.ssrc += 1;
    let lease = world.open(unknown.media());
    world.order(MediaCommand::Echo { lease: lease.id });
    world.settle();
    unknown.says(1, &lease);
    let (_, back) = unknown.hears();
    assert_eq!((back[1] & 0x7f, &back[12..]), (8, &unknown.packet(1)[12..]));
}

/// Two descriptions that name our own ports must not make a packet go round.
#[test]
fn an_echo_to_a_port_of_ours_is_none() {
    let mut world = World::start(config(V4, 44_500, 44_539));
    let a = Phone::new(V4);
    let (one, other) = (world.draw(), world.draw());
    for (lease, remote) in [(&one, &other), (&other, &one)] {
        let media = LegMedia { remote: Some(remote.address), ..a.media() };
        world.order(MediaCommand::Open { lease: lease.id, media });
        world.order(MediaCommand::Echo { lease: lease.id });
    }
    world.settle();
    for n in 0..5 {
        a.says(n, &one);
    }
    world.counted("datagrams_received", 5);
    world.settle();
    world.counted("datagrams_received", 5);
    world.counted("datagrams_sent", 0);
}

fn keys(suite: Suite, seed: u8) -> SrtpKeys {
    let master = |seed: u8| {
        let bytes: Vec<u8> = (0..suite.master_bytes()).map(|at| at as u8 ^ seed).collect();
        MasterKey::new(suite, &bytes).unwrap()
    };
    SrtpKeys { suite, send: master(seed), receive: master(seed + 1) }
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

/// Decision 0014: whoever was played to, transcoded or echoed is so in the next life.
fn goes_on(first: u16, is_planned: bool) {
    let config = with_sounds(first);
    let keeper = Keeper::default();
    let mut world = World::resume(config.clone(), Resumed::default(), Some(Box::new(keeper.clone())));
    let Pair { mut a, mut b, leg_a, leg_b } = joined(&mut world, (Codec::Pcma, 8), (Codec::Opus, 111));
    let mut echoed = Talker::new(Phone::new(V4), Codec::Pcma, 8);
    let leg_e = world.open(echoed.media());
    world.order(MediaCommand::Echo { lease: leg_e.id });
    world.order(play(&leg_a, &["tone/dial"], true));
    world.settle();
    for _ in 0..10 {
        a.hears();
        a.says(900.0, &leg_a);
        b.hears();
        echoed.says(900.0, &leg_e);
        echoed.hears();
    }
    let crashed = keeper.left();
    drop(world);
    let left = if is_planned { keeper.left() } else { crashed };
    while !a.phone.has_heard_nothing() {}
    let before = [&a, &b, &echoed].map(|talker| talker.packets.last().unwrap().clone());
    let mut world = World::resume(config, left, Some(Box::new(keeper)));
    for _ in 0..10 {
        a.hears();
        a.says(900.0, &leg_a);
        b.hears();
        echoed.says(900.0, &leg_e);
        echoed.hears();
    }
    for (talker, last) in [&a, &b, &echoed].into_iter().zip(before) {
        let first = &talker.packets[talker.packets.len() - 10];
        // After a crash nobody knows which numbers were used, and no number may be used twice: another source.
        assert_eq!(first.ssrc == last.ssrc, is_planned, "{first:?} {last:?}");
        if is_planned {
            let ahead = first.sequence.wrapping_sub(last.sequence);
            assert!((1..100).contains(&ahead), "{first:?} {last:?}");
        }
        assert!(first.marker);
    }
    world.order(MediaCommand::Stop { lease: leg_a.id });
    world.settle();
    while !a.phone.has_heard_nothing() {}
    b.says(900.0, &leg_b);
    assert_eq!(a.hears().payload_type, 8, "and the joined leg is heard again, in its codec");
}

#[test]
fn music_transcoding_and_echo_go_on_over_a_planned_stop() {
    goes_on(44_580, true);
}

#[test]
fn music_transcoding_and_echo_go_on_over_a_crash() {
    goes_on(44_620, false);
}

/// A relay that was killed between the end of a sound and its report, or before it was to begin, must not leave a call waiting.
#[test]
fn the_end_of_a_sound_is_told_again_after_a_crash() {
    let config = with_sounds(44_900);
    let keeper = Keeper::default();
    let mut world = World::resume(config.clone(), Resumed::default(), Some(Box::new(keeper.clone())));
    let a = Talker::new(Phone::new(V4), Codec::Pcma, 8);
    let lease = world.open(a.media());
    world.order(play(&lease, &["id/short"], false));
    world.until("the end of it", |w| w.played == [lease.id]);
    let _pair = joined(&mut world, (Codec::Pcma, 8), (Codec::Pcma, 8));
    drop(world);
    let mut world = World::resume(config, keeper.left(), Some(Box::new(keeper)));
    world.until("the end of it", |w| w.played == [lease.id]);
    world.settle();
    assert_eq!(world.played, [lease.id], "who is joined waits for no sound");
}

/// Reading the sounds takes longer than a call may be silent after a restart, so what is to be played waits for them.
#[test]
fn what_is_to_be_played_waits_for_the_library() {
    let mut world = World::start(RelayConfig { sounds: None, ..config(V4, 44_860, 44_899) });
    let mut door = world.relay.library_door().expect("one door");
    assert!(world.relay.library_door().is_none());
    let mut a = Talker::new(Phone::new(V4), Codec::Pcma, 8);
    let lease = world.open(a.media());
    world.order(play(&lease, &["id/short"], false));
    world.settle();
    assert!(world.played.is_empty() && a.phone.has_heard_nothing());
    assert!(door.wanted(), "it is asked for once somebody is to hear it");
    assert!(door.give(library()));
    (0..10).for_each(|_| drop(a.hears()));
    assert!(amplitude(&a.heard, 8_000, 700.0) > 6_000.0);
    world.until("the end of it", |w| w.played == [lease.id]);
}

/// Events at a clock that the other leg's speech has not are told at the one it has.
#[test]
fn an_event_between_legs_of_the_same_codec_changes_its_number_and_its_clock() {
    let mut world = World::start(config(V4, 44_660, 44_699));
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
    let mut world = World::start(config(V4, 44_700, 44_739));
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
