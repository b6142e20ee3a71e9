//! What phones say and hear: RTP packets of their calls on real sockets, 20 ms each; a tenth of them is lost on the
//! way, so that the switch has something to count.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use crate::world::{dice::Dice, phone::Phone};

/// How often a packet is sent.
const PACKET_EVERY: Duration = Duration::from_millis(20);
/// G.711, 20 ms.
const PAYLOAD_BYTES: usize = 160;
/// Calls with sound at once; further ones are silent.
const STREAMS_MAX: usize = 60;

struct Stream {
    socket: UdpSocket,
    sequence: u16,
    ssrc: u32,
}

/// All streams of all phones, by phone and call.
pub(super) struct Sound {
    streams: BTreeMap<(usize, u32), Stream>,
    next_at: Duration,
    dice: Dice,
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Sound {
    pub(super) fn new(dice: Dice) -> Self {
        Self { streams: BTreeMap::new(), next_at: Duration::ZERO, dice, sent: 0, received: 0 }
    }

    pub(super) fn deadline(&self) -> Duration {
        self.next_at
    }

    /// Sends the packets that are due, for every phone that talks.
    pub(super) fn play(&mut self, now: Duration, phones: &[Phone]) {
        if now < self.next_at {
            return;
        }
        self.next_at = now + PACKET_EVERY;
        let talking: BTreeMap<(usize, u32), (SocketAddr, SocketAddr, bool)> = phones
            .iter()
            .enumerate()
            .flat_map(|(phone, of)| of.calls.values().map(move |call| (phone, call)))
            .filter(|(_, call)| call.is_talking())
            .filter_map(|(phone, call)| {
                let to = call.media.heard()?.audio()?;
                Some(((phone, call.number), (call.media.address, to, call.media.agreed.sends())))
            })
            .collect();
        self.streams.retain(|key, _| talking.contains_key(key));
        for (key, (from, to, sends)) in talking {
            if !self.streams.contains_key(&key) && self.streams.len() < STREAMS_MAX {
                self.open(key, from);
            }
            if let Some(stream) = self.streams.get_mut(&key) {
                self.received += stream.hear();
                if sends && !self.dice.chance(100) && to.port() != 0 {
                    self.sent += u64::from(stream.say(to));
                }
                stream.sequence = stream.sequence.wrapping_add(1);
            }
        }
    }

    fn open(&mut self, key: (usize, u32), from: SocketAddr) {
        let Ok(socket) = UdpSocket::bind(from) else { return };
        if socket.set_nonblocking(true).is_ok() {
            let ssrc = u32::try_from(self.dice.below(u64::from(u32::MAX))).unwrap_or(1);
            self.streams.insert(key, Stream { socket, sequence: 1, ssrc });
        }
    }
}

impl Stream {
    fn say(&self, to: SocketAddr) -> bool {
        let mut packet = [0xd5; 12 + PAYLOAD_BYTES];
        packet[..2].copy_from_slice(&[0x80, 8]);
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(self.sequence) * 160).to_be_bytes());
        packet[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        self.socket.send_to(&packet, to).is_ok()
    }

    fn hear(&self) -> u64 {
        let mut room = [0; 2_048];
        let mut count = 0;
        while self.socket.recv(&mut room).is_ok() {
            count += 1;
        }
        count
    }
}
