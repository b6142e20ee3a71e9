//! Opus (RFC 6716, RFC 7587) through libopus: one encoder and one decoder for each leg, with what the peer asked for.
//!
//! Both work at the rate of the call's other side, 8, 16 or 48 kHz, so that a narrow call needs no resampler: whatever
//! the encoder sends, any decoder plays at its own rate, and the sender may change its bandwidth with every packet.
//! libopus allocates its state once, when it is made, and works on the stack after that.

use opus::{Application, Bitrate, ErrorCode};
use serde::{Deserialize, Serialize};

use super::{DecodeError, EncodeError, MakeError};
use crate::audio::{FRAME_MS_MAX, Rate};

/// A packet of one frame (RFC 6716 §3.2.1: 1,275 octets and the table of contents).
pub const PACKET_BYTES_MAX: usize = 1_276;
/// Of 0 to 10. Speech at libopus' own default (9) takes 1.5 to 1.8 times as long, at 5 a quarter longer.
const COMPLEXITY: i32 = 3;
/// RFC 7587 §6.1: what `maxaveragebitrate` may be.
const BITRATE_BPS_MIN: u32 = 6_000;
const BITRATE_BPS_MAX: u32 = 510_000;
/// For speech by bandwidth (RFC 7587 §3.1.1: 8–12, 16–20, 28–40 kbit/s), with room for redundancy.
const fn speech_bitrate_bps(rate: Rate) -> u32 {
    match rate {
        Rate::Narrow => 16_000,
        Rate::Wide => 24_000,
        Rate::Full => 32_000,
    }
}

/// How long a packet lasts, in units of its clock of 48 kHz (RFC 6716 §3.1).
pub(super) fn packet_units(packet: &[u8]) -> Option<u32> {
    let samples = opus::packet::get_nb_samples(packet, Rate::Full.hz()).ok()?;
    u32::try_from(samples).ok()
}

/// One voice, or left and right in turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Channels {
    /// One sample at a time.
    #[default]
    Mono,
    /// Left, right, left, right; a recording holds caller and callee so.
    Stereo,
}

impl Channels {
    /// 1 or 2.
    pub const fn count(self) -> usize {
        match self {
            Self::Mono => 1,
            Self::Stereo => 2,
        }
    }

    const fn of_library(self) -> opus::Channels {
        match self {
            Self::Mono => opus::Channels::Mono,
            Self::Stereo => opus::Channels::Stereo,
        }
    }
}

/// What a receiver asked for in its `a=fmtp` (RFC 7587 §6.1). What it leaves out has the RFC's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// `maxplaybackrate` in Hz: sound above half of it is not wanted.
    pub max_playback_rate_hz: u32,
    /// `maxaveragebitrate` in bit/s.
    pub max_average_bitrate_bps: Option<u32>,
    /// `stereo`: it prefers two channels.
    pub stereo: bool,
    /// `useinbandfec`: it can use redundancy.
    pub in_band_fec: bool,
    /// `usedtx`: it wants nothing sent in silence.
    pub dtx: bool,
    /// `cbr`: every packet as long as the others.
    pub constant_bitrate: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            max_playback_rate_hz: 48_000,
            max_average_bitrate_bps: None,
            stereo: false,
            in_band_fec: false,
            dtx: false,
            constant_bitrate: false,
        }
    }
}

impl Parameters {
    /// Reads the part of an `a=fmtp` after the payload type. What it does not know, and values out of range, it leaves
    /// (RFC 7587 §7: unknown parameters are ignored).
    pub fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for (name, value) in text.split(';').filter_map(|parameter| parameter.split_once('=')) {
            let Ok(value) = value.trim().parse::<u32>() else { continue };
            match name.trim() {
                n if n.eq_ignore_ascii_case("maxplaybackrate") && (8_000..=48_000).contains(&value) => {
                    found.max_playback_rate_hz = value;
                }
                n if n.eq_ignore_ascii_case("maxaveragebitrate")
                    && (BITRATE_BPS_MIN..=BITRATE_BPS_MAX).contains(&value) =>
                {
                    found.max_average_bitrate_bps = Some(value);
                }
                n if n.eq_ignore_ascii_case("stereo") => found.stereo = value == 1,
                n if n.eq_ignore_ascii_case("useinbandfec") => found.in_band_fec = value == 1,
                n if n.eq_ignore_ascii_case("usedtx") => found.dtx = value == 1,
                n if n.eq_ignore_ascii_case("cbr") => found.constant_bitrate = value == 1,
                _ => {}
            }
        }
        found
    }

    /// The widest band that the receiver plays (RFC 6716 table 1).
    fn bandwidth(&self) -> opus::Bandwidth {
        match self.max_playback_rate_hz {
            0..12_000 => opus::Bandwidth::Narrowband,
            12_000..16_000 => opus::Bandwidth::Mediumband,
            16_000..24_000 => opus::Bandwidth::Wideband,
            24_000..48_000 => opus::Bandwidth::Superwideband,
            _ => opus::Bandwidth::Fullband,
        }
    }
}

