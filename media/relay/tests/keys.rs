//! Keys that phones press, by events and by tones, told once and over the end of a relay (RFC 4733, ITU-T Q.24).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]

mod keeper;
#[path = "../../streams/tests/sound/mod.rs"]
#[expect(dead_code, reason = "these stories need a part of the sounds")]
mod sound;
#[expect(dead_code, reason = "these stories need a part of the talk")]
mod talk;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use streams::{
    audio::Rate,
    codec::Codec,
    conference::{HeardBy, Place, RoomId, Sitting},
    keys::{KEYS_WAITING_MAX, Key, Tones},
    media::{EventFormat, LegMedia, MediaCommand, PortLease, Voice, VoiceFormat},
};
use talk::{Heard, Talker, voice};
use world::{Phone, World, config, v4};

impl Talker {
    /// The nth packet of a key that began at this time; the last one says that it was the end.
    fn key(&mut self, code: u8, began: u32, n: u16) -> Heard {
        let [high, low] = (n * 160).to_be_bytes();
        let end = if n == 4 { 0x80 } else { 0 };
        let packet = Heard {
            marker: n == 1,
            payload_type: 101,
            sequence: self.sequence,
            timestamp: began,
            ssrc: self.phone.ssrc,
            payload: vec![code, end | 10, high, low],
        };
        self.sequence += 1;
        packet
    }

    fn presses(&mut self, code: u8, began: u32, to: &PortLease) {
        for n in [1, 2, 3, 4, 4, 4] {
            let packet = self.key(code, began, n);
            self.sends(&packet, to);
        }
    }
}

fn listen(lease: &PortLease, is_on: bool) -> MediaCommand {
    MediaCommand::Listen { lease: lease.id, is_on, keeps: false }
}

fn keys(world: &World) -> String {
    world.keys.iter().map(|(_, key)| key).collect()
}

#[test]
fn keys_are_told_where_somebody_listens_and_nowhere_else() {
    let mut world = World::start(config(v4(), 45_000, 45_039));
    let mut a = Talker::new(Phone::new(v4()), Codec::Pcmu, 0);
    let mut b = Talker::new(Phone::new(v4()), Codec::Pcmu, 0);
    let legs = [world.open(a.media()), world.open(b.media())];
    world.order(MediaCommand::Join { a: legs[0].id, b: legs[1].id });
    world.order(listen(&legs[0], true));
    world.settle();
    b.presses(7, 90_000, &legs[1]);
    a.presses(5, 80_000, &legs[0]);
    a.presses(11, 81_000, &legs[0]);
    world.until("two keys", |w| w.keys.len() >= 2);
    assert_eq!(world.keys, [(legs[0].id, '5'), (legs[0].id, '#')]);
    // The other leg is sent the events all the same.
    for _ in 0..12 {
        assert_eq!(b.hears().payload_type, 101);
    }
    world.order(listen(&legs[0], false));
    world.settle();
    a.presses(6, 82_000, &legs[0]);
    for _ in 0..6 {
        b.hears();
    }
    world.settle();
    assert_eq!(keys(&world), "5#");
}

/// 80 ms of a key, as sound of this codec.
fn says_key(talker: &mut Talker, tones: [f64; 2], to: &PortLease) {
    let mut made: Vec<Heard> = Vec::new();
    for n in 0..4 {
        let mut packet = talker.tone(tones[0], n == 0);
        let other = talker.tone(tones[1], false);
        talker.sequence -= 1;
        talker.timestamp -= 160;
        // Two sines at once: G.711 is no sum of octets, so they are added as samples.
        let law = streams::codec::g711::Law::Mu;
        let (mut one, mut two) = (vec![0; 160], vec![0; 160]);
        law.decode(&packet.payload, &mut one);
        law.decode(&other.payload, &mut two);
        let sum: Vec<i16> = one.iter().zip(&two).map(|(one, two)| one / 2 + two / 2).collect();
        law.encode(&sum, &mut packet.payload);
        made.push(packet);
    }
    for packet in &made {
        talker.sends(packet, to);
    }
}

