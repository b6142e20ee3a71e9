//! A relay on loopback and phones with real sockets. Everything waits for an event or a packet, never for a time;
//! the deadlines only turn a hang into a failure.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    time::{Duration, Instant},
};

use relay::{Helpers, Keep, MediaAddress, PortRange, Relay, RelayConfig, Resumed};
use streams::capture::Capture;
use streams::media::{LeaseId, LegMedia, LegReport, MediaCommand, MediaEvent, PortLease};

/// Far longer than anything takes; only a hang reaches it.
pub const DEADLINE: Duration = Duration::from_secs(30);

pub struct World {
    pub relay: Relay,
    woken: mpsc::Receiver<()>,
    gate: Arc<Gate>,
    pub stock: Vec<PortLease>,
    pub shared: Vec<PortLease>,
    pub closed: Vec<(LeaseId, LegReport)>,
    pub seen: Vec<(LeaseId, Option<LegReport>)>,
    pub captured: Vec<(LeaseId, Option<Box<Capture>>)>,
    pub dry: Vec<IpAddr>,
    pub played: Vec<LeaseId>,
    pub keys: Vec<(LeaseId, char)>,
}

/// The media thread passes it after each event.
#[derive(Default)]
pub struct Gate {
    closed: Mutex<()>,
    somebody_waits: AtomicBool,
}

impl Gate {
    fn pass(&self) {
        if self.closed.try_lock().is_err() {
            self.somebody_waits.store(true, SeqCst);
            drop(self.closed.lock());
            self.somebody_waits.store(false, SeqCst);
        }
    }
}

/// The loopback address of this process alone: stories beside it, and whoever connects to 127.0.0.1, have its ports nowhere.
pub fn v4() -> IpAddr {
    let [_, a, b, c] = std::process::id().to_be_bytes();
    // Numbers of processes have 22 bits.
    Ipv4Addr::new(127, 64 | a & 63, b, c).into()
}

pub fn config(ip: IpAddr, first: u16, last: u16) -> RelayConfig {
    RelayConfig {
        addresses: vec![MediaAddress::direct(ip)],
        ports: PortRange { first, last },
        stock_target: 8,
        ..RelayConfig::default()
    }
}

impl World {
    pub fn start(config: RelayConfig) -> Self {
        Self::resume(config, Resumed::default(), None)
    }

    /// With what another relay has left, and somebody who keeps what this one leaves.
    pub fn resume(config: RelayConfig, resumed: Resumed, keep: Option<Box<dyn Keep>>) -> Self {
        Self::helped(config, resumed, Helpers { keep, ..Helpers::default() })
    }

