//! What a leg's encoder and decoder do together: round trips, loss, silence, and payloads nobody should send.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod sound;

use sound::{Chance, amplitude, error_power, power, purity_db, speech, tone};
use streams::{
    audio::{FRAME_SAMPLES_MAX, PACKET_SAMPLES_MAX, Rate},
    codec::{
        Codec, DecodeError, Decoder, EncodeError, Encoder, MakeError, PAYLOAD_BYTES_MAX,
        opus::{self, Channels, PACKET_BYTES_MAX, Parameters},
    },
};

/// Frames of 20 ms through a codec and back.
fn round_trip(codec: Codec, rate: Rate, wanted: &Parameters, sound: &[i16]) -> Vec<i16> {
    let mut encoder = Encoder::new(codec, rate, wanted).unwrap();
    let mut decoder = Decoder::new(codec, rate).unwrap();
    let (mut payload, mut samples) = ([0; PAYLOAD_BYTES_MAX], [0; PACKET_SAMPLES_MAX]);
    let mut heard = Vec::new();
    for frame in sound.chunks_exact(rate.frame()) {
        let bytes = encoder.encode(frame, &mut payload).unwrap();
        let count = decoder.decode(&payload[..bytes], &mut samples).unwrap();
        heard.extend_from_slice(&samples[..count]);
    }
    heard
}

/// ITU-T G.712 asks 33 dB of G.711 for a tone at this level; the others by what the reference codecs give.
#[test]
fn a_tone_comes_through_every_codec() {
    let wanted = Parameters { max_average_bitrate_bps: Some(64_000), ..Parameters::default() };
    for (codec, rate, least_db) in [
        (Codec::Pcmu, Rate::Narrow, 35.0),
        (Codec::Pcma, Rate::Narrow, 35.0),
        (Codec::G722, Rate::Wide, 25.0),
        (Codec::L16(streams::codec::LinearRate::Narrow), Rate::Narrow, 75.0),
        (Codec::L16(streams::codec::LinearRate::Wide), Rate::Wide, 75.0),
        (Codec::Opus, Rate::Narrow, 20.0),
        (Codec::Opus, Rate::Wide, 20.0),
        (Codec::Opus, Rate::Full, 20.0),
    ] {
        let sound = tone(rate.hz(), 1_020.0, 10_000.0, rate.samples(2_000));
        let heard = round_trip(codec, rate, &wanted, &sound);
        assert_eq!(heard.len(), sound.len());
        let settled = &heard[rate.samples(500)..];
        let purity = purity_db(settled, rate.hz(), 1_020.0);
        assert!(purity > least_db, "{codec:?} at {rate:?}: {purity:.1} dB");
        let level = amplitude(settled, rate.hz(), 1_020.0) / 10_000.0;
        assert!((0.9..1.1).contains(&level), "{codec:?} at {rate:?}: level {level:.3}");
    }
}

#[test]
fn a_codec_of_another_rate_is_refused_when_it_is_made() {
    assert_eq!(Decoder::new(Codec::Pcma, Rate::Wide).err(), Some(MakeError::Rate));
    assert_eq!(Encoder::new(Codec::G722, Rate::Narrow, &Parameters::default()).err(), Some(MakeError::Rate));
    for codec in Codec::ALL {
        assert!(Decoder::new(codec, codec.rate()).is_ok());
    }
}

