//! Resampling by its spectrum, and every codec to every other.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation)]

#[expect(dead_code, reason = "one story needs a part of the sounds")]
mod sound;

use sound::{amplitude, power, purity_db, tone};
use streams::{
    audio::{
        PACKET_SAMPLES_MAX, Rate,
        resample::{ResampleError, Resampler},
        transcode::Transcoder,
    },
    codec::{Codec, Decoder, Encoder, LinearRate, PAYLOAD_BYTES_MAX, opus::Parameters},
};

/// A second of a tone at another rate, without the beginning.
fn resampled(from: Rate, to: Rate, hz: f64) -> Vec<i16> {
    let mut resampler = Resampler::new(from, to).unwrap();
    let mut made = Vec::new();
    for frame in tone(from.hz(), hz, 10_000.0, from.samples(1_000)).chunks_exact(from.frame()) {
        let mut piece = vec![0; to.frame()];
        assert_eq!(resampler.resample(frame, &mut piece), Ok(to.frame()));
        made.extend_from_slice(&piece);
    }
    made.split_off(to.samples(100))
}

fn pairs() -> impl Iterator<Item = (Rate, Rate)> {
    Rate::ALL.into_iter().flat_map(|from| Rate::ALL.into_iter().map(move |to| (from, to)))
}

#[test]
fn what_both_rates_can_hold_passes_and_nothing_comes_with_it() {
    for (from, to) in pairs() {
        let limit = f64::from(from.hz().min(to.hz())) / 2.0;
        for hz in [50.0, 300.0, 1_020.0, 3_400.0, 0.85 * limit] {
            let made = resampled(from, to, hz);
            let level_db = 20.0 * (amplitude(&made, to.hz(), hz) / 10_000.0).log10();
            assert!(level_db.abs() < 0.5, "{from:?} to {to:?}, {hz} Hz: {level_db:.2} dB");
            let purity = purity_db(&made, to.hz(), hz);
            assert!(purity > 60.0, "{from:?} to {to:?}, {hz} Hz: {purity:.1} dB above images and noise");
        }
    }
}

#[test]
fn what_the_lower_rate_cannot_hold_is_kept_out() {
    for (from, to) in pairs().filter(|(from, to)| from > to) {
        let limit = f64::from(to.hz()) / 2.0;
        for share in [1.1, 1.3, 1.7] {
            if share * limit < f64::from(from.hz()) / 2.0 {
                let level_db = 10.0 * (power(&resampled(from, to, share * limit)) / 5e7).max(1e-12).log10();
                assert!(level_db < -50.0, "{from:?} to {to:?}, {share} × {limit} Hz: {level_db:.1} dB");
            }
        }
    }
}

#[test]
fn a_resampler_takes_whole_blocks_of_ten_milliseconds() {
    let mut resampler = Resampler::new(Rate::Narrow, Rate::Full).unwrap();
    let mut to = [0; PACKET_SAMPLES_MAX];
    assert_eq!(resampler.resample(&[0; 80], &mut to), Ok(480));
    assert_eq!(resampler.resample(&[0; 480], &mut to), Ok(2_880));
    assert_eq!(resampler.resample(&[0; 79], &mut to), Err(ResampleError::FrameSize(79)));
    assert_eq!(resampler.resample(&[], &mut to), Err(ResampleError::FrameSize(0)));
    assert_eq!(resampler.resample(&[0; 160], &mut to[..959]), Err(ResampleError::NoRoom));
}

/// Two seconds of a tone as one codec, transcoded, and heard by a decoder of the other.
fn transcoded(from: Codec, to: Codec, packet_ms: usize) -> (Vec<i16>, usize) {
    let wanted = Parameters { max_average_bitrate_bps: Some(64_000), ..Parameters::default() };
    let rate = from.rate();
    let mut source = Encoder::new(from, rate, &wanted).unwrap();
    let mut transcoder = Transcoder::new(from, to, &wanted).unwrap();
    let mut listener = Decoder::new(to, to.rate()).unwrap();
    let (mut heard, mut packets) = (Vec::new(), 0);
    let sound = tone(rate.hz(), 1_020.0, 10_000.0, rate.samples(2_400));
    for frame in sound.chunks_exact(rate.samples(packet_ms)) {
        let (mut payload, mut out) = ([0; PAYLOAD_BYTES_MAX], [0; PAYLOAD_BYTES_MAX]);
        let bytes = source.encode(frame, &mut payload).unwrap();
        transcoder.accept(&payload[..bytes]).unwrap();
        while let Some(bytes) = transcoder.next_payload(&mut out) {
            let mut samples = [0; PACKET_SAMPLES_MAX];
            let count = listener.decode(&out[..bytes.unwrap()], &mut samples).unwrap();
            heard.extend_from_slice(&samples[..count]);
            packets += 1;
        }
    }
    (heard, packets)
}

/// The weaker codec of the two sets what can be asked (the figures of `a_tone_comes_through_every_codec`).
#[test]
fn a_tone_comes_through_from_every_codec_to_every_other() {
    let least = |codec| match codec {
        Codec::Pcmu | Codec::Pcma => 33.0,
        Codec::G722 => 25.0,
        Codec::Opus => 18.0,
        Codec::L16(LinearRate::Narrow | LinearRate::Wide) => 60.0,
    };
    for (from, to) in Codec::ALL.into_iter().flat_map(|from| Codec::ALL.map(|to| (from, to))) {
        let (heard, packets) = transcoded(from, to, 20);
        let rate = to.rate();
        assert_eq!((packets, heard.len()), (120, rate.samples(2_400)));
        let purity = purity_db(&heard[rate.samples(800)..], rate.hz(), 1_020.0);
        // Two lossy codecs in a row add their noise.
        let expected = f64::min(least(from), least(to)) - 3.0;
        assert!(purity > expected, "{from:?} to {to:?}: {purity:.1} dB where {expected} is asked");
        let level = amplitude(&heard[rate.samples(800)..], rate.hz(), 1_020.0) / 10_000.0;
        assert!((0.85..1.15).contains(&level), "{from:?} to {to:?}: level {level:.3}");
    }
}

#[test]
fn packets_of_any_length_become_packets_of_twenty_milliseconds() {
    for (from, to) in [(Codec::Pcma, Codec::Opus), (Codec::Opus, Codec::G722), (Codec::G722, Codec::Pcmu)] {
        for packet_ms in [10, 20, 40, 60] {
            let (heard, packets) = transcoded(from, to, packet_ms);
            assert_eq!(
                (packets, heard.len()),
                (120, to.rate().samples(2_400)),
                "{from:?} to {to:?}, {packet_ms} ms"
            );
        }
    }
}

#[test]
fn a_payload_that_does_not_decode_is_one_that_was_lost() {
    let mut transcoder = Transcoder::new(Codec::Opus, Codec::Pcma, &Parameters::default()).unwrap();
    let mut out = [0; PAYLOAD_BYTES_MAX];
    assert!(transcoder.accept(&[0xff; 3]).is_err());
    assert!(transcoder.next_payload(&mut out).is_none(), "nothing came of it");
    transcoder.lost(None);
    assert_eq!(transcoder.next_payload(&mut out), Some(Ok(160)));
    assert!(transcoder.next_payload(&mut out).is_none());
}
