//! What becomes of a packet between two legs, by its payload type: looked up, never searched.

use crate::{
    codec::Codec,
    media::{EVENT_FORMATS_MAX, EventFormat, VOICE_FORMATS_MAX, Voice, VoiceFormat},
};

/// Payload types there are.
const PAYLOAD_TYPES: usize = 128;

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nobody has agreed to it, and the other leg knows its number as something else.
    Drop,
    /// Nobody has agreed to it: as it came.
    Unknown,
    /// The same codec, under this number.
    Pass(Codec, u8),
    /// Decoded, and encoded as the other leg wants it.
    Decode(Codec),
    /// An event: the nth of [`Table::events`].
    Event(usize),
    /// Comfort noise, under this number.
    Noise(u8),
    /// Comfort noise, to be made into sound.
    Sound,
}

/// One clock's events, between two legs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Events {
    pub(super) to: u8,
    pub(super) from_clock_hz: u32,
    pub(super) to_clock_hz: u32,
}

/// From one leg to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    actions: [Action; PAYLOAD_TYPES],
    pub(super) events: [Events; EVENT_FORMATS_MAX],
    /// Some of it has to be decoded.
    pub(super) decodes: bool,
    /// Nothing is changed by it.
    pub(super) is_verbatim: bool,
}

fn formats(voice: &Voice) -> impl Iterator<Item = &VoiceFormat> {
    voice.formats.iter().take(VOICE_FORMATS_MAX)
}

impl Table {
    /// What one leg sends to what the other has agreed to.
    pub(super) fn new(from: &Voice, to: &Voice) -> Self {
        let mut table = Self {
            actions: [Action::Unknown; PAYLOAD_TYPES],
            events: [Events::default(); EVENT_FORMATS_MAX],
            decodes: false,
            is_verbatim: true,
        };
        // What the other leg would take for something else must not reach it as it came.
        let taken =
            formats(to).map(|format| format.to_them).chain(to.events.iter().map(|event| event.to_them));
        for number in taken.chain(to.noise) {
            table.set(number, Action::Drop);
        }
        for (n, event) in from.events.iter().take(EVENT_FORMATS_MAX).enumerate() {
            table.event(n, event, to);
        }
        table.noise(from, to);
        for format in formats(from) {
            table.format(format, to);
        }
        table.decodes = table.actions.iter().any(|action| matches!(action, Action::Decode(_)));
        let as_it_came = |(number, action): (u8, &Action)| match action {
            Action::Pass(_, to) | Action::Noise(to) => *to == number,
            Action::Event(n) => table
                .events
                .get(*n)
                .is_some_and(|events| events.to == number && events.from_clock_hz == events.to_clock_hz),
            // What a far end sends without having agreed to it is no reason to look at each packet of all others.
            Action::Unknown | Action::Drop => true,
            Action::Decode(_) | Action::Sound => false,
        };
        table.is_verbatim = (0..).zip(&table.actions).all(as_it_came);
        table
    }

    fn set(&mut self, number: u8, action: Action) {
        if let Some(place) = self.actions.get_mut(usize::from(number)) {
            *place = action;
        }
    }

    fn format(&mut self, format: &VoiceFormat, to: &Voice) {
        let same = formats(to).find(|other| other.codec == format.codec);
        let action = match same {
            Some(other) => Action::Pass(format.codec, other.to_them),
            None => Action::Decode(format.codec),
        };
        self.set(format.from_them, action);
    }

    /// Events ride on the speech (RFC 4733 §2.1): its clock is the best.
    fn event(&mut self, n: usize, event: &EventFormat, to: &Voice) {
        let speech = formats(to).next().map(|format| format.codec.clock_rate_hz());
        let of = |clock| to.events.iter().find(move |other| Some(other.clock_rate_hz) == clock);
        let other = of(Some(event.clock_rate_hz)).filter(|_| self.shares_clock(event, to));
        let Some(other) = other.or(of(speech)).or(to.events.first()) else { return };
        if let Some(place) = self.events.get_mut(n) {
            *place = Events {
                to: other.to_them,
                from_clock_hz: event.clock_rate_hz.max(1),
                to_clock_hz: other.clock_rate_hz.max(1),
            };
            self.set(event.from_them, Action::Event(n));
        }
    }

    /// Some speech passes at the clock of these events.
    fn shares_clock(&self, event: &EventFormat, to: &Voice) -> bool {
        formats(to).any(|format| format.codec.clock_rate_hz() == event.clock_rate_hz)
    }

    fn noise(&mut self, from: &Voice, to: &Voice) {
        let Some(number) = from.noise else { return };
        let is_narrow = formats(to).next().is_some_and(|format| format.codec.clock_rate_hz() == 8_000);
        let common = formats(from).all(|format| formats(to).any(|other| other.codec == format.codec));
        match to.noise.filter(|_| is_narrow) {
            Some(other) => self.set(number, Action::Noise(other)),
            // Between legs that share their codecs nothing is made; what the other has no name for it overlooks.
            None if common => {}
            None => self.set(number, Action::Sound),
        }
    }

    pub(super) fn action(&self, payload_type: u8) -> Action {
        self.actions.get(usize::from(payload_type)).copied().unwrap_or(Action::Drop)
    }

    /// The codecs that have to be decoded, each once.
    pub(super) fn decoded(&self) -> impl Iterator<Item = Codec> {
        Codec::ALL.into_iter().filter(|codec| self.actions.contains(&Action::Decode(*codec)))
    }

    pub(super) fn makes_noise(&self) -> bool {
        self.actions.contains(&Action::Sound)
    }
}
