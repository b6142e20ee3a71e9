//! What must hold for handshakes whatever an attacker sends from where the leg may be spoken to, in any order.
//!
//! Invariants: no panic; who has another certificate gets no keys; both ends have the same keys or not both have some;
//! keys come once; nobody is sent much more than they have said; every wait ends.

use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock},
    time::Instant,
};

use super::script::Script;
use streams::{
    dtls::{Handshakes, Identity, Outputs, Role, Terms},
    leg::Channel,
    srtp::SrtpKeys,
};

/// Made for this, and known to everybody.
static IDENTITY: LazyLock<Arc<Identity>> = LazyLock::new(|| {
    let certificate = include_bytes!("identity/certificate.der").to_vec();
    Arc::new(Identity::new(certificate, include_bytes!("identity/key.der").to_vec()).expect("an identity"))
});

/// Datagrams that are on their way at once; more get lost.
const FLYING_MAX: usize = 32;
/// Bytes that an answer may be longer than what it answers: a server's flight with its certificate.
const ANSWER_BYTES_MAX: usize = 4_000;

struct End {
    handshakes: Handshakes,
    at: SocketAddr,
    keys: Option<SrtpKeys>,
}

struct Story {
    now: u64,
    ends: [End; 2],
    flying: [Vec<Vec<u8>>; 2],
}

/// Plays one story.
pub fn dtls(data: &[u8]) {
    let mut script = Script::new(data);
    let mut story = Story::new();
    let mut steps = 0;
    while !script.is_over() && steps < 200 {
        steps += 1;
        let who = usize::from(script.byte() & 1);
        match script.byte() % 10 {
            0 => story.begin(),
            1..=4 => story.deliver(who, usize::from(script.byte()), false),
            5 => story.deliver(who, usize::from(script.byte()), true),
            6 => drop(story.flying[who].pop()),
            7 => story.forge(who, &mut script),
            8 => {
                let bytes: Vec<u8> = (0..script.byte()).map(|_| script.byte()).collect();
                story.attack(who, &bytes, script.byte());
            }
            _ => story.wait(u64::from(script.byte()) * 20_000),
        }
    }
    let (one, other) = (&story.ends[0].keys, &story.ends[1].keys);
    if let (Some(one), Some(other)) = (one, other) {
        assert!(one.suite == other.suite && one.send == other.receive && one.receive == other.send);
    }
    for _ in 0..200 {
        if story.ends.iter().all(|end| end.handshakes.deadline().is_none()) {
            return;
        }
        story.flying = [Vec::new(), Vec::new()];
        story.wait(1_000_000);
    }
    panic!("somebody waits for ever");
}

impl Story {
    fn new() -> Self {
        #[allow(clippy::disallowed_methods, reason = "an instant to count from")]
        let origin = Instant::now();
        let end = |role, port: u16| {
            let fingerprints = vec![IDENTITY.fingerprint().clone()];
            let terms = Terms { association: 1, role, fingerprints };
            End {
                handshakes: Handshakes::new(IDENTITY.clone(), origin, terms, &[]),
                at: ([192, 0, 2, 1], port).into(),
                keys: None,
            }
        };
        Self {
            now: 0,
            ends: [end(Role::Active, 1_000), end(Role::Passive, 2_000)],
            flying: [Vec::new(), Vec::new()],
        }
    }

    fn take(&mut self, who: usize, out: Outputs) {
        for datagram in out.datagrams {
            if datagram.to == self.ends[1 - who].at && self.flying[1 - who].len() < FLYING_MAX {
                self.flying[1 - who].push(datagram.bytes);
            }
        }
        for (channel, keys) in out.keys {
            assert_eq!(channel, Channel::Rtp);
            assert!(self.ends[who].keys.replace(keys).is_none(), "keys come once");
        }
    }

    fn begin(&mut self) {
        let (mut out, to) = (Outputs::default(), self.ends[1].at);
        self.ends[0].handshakes.begin(self.now, Some(to), None, &mut out);
        self.take(0, out);
    }

    fn hand_over(&mut self, who: usize, source: SocketAddr, datagram: &[u8]) {
        let (mut out, stated) = (Outputs::default(), Some(self.ends[1 - who].at));
        self.ends[who].handshakes.handle(self.now, Channel::Rtp, source, stated, datagram, &mut out);
        let sent: usize = out.datagrams.iter().map(|datagram| datagram.bytes.len()).sum();
        assert!(sent <= datagram.len() + ANSWER_BYTES_MAX, "{sent} bytes for {}", datagram.len());
        self.take(who, out);
    }

    fn deliver(&mut self, who: usize, at: usize, stays: bool) {
        let Some(at) = at.checked_rem(self.flying[who].len()) else { return };
        let datagram = if stays { self.flying[who][at].clone() } else { self.flying[who].remove(at) };
        self.hand_over(who, self.ends[1 - who].at, &datagram);
    }

    /// Somebody on the way changes what he sees, and sends it on in the other's name.
    fn forge(&mut self, who: usize, script: &mut Script<'_>) {
        let Some(mut datagram) = self.flying[who].last().cloned() else { return };
        for _ in 0..=script.byte() % 4 {
            let at = usize::from(script.byte()) << 3 | usize::from(script.byte() & 7);
            let at = at % datagram.len().max(1);
            datagram[at] ^= script.byte();
        }
        let len = datagram.len() - usize::from(script.byte() % 8).min(datagram.len());
        self.hand_over(who, self.ends[1 - who].at, &datagram[..len]);
    }

    fn attack(&mut self, who: usize, datagram: &[u8], port: u8) {
        let source = match port {
            0..=9 => self.ends[1 - who].at,
            port => ([192, 0, 2, 1], 3_000 + u16::from(port)).into(),
        };
        self.hand_over(who, source, datagram);
    }

    fn wait(&mut self, micros: u64) {
        self.now += micros;
        for who in 0..2 {
            let mut out = Outputs::default();
            self.ends[who].handshakes.advance(self.now, &mut out);
            self.take(who, out);
        }
    }
}
