//! What a recording is written as: frames of both sides in, octets of the file out.
//!
//! WAV holds the sound as telephones carry it, costs next to nothing, and every program reads it. Opus takes an eighth of
//! the room and keeps what wideband phones say, for a fifth of a millisecond of processor time a frame (decision 0026).

use serde::{Deserialize, Serialize};
use streams::{
    audio::Rate,
    codec::{
        MakeError,
        opus::{Channels, Encoder, PACKET_BYTES_MAX, Parameters},
    },
};

use crate::{ogg, wav};

/// Frames of 20 ms that one page, and one write to the disk, holds at most.
pub const FRAMES_PER_WRITE: usize = 4;
/// Bits a second for both sides together; speech of 16 kHz.
const OPUS_BITRATE_BPS: u32 = 40_000;

/// The format of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// WAV: 16-bit samples at 8 kHz.
    #[default]
    Wav,
    /// Opus in Ogg (RFC 7845), 16 kHz, 40 kbit/s.
    Opus,
}

impl Format {
    /// Its word, which is also the end of a file's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Opus => "opus",
        }
    }

    /// The rate of the sound that is written.
    pub const fn rate(self) -> Rate {
        match self {
            Self::Wav => Rate::Narrow,
            Self::Opus => Rate::Wide,
        }
    }
}

/// How far a recording has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Frames of 20 ms written.
    pub frames: u32,
    /// Ogg pages written; 0 in WAV.
    pub pages: u32,
}

/// Makes the octets of one file.
#[derive(Debug)]
pub enum Form {
    /// See [`Format::Wav`].
    Wav,
    /// See [`Format::Opus`].
    Opus(Box<Opus>),
}

/// The encoder of a file, and the packets that wait for their page.
#[derive(Debug)]
pub struct Opus {
    serial: u32,
    encoder: Encoder,
    delay: u16,
    frame: Vec<i16>,
    packets: Vec<Vec<u8>>,
}

impl Form {
    /// For a new file or for one that goes on; both sides of the sound have [`Format::rate`].
    pub fn new(format: Format, serial: u32) -> Result<Self, MakeError> {
        let Format::Opus = format else { return Ok(Self::Wav) };
        let wanted = Parameters { max_average_bitrate_bps: Some(OPUS_BITRATE_BPS), ..Parameters::default() };
        let mut encoder = Encoder::new(format.rate(), Channels::Stereo, &wanted)?;
        let per_sample = Rate::Full.per_ms() / format.rate().per_ms();
        let delay = u16::try_from(encoder.delay_samples() * per_sample).unwrap_or(0);
        Ok(Self::Opus(Box::new(Opus { serial, encoder, delay, frame: Vec::new(), packets: Vec::new() })))
    }

    /// The beginning of a file.
    pub fn begin(&self, progress: &mut Progress, out: &mut Vec<u8>) {
        match self {
            Self::Wav => out.extend_from_slice(&wav::header(Format::Wav.rate().hz())),
            Self::Opus(opus) => {
                progress.pages = ogg::HEADER_PAGES;
                out.extend_from_slice(&ogg::headers(opus.serial, 2, Format::Opus.rate().hz(), opus.delay));
            }
        }
    }

    /// Adds a frame of both sides.
    pub fn frame(&mut self, left: &[i16], right: &[i16], progress: &mut Progress, out: &mut Vec<u8>) {
        progress.frames = progress.frames.saturating_add(1);
        match self {
            Self::Wav => wav::interleave(left, right, out),
            Self::Opus(opus) => opus.encode(left, right),
        }
    }

    /// Writes out what waits; `is_last`: nothing follows.
    pub fn flush(&mut self, is_last: bool, progress: &mut Progress, out: &mut Vec<u8>) {
        let Self::Opus(opus) = self else { return };
        if opus.packets.is_empty() && !is_last {
            return;
        }
        let place = ogg::Place { serial: opus.serial, page: progress.pages };
        // The player leaves the encoder's delay out at the beginning; so much of the sound has come out at the end.
        let position = u64::from(progress.frames) * 20 * ogg::POSITIONS_PER_MS;
        let packets: Vec<&[u8]> = opus.packets.iter().map(Vec::as_slice).collect();
        ogg::sound(place, position, is_last, &packets, out);
        opus.packets.clear();
        progress.pages = progress.pages.saturating_add(1);
    }
}

impl Opus {
    fn encode(&mut self, left: &[i16], right: &[i16]) {
        self.frame.clear();
        self.frame.extend(left.iter().zip(right).flat_map(|(left, right)| [*left, *right]));
        let mut packet = vec![0; PACKET_BYTES_MAX];
        // The encoder is given whole frames and room for any packet; what it will not have becomes a pause.
        let length = self.encoder.encode(&self.frame, &mut packet).unwrap_or(0);
        packet.truncate(length);
        if packet.is_empty() {
            packet.push(PAUSE);
        }
        self.packets.push(packet);
    }
}

/// A packet without sound: SILK, wide band, 20 ms, one frame of no octets (RFC 6716 §3.1).
const PAUSE: u8 = 0x48 | 0x04;
