//! The shipped sounds are what their texts say, and files of others are read or refused with a reason.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

use std::{collections::BTreeSet, fs, io::Cursor, path::Path};

use sounds::{Named, SOUND_SECS_MAX, SOUNDS_MAX, SoundError, decode, read_folder, shipped};
use streams::{audio::Rate, keys::Tones};

const PROMPTS: &str = include_str!("../prompts.toml");
const GOODBYE: &[u8] = include_bytes!("../shipped/en/goodbye.opus");
const LANGUAGES: [&str; 2] = ["id", "en"];

/// Root mean square in dB of full scale.
fn level_db(samples: &[i16]) -> f64 {
    let power: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64;
    10.0 * (power / 32_768_f64.powi(2)).log10()
}

fn wav(rate: u32, channels: u16, bits: u16, frames: usize) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate,
        bits_per_sample: bits,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    for n in 0..frames {
        for channel in 0..channels {
            let loud = if channel == 0 { 8_000.0 } else { 0.0 };
            let tone = (n as f64 * 440.0 * std::f64::consts::TAU / f64::from(rate)).sin();
            writer.write_sample((loud * tone) as i16 >> (16 - bits.min(16))).unwrap();
        }
    }
    writer.finalize().unwrap();
    file.into_inner()
}

#[test]
fn every_text_is_spoken_in_both_languages_and_nothing_else_is_shipped() {
    let texts: toml::Table = PROMPTS.parse().unwrap();
    let mut expected = BTreeSet::from(["music/default".to_owned()]);
    for (name, text) in &texts {
        for language in LANGUAGES {
            match &text[language] {
                toml::Value::Array(texts) => {
                    expected.extend((0..texts.len()).map(|n| format!("{language}/{name}/{n}")));
                }
                text => {
                    assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{name} {language}");
                    expected.insert(format!("{language}/{name}"));
                }
            }
        }
    }
    let found: BTreeSet<String> = shipped().into_iter().map(|sound| sound.name).collect();
    assert_eq!(found, expected, "run bin/sounds and commit what it makes");
}

#[test]
fn shipped_sounds_are_as_long_and_as_loud_as_speech() {
    for Named { name, clip } in shipped() {
        assert_eq!(clip.rate(), Rate::Wide);
        let seconds = clip.samples().len() as f64 / f64::from(clip.rate().hz());
        let level = level_db(clip.samples());
        let loudest = clip.samples().iter().map(|s| s.unsigned_abs()).max().unwrap();
        if name == "music/default" {
            assert!((seconds - 60.0).abs() < 0.001, "{name}: a whole number of bars, {seconds} s");
            assert!((-32.0..-20.0).contains(&level), "{name}: {level} dB");
        } else {
            let limits = if name.contains("/digits/") { 0.3..1.5 } else { 0.5..12.0 };
            assert!(limits.contains(&seconds), "{name}: {seconds} s");
            assert!((-30.0..-14.0).contains(&level), "{name}: {level} dB");
        }
        assert!((5_000..32_000).contains(&loudest), "{name}: {loudest}");
    }
}

/// RFC 7845 §4.2 and §4.5: what the encoder needed before and after is not played. `opusinfo` says how long it is.
#[test]
fn rfc_7845_what_is_skipped_and_trimmed_is_not_sound() {
    let head = &GOODBYE[28..];
    let skipped = u16::from_le_bytes([head[10], head[11]]);
    let last = GOODBYE.windows(4).rposition(|at| at == b"OggS").unwrap();
    let end = u64::from_le_bytes(GOODBYE[last + 6..last + 14].try_into().unwrap());
    let samples = decode(GOODBYE).unwrap().samples().len() as u64;
    assert_eq!(samples, (end - u64::from(skipped)) / 3);
}