#[test]
fn q_24_who_has_no_events_presses_keys_by_tones() {
    let mut world = World::start(config(v4(), 45_040, 45_079));
    let mut a = Talker::new(Phone::new(v4()), Codec::Pcmu, 0);
    let toneless = Voice { events: Vec::new(), ..voice(Codec::Pcmu, 0) };
    let lease = world.open(LegMedia { voice: Some(toneless), ..a.media() });
    world.order(listen(&lease, true));
    world.settle();
    says_key(&mut a, [770.0, 1_336.0], &lease);
    world.until("a five", |w| !w.keys.is_empty());
    // By a new description it has events, and its tones are speech.
    world.order(MediaCommand::Configure { lease: lease.id, media: a.media() });
    world.settle();
    a.sequence += 50;
    says_key(&mut a, [941.0, 1_477.0], &lease);
    a.presses(1, 500_000, &lease);
    world.until("a one", |w| w.keys.len() >= 2);
    assert_eq!(keys(&world), "51");
}

#[test]
fn a_key_that_outlives_its_relay_is_told_once() {
    let ports = config(v4(), 45_080, 45_119);
    let (mut world, keeper) = World::kept(&ports);
    let mut a = Talker::new(Phone::new(v4()), Codec::Pcmu, 0);
    let lease = world.open(a.media());
    world.order(listen(&lease, true));
    let first = a.key(5, 80_000, 1);
    world.settle();
    a.sends(&first, &lease);
    world.until("a key", |w| !w.keys.is_empty());
    let left = world.ends(&keeper, false);
    let mut world = World::resume(ports, left, Some(Box::new(keeper)));
    for n in 2..5 {
        let packet = a.key(5, 80_000, n);
        a.sends(&packet, &lease);
    }
    a.presses(6, 90_000, &lease);
    world.until("the next key", |w| !w.keys.is_empty());
    assert_eq!(keys(&world), "6");
}

/// A leg without events.
fn toneless(talker: &Talker) -> LegMedia {
    LegMedia {
        voice: Some(Voice { events: Vec::new(), ..voice(talker.codec, talker.payload_type) }),
        ..talker.media()
    }
}

fn press(lease: &PortLease, sign: char, unless_sent: bool) -> MediaCommand {
    MediaCommand::Press { lease: lease.id, key: Key::of_sign(sign).unwrap(), ms: 100, unless_sent }
}

/// What is found in what a phone has heard.
fn found(talker: &Talker) -> String {
    let rate = if talker.codec == Codec::Opus { Rate::Full } else { talker.codec.rate() };
    let mut tones = Tones::new(rate);
    talker.heard.chunks(rate.frame()).filter_map(|packet| tones.hear(packet)).map(Key::sign).collect()
}

fn hears(talker: &mut Talker, packets: usize) {
    for _ in 0..packets {
        talker.hears();
    }
}

/// Everything that was ordered and sent has come out.
fn nothing_more(world: &mut World, talker: &Talker) {
    world.settle();
    assert!(talker.phone.has_heard_nothing());
}

fn events(talker: &Talker) -> usize {
    talker.packets.iter().filter(|packet| packet.payload_type == 101).count()
}

const CODECS: [(Codec, u8); 4] = [(Codec::Pcmu, 0), (Codec::Pcma, 8), (Codec::G722, 9), (Codec::Opus, 111)];

