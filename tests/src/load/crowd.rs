//! Many who talk at the same time, on one thread: each says a packet of A-law every 20 ms, at a moment of its own, and listens to one
//! other. What a packet holds says whose it is and which, so that it is known of each ear that it heard the right voice, every word of it,
//! and one stream without a break. Nothing is counted before the first word that arrives.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, UdpSocket},
    os::fd::{AsFd, BorrowedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, Sender, TryRecvError, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::phones::browser::sound::Sound;

/// Between two packets of a voice.
const EVERY: Duration = Duration::from_millis(20);
/// Whoever is later than this has nothing to say about what it missed.
const LATE_MAX: Duration = Duration::from_millis(200);
/// How soon somebody who joins is noticed.
const NAP_MAX: Duration = Duration::from_millis(10);
/// What is on its way when the talking ends has this long to arrive.
const LAST_MAX: Duration = Duration::from_secs(2);
const PACKET_BYTES: usize = 172;
const PACKET_SAMPLES: u32 = 160;

/// Where a voice comes from and goes to.
pub enum Mouth {
    /// A browser, which has to find its far end first.
    Browser(Box<Sound>),
    /// A phone with plain RTP, and where the switch wants it.
    Phone(UdpSocket, SocketAddr),
}

impl AsFd for Mouth {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Browser(sound) => sound.as_fd(),
            Self::Phone(socket, _) => socket.as_fd(),
        }
    }
}

/// What one has heard of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Packets that came.
    pub packets: u64,
    /// That were said after the first one that came, and did not come.
    pub missing: u64,
    /// Of somebody else, of another stream, or not in their place in it.
    pub wrong: u64,
}

/// What a stream keeps while it goes on: its name, and what its numbers and times are ahead of what was said.
type Stream = (u32, u16, u32);

#[derive(Debug, Default)]
struct Ear {
    first: Option<(u32, Stream)>,
    last: u32,
    heard: Heard,
}

impl Ear {
    fn hear(&mut self, whom: u32, packet: &[u8]) {
        let word = |at: usize| {
            packet.get(at..at + 4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
        };
        let (Some(start), Some(time), Some(ssrc), Some(who), Some(said)) =
            (word(0), word(4), word(8), word(12), word(16))
        else {
            self.heard.wrong += 1;
            return;
        };
        let stream = (
            ssrc,
            (start as u16).wrapping_sub(said as u16),
            time.wrapping_sub(said.wrapping_mul(PACKET_SAMPLES)),
        );
        let (_, known) = *self.first.get_or_insert((said, stream));
        let is_next = self.heard.packets == 0 || said > self.last;
        self.heard.wrong +=
            u64::from(who != whom || known != stream || !is_next || packet.len() != PACKET_BYTES);
        self.heard.packets += 1;
        self.last = self.last.max(said);
    }

    /// When the other one has said so many.
    fn missing(&self, said: u32) -> u64 {
        let first = self.first.map_or(0, |(first, _)| first);
        u64::from(said - first.min(said)).saturating_sub(self.heard.packets)
    }
}

struct Talker {
    mouth: Mouth,
    name: u32,
    whom: u32,
    said: u32,
    due: Instant,
    ear: Ear,
}

impl Talker {
    fn is_ready(&self) -> bool {
        match &self.mouth {
            Mouth::Browser(sound) => sound.is_ready(),
            Mouth::Phone(..) => true,
        }
    }

    fn listen(&mut self, now: Instant) -> Result<()> {
        let (ear, whom) = (&mut self.ear, self.whom);
        match &mut self.mouth {
            Mouth::Browser(sound) => sound.listen(now, |packet| ear.hear(whom, packet)),
            Mouth::Phone(socket, switch) => {
                let mut packet = [0; 2_048];
                while let Ok((len, source)) = socket.recv_from(&mut packet) {
                    if source == *switch {
                        ear.hear(whom, &packet[..len]);
                    }
                }
                Ok(())
            }
        }
    }

