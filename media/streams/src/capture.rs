//! What comes to one leg and what it is sent, packet by packet, for an operator who has asked for it.
//!
//! Packets are kept as they are without their cover (SRTP), from the first on until there is no more room. A leg that nobody
//! asks about has none of this. It is no recording: nothing is decoded, and it dies with the process.

use std::{fmt, net::SocketAddr};

use crate::leg::{Channel, DropReason};

/// The longest time for which packets are kept.
pub const CAPTURE_SECS_MAX: u16 = 60;
/// Packets of one leg: a minute of voice both ways, with its RTCP.
pub const CAPTURE_PACKETS_MAX: usize = 8_192;
/// Octets of all of them.
pub const CAPTURE_BYTES_MAX: usize = 2 * 1_024 * 1_024;
/// Of the packets so many that were refused: strangers leave room for what is asked about.
pub const CAPTURE_REFUSED_MAX: usize = 1_024;

/// What happened to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// It came from the far end and was taken.
    Taken,
    /// It came and was not.
    Refused(DropReason),
    /// It was sent to the far end.
    Sent,
}

/// A packet that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured<'a> {
    /// On the relay's time line.
    pub at_micros: u64,
    /// By which of the leg's ports.
    pub channel: Channel,
    /// What happened to it.
    pub course: Course,
    /// Where it came from, or went to.
    pub remote: SocketAddr,
    /// The whole of it, plain if it was taken or sent.
    pub bytes: &'a [u8],
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Line {
    at_micros: u64,
    channel: Channel,
    course: Course,
    remote: SocketAddr,
    /// Where its octets end.
    end: usize,
}

/// The packets of one leg.
#[derive(Clone, PartialEq, Eq)]
pub struct Capture {
    lines: Vec<Line>,
    bytes: Vec<u8>,
    refused: usize,
    left_out: u64,
}

impl Capture {
    /// All the room that it will ever have.
    pub fn new() -> Self {
        Self {
            lines: Vec::with_capacity(CAPTURE_PACKETS_MAX),
            bytes: Vec::with_capacity(CAPTURE_BYTES_MAX),
            refused: 0,
            left_out: 0,
        }
    }

    /// Keeps a packet, or counts it where there is no room. True: it is kept.
    pub fn keep(&mut self, packet: Captured<'_>) -> bool {
        let Captured { at_micros, channel, course, remote, bytes } = packet;
        let end = self.bytes.len().saturating_add(bytes.len());
        let is_refused = matches!(course, Course::Refused(_));
        let has_room = self.lines.len() < CAPTURE_PACKETS_MAX
            && end <= CAPTURE_BYTES_MAX
            && !(is_refused && self.refused >= CAPTURE_REFUSED_MAX);
        if !has_room {
            self.left_out = self.left_out.saturating_add(1);
            return false;
        }
        self.refused += usize::from(is_refused);
        self.bytes.extend_from_slice(bytes);
        self.lines.push(Line { at_micros, channel, course, remote, end });
        true
    }

    /// The last one that was kept has not been sent after all.
    pub fn take_back(&mut self) {
        self.lines.pop();
        self.bytes.truncate(self.lines.last().map_or(0, |line| line.end));
    }

    /// In the order in which they came and went.
    pub fn packets(&self) -> impl Iterator<Item = Captured<'_>> {
        let starts = std::iter::once(0).chain(self.lines.iter().map(|line| line.end));
        self.lines.iter().zip(starts).filter_map(|(line, start)| {
            let Line { at_micros, channel, course, remote, end } = *line;
            let bytes = self.bytes.get(start..end)?;
            Some(Captured { at_micros, channel, course, remote, bytes })
        })
    }

    /// Packets for which there was no room.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

impl Default for Capture {
    fn default() -> Self {
        Self::new()
    }
}

/// What was said is nobody's business who reads a log.
impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capture({} packets, {} left out)", self.lines.len(), self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(course: Course, bytes: &[u8]) -> Captured<'_> {
        let remote = ([192, 0, 2, 7], 4_000).into();
        Captured { at_micros: 7, channel: Channel::Rtp, course, remote, bytes }
    }

    #[test]
    fn packets_are_kept_in_order_and_as_they_were() {
        let mut capture = Capture::new();
        let kept =
            [packet(Course::Taken, b"one"), packet(Course::Sent, b""), packet(Course::Taken, b"three")];
        assert!(kept.iter().all(|packet| capture.keep(*packet)));
        assert!(capture.keep(packet(Course::Sent, b"not after all")));
        capture.take_back();
        assert_eq!(capture.packets().collect::<Vec<_>>(), kept);
        assert_eq!(format!("{capture:?}"), "Capture(3 packets, 0 left out)");
    }

    #[test]
    fn room_is_bounded_and_strangers_leave_some() {
        let mut capture = Capture::new();
        let room = (capture.lines.capacity(), capture.bytes.capacity());
        for _ in 0..CAPTURE_PACKETS_MAX {
            capture.keep(packet(Course::Refused(DropReason::Foreign), b"x"));
        }
        assert_eq!((capture.packets().count(), capture.left_out()), (CAPTURE_REFUSED_MAX, 7_168));
        for _ in 0..CAPTURE_PACKETS_MAX {
            capture.keep(packet(Course::Sent, &[0; 172]));
        }
        assert_eq!(capture.packets().count(), CAPTURE_PACKETS_MAX);
        let mut large = Capture::new();
        for _ in 0..2_000 {
            large.keep(packet(Course::Taken, &[0; 2_000]));
        }
        assert_eq!(large.packets().count(), CAPTURE_BYTES_MAX / 2_000);
        assert_eq!((capture.lines.capacity(), capture.bytes.capacity()), room, "nothing is allocated later");
    }
}
