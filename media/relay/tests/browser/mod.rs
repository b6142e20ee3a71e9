//! A browser as far as its port is concerned: it checks (ICE), shakes hands (DTLS) and speaks (SRTP) from one socket.
//!
//! Its checks are written here by RFC 8489, not by what they test.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Instant,
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use streams::{
    dtls::{Handshakes, Identity, Outputs, Role, Terms},
    ice::Credentials,
    leg::Channel,
    srtp::{OVERHEAD_BYTES_MAX, Opener, Sealer, SrtpKeys},
};

use crate::world::DEADLINE;

pub struct Browser {
    pub socket: UdpSocket,
    to: SocketAddr,
    pub name: &'static str,
    leg: Credentials,
    keys: Option<(Sealer, Opener)>,
}

impl Browser {
    /// At the port `to`, on a leg that is known by these.
    pub fn new(ip: IpAddr, to: SocketAddr, name: &'static str, leg: &Credentials) -> Self {
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { socket, to, name, leg: leg.clone(), keys: None }
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// Another network of the same browser.
    pub fn moves(&mut self) {
        let socket = UdpSocket::bind((self.address().ip(), 0)).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        self.socket = socket;
    }

    pub fn sends(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.to).unwrap();
    }

    pub fn hears(&self) -> Vec<u8> {
        let mut bytes = [0; 2_048];
        let (len, from) = self.socket.recv_from(&mut bytes).expect("something comes");
        assert_eq!(from, self.to, "from the port that was told");
        bytes[..len].to_vec()
    }

    /// Checks and chooses: the kind of the answer.
    pub fn checks(&self) -> u16 {
        self.sends(&check(&format!("{}:{}", self.leg.ufrag, self.name), &self.leg.password));
        let answer = self.hears();
        u16::from_be_bytes([answer[0], answer[1]])
    }

    /// Shakes hands as the client.
    pub fn shakes_hands(&mut self, identity: &Arc<Identity>, theirs: &Identity) {
        let (origin, fingerprints) = (Instant::now(), vec![theirs.fingerprint().clone()]);
        let terms = Terms { association: 1, role: Role::Active, fingerprints };
        let mut handshakes = Handshakes::new(Arc::clone(identity), origin, terms, &[]);
        let mut out = Outputs::default();
        handshakes.begin(0, Some(self.to), None, &mut out);
        loop {
            out.datagrams.drain(..).for_each(|datagram| self.sends(&datagram.bytes));
            if let Some((_, keys)) = out.keys.pop() {
                return self.take_keys(&keys);
            }
            let now = u64::try_from(origin.elapsed().as_micros()).unwrap();
            handshakes.handle(now, Channel::Rtp, self.to, Some(self.to), &self.hears(), &mut out);
            assert_eq!(out.failures, []);
        }
    }

    fn take_keys(&mut self, keys: &SrtpKeys) {
        let sealer = Sealer::new(keys.suite, &keys.send).unwrap();
        self.keys = Some((sealer, Opener::new(keys.suite, &keys.receive).unwrap()));
    }

    /// An RTP packet of PCMA under its key.
    pub fn sealed(&mut self, sequence: u16) -> Vec<u8> {
        let mut room = vec![0xd5; 172 + OVERHEAD_BYTES_MAX];
        room[..4].copy_from_slice(&[0x80, 8, sequence.to_be_bytes()[0], sequence.to_be_bytes()[1]]);
        room[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
        room[8..12].copy_from_slice(&u32::from(self.address().port()).to_be_bytes());
        let len = self.keys.as_mut().unwrap().0.seal_rtp(&mut room, 172).unwrap();
        room[..len].to_vec()
    }

    pub fn says(&mut self, sequence: u16) {
        let sealed = self.sealed(sequence);
        self.sends(&sealed);
    }

    /// The number of the next RTP packet, which is under the key that was agreed.
    pub fn hears_packet(&mut self) -> u16 {
        let mut packet = self.hears();
        let len = self.keys.as_mut().unwrap().1.open_rtp(&mut packet).expect("under the key");
        assert_eq!(len, 172);
        u16::from_be_bytes([packet[2], packet[3]])
    }
}

/// A check that chooses (RFC 8445 §7.1).
pub fn check(username: &str, password: &str) -> Vec<u8> {
    let mut bytes = b"\x00\x01\x00\x00\x21\x12\xa4\x42twelve bytes".to_vec();
    let mut add = |kind: u16, value: &[u8], covered: &dyn Fn(&[u8]) -> Vec<u8>| {
        let at = bytes.len();
        bytes.extend(kind.to_be_bytes());
        bytes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let length = u16::try_from(bytes.len() - 20).unwrap();
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        let code = covered(&bytes[..at]);
        bytes[at + 4..at + 4 + code.len()].copy_from_slice(&code);
        bytes.clone()
    };
    let plain = |_: &[u8]| Vec::new();
    add(0x0006, username.as_bytes(), &plain);
    add(0x0024, &[0x6e, 0, 1, 0xff], &plain);
    add(0x802a, &[1; 8], &plain);
    add(0x0025, &[], &plain);
    let sign = |before: &[u8]| {
        let mut hmac = Hmac::<Sha1>::new_from_slice(password.as_bytes()).unwrap();
        hmac.update(before);
        hmac.finalize().into_bytes().to_vec()
    };
    add(0x0008, &[0; 20], &sign);
    add(0x8028, &[0; 4], &|before: &[u8]| (crc32fast::hash(before) ^ 0x5354_554e).to_be_bytes().to_vec())
}