#[test]
fn frames_and_buffers_that_do_not_fit_are_refused_and_nothing_is_cut() {
    for codec in Codec::ALL {
        let rate = codec.rate();
        let mut encoder = Encoder::new(codec, rate, &Parameters::default()).unwrap();
        for samples in [0, rate.samples(10) - 1, rate.samples(10) + 1, rate.samples(70)] {
            let refused = encoder.encode(&vec![0; samples], &mut [0; 2 * PAYLOAD_BYTES_MAX]);
            assert_eq!(refused, Err(EncodeError::FrameSize(samples)), "{codec:?}");
        }
        assert_eq!(encoder.encode(&vec![0; rate.frame()], &mut []), Err(EncodeError::NoRoom), "{codec:?}");
        let mut decoder = Decoder::new(codec, rate).unwrap();
        assert_eq!(decoder.decode(&[], &mut [0; FRAME_SAMPLES_MAX]), Err(DecodeError::Malformed));
        let mut payload = [0; PAYLOAD_BYTES_MAX];
        let bytes = encoder.encode(&vec![0; rate.frame()], &mut payload).unwrap();
        let short = decoder.decode(&payload[..bytes], &mut vec![0; rate.frame() - 1]);
        assert_eq!(short, Err(DecodeError::TooLong), "{codec:?}");
    }
    let mut g711 = Decoder::new(Codec::Pcma, Rate::Narrow).unwrap();
    assert_eq!(g711.decode(&[0; 481], &mut [0; PACKET_SAMPLES_MAX]), Err(DecodeError::TooLong), "over 60 ms");
    let mut l16 = Decoder::new(Codec::L16(streams::codec::LinearRate::Wide), Rate::Wide).unwrap();
    assert_eq!(l16.decode(&[0; 3], &mut [0; 9]), Err(DecodeError::Malformed), "half a sample");
}

#[test]
fn hostile_payloads_are_refused_or_make_at_most_sixty_milliseconds_of_sound() {
    for codec in Codec::ALL {
        let rate = codec.rate();
        let mut decoder = Decoder::new(codec, rate).unwrap();
        let mut chance = Chance(u64::from(codec.clock_rate_hz()));
        let mut samples = [0; PACKET_SAMPLES_MAX];
        let (mut good, mut bad) = (0, 0);
        for _ in 0..5_000 {
            let length = (chance.next() * 1_500.0) as usize;
            let payload: Vec<u8> = (0..length).map(|_| (chance.next() * 256.0) as u8).collect();
            if chance.next() < 0.2 {
                assert!(decoder.recover(&payload, &mut samples) <= rate.samples(60));
            }
            match decoder.decode(&payload, &mut samples) {
                Ok(count) => {
                    good += 1;
                    assert!(count <= rate.samples(60), "{codec:?}: {count}");
                }
                Err(_) => bad += 1,
            }
        }
        assert!(good > 100 && bad > 100, "both verdicts are exercised for {codec:?}: {good} good, {bad} bad");
    }
}

/// Octets of each 20 ms frame.
fn sizes(encoder: &mut Encoder, sound: &[i16]) -> Vec<usize> {
    let mut payload = [0; PACKET_BYTES_MAX];
    sound.chunks_exact(encoder.rate().frame()).map(|f| encoder.encode(f, &mut payload).unwrap()).collect()
}

#[test]
fn rfc_7587_3_1_3_opus_sends_next_to_nothing_in_silence_where_the_receiver_wants_that() {
    let silence = vec![0; Rate::Wide.samples(4_000)];
    let voice = speech(16_000, Rate::Wide.samples(1_000));
    for dtx in [false, true] {
        let mut encoder =
            Encoder::new(Codec::Opus, Rate::Wide, &Parameters { dtx, ..Parameters::default() }).unwrap();
        assert!(sizes(&mut encoder, &voice).iter().all(|bytes| *bytes > 0));
        let sent = sizes(&mut encoder, &silence).iter().skip(50).filter(|bytes| **bytes > 0).count();
        // A description of the noise every 400 ms remains.
        assert!(if dtx { (3..=20).contains(&sent) } else { sent == 150 }, "{sent} of 150 with dtx {dtx}");
        assert!(sizes(&mut encoder, &voice[4_000..])[1..8].iter().all(|bytes| *bytes > 0), "speech is back");
    }
}

