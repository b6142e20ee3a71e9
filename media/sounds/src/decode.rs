//! A file to sound: Ogg-Opus (RFC 7845) and WAV, told apart by how they begin.
//!
//! Any wrong file is an error that says what is wrong with it. Gains and chained streams of RFC 7845, surround sound and
//! WAV files at rates that are none of ours are not supported.

use std::io::Cursor;

use ogg::PacketReader;
use streams::{
    audio::{PACKET_SAMPLES_MAX, Rate, player::Clip, resample::ResampleError},
    codec::{Codec, DecodeError, Decoder, MakeError},
};

/// Longest file that is read, in octets.
pub const SOUND_BYTES_MAX: usize = 32 << 20;
/// Longest sound, in seconds: ten minutes, and what runs over of a message that may last so long.
pub const SOUND_SECS_MAX: usize = 610;
/// What everything is decoded to: prompts have no more band than that.
const RATE: Rate = Rate::Wide;
/// RFC 7845 counts samples of 48 kHz.
const TICKS_PER_SAMPLE: u64 = 3;

/// Why a file is no sound for us.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// Neither `OggS` nor `RIFF`.
    #[error("neither an Ogg-Opus nor a WAV file")]
    Kind,
    /// Larger than [`SOUND_BYTES_MAX`].
    #[error("larger than {} MiB", SOUND_BYTES_MAX >> 20)]
    TooLarge,
    /// Longer than [`SOUND_SECS_MAX`].
    #[error("longer than {SOUND_SECS_MAX} seconds")]
    TooLong,
    /// There are [`SOUNDS_MAX`](crate::SOUNDS_MAX) before it.
    #[error("more than {} sounds: this one and all after it are left out", crate::SOUNDS_MAX)]
    TooMany,
    /// No sound in it.
    #[error("no sound in it")]
    Empty,
    /// Broken pages.
    #[error("broken Ogg file: {0}")]
    Ogg(#[from] ogg::OggReadError),
    /// Ogg, but not Opus of one or two channels as RFC 7845 §5 has it.
    #[error("not an Opus stream of one or two channels; `opusenc` makes one of nearly any file")]
    NotOpus,
    /// A packet that cannot be decoded.
    #[error("broken Opus packet: {0}")]
    Packet(#[from] DecodeError),
    /// Broken header, or a kind of WAV that is not read.
    #[error("unusable WAV file: {0}")]
    Wav(#[from] hound::Error),
    /// Not 16-bit samples of 8, 16 or 48 kHz in one or two channels.
    #[error(
        "WAV file with {bits} bits, {channels} channels and {hz} Hz; 16 bits, one or two channels and 8000, 16000 or 48000 Hz \
         are read"
    )]
    Format {
        /// Bits of a sample.
        bits: u16,
        /// Channels.
        channels: u16,
        /// Samples in a second.
        hz: u32,
    },
    /// The library could not make a decoder.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The library could not make a resampler.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// The file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] std::io::Error),
}

/// The sound of a file, at 16 kHz.
pub fn decode(file: &[u8]) -> Result<Clip, SoundError> {
    if file.len() > SOUND_BYTES_MAX {
        return Err(SoundError::TooLarge);
    }
    let clip = match file.get(..4) {
        Some(b"OggS") => opus(file)?,
        Some(b"RIFF") => wav(file)?,
        _ => return Err(SoundError::Kind),
    };
    if clip.samples().is_empty() { Err(SoundError::Empty) } else { Ok(clip) }
}

fn opus(file: &[u8]) -> Result<Clip, SoundError> {
    let mut reader = PacketReader::new(Cursor::new(file));
    let head = reader.read_packet()?.ok_or(SoundError::NotOpus)?;
    let skipped = pre_skip(&head.data).ok_or(SoundError::NotOpus)?;
    let tags = reader.read_packet()?;
    if !tags.is_some_and(|tags| tags.data.starts_with(b"OpusTags")) {
        return Err(SoundError::NotOpus);
    }
    let mut decoder = Decoder::new(Codec::Opus, RATE)?;
    let mut sound = Vec::new();
    let mut packet_sound = [0; PACKET_SAMPLES_MAX];
    let mut end_ticks = None;
    while let Some(packet) = reader.read_packet()? {
        if packet.stream_serial() != head.stream_serial() {
            return Err(SoundError::NotOpus);
        }
        let n = decoder.decode(&packet.data, &mut packet_sound)?;
        sound.extend(packet_sound.iter().take(n));
        if sound.len() > RATE.hz() as usize * SOUND_SECS_MAX {
            return Err(SoundError::TooLong);
        }
        end_ticks = packet.last_in_stream().then(|| packet.absgp_page()).or(end_ticks);
    }
    // The last page says how much of its last packet is sound (RFC 7845 §4.5).
    if let Some(end) = end_ticks.and_then(|ticks| usize::try_from(ticks / TICKS_PER_SAMPLE).ok()) {
        sound.truncate(end);
    }
    let start = usize::try_from(skipped / TICKS_PER_SAMPLE).unwrap_or(usize::MAX).min(sound.len());
    Ok(Clip::new(sound.split_off(start).into(), RATE))
}

/// The samples of 48 kHz before the sound begins, by the identification header (RFC 7845 §5.1).
fn pre_skip(head: &[u8]) -> Option<u64> {
    let [version, channels, low, high] = *head.strip_prefix(b"OpusHead")?.first_chunk()?;
    let family = *head.get(18)?;
    let is_read = version & 0xf0 == 0 && family == 0 && matches!(channels, 1 | 2);
    is_read.then(|| u64::from(u16::from_le_bytes([low, high])))
}

fn wav(file: &[u8]) -> Result<Clip, SoundError> {
    let mut reader = hound::WavReader::new(Cursor::new(file))?;
    let hound::WavSpec { channels, sample_rate, bits_per_sample, sample_format } = reader.spec();
    let rate = Rate::ALL.into_iter().find(|rate| rate.hz() == sample_rate);
    let (Some(rate), 1 | 2, 16, hound::SampleFormat::Int) = (rate, channels, bits_per_sample, sample_format)
    else {
        return Err(SoundError::Format { bits: bits_per_sample, channels, hz: sample_rate });
    };
    if reader.duration() as usize > rate.hz() as usize * SOUND_SECS_MAX {
        return Err(SoundError::TooLong);
    }
    let samples = reader.samples::<i16>().collect::<Result<Vec<i16>, _>>()?;
    let sound = if channels == 2 { samples.chunks_exact(2).map(middle).collect() } else { samples.into() };
    Ok(Clip::new(sound, rate).at(RATE)?)
}

fn middle(pair: &[i16]) -> i16 {
    let sum: i32 = pair.iter().map(|sample| i32::from(*sample)).sum();
    i16::try_from(sum / 2).unwrap_or_default()
}
