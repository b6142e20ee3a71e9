//! What must hold for what a leg is sent, whatever it and its peer have agreed on, say, and are told, in any order.
//!
//! Invariants: no panic; every packet that is made is RTP, of a payload type that the leg has agreed to or of the one that came,
//! and no longer than there is room for; what has been ours is never the sender's own again; a stream that is decoded or played has one source for each clock and no number twice or left out;
//! what is ended is ended once; a turn that is asked for is never in the past for ever; an image goes on where it was.

use std::{collections::BTreeMap, sync::Arc};

use super::script::Script;
use streams::{
    audio::library::Library,
    codec::{Codec, LinearRate},
    media::{EventFormat, SoundName, Voice, VoiceFormat},
    rtp::Header,
    voice::{MADE_BYTES_MAX, MADE_PACKETS_MAX, Made, Outgoing, Passed, Programme, Ticked},
};

/// Longest story, in steps: encoders are slow.
const STEPS_MAX: usize = 120;
const CODECS: [Codec; 5] = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus, Codec::L16(LinearRate::Wide)];
/// Of comfort noise (RFC 3551 §6).
const NOISE: u8 = 13;
const SOUNDS: [&str; 4] = ["tone/busy", "tone/waiting", "not/there", "@nobody/tone/dial"];

struct Story {
    outgoing: Outgoing,
    made: Made,
    from: Option<Voice>,
    to: Option<Voice>,
    library: Library,
    now: u64,
    /// The next number of each source that has been sent, where none may be left out.
    next: BTreeMap<u32, u16>,
    sequence: u16,
    timestamp: u32,
    /// A list is being played that has an end.
    has_end: bool,
    /// The payload type of the packet that came last.
    came: u8,
}

/// Up to three codecs, whose numbers may be anybody's.
fn voice(script: &mut Script<'_>) -> Option<Voice> {
    let how = script.byte();
    if how >> 5 == 7 {
        return None;
    }
    let formats = (0..how & 3).map(|_| {
        let codec = script.pick(&CODECS);
        VoiceFormat {
            from_them: 96 + script.byte() % 4,
            ..VoiceFormat::new(codec, codec.static_payload_type().unwrap_or(96 + how % 3))
        }
    });
    let formats: Vec<_> = formats.collect();
    let clock = [8_000, 48_000][usize::from(how >> 2 & 1)];
    Some(Voice {
        formats,
        events: if how & 8 == 0 { vec![EventFormat::new(101, clock)] } else { Vec::new() },
        noise: (how & 16 == 0).then_some(NOISE),
        packet_ms: [10, 20, 30, 40, 60, 0][script.below(6)],
    })
}

/// Plays one story.
pub fn voice_story(data: &[u8]) {
    let mut script = Script::new(data);
    let (from, to) = (voice(&mut script), voice(&mut script));
    let mut outgoing = Outgoing::new(u64::from(script.byte()));
    outgoing.join(from.as_ref(), to.as_ref());
    let mut story = Story {
        outgoing,
        made: Made::new(),
        from,
        to,
        library: Library::default(),
        now: 0,
        next: BTreeMap::new(),
        sequence: 65_530,
        timestamp: u32::MAX - 2_000,
        has_end: false,
        came: 0,
    };
    for _ in 0..STEPS_MAX {
        if script.is_over() {
            return;
        }
        story.step(&mut script);
        story.take_made();
    }
}

impl Story {
    fn step(&mut self, script: &mut Script<'_>) {
        let what = script.byte();
        self.now += u64::from(what >> 4) * 5_000;
        match what & 15 {
            0..=7 => self.packet(script),
            8 | 9 => self.tick(),
            10 => self.play(script),
            11 => {
                self.next.clear();
                self.outgoing.stop();
                self.has_end = false;
            }
            12 => {
                self.next.clear();
                self.outgoing.echo(self.to.as_ref());
                self.outgoing.join(self.from.as_ref(), self.to.as_ref());
                self.has_end = false;
            }
            13 => {
                self.next.clear();
                self.to = voice(script);
                let goes_on = self.outgoing.configure(self.now, 0, self.to.as_ref(), Some(&self.library));
                self.has_end &= goes_on;
                self.outgoing.join(self.from.as_ref(), self.to.as_ref());
            }
            14 => {
                self.next.clear();
                self.from = voice(script);
                self.outgoing.join(self.from.as_ref(), self.to.as_ref());
            }
            _ => self.go_on_from_an_image(script.byte() & 1 == 0),
        }
    }

