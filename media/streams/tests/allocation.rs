//! RELIABILITY 44: a frame costs no allocation, whichever codec it is in and whatever became of it on the way.
//!
//! Counted is what Rust allocates; libopus allocates its state when it is made and works on the stack after that.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use streams::{
    audio::{
        PACKET_SAMPLES_MAX, Rate,
        jitter::{Arrival, Kind, Playout},
        mix::{Audience, Mixer},
        player::{Player, Repeat},
        tone,
        transcode::Transcoder,
    },
    codec::{
        Codec, Decoder, Encoder, PAYLOAD_BYTES_MAX,
        comfort_noise::{Generator, Noise, Sending, Suppressor},
        opus::Parameters,
    },
};

fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn encoding_decoding_recovering_and_concealing_allocate_nothing() {
    for codec in Codec::ALL {
        let rate = codec.rate();
        let wanted = Parameters { in_band_fec: true, ..Parameters::default() };
        let made = allocations(|| drop(Decoder::new(codec, rate).unwrap()));
        assert!(codec == Codec::Opus || made > 0, "the count counts");
        let mut encoder = Encoder::new(codec, rate, &wanted).unwrap();
        let mut decoder = Decoder::new(codec, rate).unwrap();
        let frame: Vec<i16> = (0..rate.frame()).map(|n| i16::try_from(n * 29 % 4_001).unwrap()).collect();
        let (mut payload, mut samples) = ([0; PAYLOAD_BYTES_MAX], [0; PACKET_SAMPLES_MAX]);
        let used = allocations(|| {
            for n in 0..100 {
                let bytes = encoder.encode(&frame, &mut payload).unwrap();
                match n % 10 {
                    4 => assert_eq!(decoder.recover(&payload[..bytes], &mut samples), rate.frame()),
                    7 | 8 => assert_eq!(decoder.conceal(&mut samples), rate.frame()),
                    _ => assert_eq!(decoder.decode(&payload[..bytes], &mut samples), Ok(rate.frame())),
                }
            }
        });
        assert_eq!(used, 0, "{codec:?}");
    }
}

#[test]
fn comfort_noise_allocates_nothing() {
    let (mut generator, mut suppressor) = (Generator::new(1), Suppressor::default());
    generator.describe(&Noise::of(60, &[-0.5]));
    let mut described = 0;
    let used = allocations(|| {
        for _ in 0..100 {
            let mut frame = [0; 160];
            generator.fill(&mut frame);
            described += u32::from(matches!(suppressor.decide(&frame), Sending::Noise(_)));
        }
    });
    assert_eq!((used, described > 0), (0, true));
}

#[test]
fn transcoding_between_any_two_codecs_allocates_nothing() {
    for (from, to) in Codec::ALL.into_iter().flat_map(|from| Codec::ALL.map(|to| (from, to))) {
        let mut source = Encoder::new(from, from.rate(), &Parameters::default()).unwrap();
        let mut transcoder = Transcoder::new(from, to, &Parameters::default()).unwrap();
        let frame = vec![1_000; from.rate().frame()];
        let (mut payload, mut out) = ([0; PAYLOAD_BYTES_MAX], [0; PAYLOAD_BYTES_MAX]);
        let bytes = source.encode(&frame, &mut payload).unwrap();
        let used = allocations(|| {
            for n in 0..20 {
                match n % 7 {
                    5 => transcoder.lost(None),
                    6 => transcoder.lost(Some(&payload[..bytes])),
                    _ => transcoder.accept(&payload[..bytes]).unwrap(),
                }
                assert!(transcoder.next_payload(&mut out).unwrap().is_ok());
            }
        });
        assert_eq!(used, 0, "{from:?} to {to:?}");
    }
}

#[test]
fn a_jitter_buffer_allocates_nothing_whatever_comes() {
    for codec in Codec::ALL {
        let rate = codec.rate();
        let mut source = Encoder::new(codec, rate, &Parameters::default()).unwrap();
        let mut playout = Playout::new(codec, rate, 1).unwrap();
        let (mut payload, mut frame) = ([0; PAYLOAD_BYTES_MAX], vec![0; rate.frame()]);
        let bytes = source.encode(&vec![900; rate.frame()], &mut payload).unwrap();
        let used = allocations(|| {
            for n in 0_u16..500 {
                let kind = if n % 100 == 60 { Kind::Noise } else { Kind::Speech };
                let arrival = Arrival {
                    ssrc: u32::from(n / 200),
                    sequence: n ^ u16::from(n % 10 == 3),
                    timestamp: u32::from(n) * codec.clock_units(20),
                    kind,
                    payload: &payload[..bytes],
                };
                if n % 17 != 5 && !(300..320).contains(&n) {
                    playout.push(u64::from(n) * 20_100, &arrival);
                }
                playout.tick(u64::from(n) * 20_000, &mut frame);
            }
        });
        assert_eq!(used, 0, "{codec:?}");
        assert!(playout.counts().played > 300 && playout.counts().lost > 10, "{:?}", playout.counts());
    }
}

#[test]
fn a_conference_with_music_allocates_nothing_per_tick() {
    let clips = [tone::render(tone::RINGING, Rate::Wide).unwrap()];
    let mut music = Player::new(clips.into(), Rate::Wide, Repeat::Forever).unwrap();
    let mut mixer = Mixer::new(Rate::Wide, 8);
    let seats: Vec<_> = (0..8).map(|_| mixer.join(Audience::Everyone).unwrap()).collect();
    mixer.set_audience(seats[7], Audience::Only(seats[0]));
    let mut frame = [0; 320];
    let used = allocations(|| {
        for _ in 0..400 {
            mixer.begin();
            for seat in &seats {
                music.frame(&mut frame);
                assert!(mixer.speak(*seat, &frame));
            }
            assert_eq!(mixer.listen(seats[0], &mut frame), 7);
            assert_eq!(mixer.listen(seats[7], &mut frame), 7);
            assert_eq!(mixer.listen(seats[1], &mut frame), 6);
        }
    });
    assert_eq!(used, 0);
}
