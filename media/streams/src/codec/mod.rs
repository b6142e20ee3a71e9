//! What carries speech in RTP: the facts of each payload format, and an encoder and a decoder with their own state for
//! every leg that cannot be passed on as it comes (RFC 3551, RFC 7587, RFC 3389).
//!
//! Which formats a call uses is settled by its descriptions; nothing here negotiates. Legs that agree on a codec never
//! meet any of this.

pub mod comfort_noise;
mod decoder;
mod encoder;
pub mod g711;
pub mod g722;
pub mod opus;

pub use self::{decoder::Decoder, encoder::Encoder};
use crate::audio::Rate;
use serde::{Deserialize, Serialize};

/// The longest payload that an encoder of ours writes or a decoder takes: 60 ms of the widest L16.
pub const PAYLOAD_BYTES_MAX: usize = 1_920;

/// A payload format for speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Codec {
    /// G.711 μ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus.
    Opus,
    /// Plain samples (RFC 3551 §4.5.11), for tests: nothing is lost by it.
    L16(LinearRate),
}

/// The rates of [`Codec::L16`] that fit into a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LinearRate {
    /// 8 kHz
    Narrow,
    /// 16 kHz
    Wide,
}

/// An encoder or a decoder could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// The format has one rate, and this is another: resample.
    #[error("the codec does not work at this sample rate")]
    Rate,
    /// libopus refused; out of memory, most likely.
    #[error("the codec library refused to start")]
    Library,
}

/// A frame was not encoded. All of these are mistakes of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// That many samples are no frame of this codec.
    #[error("{0} samples are no frame of this codec")]
    FrameSize(usize),
    /// The packet does not fit into the buffer.
    #[error("the packet does not fit")]
    NoRoom,
    /// libopus refused for a reason of its own.
    #[error("the codec library refused the frame")]
    Library,
}

/// A payload was not decoded: the peer did wrong. Treat it as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More sound than 60 ms, or than there is room for.
    #[error("more sound in one packet than is taken")]
    TooLong,
    /// Not a payload of this codec.
    #[error("not a payload of this codec")]
    Malformed,
}

impl Codec {
    /// Every one, the tests' own included.
    pub const ALL: [Self; 6] = [
        Self::Pcmu,
        Self::Pcma,
        Self::G722,
        Self::Opus,
        Self::L16(LinearRate::Narrow),
        Self::L16(LinearRate::Wide),
    ];

    /// Name, RTP clock and channels as an `a=rtpmap` has them.
    pub const fn rtpmap(self) -> (&'static str, u32, u8) {
        match self {
            Self::Pcmu => ("PCMU", 8_000, 1),
            Self::Pcma => ("PCMA", 8_000, 1),
            // RFC 3551 §4.5.2: 8,000 by an old mistake that is kept; the sound has 16,000.
            Self::G722 => ("G722", 8_000, 1),
            // RFC 7587 §4.1, §7: 48,000 and 2 whatever is sent.
            Self::Opus => ("opus", 48_000, 2),
            Self::L16(LinearRate::Narrow) => ("L16", 8_000, 1),
            Self::L16(LinearRate::Wide) => ("L16", 16_000, 1),
        }
    }

    /// Units of the RTP clock in a second.
    pub const fn clock_rate_hz(self) -> u32 {
        self.rtpmap().1
    }

    /// The rate of the sound. Opus can also do with a lower one.
    pub const fn rate(self) -> Rate {
        match self {
            Self::Pcmu | Self::Pcma | Self::L16(LinearRate::Narrow) => Rate::Narrow,
            Self::G722 | Self::L16(LinearRate::Wide) => Rate::Wide,
            Self::Opus => Rate::Full,
        }
    }

    /// Whether it can be decoded to, or encoded from, sound of this rate without a resampler.
    pub fn works_at(self, rate: Rate) -> bool {
        self == Self::Opus || self.rate() == rate
    }

    /// The payload type that needs no rtpmap (RFC 3551 table 4).
    pub const fn static_payload_type(self) -> Option<u8> {
        match self {
            Self::Pcmu => Some(0),
            Self::Pcma => Some(8),
            Self::G722 => Some(9),
            Self::Opus | Self::L16(_) => None,
        }
    }

    /// The codec of a payload type without an rtpmap.
    pub fn of_payload_type(payload_type: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.static_payload_type() == Some(payload_type))
    }

    /// The codec of an rtpmap's encoding name, without regard to case, and clock.
    pub fn named(encoding: &str, clock_rate_hz: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| {
            let (name, clock, _) = codec.rtpmap();
            clock == clock_rate_hz && name.eq_ignore_ascii_case(encoding)
        })
    }

    /// How long a payload lasts, in units of the RTP clock. `None` if it is none of this codec.
    pub fn payload_units(self, payload: &[u8]) -> Option<u32> {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => u32::try_from(payload.len()).ok(),
            Self::L16(_) => u32::try_from(payload.len() / 2).ok(),
            Self::Opus => opus::packet_units(payload),
        }
    }

    /// Units of the RTP clock in that many milliseconds.
    pub const fn clock_units(self, ms: u32) -> u32 {
        self.clock_rate_hz() / 1_000 * ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3551_table_4_and_the_rtpmaps_name_the_same() {
        assert_eq!([0, 8, 9].map(Codec::of_payload_type), [Codec::Pcmu, Codec::Pcma, Codec::G722].map(Some));
        assert_eq!([1, 3, 13, 18, 96, 111].map(Codec::of_payload_type), [None; 6]);
        for codec in Codec::ALL {
            let (name, clock, _) = codec.rtpmap();
            assert_eq!(Codec::named(&name.to_lowercase(), clock), Some(codec));
            assert_eq!(Codec::named(name, clock + 1), None);
        }
        assert_eq!(Codec::named("telephone-event", 8_000), None);
    }

    #[test]
    fn rfc_3551_4_5_2_g722_counts_8_000_and_sounds_at_16_000() {
        assert_eq!(Codec::G722.clock_units(20), 160);
        assert_eq!(Codec::G722.rate().frame(), 320);
        assert_eq!((Codec::Opus.clock_units(20), Codec::Pcma.clock_units(60)), (960, 480));
    }

    #[test]
    fn a_payload_says_how_long_it_lasts() {
        assert_eq!(Codec::G722.payload_units(&[0; 160]), Some(160));
        assert_eq!(Codec::L16(LinearRate::Wide).payload_units(&[0; 640]), Some(320));
        // RFC 6716 §3.1: configurations 1 (20 ms, SILK) and 3 (60 ms), one frame.
        assert_eq!(
            [1 << 3, 3 << 3].map(|toc| Codec::Opus.payload_units(&[toc, 0])),
            [Some(960), Some(2_880)]
        );
        assert_eq!(Codec::Opus.payload_units(&[]), None);
    }
}