/// RFC 4733 §2.5: one source, one time for all packets of a key, durations that grow, the end said three times; then the next
/// key, and the speech around them, at their own times.
#[test]
fn rfc_4733_2_5_keys_are_pressed_as_events_on_the_stream_of_the_speech() {
    let mut world = World::start(config(v4(), 45_120, 45_159));
    for (codec, number) in CODECS {
        let mut a = Talker::new(Phone::new(v4()), codec, number);
        let mut b = Talker::new(Phone::new(v4()), codec, number);
        let legs = [world.open(a.media()), world.open(b.media())];
        world.order(MediaCommand::Join { a: legs[0].id, b: legs[1].id });
        world.settle();
        a.says(440.0, &legs[0]);
        assert_eq!(b.hears().ssrc, a.phone.ssrc, "what agrees passes as it comes");
        for sign in ['5', '#'] {
            world.order(press(&legs[1], sign, false));
        }
        hears(&mut b, 14);
        let events: Vec<&Heard> = b.packets[1..].iter().collect();
        let ours = events[0].ssrc;
        assert_ne!(ours, a.phone.ssrc);
        let hz = codec.clock_rate_hz();
        for (key, code) in [(&events[..7], 5), (&events[7..], 11)] {
            let durations: Vec<u32> = key
                .iter()
                .map(|packet| {
                    u32::from(u16::from_be_bytes([packet.payload[2], packet.payload[3]])) * 1_000 / hz
                })
                .collect();
            assert_eq!(durations, [20, 40, 60, 80, 100, 100, 100], "{codec:?}");
            for (n, packet) in key.iter().enumerate() {
                assert_eq!(
                    (packet.payload_type, packet.ssrc, packet.timestamp),
                    (101, ours, key[0].timestamp)
                );
                assert_eq!(packet.payload[..2], [code, if n < 4 { 10 } else { 0x8a }]);
                assert_eq!(packet.marker, n == 0);
            }
        }
        for pair in events.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        }
        // A key and the pause after it have passed in between.
        let apart = events[7].timestamp.wrapping_sub(events[0].timestamp) * 1_000 / hz;
        assert!((160..1_000).contains(&apart), "{apart}");
        // Speech goes on in the stream of the keys.
        b.forget();
        a.says(440.0, &legs[0]);
        let after = b.hears();
        assert_eq!((after.ssrc, after.payload_type, after.marker), (ours, number, true));
        for lease in legs {
            world.close(lease.id);
        }
    }
}

/// A phone that has no events hears the key as a tone of the right length, whatever it speaks.
#[test]
fn who_has_no_events_is_sent_tones() {
    let mut world = World::start(config(v4(), 45_160, 45_199));
    let phones = CODECS.map(|(codec, number)| {
        let b = Talker::new(Phone::new(v4()), codec, number);
        let lease = world.open(toneless(&b));
        for sign in "0123456789*#ABCD".chars() {
            world.order(press(&lease, sign, false));
        }
        (b, lease)
    });
    for (mut b, lease) in phones {
        let (codec, number) = (b.codec, b.payload_type);
        hears(&mut b, 16 * 5);
        nothing_more(&mut world, &b);
        assert_eq!(found(&b), "0123456789*#ABCD", "{codec:?}, 100 ms each");
        assert!(b.packets.iter().all(|packet| packet.payload_type == number));
        world.close(lease.id);
    }
}

/// What the relay does of each cell of the table of decision 0050: who tells keys by events and who by tones, and what the
/// other one has agreed on.
#[test]
fn no_key_is_heard_twice_by_whichever_way_it_is_passed_on() {
    let mut world = World::start(config(v4(), 45_200, 45_239));
    for (has_events, is_pressed) in [([true, false], true), ([false, true], true), ([false, false], false)] {
        let mut a = Talker::new(Phone::new(v4()), Codec::Pcmu, 0);
        let mut b = Talker::new(Phone::new(v4()), Codec::Pcmu, 0);
        let media = |talker: &Talker, has: bool| if has { talker.media() } else { toneless(talker) };
        let legs = [world.open(media(&a, has_events[0])), world.open(media(&b, has_events[1]))];
        world.order(MediaCommand::Join { a: legs[0].id, b: legs[1].id });
        if is_pressed {
            world.order(MediaCommand::Listen { lease: legs[0].id, is_on: true, keeps: true });
        }
        world.settle();
        a.says(300.0, &legs[0]);
        if has_events[0] {
            a.presses(5, 90_000, &legs[0]);
        } else {
            says_key(&mut a, [770.0, 1_336.0], &legs[0]);
        }
        if is_pressed {
            let before = world.keys.len();
            world.until("a key", |world| world.keys.len() > before);
            world.order(press(&legs[1], world.keys[before].1, false));
        }
        match has_events {
            [true, false] => hears(&mut b, 1 + 5),
            // So much of a tone has gone on before it is known.
            [false, true] => {
                while events(&b) < 7 {
                    b.hears();
                }
            }
            _ => hears(&mut b, 1 + 4),
        }
        for n in 0..5 {
            a.says(300.0, &legs[0]);
            // A pause is one after 30 ms.
            if is_pressed && !has_events[0] && n == 0 {
                continue;
            }
            b.hears();
        }
        nothing_more(&mut world, &b);
        let expected = if has_events[1] { ("", 7) } else { ("5", 0) };
        assert_eq!((found(&b).as_str(), events(&b)), expected, "{has_events:?}");
        for lease in legs {
            world.close(lease.id);
        }
    }
}