/// Speech of which every fifth packet is lost; what was put in its place, against what was in it.
fn after_loss(fec: bool, recover: bool) -> f64 {
    let wanted =
        Parameters { in_band_fec: fec, max_average_bitrate_bps: Some(32_000), ..Parameters::default() };
    let rate = Rate::Wide;
    let mut encoder = Encoder::new(Codec::Opus, rate, &wanted).unwrap();
    encoder.set_expected_loss(20);
    let (mut whole, mut lossy) =
        (Decoder::new(Codec::Opus, rate).unwrap(), Decoder::new(Codec::Opus, rate).unwrap());
    let sound = speech(16_000, rate.samples(6_000));
    let packets: Vec<Vec<u8>> = sound
        .chunks_exact(rate.frame())
        .map(|frame| {
            let mut packet = [0; PACKET_BYTES_MAX];
            let bytes = encoder.encode(frame, &mut packet).unwrap();
            packet[..bytes].to_vec()
        })
        .collect();
    let (mut error, mut wanted_power) = (0.0, 0.0);
    for (n, packet) in packets.iter().enumerate() {
        let (mut right, mut ours) = ([0; 320], [0; 320]);
        assert_eq!(whole.decode(packet, &mut right), Ok(320));
        let count = match packets.get(n + 1) {
            Some(next) if n % 5 == 4 && recover => lossy.recover(next, &mut ours),
            _ if n % 5 == 4 => lossy.conceal(&mut ours),
            _ => lossy.decode(packet, &mut ours).unwrap(),
        };
        assert_eq!(count, 320);
        if n % 5 == 4 {
            error += error_power(&ours, &right);
            wanted_power += power(&right);
        }
    }
    10.0 * (wanted_power / error).log10()
}

#[test]
fn rfc_6716_2_1_7_what_a_lost_opus_packet_said_is_found_in_the_next() {
    let (concealed, recovered) = (after_loss(true, false), after_loss(true, true));
    assert!(recovered > concealed + 2.0, "{recovered:.1} dB with redundancy, {concealed:.1} dB without");
    let without = after_loss(false, true);
    assert!(recovered > without + 2.0, "{without:.1} dB where the sender puts none in");
}

#[test]
fn opus_may_change_bandwidth_and_bitrate_with_every_packet_and_any_decoder_follows() {
    let sound = tone(48_000, 700.0, 8_000.0, Rate::Full.samples(3_000));
    for rate in Rate::ALL {
        let mut decoder = Decoder::new(Codec::Opus, rate).unwrap();
        let mut encoder = opus::Encoder::new(Rate::Full, Channels::Mono, &Parameters::default()).unwrap();
        let mut bandwidths = std::collections::BTreeSet::new();
        let mut heard = Vec::new();
        for (n, frame) in sound.chunks_exact(960).enumerate() {
            let (mut packet, mut samples) = ([0; PACKET_BYTES_MAX], [0; PACKET_SAMPLES_MAX]);
            encoder.set_bitrate([6_000, 64_000, 14_000][n / 50]).unwrap();
            let bytes = encoder.encode(frame, &mut packet).unwrap();
            bandwidths.insert(packet[0] >> 3);
            let count = decoder.decode(&packet[..bytes], &mut samples).unwrap();
            assert_eq!(count, rate.frame());
            heard.extend_from_slice(&samples[..count]);
        }
        assert!(bandwidths.len() >= 2, "the sender did change: {bandwidths:?}");
        let level = amplitude(&heard[rate.samples(1_500)..], rate.hz(), 700.0);
        assert!((7_000.0..9_000.0).contains(&level), "{rate:?}: {level}");
    }
}

