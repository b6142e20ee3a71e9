//! Keys that a leg is sent in place of what it is joined to: as events on the stream of its speech (RFC 4733 §2.5), or, where it
//! has agreed on none, as tones in it (ITU-T Q.23). One after the other, with a pause in which the joined leg is heard.
//!
//! Which keys, and how long, is call control's to say. Memory is taken when a key is ordered; a tick takes none.

use std::{collections::VecDeque, sync::Arc};

use super::{made::Made, own::Own, written::Written};
use crate::{
    audio::tone::{Part, render},
    keys::{KEY_MS, KEYS_WAITING_MAX, Key, frequencies_hz},
    media::{EVENT_FORMATS_MAX, EventFormat, Voice},
};

/// Between two packets of an event: as often as speech comes.
const EVENT_PACKET_MS: u16 = 20;
/// The last packet of an event is said so often (RFC 4733 §2.5.1.4).
const ENDS: usize = 3;
/// The power of the tone that an event stands for: -10 dBm0.
const EVENT_VOLUME: u8 = 10;
/// Between two keys: ITU-T Q.24 asks receivers for no less than 40 ms.
const PAUSE_MICROS: u64 = 60_000;

/// Keys on their way.
#[derive(Debug)]
pub(super) struct Pressing {
    voice: Voice,
    manner: Manner,
    waiting: VecDeque<Press>,
    under_way: Option<Press>,
    due_micros: Option<u64>,
}

/// How they are said.
#[derive(Debug)]
enum Manner {
    /// The one that the key under way is said in, and the clock of the speech where no stream runs yet.
    Events(EventFormat, u32),
    Tones(Box<Written>),
}

/// One of them.
#[derive(Debug)]
struct Press {
    key: Key,
    ms: u16,
    /// Of it so far.
    said_ms: u16,
    /// Its tone, if it is one.
    sound: Arc<[i16]>,
}

impl Pressing {
    /// `None`: neither events nor a format that we can write.
    pub(super) fn new(voice: &Voice) -> Option<Self> {
        let manner = match (voice.events.first(), voice.formats.first()) {
            (Some(events), first) => {
                Manner::Events(*events, first.map_or(events.clock_rate_hz, |one| one.codec.clock_rate_hz()))
            }
            (None, _) => Manner::Tones(Box::new(Written::new(voice)?)),
        };
        let waiting = VecDeque::with_capacity(KEYS_WAITING_MAX);
        Some(Self { voice: voice.clone(), manner, waiting, under_way: None, due_micros: None })
    }

    /// Whether it is what would be made of this.
    pub(super) fn is_of(&self, voice: &Voice) -> bool {
        self.voice == *voice
    }

    /// Another key. False: there are too many.
    pub(super) fn add(&mut self, now_micros: u64, key: Key, ms: u16) -> bool {
        if self.waiting.len() >= KEYS_WAITING_MAX {
            return false;
        }
        let ms = ms.clamp(*KEY_MS.start(), *KEY_MS.end());
        let sound = match &self.manner {
            Manner::Events(..) => Arc::from([]),
            Manner::Tones(written) => {
                let tone = [
                    Part { frequencies_hz: frequencies_hz(key), ms },
                    Part { frequencies_hz: [0; 2], ms: 1 },
                ];
                let Ok(clip) = render(&tone, written.rate()) else { return false };
                Arc::from(clip.samples())
            }
        };
        self.waiting.push_back(Press { key, ms, said_ms: 0, sound });
        self.due_micros.get_or_insert(now_micros);
        true
    }

    /// Whether a key is being said now, in place of everything else.
    pub(super) fn sounds(&self) -> bool {
        self.under_way.is_some()
    }

    pub(super) fn due(&self) -> Option<u64> {
        self.due_micros
    }