/// A phone that tells each key by an event and by INFO has told it by its event.
#[test]
fn a_key_told_by_info_is_not_pressed_for_a_phone_that_has_sent_events() {
    let mut world = World::start(config(v4(), 45_240, 45_279));
    let mut a = Talker::new(Phone::new(v4()), Codec::Pcmu, 0);
    let mut b = Talker::new(Phone::new(v4()), Codec::Pcmu, 0);
    let legs = [world.open(a.media()), world.open(b.media())];
    world.order(MediaCommand::Join { a: legs[0].id, b: legs[1].id });
    world.settle();
    a.says(440.0, &legs[0]);
    world.order(press(&legs[1], '7', true));
    hears(&mut b, 1 + 7);
    assert_eq!(events(&b), 7, "it has sent none yet");
    a.presses(7, 90_000, &legs[0]);
    hears(&mut b, 6);
    world.order(press(&legs[1], '7', true));
    nothing_more(&mut world, &b);
}

/// Opus rides at 48 kHz and its phone's events may count at 8 kHz: the time is the stream's, the duration the events'.
#[test]
fn events_of_8_khz_beside_opus_have_the_time_of_the_speech() {
    let mut world = World::start(config(v4(), 45_280, 45_319));
    let mut b = Talker::new(Phone::new(v4()), Codec::Opus, 111);
    let events = vec![EventFormat::new(101, 8_000)];
    let lease =
        world.open(LegMedia { voice: Some(Voice { events, ..voice(Codec::Opus, 111) }), ..b.media() });
    for sign in ['1', '2'] {
        world.order(press(&lease, sign, false));
    }
    hears(&mut b, 14);
    assert_eq!(b.packets[6].payload, [1, 0x8a, 3, 0x20], "800 units are 100 ms");
    let apart = b.packets[7].timestamp.wrapping_sub(b.packets[0].timestamp);
    assert!(apart >= 48 * 160, "{apart}");
}

/// The events of a key are those of the clock that its stream runs at, whatever its phone likes best.
#[test]
fn a_key_beside_speech_of_another_clock_is_an_event_of_that_clock() {
    let mut world = World::start(config(v4(), 45_320, 45_359));
    let mut a = Talker::new(Phone::new(v4()), Codec::Pcma, 8);
    let mut b = Talker::new(Phone::new(v4()), Codec::Pcma, 8);
    let both = Voice {
        formats: vec![VoiceFormat::new(Codec::Opus, 111), VoiceFormat::new(Codec::Pcma, 8)],
        events: vec![EventFormat::new(96, 48_000), EventFormat::new(101, 8_000)],
        ..Voice::default()
    };
    let legs = [world.open(a.media()), world.open(LegMedia { voice: Some(both), ..b.phone.media() })];
    world.order(MediaCommand::Join { a: legs[0].id, b: legs[1].id });
    world.order(press(&legs[1], '5', false));
    hears(&mut b, 7);
    nothing_more(&mut world, &b);
    a.says(440.0, &legs[0]);
    let speech = b.hears();
    assert_eq!(speech.payload_type, 8);
    b.forget();
    world.order(press(&legs[1], '6', false));
    hears(&mut b, 7);
    assert!(b.packets.iter().all(|packet| (packet.payload_type, packet.ssrc) == (101, speech.ssrc)));
    assert_eq!(b.packets[6].payload, [6, 0x8a, 3, 0x20], "800 units are 100 ms");
}