#[test]
fn wav_files_of_the_usual_rates_are_read() {
    for (hz, channels) in [(8_000, 1), (16_000, 1), (48_000, 1), (16_000, 2)] {
        let clip = decode(&wav(hz, channels, 16, hz as usize)).unwrap();
        assert_eq!((clip.rate(), clip.samples().len()), (Rate::Wide, 16_000), "{hz} Hz");
        let crossings = clip.samples().windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
        assert!((438..=441).contains(&crossings), "{hz} Hz: {crossings} waves in a second");
        let level = level_db(&clip.samples()[1_000..15_000]);
        let expected = if channels == 2 { -21.3 } else { -15.3 };
        assert!((level - expected).abs() < 0.5, "{hz} Hz, {channels} channels: {level} dB");
    }
}

#[test]
fn what_is_no_sound_is_refused_with_a_reason() {
    let reason = |file: &[u8]| decode(file).unwrap_err().to_string();
    assert!(reason(b"ID3\x03 an mp3").contains("neither an Ogg-Opus nor a WAV"));
    assert!(reason(b"").contains("neither"));
    assert!(reason(&wav(44_100, 2, 16, 100)).contains("44100 Hz"));
    assert!(reason(&wav(8_000, 1, 8, 100)).contains("8 bits"));
    assert!(reason(&wav(8_000, 1, 16, 0)).contains("no sound"));
    let long = wav(8_000, 1, 16, 8_000 * SOUND_SECS_MAX + 1);
    assert!(matches!(decode(&long), Err(SoundError::TooLong)));
    let mut vorbis = GOODBYE.to_vec();
    vorbis[28..36].copy_from_slice(b"\x01vorbis\0");
    assert!(decode(&vorbis).is_err(), "and its checksum is wrong too");
}

/// Talk-off (ITU-T Q.24): nothing that is said or played is taken for a key.
#[test]
fn no_prompt_and_no_music_sounds_like_a_key() {
    for Named { name, clip } in shipped() {
        for rate in [Rate::Narrow, Rate::Wide] {
            let mut tones = Tones::new(rate);
            let clip = clip.at(rate).unwrap();
            let found = clip.samples().chunks(rate.frame()).filter_map(|sound| tones.hear(sound)).count();
            assert_eq!(found, 0, "{name} at {rate:?}");
        }
    }
}

/// Cut off anywhere or with any octet changed, a file is read or refused, and nothing worse.
#[test]
fn broken_files_are_refused_and_nothing_worse() {
    for file in [GOODBYE.to_vec(), wav(16_000, 1, 16, 400)] {
        for cut in (0..file.len().min(2_000)).step_by(7) {
            let _ = decode(&file[..cut]);
        }
        for at in (0..file.len().min(2_000)).step_by(3) {
            let mut changed = file.clone();
            changed[at] ^= 0xa5;
            let _ = decode(&changed);
        }
    }
}

#[test]
fn a_folder_replaces_sounds_for_all_and_for_one_organisation() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    put("id/goodbye.wav", &wav(8_000, 1, 16, 8_000));
    put("0197/en/goodbye.opus", GOODBYE);
    put("0197/music/default.WAV", &wav(16_000, 1, 16, 100));
    put("notes.txt", b"whatever");
    put("en/broken.opus", b"OggS and no more");
    put("a/b/c/d/e/too-deep.opus", GOODBYE);
    let (found, unusable) = read_folder(folder.path());
    let names: Vec<&str> = found.iter().map(|sound| sound.name.as_str()).collect();
    assert_eq!(names, ["id/goodbye", "0197/en/goodbye", "0197/music/default"]);
    assert_eq!(unusable.len(), 1);
    assert!(unusable[0].to_string().contains("broken.opus: "), "{}", unusable[0]);
    let (none, fine) = read_folder(Path::new("/nowhere/at/all"));
    assert!(none.is_empty() && fine.is_empty());
}

#[test]
fn sounds_beyond_the_limit_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let beep = wav(8_000, 1, 16, 80);
    for n in 0..=SOUNDS_MAX {
        fs::write(folder.path().join(format!("{n:04}.wav")), &beep).unwrap();
    }
    let (found, unusable) = read_folder(folder.path());
    assert_eq!((found.len(), unusable.len()), (SOUNDS_MAX, 1));
    assert!(
        unusable[0]
            .to_string()
            .ends_with("4096.wav: more than 4096 sounds: this one and all after it are left out")
    );
}
