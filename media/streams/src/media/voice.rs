//! What a leg's speech is written in, as its two ends have agreed, and the names of sounds that it can be played.
//!
//! Numbers are payload types. They may differ by direction: each end says what it wants to be sent (RFC 3264 §5.1).

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::codec::{Codec, opus};

/// Formats of one leg that are looked at; more than a phone that means it lists.
pub const VOICE_FORMATS_MAX: usize = 8;
/// Clocks that one leg sends events at.
pub const EVENT_FORMATS_MAX: usize = 4;
/// Packets are this long where nobody asks for anything else (RFC 3551 §4.2).
pub const PACKET_MS_DEFAULT: u8 = 20;
/// Sounds in one order to play.
pub const SOUNDS_MAX: usize = 16;
/// Longest name of a sound, in bytes.
pub const SOUND_NAME_BYTES_MAX: usize = 128;

/// The audio formats that the two ends of a leg have agreed on, ours and theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voice {
    /// In order of preference, at most [`VOICE_FORMATS_MAX`]; the first is what is encoded for it.
    pub formats: Vec<VoiceFormat>,
    /// `telephone-event` (RFC 4733), at most [`EVENT_FORMATS_MAX`], one for each clock.
    pub events: Vec<EventFormat>,
    /// `CN` at 8 kHz (RFC 3389).
    pub noise: Option<u8>,
    /// How long it wants its packets (`a=ptime`), in milliseconds.
    pub packet_ms: u8,
}

/// One codec, with its payload type in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoiceFormat {
    /// What the payload is.
    pub codec: Codec,
    /// Its number in packets to the far end.
    pub to_them: u8,
    /// Its number in packets from the far end.
    pub from_them: u8,
    /// What the far end asked for in its `a=fmtp`; counts for Opus only.
    pub wanted: opus::Parameters,
}

/// Telephone events of one clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFormat {
    /// Their number in packets to the far end.
    pub to_them: u8,
    /// Their number in packets from the far end.
    pub from_them: u8,
    /// What their duration counts in.
    pub clock_rate_hz: u32,
}

/// Names a sound of the library: `id/goodbye`, `music/default`, `tone/busy`. With `@owner/` in front it is the owner's own if
/// there is one, else the common one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "String")]
pub struct SoundName(Arc<str>);

impl SoundName {
    /// Of this text; what is beyond [`SOUND_NAME_BYTES_MAX`] is cut off.
    pub fn new(name: &str) -> Self {
        Self(name.get(..name.floor_char_boundary(SOUND_NAME_BYTES_MAX)).unwrap_or_default().into())
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for SoundName {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

impl Serialize for SoundName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Which of a recording's two tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// The caller's.
    Left,
    /// The callee's.
    Right,
}

/// Where copies of what a leg sends go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tap {
    /// The recorder's number of the recording.
    pub recording: u32,
    /// The track.
    pub side: Side,
}

impl Default for Voice {
    /// Nothing yet.
    fn default() -> Self {
        Self { formats: Vec::new(), events: Vec::new(), noise: None, packet_ms: PACKET_MS_DEFAULT }
    }
}

impl VoiceFormat {
    /// A codec under the same number both ways, with nothing asked for.
    pub fn new(codec: Codec, payload_type: u8) -> Self {
        Self { codec, to_them: payload_type, from_them: payload_type, wanted: opus::Parameters::default() }
    }
}

impl EventFormat {
    /// Under the same number both ways.
    pub fn new(payload_type: u8, clock_rate_hz: u32) -> Self {
        Self { to_them: payload_type, from_them: payload_type, clock_rate_hz }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_longer_than_it_may_be_and_ends_with_a_whole_letter() {
        assert_eq!(SoundName::new("id/goodbye").as_str(), "id/goodbye");
        let long = SoundName::new(&"ab–".repeat(40));
        assert!(
            long.as_str().len() <= SOUND_NAME_BYTES_MAX && long.as_str().len() > SOUND_NAME_BYTES_MAX - 3
        );
        assert!("ab–".repeat(40).starts_with(long.as_str()));
    }
}