    pub fn helped(config: RelayConfig, resumed: Resumed, helpers: Helpers) -> Self {
        let (wake, woken) = mpsc::channel();
        let gate = Arc::<Gate>::default();
        let barrier = Arc::clone(&gate);
        // The channel is closed only when the test is over.
        let waker = move || {
            let _ = wake.send(());
            barrier.pass();
        };
        let relay = Relay::resume(config, resumed, helpers, waker).unwrap();
        Self {
            relay,
            woken,
            gate,
            stock: Vec::new(),
            shared: Vec::new(),
            closed: Vec::new(),
            seen: Vec::new(),
            captured: Vec::new(),
            dry: Vec::new(),
            played: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Takes events until `done`.
    pub fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + DEADLINE;
        loop {
            while let Some(event) = self.relay.receive() {
                match event {
                    MediaEvent::Stock(leases) => self.stock.extend(leases),
                    MediaEvent::SharedStock(leases) => self.shared.extend(leases),
                    MediaEvent::StockEmpty { advertised } => self.dry.push(advertised),
                    MediaEvent::Closed { lease, report } => self.closed.push((lease, *report)),
                    MediaEvent::Seen { lease, report } => {
                        self.seen.push((lease, report.map(|report| *report)));
                    }
                    MediaEvent::Captured { lease, capture, .. } => self.captured.push((lease, capture)),
                    MediaEvent::Played { lease } => self.played.push(lease),
                    MediaEvent::Key { lease, key } => self.keys.push((lease, key.sign())),
                }
            }
            if done(self) {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(self.woken.recv_timeout(left).is_ok(), "never came: {what}");
        }
    }

    pub fn draw(&mut self) -> PortLease {
        self.until("stock", |w| !w.stock.is_empty());
        self.stock.remove(0)
    }

    pub fn order(&mut self, command: MediaCommand) {
        self.relay.send(command).unwrap();
    }

    pub fn open(&mut self, media: LegMedia) -> PortLease {
        let lease = self.draw();
        self.order(MediaCommand::Open { lease: lease.id, media });
        lease
    }

    /// Closes and waits for the report; every command before it has been obeyed by then.
    pub fn close(&mut self, lease: LeaseId) -> LegReport {
        self.order(MediaCommand::Close { lease });
        self.until("report", |w| w.closed.iter().any(|(id, _)| *id == lease));
        self.closed.iter().find(|(id, _)| *id == lease).unwrap().1
    }

    /// How a leg is now; every command before it has been obeyed.
    pub fn look(&mut self, lease: LeaseId) -> LegReport {
        self.order(MediaCommand::Look { lease });
        let before = self.seen.len();
        self.until("sight", |w| w.seen.len() > before);
        self.seen.last().unwrap().1.unwrap()
    }

    /// Waits until all commands so far have been obeyed: gives one lease back unused.
    pub fn settle(&mut self) {
        let spare = self.draw();
        self.close(spare.id);
    }

    /// The gate, for [`World::stop`].
    pub fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }

    /// Stops the media thread until the guard is dropped.
    pub fn stop<'a>(&mut self, gate: &'a Gate) -> MutexGuard<'a, ()> {
        let spare = self.draw();
        let guard = gate.closed.lock().unwrap();
        self.order(MediaCommand::Close { lease: spare.id });
        let end = Instant::now() + DEADLINE;
        while !gate.somebody_waits.load(SeqCst) {
            assert!(Instant::now() < end, "the media thread tells nothing");
            std::thread::yield_now();
        }
        guard
    }

    /// What a counter shows now.
    pub fn value(&self, name: &str) -> u64 {
        self.relay.counters().all().find(|(n, _)| *n == name).unwrap().1
    }

    /// Waits until a counter has reached a value.
    pub fn counted(&self, name: &str, value: u64) {
        let end = Instant::now() + DEADLINE;
        let now = || self.value(name);
        while now() < value {
            assert!(Instant::now() < end, "{name} stays at {} instead of {value}", now());
            std::thread::yield_now();
        }
        assert_eq!(now(), value, "{name}");
    }

    /// Two phones with their legs, joined.
    pub fn call(&mut self, ip: IpAddr) -> Call {
        let (a, b) = (Phone::new(ip), Phone::new(ip));
        let leg_a = self.open(a.media());
        let leg_b = self.open(b.media());
        self.order(MediaCommand::Join { a: leg_a.id, b: leg_b.id });
        self.settle();
        Call { a, b, leg_a, leg_b }
    }
}

pub struct Call {
    pub a: Phone,
    pub b: Phone,
    pub leg_a: PortLease,
    pub leg_b: PortLease,
}

pub struct Phone {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
    pub ssrc: u32,
}

impl Phone {
    pub fn new(ip: IpAddr) -> Self {
        let bind = || {
            let socket = UdpSocket::bind((ip, 0)).unwrap();
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            socket
        };
        let (rtp, rtcp) = (bind(), bind());
        let ssrc = u32::from(rtp.local_addr().unwrap().port());
        Self { rtp, rtcp, ssrc }
    }

    pub fn address(&self) -> SocketAddr {
        self.rtp.local_addr().unwrap()
    }

    pub fn media(&self) -> LegMedia {
        LegMedia {
            remote: Some(self.address()),
            remote_rtcp: Some(self.rtcp.local_addr().unwrap()),
            ..LegMedia::unknown(self.address().ip())
        }
    }

    pub fn packet(&self, sequence: u16) -> [u8; 172] {
        let mut packet = [0xd5; 172];
        packet[..2].copy_from_slice(&[0x80, 8]);
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
        packet[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        packet
    }

    pub fn says(&self, sequence: u16, to: &PortLease) {
        self.rtp.send_to(&self.packet(sequence), to.address).unwrap();
    }

    /// The next packet that comes in: where from, and its bytes.
    pub fn hears(&self) -> (SocketAddr, Vec<u8>) {
        let mut bytes = [0; 2_048];
        let (len, from) = self.rtp.recv_from(&mut bytes).expect("a packet comes");
        (from, bytes[..len].to_vec())
    }

    /// Nothing has come in. Only meaningful when all that was sent has been counted.
    pub fn has_heard_nothing(&self) -> bool {
        self.rtp.set_nonblocking(true).unwrap();
        let nothing = self.rtp.recv_from(&mut [0; 2_048]).is_err();
        self.rtp.set_nonblocking(false).unwrap();
        nothing
    }
}

pub fn rtcp_of(lease: &PortLease) -> SocketAddr {
    SocketAddr::new(lease.address.ip(), lease.address.port() + 1)
}
