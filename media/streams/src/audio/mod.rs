//! Decoded sound: one frame of samples after the other, for legs whose media cannot simply be passed on.
//!
//! All of it works on slices of 16-bit samples at one of three rates, 20 ms at a time, with state that is allocated
//! once when it is made: a step allocates nothing and locks nothing. Nothing here reads a clock; whoever has one calls
//! every 20 ms. Legs of the same codec never come here.

pub mod concealment;
pub mod hearing;
pub mod jitter;
pub mod library;
pub mod mix;
mod pitch;
pub mod player;
pub mod resample;
pub mod reservoir;
pub mod sample;
pub mod tone;
pub mod transcode;

/// The step of everything that works on decoded sound.
pub const FRAME_MS: usize = 20;
/// Sound of one packet that is encoded or decoded at once, at most.
pub const FRAME_MS_MAX: usize = 60;
/// Samples of [`FRAME_MS`] at the highest rate.
pub const FRAME_SAMPLES_MAX: usize = Rate::Full.samples(FRAME_MS);
/// Samples of [`FRAME_MS_MAX`] at the highest rate.
pub const PACKET_SAMPLES_MAX: usize = Rate::Full.samples(FRAME_MS_MAX);

/// Samples per second of decoded sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rate {
    /// 8 kHz: G.711.
    Narrow,
    /// 16 kHz: G.722.
    Wide,
    /// 48 kHz: Opus in full.
    Full,
}

impl Rate {
    /// From the lowest to the highest.
    pub const ALL: [Self; 3] = [Self::Narrow, Self::Wide, Self::Full];

    /// In Hz.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Narrow => 8_000,
            Self::Wide => 16_000,
            Self::Full => 48_000,
        }
    }

    /// Samples of one millisecond.
    pub const fn per_ms(self) -> usize {
        match self {
            Self::Narrow => 8,
            Self::Wide => 16,
            Self::Full => 48,
        }
    }

    /// Samples of that many milliseconds.
    pub const fn samples(self, ms: usize) -> usize {
        self.per_ms() * ms
    }

    /// Samples of one [`FRAME_MS`].
    pub const fn frame(self) -> usize {
        self.samples(FRAME_MS)
    }
}
