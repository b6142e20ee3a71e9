//! What of a line can be decoded: the numbers that we have told its far end, kept for as long as the leg lasts.
//!
//! A description is 300 bytes and more, and this is a few; together with what the far end says it makes the leg's
//! [`Voice`]. Numbers may differ each way (RFC 3264 §5.1), so both are kept apart.

use serde::{Deserialize, Serialize};

use super::{Format, Stream};
use crate::{
    codec::{Codec, opus},
    media::{EVENT_FORMATS_MAX, EventFormat, PACKET_MS_DEFAULT, VOICE_FORMATS_MAX, Voice, VoiceFormat},
};

/// The payload types of one m-line of ours whose sound we can decode, by what they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spoken {
    speech: Box<[(u8, Codec)]>,
    /// With their clocks in Hz.
    events: Box<[(u8, u32)]>,
    noise: Option<u8>,
}

impl Spoken {
    /// Reads what we have told.
    pub fn of(told: &Stream) -> Self {
        let formats = || told.formats.iter().take(VOICE_FORMATS_MAX * 2);
        let events = formats().filter(|format| format.is_events());
        Self {
            speech: formats().filter_map(|format| Some((format.payload_type, format.codec()?))).collect(),
            events: events.map(|format| (format.payload_type, format.clock_rate_hz)).collect(),
            noise: formats().find(|format| format.is_noise()).map(|format| format.payload_type),
        }
    }

    /// What both ends have agreed on, by what the far end says of the same line; `None` when it is nothing that we can
    /// decode.
    pub fn agreed(&self, theirs: &Stream) -> Option<Voice> {
        let mut formats: Vec<VoiceFormat> = Vec::new();
        for format in &theirs.formats {
            let Some(codec) = format.codec().filter(|codec| formats.iter().all(|one| one.codec != *codec))
            else {
                continue;
            };
            let ours = self.speech.iter().find(|(_, ours)| *ours == codec);
            if let Some((from_them, _)) = ours.filter(|_| formats.len() < VOICE_FORMATS_MAX) {
                let (to_them, from_them, wanted) = (format.payload_type, *from_them, wanted(format));
                formats.push(VoiceFormat { codec, to_them, from_them, wanted });
            }
        }
        let clock_rate_hz = formats.first()?.codec.clock_rate_hz();
        let noise = theirs.formats.iter().find(|format| format.is_noise()).map(|format| format.payload_type);
        Some(Voice {
            formats,
            events: self.events(theirs, clock_rate_hz),
            noise: noise.filter(|_| self.noise.is_some()),
            packet_ms: theirs.ptime_ms.filter(|ms| *ms > 0).unwrap_or(PACKET_MS_DEFAULT),
        })
    }

    /// The events that both have, one number for each clock, those of the clock of the speech first.
    fn events(&self, theirs: &Stream, clock_rate_hz: u32) -> Vec<EventFormat> {
        let both = |format: &Format| {
            let ours = self.events.iter().find(|(_, clock)| *clock == format.clock_rate_hz);
            let (from_them, clock_rate_hz) = *ours?;
            Some(EventFormat { to_them: format.payload_type, from_them, clock_rate_hz })
        };
        let mut found: Vec<EventFormat> = Vec::new();
        for one in theirs.formats.iter().filter(|format| format.is_events()).filter_map(both) {
            if found.len() < EVENT_FORMATS_MAX
                && found.iter().all(|other| other.clock_rate_hz != one.clock_rate_hz)
            {
                found.push(one);
            }
        }
        found.sort_by_key(|one| one.clock_rate_hz != clock_rate_hz);
        found
    }
}

fn wanted(format: &Format) -> opus::Parameters {
    format.parameters.as_deref().map(opus::Parameters::parse).unwrap_or_default()
}