#[test]
fn opus_left_and_right_stay_apart_and_a_listener_with_one_ear_hears_both() {
    let (left, right) = (tone(48_000, 440.0, 9_000.0, 48_000), tone(48_000, 1_000.0, 9_000.0, 48_000));
    let both: Vec<i16> = left.iter().zip(&right).flat_map(|(l, r)| [*l, *r]).collect();
    let wanted = Parameters { max_average_bitrate_bps: Some(96_000), ..Parameters::default() };
    let mut encoder = opus::Encoder::new(Rate::Full, Channels::Stereo, &wanted).unwrap();
    let mut stereo = opus::Decoder::new(Rate::Full, Channels::Stereo).unwrap();
    let mut mono = opus::Decoder::new(Rate::Full, Channels::Mono).unwrap();
    let (mut two, mut one) = (Vec::new(), Vec::new());
    for frame in both.chunks_exact(1_920) {
        let (mut packet, mut samples) = ([0; PACKET_BYTES_MAX], [0; 2 * PACKET_SAMPLES_MAX]);
        let bytes = encoder.encode(frame, &mut packet).unwrap();
        assert_eq!(stereo.decode(&packet[..bytes], &mut samples), Ok(1_920));
        two.extend_from_slice(&samples[..1_920]);
        assert_eq!(mono.decode(&packet[..bytes], &mut samples), Ok(960));
        one.extend_from_slice(&samples[..960]);
    }
    let ear = |n: usize| two.iter().skip(9_600 + n).step_by(2).copied().collect::<Vec<i16>>();
    assert!(amplitude(&ear(0), 48_000, 440.0) > 8_000.0 && amplitude(&ear(0), 48_000, 1_000.0) < 500.0);
    assert!(amplitude(&ear(1), 48_000, 1_000.0) > 8_000.0 && amplitude(&ear(1), 48_000, 440.0) < 500.0);
    for hz in [440.0, 1_000.0] {
        assert!(amplitude(&one[4_800..], 48_000, hz) > 4_000.0);
    }
}

#[test]
fn an_opus_packet_of_more_than_sixty_milliseconds_is_refused() {
    let mut encoder = Encoder::new(Codec::Opus, Rate::Wide, &Parameters::default()).unwrap();
    let voice = speech(16_000, Rate::Wide.samples(120));
    let packets: Vec<Vec<u8>> = voice
        .chunks_exact(320)
        .map(|frame| {
            let mut packet = [0; PACKET_BYTES_MAX];
            let bytes = encoder.encode(frame, &mut packet).unwrap();
            packet[..bytes].to_vec()
        })
        .collect();
    let slices: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    let mut library = ::opus::Repacketizer::new().unwrap();
    let mut decoder = Decoder::new(Codec::Opus, Rate::Wide).unwrap();
    for (frames, verdict) in [(3, Ok(960)), (4, Err(DecodeError::TooLong)), (6, Err(DecodeError::TooLong))] {
        let mut packet = [0; 4 * PACKET_BYTES_MAX];
        // All of one configuration, as a packet must be.
        let bytes = library.combine(&vec![slices[5]; frames], &mut packet).unwrap();
        assert_eq!(
            decoder.decode(&packet[..bytes], &mut [0; PACKET_SAMPLES_MAX]),
            verdict,
            "{frames} frames"
        );
    }
}

/// libopus conceals on its own; what it makes of a loss is compared above.
#[test]
fn g_711_appendix_i_a_lost_packet_in_twenty_leaves_no_hole() {
    for codec in Codec::ALL.into_iter().filter(|codec| *codec != Codec::Opus) {
        let rate = codec.rate();
        let sound = tone(rate.hz(), 300.0, 10_000.0, rate.samples(2_000));
        let mut encoder = Encoder::new(codec, rate, &Parameters::default()).unwrap();
        let mut decoder = Decoder::new(codec, rate).unwrap();
        let (mut payload, mut samples) = ([0; PAYLOAD_BYTES_MAX], [0; PACKET_SAMPLES_MAX]);
        for (n, frame) in sound.chunks_exact(rate.frame()).enumerate() {
            let bytes = encoder.encode(frame, &mut payload).unwrap();
            let count = if n % 20 == 19 {
                decoder.conceal(&mut samples)
            } else {
                decoder.decode(&payload[..bytes], &mut samples).unwrap()
            };
            assert_eq!(count, rate.frame());
            let level = power(&samples[..count]).sqrt() / 7_071.0;
            assert!(n < 10 || (0.6..1.3).contains(&level), "{codec:?} frame {n}: level {level:.2}");
        }
    }
}