    /// Does what is due, and says what is unless it is to be silent.
    fn act(&mut self, now: Instant, is_silent: bool) -> Result<()> {
        if let Mouth::Browser(sound) = &mut self.mouth
            && sound.deadline().is_some_and(|at| at <= now)
        {
            sound.advance(now)?;
        }
        if is_silent || !self.is_ready() {
            self.due = self.due.max(now);
            return Ok(());
        }
        if now.saturating_duration_since(self.due) > LATE_MAX {
            self.due = now;
        }
        while self.due <= now {
            let packet = self.packet();
            match &mut self.mouth {
                Mouth::Browser(sound) => sound.say(&packet)?,
                Mouth::Phone(socket, switch) => socket.send_to(&packet, *switch).map(drop)?,
            }
            self.said += 1;
            self.due += EVERY;
        }
        Ok(())
    }

    fn packet(&self) -> [u8; PACKET_BYTES] {
        let mut packet = [0xd5; PACKET_BYTES];
        packet[..2].copy_from_slice(&[0x80, 8]);
        packet[2..4].copy_from_slice(&(self.said as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&self.said.wrapping_mul(PACKET_SAMPLES).to_be_bytes());
        packet[8..12].copy_from_slice(&(self.name + 1).to_be_bytes());
        packet[12..16].copy_from_slice(&self.name.to_be_bytes());
        packet[16..20].copy_from_slice(&self.said.to_be_bytes());
        packet
    }

    fn deadline(&self) -> Instant {
        match &self.mouth {
            Mouth::Browser(sound) => sound.deadline().map_or(self.due, |at| at.min(self.due)),
            Mouth::Phone(..) => self.due,
        }
    }
}

/// What is known of them from outside.
#[derive(Debug, Default)]
struct Seen {
    is_silent: AtomicBool,
    ready: AtomicUsize,
    /// What whoever has heard least has heard.
    least: AtomicU64,
}

/// Those who talk.
pub struct Crowd {
    seen: Arc<Seen>,
    joining: Sender<Talker>,
    thread: Option<JoinHandle<Result<Vec<Heard>>>>,
    names: u32,
}

impl Crowd {
    /// Of nobody yet.
    pub fn gather() -> Self {
        let (joining, joined) = channel();
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let thread = Some(std::thread::spawn(move || talk(&joined, &shared)));
        Self { seen, joining, thread, names: 0 }
    }

    /// Two who talk with each other from now on.
    pub fn join(&mut self, pair: [Mouth; 2]) -> Result<()> {
        let names = [self.names, self.names + 1];
        self.names += 2;
        for (mouth, (name, whom)) in pair.into_iter().zip([(names[0], names[1]), (names[1], names[0])]) {
            if let Mouth::Phone(socket, _) = &mouth {
                socket.set_nonblocking(true)?;
            }
            // Nobody talks in time with others.
            let due = Instant::now() + EVERY * (name * 7 % 20) / 20;
            let talker = Talker { mouth, name, whom, said: 0, due, ear: Ear::default() };
            if self.joining.send(talker).is_err() {
                return Err(self.failure());
            }
        }
        Ok(())
    }

    /// Waits until each has heard so many packets.
    pub fn has_heard(&mut self, packets: u64, within: Duration) -> Result<()> {
        let end = Instant::now() + within;
        let all = self.names as usize;
        while self.seen.ready.load(Relaxed) < all || self.seen.least.load(Relaxed) < packets {
            if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                return Err(self.failure());
            }
            let (ready, least) = (self.seen.ready.load(Relaxed), self.seen.least.load(Relaxed));
            if Instant::now() > end {
                bail!("{ready} of {all} can talk, and one has heard {least} packets of {packets}");
            }
            std::thread::sleep(NAP_MAX);
        }
        Ok(())
    }

    /// All fall silent; what each has heard, in the order in which they came.
    pub fn end(mut self) -> Result<Vec<Heard>> {
        self.seen.is_silent.store(true, Relaxed);
        let thread = self.thread.take().context("those who talk")?;
        thread.join().map_err(|_| anyhow!("the talking thread panicked"))?
    }

