//! Keys that the far end of a leg presses: as events in packets (RFC 4733), or as tones in its speech where no events were
//! agreed on (ITU-T Q.23, Q.24).
//!
//! An [`Ear`] belongs to a leg whose keys somebody wants to know, and exists only there. All memory is taken when it is made
//! or the leg agrees on something else; a packet takes none. Keys are told once, when they begin. Which key it was is
//! nobody's business but of whoever asked: it may be a digit of a card, so a [`Key`] is not shown by accident.

mod events;
mod tones;

use serde::{Deserialize, Serialize};

use crate::{
    audio::{FRAME_MS_MAX, Rate},
    codec::{Codec, Decoder},
    media::{EVENT_FORMATS_MAX, VOICE_FORMATS_MAX, Voice},
    rtp::Header,
};
pub use events::Events;
pub use tones::{Tones, frequencies_hz};

/// Keys that one leg is taken to press in a second. Nobody is quicker by hand; a machine that dials is not either.
pub const KEYS_PER_SECOND_MAX: u8 = 16;
/// How long a key that we press lasts, in milliseconds: no less than any receiver asks for (ITU-T Q.24: 40), no more than the
/// duration of an event can say at 48 kHz.
pub const KEY_MS: std::ops::RangeInclusive<u16> = 60..=1_200;
/// Keys that wait to be pressed on one leg; further ones are lost.
pub const KEYS_WAITING_MAX: usize = 32;
/// A packet so many numbers behind the latest one is late; one that is further behind begins another stream.
const LATE_PACKETS_MAX: u16 = 100;

const KEYS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// One of the sixteen keys of a telephone, by its event code (RFC 4733 §3.2): digits, `*`, `#`, `A` to `D`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(u8);

impl std::fmt::Debug for Key {
    /// Leaves out which.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(_)")
    }
}

impl Key {
    /// The key of an event code; 16 (flash) and above are none.
    pub fn of_event(code: u8) -> Option<Self> {
        (usize::from(code) < KEYS.len()).then_some(Self(code))
    }

    /// The key with this sign; letters in either case.
    pub fn of_sign(sign: char) -> Option<Self> {
        let sign = sign.to_ascii_uppercase();
        (0..).zip(KEYS).find(|(_, key)| *key == sign).map(|(code, _)| Self(code))
    }

    /// Its event code, 0 to 15.
    pub fn event(self) -> u8 {
        self.0
    }

    /// What stands on it.
    pub fn sign(self) -> char {
        KEYS.get(usize::from(self.0)).copied().unwrap_or_default()
    }
}

/// Listens for the keys of one leg.
#[derive(Debug)]
pub struct Ear {
    /// What says a key goes no further.
    keeps: bool,
    /// The latest packet said one.
    was_key: bool,
    /// Payload types of events, as the far end sends them.
    formats: [Option<u8>; EVENT_FORMATS_MAX],
    events: Events,
    speech: Option<Box<Speech>>,
    /// The second in which keys are counted began here …
    since_micros: u64,
    /// … and has so many.
    count: u8,
}

/// Tones in the speech of a leg, whatever codec it speaks.
#[derive(Debug)]
struct Speech {
    sources: Vec<Source>,
    sound: Box<[i16]>,
    /// The number of the latest packet, and whose it was.
    latest: Option<(u32, u16)>,
    /// It was of a key, as far as it can be told.
    is_key: bool,
}

#[derive(Debug)]
struct Source {
    number: u8,
    decoder: Decoder,
    tones: Tones,
}

impl Ear {
    /// For a leg that has agreed on this, with what is known of it from another life.
    pub fn new(voice: Option<&Voice>, events: Events) -> Self {
        let mut ear = Self {
            keeps: false,
            was_key: false,
            formats: [None; EVENT_FORMATS_MAX],
            events,
            speech: None,
            since_micros: 0,
            count: 0,
        };
        ear.configure(voice);
        ear
    }

    /// Whether what says a key shall go no further.
    pub fn set_keeps(&mut self, keeps: bool) {
        self.keeps = keeps;
    }

    /// Whether it is to go no further.
    pub fn keeps(&self) -> bool {
        self.keeps
    }

    /// Whether the packet that was heard last says a key that goes no further. Of a tone a part shorter than one that any
    /// receiver takes for a key has gone on before it is known to be one.
    pub fn keeps_latest(&self) -> bool {
        self.keeps && self.was_key
    }

    /// The leg has agreed on something else.
    pub fn configure(&mut self, voice: Option<&Voice>) {
        self.formats = [None; EVENT_FORMATS_MAX];
        for (format, event) in self.formats.iter_mut().zip(voice.iter().flat_map(|voice| &voice.events)) {
            *format = Some(event.from_them);
        }
        // Who can say keys by events does not say them by tones: what sounds like one is speech.
        self.speech = voice.filter(|voice| voice.events.is_empty()).map(|voice| Box::new(Speech::new(voice)));
    }

    /// What another life has to know, lest it tell a key twice.
    pub fn events(&self) -> Events {
        self.events
    }

    /// A packet that was accepted, plain, at this time. The key that begins with it, if one does.
    pub fn hear(&mut self, now_micros: u64, packet: &[u8]) -> Option<Key> {
        let (header, at) = Header::locate(packet).ok()?;
        let payload = packet.get(at)?;
        let is_event = self.formats.contains(&Some(header.payload_type));
        self.was_key = is_event;
        let key = if is_event {
            self.events.hear(&header, payload)
        } else {
            let speech = self.speech.as_mut()?;
            let key = speech.hear(&header, payload);
            self.was_key = speech.is_key();
            key
        };
        key.filter(|_| self.may_tell(now_micros))
    }

    fn may_tell(&mut self, now_micros: u64) -> bool {
        if now_micros.saturating_sub(self.since_micros) >= 1_000_000 {
            (self.since_micros, self.count) = (now_micros, 0);
        }
        self.count = self.count.saturating_add(1);
        self.count <= KEYS_PER_SECOND_MAX
    }
}

impl Speech {
    fn new(voice: &Voice) -> Self {
        let formats = voice.formats.iter().take(VOICE_FORMATS_MAX);
        let source = |codec: Codec, number| {
            // The highest tone is 1,633 Hz: Opus need not be decoded in full.
            let rate = if codec == Codec::Opus { Rate::Narrow } else { codec.rate() };
            let decoder = Decoder::new(codec, rate).ok()?;
            Some(Source { number, decoder, tones: Tones::new(rate) })
        };
        Self {
            sources: formats.filter_map(|format| source(format.codec, format.from_them)).collect(),
            sound: vec![0; Rate::Full.samples(FRAME_MS_MAX)].into_boxed_slice(),
            latest: None,
            is_key: false,
        }
    }

    fn is_key(&self) -> bool {
        self.is_key
    }

    /// What is missing is left out, and what is late too: a key outlasts a packet.
    fn hear(&mut self, header: &Header, payload: &[u8]) -> Option<Key> {
        let behind = self
            .latest
            .filter(|(ssrc, _)| *ssrc == header.ssrc)
            .map(|(_, latest)| latest.wrapping_sub(header.sequence));
        if behind.is_some_and(|behind| behind <= LATE_PACKETS_MAX) {
            return None;
        }
        self.latest = Some((header.ssrc, header.sequence));
        let source = self.sources.iter_mut().find(|source| source.number == header.payload_type)?;
        let samples = source.decoder.decode(payload, &mut self.sound).ok()?;
        let key = source.tones.hear(self.sound.get(..samples)?);
        self.is_key = source.tones.is_sounding();
        key
    }
}

#[cfg(test)]
mod tests;
