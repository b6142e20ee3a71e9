//! Stories of legs that are played sounds, or their own voice, and hear somebody else before and after (decision 0024).
//! Sockets are real; what is heard is decoded and measured.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod keeper;
mod played;
#[path = "../../streams/tests/sound/mod.rs"]
#[expect(dead_code, reason = "these stories need a part of the sounds")]
mod sound;
mod talk;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use played::{Pair, is_tone, joined, keys, library, play, with_sounds};
use relay::RelayConfig;
use sound::amplitude;
use streams::{
    codec::Codec,
    media::{LegMedia, MediaCommand, Protection, Voice},
    srtp::{Opener, Suite},
};
use talk::{Heard, Talker, count, read, voice};
use world::{Phone, World, config, v4};

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
        let ours = a.packets[0].ssrc;
        assert_ne!(ours, b.phone.ssrc);
        let level = amplitude(&a.heard[a.codec.rate().samples(200)..], a.codec.rate().hz(), 425.0);
        assert!(level > 4_000.0, "{level}");
        world.counted("kept", kept + 50);
        world.order(MediaCommand::Stop { lease: leg_a.id });
        world.settle();
        while !a.phone.has_heard_nothing() {}
        let said = b.tone(300.0, false);
        b.sends(&said, &leg_b);
        let heard = a.hears();
        assert_eq!((heard.ssrc, heard.payload), (ours, said.payload), "as it came, on the same stream");
        world.close(leg_a.id);
        world.close(leg_b.id);
    }
    assert!(world.played.is_empty(), "music has no end to be told");
}

