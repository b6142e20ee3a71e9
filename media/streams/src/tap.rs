//! What the media thread tells the recorder of a packet: a few octets in front of the packet itself, in one ring of octets.
//!
//! The payload type is explained here, while it is known what it means: a re-INVITE may change that with the next packet.
//! Both ends are in one process of one release, so the layout is nobody else's business.

use crate::{
    codec::{Codec, LinearRate},
    media::{Side, Tap, Voice},
};

/// Octets in front of a packet.
pub const HEAD_BYTES: usize = 16;
const LEFT: u8 = 0;
const RIGHT: u8 = 1;
const NOISE: u8 = 0x80;
const OTHER: u8 = 0x81;
/// Codecs by their octet.
const CODECS: [Codec; 6] = [
    Codec::Pcmu,
    Codec::Pcma,
    Codec::G722,
    Codec::Opus,
    Codec::L16(LinearRate::Narrow),
    Codec::L16(LinearRate::Wide),
];

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Speech of this codec.
    Speech(Codec),
    /// The description of a silence (RFC 3389).
    Noise,
    /// No sound: an event (RFC 4733), or something that cannot be decoded.
    Other,
}

impl Content {
    /// What a payload type means on a leg. Where nothing was agreed the static types hold (RFC 3551).
    pub fn of(voice: Option<&Voice>, payload_type: u8) -> Self {
        let codec = match voice {
            Some(voice) if voice.noise == Some(payload_type) => return Self::Noise,
            Some(voice) => {
                let mut formats = voice.formats.iter();
                formats.find(|format| format.from_them == payload_type).map(|format| format.codec)
            }
            None => Codec::of_payload_type(payload_type),
        };
        codec.map_or(Self::Other, Self::Speech)
    }

    fn octet(self) -> u8 {
        match self {
            Self::Speech(codec) => {
                (0..).zip(CODECS).find(|(_, known)| *known == codec).map_or(OTHER, |(at, _)| at)
            }
            Self::Noise => NOISE,
            Self::Other => OTHER,
        }
    }

    fn of_octet(octet: u8) -> Self {
        match octet {
            NOISE => Self::Noise,
            at => CODECS.get(usize::from(at)).map_or(Self::Other, |codec| Self::Speech(*codec)),
        }
    }
}

/// A packet that a tapped leg has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// [`Tap::recording`].
    pub recording: u32,
    /// Whose it is.
    pub side: Side,
    /// When it came, microseconds on the time line of the legs.
    pub at_micros: u64,
    /// What its payload is.
    pub content: Content,
    /// Octets of the packet that follow.
    pub length: u16,
}

impl Heard {
    /// A packet of a leg with this tap. `None` if it is longer than any datagram.
    pub fn new(tap: Tap, at_micros: u64, content: Content, packet: &[u8]) -> Option<Self> {
        let length = u16::try_from(packet.len()).ok()?;
        Some(Self { recording: tap.recording, side: tap.side, at_micros, content, length })
    }

    /// The octets in front of the packet.
    pub fn head(&self) -> [u8; HEAD_BYTES] {
        let [r0, r1, r2, r3] = self.recording.to_le_bytes();
        let [t0, t1, t2, t3, t4, t5, t6, t7] = self.at_micros.to_le_bytes();
        let [l0, l1] = self.length.to_le_bytes();
        let side = if self.side == Side::Left { LEFT } else { RIGHT };
        [r0, r1, r2, r3, t0, t1, t2, t3, t4, t5, t6, t7, l0, l1, side, self.content.octet()]
    }

    /// Reads them.
    pub fn read(head: &[u8; HEAD_BYTES]) -> Self {
        let [r0, r1, r2, r3, t0, t1, t2, t3, t4, t5, t6, t7, l0, l1, side, content] = *head;
        Self {
            recording: u32::from_le_bytes([r0, r1, r2, r3]),
            side: if side == LEFT { Side::Left } else { Side::Right },
            at_micros: u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            content: Content::of_octet(content),
            length: u16::from_le_bytes([l0, l1]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::VoiceFormat;

    #[test]
    fn a_head_reads_as_it_was_written() {
        let contents = Codec::ALL.map(Content::Speech).into_iter().chain([Content::Noise, Content::Other]);
        for (content, side) in contents.flat_map(|content| [(content, Side::Left), (content, Side::Right)]) {
            let tap = Tap { recording: 0xfeed_0001, side };
            let heard = Heard::new(tap, u64::MAX - 1, content, &[0; 172]).unwrap();
            assert_eq!(Heard::read(&heard.head()), heard);
        }
        let tap = Tap { recording: 1, side: Side::Left };
        assert_eq!(Heard::new(tap, 0, Content::Other, &[0; 70_000]), None);
    }

    #[test]
    fn a_payload_type_means_what_the_leg_has_agreed_and_else_what_rfc_3551_says() {
        let mut voice = Voice { formats: vec![VoiceFormat::new(Codec::Opus, 107)], ..Voice::default() };
        voice.noise = Some(13);
        let agreed = [107, 13, 8, 101].map(|kind| Content::of(Some(&voice), kind));
        let opus = Content::Speech(Codec::Opus);
        assert_eq!(agreed, [opus, Content::Noise, Content::Other, Content::Other]);
        let unsaid = [0, 8, 9, 107].map(|kind| Content::of(None, kind));
        let speech = [Codec::Pcmu, Codec::Pcma, Codec::G722].map(Content::Speech);
        assert_eq!(unsaid, [speech[0], speech[1], speech[2], Content::Other]);
    }
}
