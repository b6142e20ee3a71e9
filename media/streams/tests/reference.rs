//! G.711 and G.722 against implementations that are not ours, to the bit, and what libopus makes of packets against
//! another decoder (`golden/make.py` says which).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use streams::{
    audio::Rate,
    codec::{Codec, Decoder, g711::Law, g722},
};

fn samples(little: &[u8]) -> Vec<i16> {
    little.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// Every octet's sample, and every sample's octet.
fn check_law(law: Law, golden: &str) {
    let (first, steps) = golden.split_once('\n').unwrap();
    let decoded: Vec<i16> = first.split(' ').map(|n| n.parse().unwrap()).collect();
    let octets: Vec<u8> = (0..=255).collect();
    let mut ours = [0; 256];
    assert_eq!(law.decode(&octets, &mut ours), 256);
    assert_eq!(ours.to_vec(), decoded);

    let steps: Vec<(u8, i16)> = steps
        .lines()
        .map(|line| line.split_once(' ').map(|(code, from)| (code.parse().unwrap(), from.parse().unwrap())))
        .map(Option::unwrap)
        .collect();
    assert!(steps.len() >= 255);
    for sample in i16::MIN..=i16::MAX {
        let expected = steps[steps.partition_point(|(_, from)| *from <= sample) - 1].0;
        let mut ours = [0; 1];
        law.encode(&[sample], &mut ours);
        assert_eq!(ours[0], expected, "{law:?} of {sample}");
    }
}

#[test]
fn g_711_mu_law_codes_all_65_536_samples_as_audioop_does() {
    check_law(Law::Mu, include_str!("golden/pcmu.txt"));
}

#[test]
fn g_711_a_law_codes_all_65_536_samples_as_audioop_does() {
    check_law(Law::A, include_str!("golden/pcma.txt"));
}

#[test]
fn g_722_encodes_and_decodes_to_the_bit_as_libg722_does() {
    let sound = samples(include_bytes!("golden/g722.pcm"));
    let bits = include_bytes!("golden/g722.bits");
    let mut encoder = g722::Encoder::default();
    let mut ours = vec![0; sound.len() / 2];
    // In frames of 20 ms: state goes on from one to the next.
    for (frame, octets) in sound.chunks(320).zip(ours.chunks_mut(160)) {
        assert_eq!(encoder.encode(frame, octets), frame.len() / 2);
    }
    let first = ours.iter().zip(bits).position(|(a, b)| a != b);
    assert_eq!(first, None, "the first octet that differs");
    assert_eq!(decode_g722(bits), samples(include_bytes!("golden/g722.decoded.pcm")));
}

#[test]
fn g_722_decodes_what_no_encoder_would_send_as_libg722_does() {
    let ours = decode_g722(include_bytes!("golden/g722.wild.bits"));
    assert_eq!(ours, samples(include_bytes!("golden/g722.wild.pcm")));
}

fn decode_g722(bits: &[u8]) -> Vec<i16> {
    let mut decoder = g722::Decoder::default();
    let mut ours = vec![0; bits.len() * 2];
    for (octets, frame) in bits.chunks(160).zip(ours.chunks_mut(320)) {
        assert_eq!(decoder.decode(octets, frame), frame.len());
    }
    ours
}

/// How much louder the reference is than what two of the same sound differ in, where one may be a few samples behind: the
/// delay of a resampler is nobody's rule.
fn likeness_db(ours: &[i16], reference: &[i16]) -> f64 {
    const SHIFTS: usize = 8;
    let db = |ours: &[i16], reference: &[i16]| {
        let square = |n: f64| n * n;
        let (mut signal, mut error) = (0.0, 1.0);
        for (a, b) in ours.iter().zip(reference) {
            signal += square(f64::from(*b));
            error += square(f64::from(*a) - f64::from(*b));
        }
        10.0 * (signal / error).log10()
    };
    let shifted = (0..SHIFTS).flat_map(|n| [db(&ours[n..], reference), db(ours, &reference[n..])]);
    shifted.fold(f64::NEG_INFINITY, f64::max)
}

/// Decoders of Opus need not agree to the bit (RFC 6716 §6). SILK is resampled by each in its own way.
#[test]
fn opus_is_decoded_as_ffmpeg_does_in_each_of_its_modes() {
    let reference = samples(include_bytes!("golden/opus.decoded.pcm"));
    let mut rest = &include_bytes!("golden/opus.packets")[..];
    let modes = [("SILK, narrow", 12.0), ("SILK, wide", 28.0), ("hybrid", 28.0), ("CELT", 60.0)];
    for ((mode, least_db), reference) in modes.into_iter().zip(reference.chunks(15 * 960)) {
        let mut decoder = Decoder::new(Codec::Opus, Rate::Full).unwrap();
        let mut ours = vec![0; 15 * 960];
        for frame in ours.chunks_mut(960) {
            let (len, packets) = rest.split_first_chunk::<2>().unwrap();
            let (packet, after) = packets.split_at(usize::from(u16::from_be_bytes(*len)));
            assert_eq!(decoder.decode(packet, frame), Ok(960));
            rest = after;
        }
        let likeness = likeness_db(&ours, reference);
        assert!(likeness >= least_db, "{mode}: {likeness:.1} dB");
        let other = likeness_db(&ours[960..], reference);
        assert!(other < 3.0, "{mode}: {other:.1} dB where sounds are not the same");
    }
    assert!(rest.is_empty());
}
