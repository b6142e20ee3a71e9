//! Whether calls that are up lose a packet: both sides send one every 20 ms, and what arrives is counted.

use std::{
    collections::BTreeMap,
    net::{IpAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Result;

/// Between two packets of a stream.
const EVERY: Duration = Duration::from_millis(20);
/// Header and 20 ms of A-law.
const PACKET_BYTES: usize = 172;
/// What is on its way when the sending ends has this long to arrive.
const LAST_MAX: Duration = Duration::from_secs(2);

/// What was sent and what has arrived, of all streams together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Packets sent, both directions.
    pub sent: u64,
    /// Of these, how many arrived.
    pub arrived: u64,
}

/// Streams of calls that are up.
#[derive(Debug)]
pub struct Streams {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Heard>,
}

impl Streams {
    /// Sends from each of the sockets to the port that the switch has named for it.
    pub fn start(switch: IpAddr, sockets: Vec<(UdpSocket, u16)>) -> Result<Self> {
        for (socket, _) in &sockets {
            socket.set_nonblocking(true)?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&stop);
        let thread = std::thread::spawn(move || talk(switch, &sockets, &shared));
        Ok(Self { stop, thread })
    }

    /// Ends it and tells.
    pub fn end(self) -> Heard {
        self.stop.store(true, Relaxed);
        self.thread.join().expect("the talking thread")
    }
}

/// Sockets for so many calls on consecutive even ports from `first` on.
pub fn sockets(address: IpAddr, first: u16, calls: u16) -> Result<BTreeMap<u16, UdpSocket>> {
    (0..calls)
        .map(|call| first + 2 * call)
        .map(|port| Ok((port, UdpSocket::bind((address, port))?)))
        .collect()
}

fn talk(switch: IpAddr, sockets: &[(UdpSocket, u16)], stop: &AtomicBool) -> Heard {
    let mut heard = Heard::default();
    let mut packet = [0; PACKET_BYTES];
    packet[..2].copy_from_slice(&[0x80, 8]);
    let (mut number, mut next) = (0_u16, Instant::now());
    while !stop.load(Relaxed) {
        packet[2..4].copy_from_slice(&number.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(number) * 160).to_be_bytes());
        for (stream, (socket, port)) in sockets.iter().enumerate() {
            packet[8..12].copy_from_slice(&(stream as u32 + 1).to_be_bytes());
            heard.sent += u64::from(socket.send_to(&packet, (switch, *port)).is_ok());
        }
        number = number.wrapping_add(1);
        heard.arrived += listen(sockets);
        next += EVERY;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let end = Instant::now() + LAST_MAX;
    while heard.arrived < heard.sent && Instant::now() < end {
        heard.arrived += listen(sockets);
        std::thread::sleep(Duration::from_millis(1));
    }
    heard
}

fn listen(sockets: &[(UdpSocket, u16)]) -> u64 {
    let mut buffer = [0; 2_048];
    let mut arrived = 0;
    for (socket, _) in sockets {
        while let Ok(bytes) = socket.recv(&mut buffer) {
            arrived += u64::from(bytes == PACKET_BYTES);
        }
    }
    arrived
}