/// Sound to packets.
#[derive(Debug)]
pub struct Encoder {
    library: opus::Encoder,
    rate: Rate,
    channels: Channels,
    dtx: bool,
}

/// Packets to sound.
#[derive(Debug)]
pub struct Decoder {
    library: opus::Decoder,
    rate: Rate,
    channels: Channels,
    /// Samples of the last packet, for each channel: what is missing after it is taken to be as long.
    last_samples: usize,
}

impl Encoder {
    /// For sound at this rate, to a receiver that asked for this.
    pub fn new(rate: Rate, channels: Channels, wanted: &Parameters) -> Result<Self, MakeError> {
        let mut library = opus::Encoder::new(rate.hz(), channels.of_library(), Application::Voip)?;
        library.set_complexity(COMPLEXITY)?;
        library.set_vbr(!wanted.constant_bitrate)?;
        library.set_inband_fec(wanted.in_band_fec)?;
        library.set_dtx(wanted.dtx)?;
        library.set_max_bandwidth(wanted.bandwidth())?;
        let mut encoder = Self { library, rate, channels, dtx: wanted.dtx };
        let usual = speech_bitrate_bps(rate) * if channels == Channels::Stereo { 2 } else { 1 };
        encoder.set_bitrate(wanted.max_average_bitrate_bps.unwrap_or(usual))?;
        Ok(encoder)
    }

    /// From the next packet on, in bit/s; brought into the range of RFC 7587.
    pub fn set_bitrate(&mut self, bps: u32) -> Result<(), MakeError> {
        let bps = bps.clamp(BITRATE_BPS_MIN, BITRATE_BPS_MAX).cast_signed();
        Ok(self.library.set_bitrate(Bitrate::Bits(bps))?)
    }

    /// How much of what we send the receiver says it loses (RTCP). Redundancy, where wanted, is dealt out by it.
    pub fn set_expected_loss(&mut self, percent: u8) -> Result<(), MakeError> {
        Ok(self.library.set_packet_loss_perc(i32::from(percent.min(100)))?)
    }

    /// One packet of 10, 20, 40 or 60 ms. Returns its octets; 0 when the receiver asked for silence not to be sent and
    /// this is silence.
    pub fn encode(&mut self, samples: &[i16], packet: &mut [u8]) -> Result<usize, EncodeError> {
        let frame = samples.len() / self.channels.count();
        if ![10, 20, 40, 60].contains(&(frame / self.rate.per_ms()))
            || !samples.len().is_multiple_of(self.rate.samples(10) * self.channels.count())
        {
            return Err(EncodeError::FrameSize(samples.len()));
        }
        let bytes = self.library.encode(samples, packet).map_err(|e| match e.code() {
            ErrorCode::BufferTooSmall => EncodeError::NoRoom,
            _ => EncodeError::Library,
        })?;
        // libopus: "if the return value is 2 bytes or less, then the packet does not need to be transmitted (DTX)".
        Ok(if self.dtx && bytes <= 2 { 0 } else { bytes })
    }

    /// Sound is this much later behind encoder and decoder, in samples.
    pub fn delay_samples(&mut self) -> usize {
        self.library.get_lookahead().ok().and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
    }
}

impl Decoder {
    /// Sound at this rate. A packet of two channels becomes one where one is wanted, and the other way round.
    pub fn new(rate: Rate, channels: Channels) -> Result<Self, MakeError> {
        let library = opus::Decoder::new(rate.hz(), channels.of_library())?;
        Ok(Self { library, rate, channels, last_samples: rate.frame() })
    }

