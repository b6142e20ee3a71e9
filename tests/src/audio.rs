//! Tones to play, and whether a recording holds them.
//!
//! A recording is judged in frames of 20 ms, the packet time of G.711: each is compared, by Goertzel's algorithm,
//! with the tone it should hold. Tones are multiples of 50 Hz, so that a frame holds whole periods of each and one
//! does not leak into another.

use std::{fs, io::Cursor, path::Path};

use anyhow::{Result, ensure};

/// Samples per second of everything here.
pub const RATE: u32 = 8_000;
/// Samples in a frame.
const FRAME: usize = 160;
/// Milliseconds of a frame.
const FRAME_MS: usize = 20;
/// A frame whose root mean square is below this is silent (of 32,767).
const SILENCE: f64 = 300.0;
/// Share of a frame's energy that makes it hold a tone; a pure one that went through G.711 has 0.99.
const HOLDS: f64 = 0.8;
/// Share of a frame's energy above which a tone is somewhere in it.
const TRACE: f64 = 0.05;

/// Share of a frame's energy that makes it hold one of two tones that are as loud.
const MIXED: f64 = 0.3;

/// What a recording holds of one tone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Milliseconds of frames that hold the tone and nothing else.
    pub tone_ms: usize,
    /// Longest stretch without the tone between its first and its last frame, milliseconds.
    pub longest_gap_ms: usize,
    /// Milliseconds of frames with a trace of the other tone.
    pub other_ms: usize,
}

/// Writes `seconds` of a sine of `hz` to a WAV file: 16 bits, mono, 8 kHz.
pub fn write_tone(path: &Path, hz: u32, seconds: u32) -> Result<()> {
    ensure!(hz.is_multiple_of(50), "{hz} Hz does not fit a frame");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for n in 0..RATE * seconds {
        writer.write_sample(sample(hz, n, 12_000.0))?;
    }
    Ok(writer.finalize()?)
}

fn sample(hz: u32, n: u32, amplitude: f64) -> i16 {
    let turns = f64::from(hz) * f64::from(n % RATE) / f64::from(RATE);
    (amplitude * (std::f64::consts::TAU * turns).sin()) as i16
}

/// Reads a WAV file as 8 kHz, mono: of a faster one, or one with two channels, the samples that fall together are averaged.
/// One that is being written has no samples before its header is whole.
pub fn read(path: &Path) -> Result<Vec<i16>> {
    let Some(file) = finished(fs::read(path)?) else { return Ok(Vec::new()) };
    let mut reader = hound::WavReader::new(Cursor::new(file))?;
    let spec = reader.spec();
    ensure!(spec.sample_rate.is_multiple_of(RATE), "{}: {spec:?}", path.display());
    let together = (spec.sample_rate / RATE) as usize * usize::from(spec.channels);
    let samples: Vec<i16> = reader.samples::<i16>().map_while(Result::ok).collect();
    let average =
        |some: &[i16]| some.iter().map(|sample| i32::from(*sample)).sum::<i32>() / some.len() as i32;
    Ok(samples.chunks_exact(together).map(|some| average(some) as i16).collect())
}

/// A WAV file with the length of its sound in its header, which its writer puts there only at the end. `None`: not even its
/// header is there.
fn finished(mut file: Vec<u8>) -> Option<Vec<u8>> {
    let number = |file: &[u8], at: usize| {
        let bytes = file.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_le_bytes) as usize
    };
    let mut at = 12;
    while file.get(at..at + 4)? != b"data" {
        at += 8 + number(&file, at + 4).next_multiple_of(2);
    }
    // Frames of 16 bits, one or two channels.
    let sound = file.len().checked_sub(at + 8)? / 4 * 4;
    file[at + 4..at + 8].copy_from_slice(&(sound as u32).to_le_bytes());
    Some(file)
}

/// Milliseconds of frames that are not silent.
pub fn sound_ms(samples: &[i16]) -> usize {
    samples.chunks_exact(FRAME).filter(|frame| loudness(frame) >= SILENCE).count() * FRAME_MS
}

fn loudness(frame: &[i16]) -> f64 {
    (frame.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / frame.len() as f64).sqrt()
}

