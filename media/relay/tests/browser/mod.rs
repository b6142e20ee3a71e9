//! A browser as far as its port is concerned: it checks (ICE), shakes hands (DTLS) and speaks (SRTP) from one socket, of UDP or
//! TCP.
//!
//! Its checks are written here by RFC 8489, not by what they test.

pub mod stage;

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpStream, UdpSocket},
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

/// How it gets to the port.
pub enum Line {
    Datagrams(UdpSocket),
    /// Each behind its length (RFC 4571).
    Frames(TcpStream),
}

impl Line {
    pub fn udp(ip: IpAddr) -> Self {
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self::Datagrams(socket)
    }

    pub fn tcp(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::Frames(stream)
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Datagrams(socket) => socket.local_addr().unwrap(),
            Self::Frames(stream) => stream.local_addr().unwrap(),
        }
    }

    fn sends(&self, bytes: &[u8], to: SocketAddr) {
        match self {
            Self::Datagrams(socket) => drop(socket.send_to(bytes, to).unwrap()),
            Self::Frames(stream) => (&mut &*stream).write_all(&framed(bytes)).unwrap(),
        }
    }

    /// What comes next, and where from; nothing once a connection has ended.
    pub fn hears(&self) -> Option<(Vec<u8>, SocketAddr)> {
        match self {
            Self::Datagrams(socket) => {
                let mut bytes = [0; 2_048];
                let (len, from) = socket.recv_from(&mut bytes).expect("something comes");
                Some((bytes[..len].to_vec(), from))
            }
            Self::Frames(stream) => {
                let (mut head, mut reader) = ([0; 2], stream);
                reader.read(&mut head[..1]).ok().filter(|len| *len > 0)?;
                reader.read_exact(&mut head[1..]).ok()?;
                let mut frame = vec![0; usize::from(u16::from_be_bytes(head))];
                reader.read_exact(&mut frame).expect("whole");
                Some((frame, stream.peer_addr().unwrap()))
            }
        }
    }
}

/// A datagram behind its length.
pub fn framed(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

pub struct Browser {
    pub line: Line,
    ssrc: u32,
    to: SocketAddr,
    pub name: &'static str,
    leg: Credentials,
    keys: Option<(Sealer, Opener)>,
}

impl Browser {
    /// At the port `to`, on a leg that is known by these.
    pub fn new(ip: IpAddr, to: SocketAddr, name: &'static str, leg: &Credentials) -> Self {
        let line = Line::udp(ip);
        let ssrc = u32::from(line.address().port());
        Self { line, ssrc, to, name, leg: leg.clone(), keys: None }
    }

    /// Another network of the same browser.
    pub fn moves(&mut self) {
        self.line = Line::udp(self.line.address().ip());
    }

    /// It connects to the port.
    pub fn connects(&mut self) {
        self.line = Line::tcp(self.to);
    }

    pub fn sends(&self, bytes: &[u8]) {
        self.line.sends(bytes, self.to);
    }

    pub fn hears(&self) -> Vec<u8> {
        let (bytes, from) = self.line.hears().expect("the connection goes on");
        assert_eq!(from, self.to, "from the port that was told");
        bytes
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
        room[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        let len = self.keys.as_mut().unwrap().0.seal_rtp(&mut room, 172).unwrap();
        room[..len].to_vec()
    }

    pub fn says(&mut self, sequence: u16) {
        let sealed = self.sealed(sequence);
        self.sends(&sealed);
    }

    /// The number of the next RTP packet, which is under the key that was agreed. Reports of quality may come before it.
    pub fn hears_packet(&mut self) -> u16 {
        let mut packet = self.hears();
        while (192..=223).contains(&packet[1]) {
            packet = self.hears();
        }
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
