//! A relay with one call through real sockets, and the CPU time of a thread by its name.
//!
//! CPU time and not wall time: senders and receivers run in the same process and are left out, so figures of a shared
//! machine can be compared.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    sync::mpsc,
    time::Duration,
};

use relay::{Helpers, MediaAddress, PortRange, Relay, RelayConfig, Resumed};
use streams::media::{LegMedia, MediaCommand, MediaEvent, PortLease};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Octets of a G.711 packet.
pub const PACKET_BYTES: usize = 172;

/// A packet of A-law.
pub fn packet(ssrc: u32, sequence: u16) -> [u8; PACKET_BYTES] {
    let [s0, s1] = sequence.to_be_bytes();
    let [t0, t1, t2, t3] = (u32::from(sequence) * 160).to_be_bytes();
    let [c0, c1, c2, c3] = ssrc.to_be_bytes();
    let mut packet = [0xd5; PACKET_BYTES];
    let head = [0x80, 8, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3];
    packet.iter_mut().zip(head).for_each(|(place, octet)| *place = octet);
    packet
}

/// A leg whose far end is there.
pub fn media(remote: SocketAddr) -> LegMedia {
    LegMedia { remote: Some(remote), ..LegMedia::unknown(remote.ip()) }
}

/// Two phones, joined by a relay.
pub struct Call {
    /// The relay.
    pub relay: Relay,
    /// The leases of the two legs.
    pub legs: [PortLease; 2],
    /// Says what is carried.
    a: UdpSocket,
    /// Hears it.
    b: UdpSocket,
    sequence: u16,
    worker: Thread,
}

impl Call {
    /// The first packet has come through when this returns.
    pub fn begin(helpers: Helpers) -> Self {
        let (wake, woken) = mpsc::channel();
        let config = RelayConfig {
            addresses: vec![MediaAddress::direct(HOST)],
            ports: PortRange { first: 44_000, last: 44_199 },
            ..RelayConfig::default()
        };
        let mut relay = Relay::resume(config, Resumed::default(), helpers, move || {
            let _ = wake.send(());
        })
        .unwrap();
        let mut stock = Vec::new();
        let (a, b) = (UdpSocket::bind((HOST, 0)).unwrap(), UdpSocket::bind((HOST, 0)).unwrap());
        let legs = [&a, &b].map(|phone| {
            let lease = draw(&mut relay, &mut stock, &woken);
            let media = media(phone.local_addr().unwrap());
            relay.send(MediaCommand::Open { lease: lease.id, media }).unwrap();
            lease
        });
        let [one, other] = &legs;
        relay.send(MediaCommand::Join { a: one.id, b: other.id }).unwrap();
        a.connect(one.address).unwrap();
        b.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut buffer = [0; 2_048];
        // Until the join has been obeyed nothing comes through.
        while a.send(&packet(7, 0)).is_err() || b.recv(&mut buffer).is_err() {}
        b.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // The worker has worked, so it has its name.
        Self { relay, legs, a, b, sequence: 0, worker: Thread::named("media-0") }
    }

    /// The one that hears has heard something of ours, so what is carried goes on under our numbers.
    pub fn take_over(&mut self) {
        let lease = self.legs[1].id;
        self.relay.send(MediaCommand::Echo { lease }).unwrap();
        self.relay.send(MediaCommand::Stop { lease }).unwrap();
    }

    /// What so many packets cost the media thread, of which `burst` wait in the socket at the same time. `after` is called
    /// when a burst has come through.
    pub fn carry(&mut self, packets: u64, burst: u64, mut after: impl FnMut()) -> Duration {
        let before = self.worker.cpu();
        let (mut left, mut buffer) = (packets, [0; 2_048]);
        while left > 0 {
            let now = left.min(burst);
            for _ in 0..now {
                self.sequence = self.sequence.wrapping_add(1);
                self.a.send(&packet(7, self.sequence)).unwrap();
            }
            for _ in 0..now {
                self.b.recv(&mut buffer).unwrap();
            }
            left -= now;
            after();
        }
        self.worker.cpu() - before
    }
}

fn draw(relay: &mut Relay, stock: &mut Vec<PortLease>, woken: &mpsc::Receiver<()>) -> PortLease {
    loop {
        while let Some(event) = relay.receive() {
            if let MediaEvent::Stock(leases) = event {
                stock.extend(leases);
            }
        }
        if let Some(lease) = stock.pop() {
            return lease;
        }
        woken.recv().unwrap();
    }
}

/// A thread of this process.
pub struct Thread(PathBuf);

impl Thread {
    /// The first of this name.
    pub fn named(name: &str) -> Self {
        let threads = fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
        let is_it =
            |path: &PathBuf| fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim() == name);
        Self(threads.into_iter().find(is_it).unwrap().join("schedstat"))
    }

    /// The CPU time it has used.
    pub fn cpu(&self) -> Duration {
        let text = fs::read_to_string(&self.0).unwrap();
        Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
    }
}
