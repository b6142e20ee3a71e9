//! Whether calls that are up lose a packet: both sides send one every 20 ms, what arrives is counted, and how long it was
//! silent in between is measured. It is counted from when every side has been heard once: what is sent in the moment of
//! the answer, sooner than any phone can, may find the relay not told yet.

use std::{
    collections::BTreeMap,
    net::{IpAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Result;

/// Between two packets of a stream.
const EVERY: Duration = Duration::from_millis(20);
/// How exactly a silence is measured.
const LISTEN_EVERY: Duration = Duration::from_millis(4);
/// Header and 20 ms of A-law.
const PACKET_BYTES: usize = 172;
/// Packets that are not counted are shorter.
const FIRST_BYTES: usize = PACKET_BYTES / 2;
/// Who has not been heard by then is lost.
const FIRST_MAX: Duration = Duration::from_secs(1);
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

/// The longest silence of a stream since somebody asked.
#[derive(Clone, Copy, Debug)]
struct Silence {
    /// When the latest packet came.
    since: Instant,
    longest: Duration,
}

/// Streams of calls that are up.
#[derive(Debug)]
pub struct Streams {
    stop: Arc<AtomicBool>,
    silences: Arc<Mutex<Vec<Silence>>>,
    thread: JoinHandle<Heard>,
}

impl Streams {
    /// Sends from each of the sockets to the port that the switch has named for it.
    pub fn start(switch: IpAddr, sockets: Vec<(UdpSocket, u16)>) -> Result<Self> {
        for (socket, _) in &sockets {
            socket.set_nonblocking(true)?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let silence = Silence { since: Instant::now(), longest: Duration::ZERO };
        let silences = Arc::new(Mutex::new(vec![silence; sockets.len()]));
        let (shared, heard) = (Arc::clone(&stop), Arc::clone(&silences));
        let thread = std::thread::spawn(move || talk(switch, &sockets, &shared, &heard));
        Ok(Self { stop, silences, thread })
    }

    /// The longest silence of each stream since this was asked last, the one that lasts included.
    pub fn silences(&self) -> Vec<Duration> {
        let now = Instant::now();
        let mut silences = self.silences.lock().expect("the talking thread");
        let longest = |silence: &mut Silence| {
            std::mem::replace(&mut silence.longest, Duration::ZERO).max(now - silence.since)
        };
        silences.iter_mut().map(longest).collect()
    }

    /// Whether something has come on every stream after `instant`.
    pub fn are_heard_since(&self, instant: Instant) -> bool {
        self.silences.lock().expect("the talking thread").iter().all(|silence| silence.since > instant)
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

fn talk(
    switch: IpAddr,
    sockets: &[(UdpSocket, u16)],
    stop: &AtomicBool,
    silences: &Mutex<Vec<Silence>>,
) -> Heard {
    let mut heard = Heard::default();
    let began = Instant::now();
    let (mut number, mut next) = (0_u16, began);
    let mut is_counting = false;
    while !stop.load(Relaxed) {
        let is_heard = silences.lock().expect("whoever asks").iter().all(|silence| silence.since > began);
        is_counting |= is_heard || began.elapsed() > FIRST_MAX;
        let bytes = if is_counting { PACKET_BYTES } else { FIRST_BYTES };
        for (stream, (socket, port)) in sockets.iter().enumerate() {
            let packet = packet(number, stream as u32 + 1);
            let is_sent = socket.send_to(&packet[..bytes], (switch, *port)).is_ok();
            heard.sent += u64::from(is_sent && is_counting);
        }
        number = number.wrapping_add(1);
        next += EVERY;
        loop {
            heard.arrived += listen(sockets, silences);
            let rest = next.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                break;
            }
            std::thread::sleep(rest.min(LISTEN_EVERY));
        }
    }
    let end = Instant::now() + LAST_MAX;
    while heard.arrived < heard.sent && Instant::now() < end {
        heard.arrived += listen(sockets, silences);
        std::thread::sleep(Duration::from_millis(1));
    }
    heard
}

fn packet(number: u16, ssrc: u32) -> [u8; PACKET_BYTES] {
    let mut packet = [0; PACKET_BYTES];
    packet[..2].copy_from_slice(&[0x80, 8]);
    packet[2..4].copy_from_slice(&number.to_be_bytes());
    packet[4..8].copy_from_slice(&(u32::from(number) * 160).to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    packet
}

fn listen(sockets: &[(UdpSocket, u16)], silences: &Mutex<Vec<Silence>>) -> u64 {
    let mut buffer = [0; 2_048];
    let mut arrived = 0;
    let mut silences = silences.lock().expect("whoever asks");
    for ((socket, _), silence) in sockets.iter().zip(silences.iter_mut()) {
        let mut is_heard = false;
        while let Ok(bytes) = socket.recv(&mut buffer) {
            arrived += u64::from(bytes == PACKET_BYTES);
            is_heard = true;
        }
        if is_heard {
            let now = Instant::now();
            silence.longest = silence.longest.max(now - silence.since);
            silence.since = now;
        }
    }
    arrived
}