/// Listens for `hz` in `samples`, and for traces of `other_hz`.
pub fn listen(samples: &[i16], hz: u32, other_hz: u32) -> Heard {
    let mut heard = Heard::default();
    let mut gap: Option<usize> = None; // none before the tone has begun
    for frame in samples.chunks_exact(FRAME) {
        if share(frame, other_hz) > TRACE {
            heard.other_ms += FRAME_MS;
        }
        if share(frame, hz) > HOLDS {
            heard.tone_ms += FRAME_MS;
            heard.longest_gap_ms = heard.longest_gap_ms.max(gap.unwrap_or_default());
            gap = Some(0);
        } else if let Some(gap) = gap.as_mut() {
            *gap += FRAME_MS;
        }
    }
    heard
}

/// Milliseconds of frames that hold all of these tones at once, and no trace of the other one.
pub fn together_ms(samples: &[i16], tones_hz: &[u32], other_hz: u32) -> usize {
    let holds = |frame: &[i16]| {
        tones_hz.iter().all(|hz| share(frame, *hz) > MIXED) && share(frame, other_hz) <= TRACE
    };
    samples.chunks_exact(FRAME).filter(|frame| holds(frame)).count() * FRAME_MS
}

/// Share of the frame's energy at `hz`, 0 to 1 (Goertzel); 0 for a silent frame.
fn share(frame: &[i16], hz: u32) -> f64 {
    let energy: f64 = frame.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    if loudness(frame) < SILENCE {
        return 0.0;
    }
    let coefficient = 2.0 * (std::f64::consts::TAU * f64::from(hz) / f64::from(RATE)).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for sample in frame {
        (before, last) = (last, f64::from(*sample) + coefficient * last - before);
    }
    let power = last * last + before * before - coefficient * last * before;
    2.0 * power / (energy * frame.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: u32, ms: u32) -> Vec<i16> {
        (0..RATE / 1_000 * ms).map(|n| sample(hz, n, 12_000.0)).collect()
    }

    fn check(samples: &[i16], tone_ms: usize, longest_gap_ms: usize, other_ms: usize) {
        assert_eq!(listen(samples, 600, 1_000), Heard { tone_ms, longest_gap_ms, other_ms });
    }

    #[test]
    fn a_tone_is_heard_and_silence_at_the_ends_is_no_gap() {
        check(&[vec![0; 1_600], tone(600, 400), vec![0; 800]].concat(), 400, 0, 0);
    }

    #[test]
    fn a_gap_is_measured_where_it_is() {
        check(&[tone(600, 200), vec![0; 640], tone(600, 200)].concat(), 400, 80, 0);
    }

    #[test]
    fn the_other_tone_is_found_alone_and_mixed_in() {
        check(&tone(1_000, 100), 0, 0, 100);
        let mixed: Vec<i16> =
            tone(600, 100).iter().zip(tone(1_000, 100)).map(|(a, b)| a / 2 + b / 2).collect();
        check(&mixed, 0, 0, 100);
        let together = |other| together_ms(&mixed, &[600, 1_000], other);
        assert_eq!((together(800), together(600), together_ms(&mixed, &[600, 800], 400)), (100, 0, 0));
    }

    #[test]
    fn silence_holds_nothing() {
        check(&vec![0; 8_000], 0, 0, 0);
        assert_eq!(sound_ms(&[vec![0; 8_000], tone(600, 100)].concat()), 100);
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tone.wav");
        write_tone(&path, 600, 1).unwrap();
        check(&read(&path).unwrap(), 1_000, 0, 0);
    }

    /// Whoever waited for a tone of a call that had just begun read the first bytes of its recording, and the test failed.
    #[test]
    fn of_a_file_that_is_being_written_is_read_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tone.wav");
        write_tone(&path, 600, 1).unwrap();
        let whole = fs::read(&path).unwrap();
        let header = whole.len() - RATE as usize * 2;
        for length in (0..header + 8).chain([header + 1_001]) {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(read(&path).unwrap().len(), length.saturating_sub(header) / 4 * 2, "{length}");
        }
    }
}