    /// Somebody else is heard from now on. Returns how many keys are not said, or not to their end.
    pub(super) fn clear(&mut self) -> u64 {
        let lost = self.waiting.len() + usize::from(self.under_way.is_some());
        self.waiting.clear();
        (self.under_way, self.due_micros) = (None, None);
        lost as u64
    }

    /// Says what is due, if anything is. To a leg that cannot be sent to now nothing is said, but time goes on.
    pub(super) fn tick(&mut self, now_micros: u64, is_heard: bool, own: &mut Own, made: &mut Made) -> bool {
        let mut has_said = false;
        while let Some(due) = self.due_micros.filter(|due| *due <= now_micros) {
            let Some(mut press) = self.under_way.take().or_else(|| self.waiting.pop_front()) else {
                self.due_micros = None;
                break;
            };
            let micros = match &mut self.manner {
                Manner::Events(format, usual_hz) => {
                    if press.said_ms == 0 {
                        let hz = own.clock_rate_hz().unwrap_or(*usual_hz);
                        let mut formats = self.voice.events.iter().take(EVENT_FORMATS_MAX);
                        let beside = formats.find(|format| format.clock_rate_hz == hz);
                        *format = beside.or(self.voice.events.first()).copied().unwrap_or(*format);
                        own.begin(due, hz);
                    }
                    press.event(*format, is_heard, own, made)
                }
                Manner::Tones(written) => press.tone((due, is_heard), written, own, made),
            };
            let is_over = press.said_ms >= press.ms;
            self.due_micros = Some(due + micros + if is_over { PAUSE_MICROS } else { 0 });
            self.under_way = Some(press).filter(|_| !is_over);
            has_said = true;
        }
        has_said
    }
}

impl Press {
    /// The next packet of an event, or its last ones: the time is that of its beginning, the duration what has passed since
    /// (§2.5.1.2). Returns when the next is due.
    fn event(&mut self, format: EventFormat, is_heard: bool, own: &mut Own, made: &mut Made) -> u64 {
        let is_first = self.said_ms == 0;
        let step = EVENT_PACKET_MS.min(self.ms - self.said_ms);
        self.said_ms += step;
        let is_over = self.said_ms >= self.ms;
        let units = |hz: u32| u32::from(self.ms.min(self.said_ms)) * (hz / 1_000);
        let [high, low] = u16::try_from(units(format.clock_rate_hz)).unwrap_or(u16::MAX).to_be_bytes();
        let flags = EVENT_VOLUME | if is_over { 0x80 } else { 0 };
        let body = [self.key.event(), flags, high, low];
        for n in 0..if is_over { ENDS } else { 1 } {
            if is_heard {
                own.packet(made, format.to_them, is_first && n == 0, 0, |room| {
                    room.first_chunk_mut().map_or(0, |room| {
                        *room = body;
                        body.len()
                    })
                });
            }
        }
        if is_over {
            own.advance(units(own.clock_rate_hz().unwrap_or(format.clock_rate_hz)));
        }
        u64::from(step) * 1_000
    }

    /// The next packet of a tone; what is left of its last one is silence. Returns when the next is due.
    fn tone(
        &mut self,
        (due_micros, is_heard): (u64, bool),
        written: &mut Written,
        own: &mut Own,
        made: &mut Made,
    ) -> u64 {
        let micros = written.packet_micros();
        let said = written.rate().samples(usize::from(self.said_ms));
        let rest = self.sound.get(said..).unwrap_or_default();
        let frame = &mut written.frame;
        let length = rest.len().min(frame.len());
        let (sound, silence) = frame.split_at_mut(length);
        sound.copy_from_slice(rest.split_at(length).0);
        silence.fill(0);
        if is_heard {
            written.send(due_micros, own, made);
        }
        self.said_ms = self.said_ms.saturating_add(u16::try_from(micros / 1_000).unwrap_or(u16::MAX));
        if self.said_ms >= self.ms || !is_heard {
            written.pause();
        }
        micros
    }
}
