//! G.711 and G.722 against implementations that are not ours, to the bit (`golden/make.py` says which).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use streams::codec::{g711::Law, g722};

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
