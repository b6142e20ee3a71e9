//! A typed layer over `sdp-types` for what a relaying switch needs of SDP (RFC 8866, RFC 3264).
//!
//! [`Description::parse`] reads an offer or answer within limits, [`Description::streams`] tells what each m-line
//! means, [`Description::relayed`] writes the description for the other side with our own origin and addresses.
//! Nothing is copied from the peer but formats and an allow-list of attributes (D7).
//!
//! What a switch that transcodes offers and answers in another's place stands in [`Description::widened`] and
//! [`Description::narrowed`]. It does not choose keys and does not keep offer/answer state; T.38 and data m-lines are refused.

pub mod crypto;
mod dtls;
mod format;
mod ice;
mod kept;
mod negotiation;
mod origin;
mod own;
mod relayed;
mod spoken;
mod stream;

pub use dtls::{Dtls, FINGERPRINTS_MAX, Setup};
pub use format::Format;
pub use ice::{Ice, MID_CHARS_MAX, OurIce};
pub use kept::Kept;
pub use origin::Origin;
pub use relayed::{Ours, RelayAddress};
pub use spoken::Spoken;
pub use stream::{Direction, Kind, Profile, Stream};

use std::fmt;

use sdp_types::{Attribute, Media, Session};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Longest description that is read.
pub const DESCRIPTION_BYTES_MAX: usize = 16 * 1024;
/// Most m-lines in a description.
pub const STREAMS_MAX: usize = 8;
/// Most m-lines that are relayed; further ones are refused with port 0.
pub const RELAYED_STREAMS_MAX: usize = 4;
/// Most formats of an m-line: RTP has no more payload types.
pub const FORMATS_MAX: usize = 128;
/// RTP clock where the SDP does not say (RFC 3551 Table 4: all common narrow-band audio).
pub const CLOCK_RATE_DEFAULT_HZ: u32 = 8_000;
/// Fastest RTP clock that is believed; video has 90 kHz, uncompressed audio 192 kHz.
pub const CLOCK_RATE_MAX_HZ: u32 = 1_000_000;

/// Why a description is not accepted; all of them are the peer's doing (488 or 400).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// More than [`DESCRIPTION_BYTES_MAX`].
    #[error("session description of {0} bytes, at most {DESCRIPTION_BYTES_MAX} are read")]
    TooLong(usize),
    /// More than [`STREAMS_MAX`] m-lines.
    #[error("{0} m-lines, at most {STREAMS_MAX} are read")]
    TooManyStreams(usize),
    /// More than [`FORMATS_MAX`] formats in one m-line.
    #[error("{0} formats in one m-line, at most {FORMATS_MAX} are read")]
    TooManyFormats(usize),
    /// No m-line: nothing to negotiate.
    #[error("no m-line")]
    NoStreams,
    /// RFC 8866 syntax.
    #[error("malformed session description: {0}")]
    Malformed(String),
}

/// A session description that has passed the limits.
#[derive(Clone, PartialEq, Eq)]
pub struct Description(Box<sdp_types::Session>);

/// Its text without keys.
impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_bytes();
        let lines = String::from_utf8_lossy(&text);
        let shown = lines.lines().map(|line| match line.split_once("inline:") {
            Some((before, _)) => format!("{before}inline:(key)"),
            None => line.to_owned(),
        });
        f.debug_list().entries(shown).finish()
    }
}

/// As the text of the body.
impl Serialize for Description {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_bytes().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Description {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Vec<u8>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl Description {
    /// Reads a body of type `application/sdp`.
    pub fn parse(bytes: &[u8]) -> Result<Self, SdpError> {
        if bytes.len() > DESCRIPTION_BYTES_MAX {
            return Err(SdpError::TooLong(bytes.len()));
        }
        let session = sdp_types::Session::parse(bytes).map_err(|e| SdpError::Malformed(e.to_string()))?;
        if session.medias.is_empty() {
            return Err(SdpError::NoStreams);
        }
        if session.medias.len() > STREAMS_MAX {
            return Err(SdpError::TooManyStreams(session.medias.len()));
        }
        for media in &session.medias {
            let formats = media.fmt.split_ascii_whitespace().count();
            if formats > FORMATS_MAX {
                return Err(SdpError::TooManyFormats(formats));
            }
            let proto = media.proto.split('/');
            let mut words = proto.chain([media.media.as_str()]).chain(media.fmt.split_ascii_whitespace());
            if formats == 0 || !words.all(stream::is_token) {
                return Err(SdpError::Malformed(
                    "m-line without formats or with a word that is no token".into(),
                ));
            }
        }
        Ok(Self(Box::new(session)))
    }

