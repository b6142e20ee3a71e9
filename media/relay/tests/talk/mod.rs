//! A phone that speaks and hears in a codec, on top of the world's sockets.

use relay::Relay;
use streams::{
    codec::{Codec, Decoder, Encoder, PAYLOAD_BYTES_MAX, opus::Parameters},
    media::{EventFormat, LegMedia, PortLease, Voice, VoiceFormat},
};

use crate::world::Phone;

pub const PACKET_MS: usize = 20;

/// A packet as it was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: Vec<u8>,
}

pub fn read(packet: &[u8]) -> Heard {
    let word = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
    Heard {
        marker: packet[1] & 0x80 != 0,
        payload_type: packet[1] & 0x7f,
        sequence: u16::from_be_bytes([packet[2], packet[3]]),
        timestamp: word(4),
        ssrc: word(8),
        payload: packet[12..].to_vec(),
    }
}

pub fn written(heard: &Heard) -> Vec<u8> {
    let mut packet = vec![0x80, heard.payload_type | if heard.marker { 0x80 } else { 0 }];
    packet.extend(heard.sequence.to_be_bytes());
    packet.extend(heard.timestamp.to_be_bytes());
    packet.extend(heard.ssrc.to_be_bytes());
    packet.extend(&heard.payload);
    packet
}

/// Its mouth and its ear.
pub struct Talker {
    pub phone: Phone,
    pub codec: Codec,
    pub payload_type: u8,
    encoder: Encoder,
    decoder: Decoder,
    pub sequence: u16,
    pub timestamp: u32,
    /// Samples said so far, and what was heard.
    said: usize,
    pub heard: Vec<i16>,
    pub packets: Vec<Heard>,
}

/// What a leg that knows one codec and events of its clock has agreed on.
pub fn voice(codec: Codec, payload_type: u8) -> Voice {
    Voice {
        formats: vec![VoiceFormat::new(codec, payload_type)],
        events: vec![EventFormat::new(101, codec.clock_rate_hz())],
        ..Voice::default()
    }
}

impl Talker {
    pub fn new(phone: Phone, codec: Codec, payload_type: u8) -> Self {
        let wanted = Parameters { in_band_fec: true, ..Parameters::default() };
        let (encoder, decoder) =
            (Encoder::new(codec, codec.rate(), &wanted), Decoder::new(codec, codec.rate()));
        Self {
            phone,
            codec,
            payload_type,
            encoder: encoder.unwrap(),
            decoder: decoder.unwrap(),
            sequence: 7,
            timestamp: 1_000,
            said: 0,
            heard: Vec::new(),
            packets: Vec::new(),
        }
    }

    pub fn media(&self) -> LegMedia {
        LegMedia { voice: Some(voice(self.codec, self.payload_type)), ..self.phone.media() }
    }

    /// The next 20 ms of a tone, as a packet that is not sent.
    pub fn tone(&mut self, hz: f64, marker: bool) -> Heard {
        let rate = self.codec.rate();
        let samples: Vec<i16> = (self.said..self.said + rate.samples(PACKET_MS))
            .map(|n| (8_000.0 * (n as f64 / f64::from(rate.hz()) * hz * std::f64::consts::TAU).sin()) as i16)
            .collect();
        self.said += samples.len();
        let mut payload = [0; PAYLOAD_BYTES_MAX];
        let octets = self.encoder.encode(&samples, &mut payload).unwrap();
        let packet = Heard {
            marker,
            payload_type: self.payload_type,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.phone.ssrc,
            payload: payload[..octets].to_vec(),
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.codec.clock_units(20));
        packet
    }

    pub fn sends(&self, packet: &Heard, to: &PortLease) {
        self.phone.rtp.send_to(&written(packet), to.address).unwrap();
    }

    pub fn says(&mut self, hz: f64, to: &PortLease) {
        let packet = self.tone(hz, false);
        self.sends(&packet, to);
    }

    /// The next packet, decoded if it is speech.
    pub fn hears(&mut self) -> Heard {
        let (_, packet) = self.phone.hears();
        self.takes(&packet)
    }

    /// A packet that was received.
    pub fn takes(&mut self, packet: &[u8]) -> Heard {
        let heard = read(packet);
        if heard.payload_type == self.payload_type {
            let mut samples = vec![0; self.codec.rate().samples(60)];
            let count = self.decoder.decode(&heard.payload, &mut samples).expect("speech that decodes");
            self.heard.extend_from_slice(&samples[..count]);
        }
        self.packets.push(heard.clone());
        heard
    }

    /// One source, numbers and times without a hole, a mark on the first packet alone.
    pub fn heard_one_stream(&self) {
        let step = self.codec.clock_units(20);
        for pair in self.packets.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            assert_eq!(after.ssrc, before.ssrc);
            assert_eq!(after.sequence, before.sequence.wrapping_add(1), "{before:?} {after:?}");
            assert_eq!(after.timestamp, before.timestamp.wrapping_add(step), "{before:?} {after:?}");
            assert!(!after.marker);
        }
        assert!(self.packets[0].marker);
    }

    pub fn forget(&mut self) {
        self.heard.clear();
        self.packets.clear();
    }
}

/// The value of a counter now.
pub fn count(relay: &Relay, name: &str) -> u64 {
    relay.counters().all().find(|(n, _)| *n == name).unwrap().1
}