    /// Returns how many samples the packet has.
    pub fn decode(&mut self, packet: &[u8], samples: &mut [i16]) -> Result<usize, DecodeError> {
        if packet.is_empty() {
            return Err(DecodeError::Malformed);
        }
        let room = self.room(samples, FRAME_MS_MAX);
        let decoded = self.library.decode(packet, room, false).map_err(|e| match e.code() {
            ErrorCode::BufferTooSmall => DecodeError::TooLong,
            _ => DecodeError::Malformed,
        })?;
        self.last_samples = decoded;
        Ok(decoded * self.channels.count())
    }

    /// A packet is missing, the one after it is here: what it repeats of the missing one (RFC 6716 §2.1.7), else what
    /// may have been there. Decode the packet itself after that. Returns how many samples, as many as the last had.
    pub fn recover(&mut self, next: &[u8], samples: &mut [i16]) -> usize {
        let wanted = self.last_samples * self.channels.count();
        let decoded = match samples.get_mut(..wanted) {
            Some(missing) if !next.is_empty() => self.library.decode(next, missing, true),
            _ => return self.conceal(samples),
        };
        match decoded {
            Ok(n) => n * self.channels.count(),
            Err(_) => self.conceal(samples),
        }
    }

    /// A packet is missing: what may have been in it, fading. Returns how many samples, as many as the last had.
    pub fn conceal(&mut self, samples: &mut [i16]) -> usize {
        let wanted = (self.last_samples * self.channels.count()).min(samples.len());
        let Some(missing) = samples.get_mut(..wanted) else { return 0 };
        self.library.decode(&[], missing, false).map_or(0, |n| n * self.channels.count())
    }

    fn room<'a>(&self, samples: &'a mut [i16], ms: usize) -> &'a mut [i16] {
        let most = self.rate.samples(ms) * self.channels.count();
        let room = samples.len().min(most);
        samples.split_at_mut(room).0
    }
}

impl From<opus::Error> for MakeError {
    fn from(_: opus::Error) -> Self {
        Self::Library
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_7587_6_1_parameters_are_read_and_what_is_unknown_or_out_of_range_is_left() {
        let all = "maxplaybackrate=16000; sprop-maxcapturerate=16000;maxaveragebitrate=20000 ;STEREO=1; \
                   useinbandfec=1;usedtx=1;cbr=1;x-new=7;minptime";
        let expected = Parameters {
            max_playback_rate_hz: 16_000,
            max_average_bitrate_bps: Some(20_000),
            stereo: true,
            in_band_fec: true,
            dtx: true,
            constant_bitrate: true,
        };
        assert_eq!(Parameters::parse(all), expected);
        let wild = "maxplaybackrate=0;maxaveragebitrate=5999;stereo=2;useinbandfec=yes;usedtx=-1;=;;cbr";
        assert_eq!(Parameters::parse(wild), Parameters::default());
        assert_eq!(Parameters::parse(""), Parameters::default());
    }

    #[test]
    fn the_band_is_no_wider_than_the_receiver_plays() {
        for (hz, packet_bandwidth) in
            [(8_000, opus::Bandwidth::Narrowband), (16_000, opus::Bandwidth::Wideband)]
        {
            let wanted = Parameters { max_playback_rate_hz: hz, ..Parameters::default() };
            let mut encoder = Encoder::new(Rate::Full, Channels::Mono, &wanted).unwrap();
            let noise: Vec<i16> = (0..960_i32).map(|n| ((n * 7_919) % 20_011 - 10_000) as i16).collect();
            let mut packet = [0; PACKET_BYTES_MAX];
            for _ in 0..5 {
                let n = encoder.encode(&noise, &mut packet).unwrap();
                assert_eq!(opus::packet::get_bandwidth(&packet[..n]).unwrap(), packet_bandwidth);
            }
        }
    }

    #[test]
    fn frames_that_are_none_of_opus_are_refused() {
        let mut encoder = Encoder::new(Rate::Narrow, Channels::Mono, &Parameters::default()).unwrap();
        for samples in [0, 1, 79, 81, 161, 240, 481, 640] {
            let refused = encoder.encode(&vec![0; samples], &mut [0; PACKET_BYTES_MAX]);
            assert_eq!(refused, Err(EncodeError::FrameSize(samples)), "{samples} samples");
        }
        assert_eq!(encoder.encode(&[0; 160], &mut []), Err(EncodeError::Library));
    }
}