    /// The text, with CRLF line ends.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1_024);
        // Writing to a Vec cannot fail.
        let _ = self.0.write(&mut bytes);
        // Some are kept for as long as a call lasts.
        bytes.shrink_to_fit();
        bytes
    }

    /// What the m-lines mean, in their order.
    pub fn streams(&self) -> impl Iterator<Item = Stream> + '_ {
        self.0.medias.iter().map(|media| Stream::read(&self.0, media))
    }

    /// Whether the author takes no audio: every audio m-line in use is sendonly or inactive, or has an
    /// unspecified address (RFC 3264 §8.4). False when no audio is in use at all.
    pub fn is_held(&self) -> bool {
        let mut audio = self.streams().filter(|s| s.kind == Kind::Audio && s.is_active()).peekable();
        audio.peek().is_some() && audio.all(|s| !s.direction.receives())
    }

    /// Whether both say the same, whoever wrote them and however often (their o= lines apart): an offer that says what
    /// was agreed already changes nothing (RFC 3264 §8).
    pub fn says_the_same(&self, other: &Description) -> bool {
        let mut session = self.0.clone();
        session.origin.clone_from(&other.0.origin);
        session == other.0
    }

    /// Whether both have the same streams, whatever is said of them.
    pub fn has_streams_of(&self, other: &Description) -> bool {
        let mut both = self.streams().zip(other.streams());
        self.0.medias.len() == other.0.medias.len()
            && both.all(|(one, two)| (one.kind, one.is_active()) == (two.kind, two.is_active()))
    }

    /// Whether both have the same streams in the same directions.
    pub fn goes_on_as(&self, other: &Description) -> bool {
        let mut both = self.streams().zip(other.streams());
        self.has_streams_of(other)
            && both.all(|(one, two)| !one.is_active() || one.direction == two.direction)
    }

    /// An answer to `offer` by the author of this description who has not been asked: the streams they had, in
    /// directions that the offer allows, every other one refused (RFC 3264 §6, §6.1).
    pub fn stand_in_answer(&self, offer: &Description) -> Description {
        let mut own = self.0.medias.iter();
        let mut answer = self.0.clone();
        answer.medias = offer
            .0
            .medias
            .iter()
            .map(|offered| {
                let same = own.next().filter(|own| own.media.eq_ignore_ascii_case(&offered.media));
                let same = same.filter(|_| offered.port != 0);
                same.map_or_else(|| relayed::refused(offered), |own| self.limited(own, &offer.0, offered))
            })
            .collect();
        Description(answer)
    }

    /// What this author would say if nobody had put it on hold: every stream in use in both directions.
    #[must_use]
    pub fn in_both_directions(&self) -> Description {
        let mut session = self.0.clone();
        session.attributes.retain(|attribute| Direction::named(&attribute.attribute).is_none());
        for media in &mut session.medias {
            media.attributes.retain(|attribute| Direction::named(&attribute.attribute).is_none());
        }
        Description(session)
    }

    /// The same with its first line of sound alone; all others are refused, in their places.
    #[must_use]
    pub fn with_one_audio_line(&self) -> Description {
        let mut session = self.0.clone();
        let audio = self.streams().position(|stream| stream.is_relayable() && stream.kind == Kind::Audio);
        let others = (0..).zip(&mut session.medias).filter(|(at, _)| Some(*at) != audio);
        others.for_each(|(_, media)| *media = relayed::refused(media));
        Description(session)
    }

    /// One of this author's m-lines as an answer to an m-line of somebody's offer.
    fn limited(&self, own: &Media, offer: &Session, offered: &Media) -> Media {
        let (own_way, their_way) =
            (Stream::read(&self.0, own).direction, Stream::read(offer, offered).direction);
        let allowed =
            Direction::of(own_way.sends() && their_way.receives(), own_way.receives() && their_way.sends());
        let mut media = own.clone();
        if allowed != own_way {
            media.attributes.retain(|attribute| Direction::named(&attribute.attribute).is_none());
            media.attributes.push(Attribute::new(allowed.as_str()));
        }
        media
    }

    /// Whether this can be the answer to that offer: the same m-lines in the same order, and none accepted that
    /// was not offered (RFC 3264 §6).
    pub fn answers(&self, offer: &Description) -> bool {
        self.0.medias.len() == offer.0.medias.len()
            && self.0.medias.iter().zip(&offer.0.medias).all(|(answered, offered)| {
                answered.media.eq_ignore_ascii_case(&offered.media)
                    && (offered.port != 0 || answered.port == 0)
            })
    }
}

#[cfg(test)]
mod ice_tests;
#[cfg(test)]
mod negotiation_tests;
#[cfg(test)]
mod tests;