/// Whom somebody barges in on is sent the room; a key that is told in another way is not heard there as well.
#[test]
fn a_tone_that_becomes_a_key_is_not_heard_in_the_room_besides() {
    let mut world = World::start(config(v4(), 45_360, 45_399));
    let [mut a, mut b, mut supervisor] = [0; 3].map(|_| Talker::new(Phone::new(v4()), Codec::Pcmu, 0));
    let legs = [world.open(toneless(&a)), world.open(b.media()), world.open(toneless(&supervisor))];
    world.order(MediaCommand::Join { a: legs[0].id, b: legs[1].id });
    world.order(MediaCommand::Listen { lease: legs[0].id, is_on: true, keeps: true });
    let beside = Place::Beside { hears_room: true };
    for (lease, place) in legs.iter().zip([beside, beside, Place::Inside]) {
        let sitting = Sitting { heard_by: HeardBy::Everyone, place };
        world.order(MediaCommand::Meet { lease: lease.id, room: RoomId(1), sitting });
    }
    world.settle();
    for _ in 0..10 {
        a.says(300.0, &legs[0]);
        hears(&mut b, 1);
        hears(&mut supervisor, 1);
    }
    says_key(&mut a, [770.0, 1_336.0], &legs[0]);
    world.until("a key", |world| !world.keys.is_empty());
    world.order(press(&legs[1], '5', false));
    while events(&b) < 7 {
        b.hears();
    }
    // The room goes on as long again as anything of it can wait.
    for _ in 0..20 {
        a.says(300.0, &legs[0]);
        hears(&mut b, 1);
        hears(&mut supervisor, 1);
    }
    assert_eq!((found(&b).as_str(), found(&supervisor).as_str()), ("", ""));
}

/// How many keys wait, and for how long one is said, is not for whoever tells them by INFO to choose.
#[test]
fn keys_that_are_too_many_or_cut_short_are_lost_and_counted() {
    let mut world = World::start(config(v4(), 45_400, 45_439));
    let b = Talker::new(Phone::new(v4()), Codec::Pcmu, 0);
    let lease = world.open(b.media());
    let gate = world.gate();
    let stopped = world.stop(&gate);
    let presses = |world: &mut World, count: usize| {
        (0..count).for_each(|_| world.order(press(&lease, '5', false)));
    };
    presses(&mut world, KEYS_WAITING_MAX + 1);
    // Agreed on anew, nothing is left of those that waited; nor when something else is to be heard.
    world.order(MediaCommand::Configure { lease: lease.id, media: toneless(&b) });
    presses(&mut world, KEYS_WAITING_MAX + 1);
    world.order(MediaCommand::Echo { lease: lease.id });
    // Who hears himself is sent none.
    presses(&mut world, 1);
    drop(stopped);
    world.settle();
    world.counted("keys_lost", 2 * (KEYS_WAITING_MAX as u64 + 1) + 1);
    assert!(b.phone.has_heard_nothing());
}

#[test]
fn a_key_is_no_shorter_and_no_longer_than_any_phone_takes() {
    let mut world = World::start(config(v4(), 45_440, 45_479));
    let mut b = Talker::new(Phone::new(v4()), Codec::Pcmu, 0);
    let lease = world.open(b.media());
    for (ms, units) in [(0, 480_u16), (65_535, 9_600)] {
        let key = Key::of_sign('5').unwrap();
        world.order(MediaCommand::Press { lease: lease.id, key, ms, unless_sent: false });
        let last = loop {
            let heard = b.hears();
            if heard.payload[1] & 0x80 != 0 {
                break heard;
            }
        };
        hears(&mut b, 2);
        assert_eq!(last.payload[2..], units.to_be_bytes(), "{ms} ms");
    }
}