#[test]
fn the_end_of_the_last_sound_is_told_and_what_is_not_there_ends_at_once() {
    let mut world = World::start(with_sounds(44_380));
    let mut a = Talker::new(Phone::new(v4()), Codec::Pcma, 8);
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
        let mut a = Talker::new(Phone::new(v4()), codec, number);
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
    let mut world = World::start(config(v4(), 44_460, 44_499));
    let mut a = Talker::new(Phone::new(v4()), Codec::Opus, 111);
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
    let mut unknown = Phone::new(v4());
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
    let mut world = World::start(config(v4(), 44_500, 44_539));
    let a = Phone::new(v4());
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

/// baresip 1.0 hears nothing of a source that follows another one after a packet; and numbers of the joined leg run on while
/// it is not heard.
#[test]
fn ring_back_talk_music_and_talk_are_one_stream() {
    let mut world = World::start(with_sounds(44_740));
    let [mut a, b] = [0; 2].map(|_| Talker::new(Phone::new(v4()), Codec::Pcma, 8));
    let [leg_a, leg_b] = [&a, &b].map(|talker| world.open(talker.media()));
    let mut b = b;
    let mut talk = |world: &mut World, a: &mut Talker, number: u8| {
        world.order(MediaCommand::Stop { lease: leg_a.id });
        world.settle();
        while !a.phone.has_heard_nothing() {}
        for _ in 0..5 {
            let said = Heard { payload_type: number, ..b.tone(300.0, false) };
            b.sends(&said, &leg_b);
            let heard = a.hears();
            assert_eq!((heard.payload_type, heard.payload), (number, said.payload));
        }
        b.sequence = b.sequence.wrapping_add(40_000);
        b.timestamp = b.timestamp.wrapping_add(40_000 * 160);
    };
    for number in [8, 18, 8] {
        world.order(play(&leg_a, &["tone/ringing"], true));
        (0..5).for_each(|_| drop(a.hears()));
        world.order(MediaCommand::Join { a: leg_a.id, b: leg_b.id });
        talk(&mut world, &mut a, number);
    }
    // A sound that ends by itself.
    world.order(play(&leg_a, &["id/short"], false));
    world.until("the end of it", |w| w.played == [leg_a.id]);
    talk(&mut world, &mut a, 8);
    for pair in a.packets.windows(2) {
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
        let (packets, step) = (
            pair[1].sequence.wrapping_sub(pair[0].sequence),
            pair[1].timestamp.wrapping_sub(pair[0].timestamp),
        );
        // What came while the order was on its way was not looked at.
        assert!((1..50).contains(&packets), "{pair:?}");
        // How long a packet of another codec lasts is told by the next one.
        let is_known = pair[0].payload_type == 8;
        assert!(step < 80_000 && (step >= 160 || !is_known), "{pair:?}");
        assert!(step == 160 || pair[1].marker || packets > 1, "{pair:?}");
    }
}

/// RFC 3711 §3.3.1: who opens has to guess how often the numbers have rolled over, and cannot after 2^15 that it has not heard.
#[test]
fn who_has_not_heard_40_000_packets_of_the_other_hears_the_next_under_srtp() {
    let mut world = World::start(with_sounds(44_780));
    for suite in Suite::ALL {
        for is_held_by_us in [true, false] {
            let Pair { mut a, b, leg_a, leg_b } = joined(&mut world, (Codec::Pcma, 8), (Codec::Pcma, 8));
            let agreed = keys(suite, 9);
            let mut ear = Opener::new(suite, &agreed.send).unwrap();
            let media = LegMedia { protection: Protection::Srtp(agreed), ..b.media() };
            world.order(MediaCommand::Configure { lease: leg_b.id, media: media.clone() });
            world.settle();
            let mut opened = || {
                let (_, mut packet) = b.phone.hears();
                let len = ear.open_rtp(&mut packet).expect("under our key, by its own guess");
                read(&packet[..len])
            };
            let says = |a: &mut Talker| {
                let said = a.tone(300.0, false);
                a.sends(&said, &leg_a);
                said
            };
            for _ in 0..5 {
                let said = says(&mut a);
                assert_eq!(opened(), said);
            }
            if is_held_by_us {
                world.order(play(&leg_b, &["id/short"], false));
                (0..10).for_each(|_| drop(opened()));
                world.order(MediaCommand::Stop { lease: leg_b.id });
            } else {
                let held = LegMedia { receives: false, ..media.clone() };
                world.order(MediaCommand::Configure { lease: leg_b.id, media: held });
                world.order(MediaCommand::Configure { lease: leg_b.id, media });
            }
            world.settle();
            a.sequence = a.sequence.wrapping_add(40_000);
            a.timestamp = a.timestamp.wrapping_add(40_000 * 160);
            if !is_held_by_us {
                // The two that show it.
                let before = count(&world.relay, "dropped_unsealed");
                says(&mut a);
                says(&mut a);
                world.counted("dropped_unsealed", before + 2);
            }
            let first = says(&mut a);
            let heard = opened();
            assert_eq!(heard.payload, first.payload);
            for n in 1..5 {
                let said = says(&mut a);
                let next = opened();
                let sequence = heard.sequence.wrapping_add(n);
                assert_eq!((next.ssrc, next.sequence, next.payload), (heard.ssrc, sequence, said.payload));
            }
            world.close(leg_a.id);
            world.close(leg_b.id);
        }
    }
}

/// Decision 0014: whoever was played to, transcoded or echoed is so in the next life.
fn goes_on(first: u16, is_planned: bool) {
    let config = with_sounds(first);
    let (mut world, keeper) = World::kept(&config);
    let Pair { mut a, mut b, leg_a, leg_b } = joined(&mut world, (Codec::Pcma, 8), (Codec::Opus, 111));
    let mut echoed = Talker::new(Phone::new(v4()), Codec::Pcma, 8);
    let leg_e = world.open(echoed.media());
    world.order(MediaCommand::Echo { lease: leg_e.id });
    world.order(play(&leg_a, &["tone/dial"], true));
    world.settle();
    let exchange = |a: &mut Talker, b: &mut Talker, echoed: &mut Talker| {
        for _ in 0..10 {
            a.hears();
            a.says(900.0, &leg_a);
            b.hears();
            echoed.says(900.0, &leg_e);
            echoed.hears();
        }
    };
    exchange(&mut a, &mut b, &mut echoed);
    let left = world.ends(&keeper, is_planned);
    while !a.phone.has_heard_nothing() {}
    let before = [&a, &b, &echoed].map(|talker| talker.packets.last().unwrap().clone());
    let mut world = World::resume(config, left, Some(Box::new(keeper)));
    exchange(&mut a, &mut b, &mut echoed);
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
    let (mut world, keeper) = World::kept(&config);
    let a = Talker::new(Phone::new(v4()), Codec::Pcma, 8);
    let lease = world.open(a.media());
    world.order(play(&lease, &["id/short"], false));
    world.until("the end of it", |w| w.played == [lease.id]);
    let _pair = joined(&mut world, (Codec::Pcma, 8), (Codec::Pcma, 8));
    let left = world.ends(&keeper, true);
    let mut world = World::resume(config, left, Some(Box::new(keeper)));
    world.until("the end of it", |w| w.played == [lease.id]);
    world.settle();
    assert_eq!(world.played, [lease.id], "who is joined waits for no sound");
}

/// Reading the sounds takes longer than a call may be silent after a restart, so what is to be played waits for them.
#[test]
fn what_is_to_be_played_waits_for_the_library() {
    let mut world = World::start(RelayConfig { sounds: None, ..config(v4(), 44_860, 44_899) });
    let mut door = world.relay.library_door().expect("one door");
    assert!(world.relay.library_door().is_none());
    let mut a = Talker::new(Phone::new(v4()), Codec::Pcma, 8);
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