    /// Why nobody talks any more.
    fn failure(&mut self) -> anyhow::Error {
        let ended = self.thread.take().map(JoinHandle::join);
        match ended {
            Some(Ok(Err(error))) => error,
            other => anyhow!("nobody talks any more: {other:?}"),
        }
    }
}

fn talk(joining: &Receiver<Talker>, seen: &Seen) -> Result<Vec<Heard>> {
    let mut talkers: Vec<Talker> = Vec::new();
    let mut silent_since = None;
    loop {
        loop {
            match joining.try_recv() {
                Ok(talker) => talkers.push(talker),
                Err(TryRecvError::Empty) => break,
                // Whoever gathered them is gone without asking what they heard.
                Err(TryRecvError::Disconnected) if silent_since.is_none() => return Ok(Vec::new()),
                Err(TryRecvError::Disconnected) => break,
            }
        }
        nap(&talkers)?;
        let now = Instant::now();
        let is_silent = seen.is_silent.load(Relaxed);
        for talker in &mut talkers {
            talker.listen(now).with_context(|| format!("talker {}", talker.name))?;
            talker.act(now, is_silent).with_context(|| format!("talker {}", talker.name))?;
        }
        seen.ready.store(talkers.iter().filter(|talker| talker.is_ready()).count(), Relaxed);
        let least = talkers.iter().map(|talker| talker.ear.heard.packets).min();
        seen.least.store(least.unwrap_or(0), Relaxed);
        if is_silent {
            let since = *silent_since.get_or_insert(now);
            let heard = tell(&talkers);
            if heard.iter().all(|heard| heard.missing == 0) || now - since > LAST_MAX {
                return Ok(heard);
            }
        }
    }
}

/// Until somebody is spoken to or has something to say.
fn nap(talkers: &[Talker]) -> Result<()> {
    let next = talkers.iter().map(|talker| talker.deadline().saturating_duration_since(Instant::now())).min();
    let nap = Timespec::try_from(next.map_or(NAP_MAX, |next| next.min(NAP_MAX)))?;
    let mut mouths: Vec<_> = talkers.iter().map(|talker| PollFd::new(&talker.mouth, PollFlags::IN)).collect();
    poll(&mut mouths, Some(&nap)).context("poll")?;
    Ok(())
}

fn tell(talkers: &[Talker]) -> Vec<Heard> {
    let said: BTreeMap<u32, u32> = talkers.iter().map(|talker| (talker.name, talker.said)).collect();
    let missing = |talker: &Talker| talker.ear.missing(said.get(&talker.whom).copied().unwrap_or(0));
    talkers.iter().map(|talker| Heard { missing: missing(talker), ..talker.ear.heard }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talker(name: u32, said: u32) -> Talker {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
        let (mouth, due) = (Mouth::Phone(socket, nowhere), Instant::now());
        Talker { mouth, name, whom: name ^ 1, said, due, ear: Ear::default() }
    }

    #[test]
    fn what_is_missing_or_wrong_is_noticed() {
        let hear = |said: &[u32], change: &dyn Fn(&mut [u8])| {
            let mut ear = Ear::default();
            for word in said {
                let mut packet = talker(4, *word).packet();
                change(&mut packet);
                ear.hear(4, &packet);
            }
            Heard { missing: ear.missing(10), ..ear.heard }
        };
        let none = |_: &mut [u8]| {};
        assert_eq!(hear(&[3, 4, 5, 6, 7, 8, 9], &none), Heard { packets: 7, missing: 0, wrong: 0 });
        assert_eq!(hear(&[3, 4, 6, 7], &none), Heard { packets: 4, missing: 3, wrong: 0 });
        assert_eq!(hear(&[0, 1, 1], &none).wrong, 1, "twice");
        let last = |packet: &mut [u8]| packet[11] = u8::from(packet[19] == 5);
        assert_eq!(hear(&[3, 4, 5], &last).wrong, 1, "another stream");
        let jump = |packet: &mut [u8]| packet[3] += u8::from(packet[19] == 5);
        assert_eq!(hear(&[3, 4, 5], &jump).wrong, 1, "another place");
        assert_eq!(hear(&[3], &|packet: &mut [u8]| packet[15] = 9).wrong, 1, "another voice");
    }
}