    fn packet(&mut self, script: &mut Script<'_>) {
        let (how, payload_type) = (script.byte(), script.byte());
        self.sequence =
            self.sequence.wrapping_add([1, 1, 1, 2, 5, 0, u16::MAX, 30_000][usize::from(how & 7)]);
        let step = [160, 960, 0, 8_000, u32::MAX - 320, 480][usize::from(how >> 3) % 6];
        self.timestamp = self.timestamp.wrapping_add(step);
        let numbers = [0, 8, 9, NOISE, 96, 97, 98, 99, 101];
        let number = if how & 0x80 == 0 { numbers[usize::from(payload_type) % 9] } else { payload_type };
        let mut packet = vec![0x80, number];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend([0, 0, 0, how >> 6]);
        match how >> 5 & 3 {
            0 => packet.extend(script.bytes()),
            1 => packet.extend([0x48; 160]),
            2 => packet.push(8),
            _ => packet.extend([5, 10, 1, 64]),
        }
        if Header::read(&packet).is_err() {
            return;
        }
        let came = packet.clone();
        self.came = number & 0x7f;
        if let Ok(Passed::InPlace) = self.outgoing.pass_on(self.now, &mut packet, &mut self.made) {
            assert_eq!(packet.len(), came.len());
            assert_eq!(packet[2..12], came[2..12], "the sender's own source, number and time");
            assert!(self.made.is_empty());
            assert_eq!(self.outgoing.own_ssrc(), None, "a way back from a stream of ours");
        }
    }

    fn tick(&mut self) {
        let Some(due) = self.outgoing.due() else { return };
        self.now = self.now.max(due);
        let ticked = self.outgoing.tick(self.now, true, &mut self.made);
        assert!(self.outgoing.due().is_none_or(|next| next > self.now), "a turn that is never over");
        if ticked == Ticked::Ended {
            assert!(self.has_end, "an end of nothing");
            self.has_end = false;
        }
    }

    fn play(&mut self, script: &mut Script<'_>) {
        let how = script.byte();
        let sounds: Arc<[SoundName]> =
            (0..how & 3).map(|_| SoundName::new(script.pick(&SOUNDS))).collect::<Vec<_>>().into();
        let programme = Programme::new(sounds, how & 4 == 0);
        let phase = u64::from(how) * 100;
        let plays = self.outgoing.play(self.now, phase, programme, (self.to.as_ref(), Some(&self.library)));
        assert!(plays || how & 4 != 0, "what has no end has not ended");
        self.outgoing.join(self.from.as_ref(), self.to.as_ref());
        self.has_end = plays && how & 4 != 0;
    }

    /// Another process: what is not exact begins with another source.
    fn go_on_from_an_image(&mut self, is_exact: bool) {
        let image = self.outgoing.image();
        let fresh = (!is_exact).then_some(self.now ^ 0x5eed);
        let (resumed, goes_on) =
            Outgoing::resume(image, fresh, (self.now, 0), (self.to.as_ref(), Some(&self.library)));
        if is_exact {
            assert_eq!(resumed.own_ssrc(), self.outgoing.own_ssrc());
            assert_eq!(resumed.is_echo(), self.outgoing.is_echo());
        }
        self.outgoing = resumed;
        self.outgoing.join(self.from.as_ref(), self.to.as_ref());
        self.has_end &= goes_on;
    }

    fn take_made(&mut self) {
        assert!(self.made.len() <= MADE_PACKETS_MAX);
        let copies = self.from.as_ref().zip(self.to.as_ref()).is_none_or(|(from, to)| {
            let shares =
                from.formats.iter().any(|format| to.formats.iter().any(|other| other.codec == format.codec));
            shares || from.formats.is_empty() || to.formats.is_empty()
        });
        for packet in self.made.packets() {
            assert!(packet.len() > 12 && packet.len() <= MADE_BYTES_MAX);
            let header = Header::read(packet).expect("RTP");
            if let Some(to) = &self.to
                && !to.formats.is_empty()
            {
                let agreed = to.formats.iter().map(|format| format.to_them).chain([NOISE]);
                let mut agreed = agreed.chain(to.events.iter().map(|event| event.to_them));
                let is_agreed = agreed.any(|number| number == header.payload_type);
                assert!(is_agreed || header.payload_type == self.came, "{header:?} to {to:?}");
            }
            // Copied packets keep the gaps of their sender, comfort noise and keys between decoded speech too; all else has none.
            let next = self.next.insert(header.ssrc, header.sequence.wrapping_add(1));
            let is_key = |to: &Voice| to.events.iter().any(|event| event.to_them == header.payload_type);
            let is_copied = header.payload_type == NOISE || self.to.as_ref().is_some_and(is_key);
            if !copies && !self.outgoing.is_echo() && !is_copied {
                assert!(next.is_none_or(|next| next == header.sequence), "{next:?} {header:?}");
            }
        }
        self.made.clear();
        // What comes back keeps the gaps of its sender too, and what follows it begins after them.
        if self.outgoing.is_echo() {
            self.next.clear();
        }
    }
}
