//! Writes a compound packet of ours: a report, who says it, and goodbye if this is the last one (RFC 3550 §6.1, §6.4 to
//! §6.6).
//!
//! Into room that the caller has, so that nothing is allocated. No feedback and no extended reports.

use super::{BYE, RECEIVER_REPORT, Report, SENDER_REPORT};

const SOURCE_DESCRIPTION: u8 = 202;
/// SDES item CNAME.
const CNAME: u8 = 1;
/// Octets of the longest CNAME written.
const CNAME_BYTES_MAX: usize = 32;
/// Room for the longest of them: SR with a block, SDES, BYE, without SRTCP's overhead.
pub const COMPOUND_BYTES_MAX: usize = 28 + 24 + 8 + CNAME_BYTES_MAX + 4 + 8;

/// What the reporter has sent (§6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Wall clock of this report, as NTP writes it.
    pub ntp: u64,
    /// The same instant on the stream's RTP time line.
    pub timestamp: u32,
    /// Packets so far (modulo 2^32).
    pub packets: u32,
    /// Octets of their payloads (modulo 2^32).
    pub octets: u32,
}

/// A packet to be written.
#[derive(Clone, Copy, Debug)]
pub struct Compound<'a> {
    /// SSRC of the reporter.
    pub reporter: u32,
    /// What it has sent; without it the report is a receiver's.
    pub sent: Option<Sent>,
    /// How it receives the far end's stream, if it does.
    pub received: Option<Report>,
    /// Its name (RFC 7022), at most 32 octets of it.
    pub cname: &'a [u8],
    /// It says goodbye.
    pub leaves: bool,
}

impl Compound<'_> {
    /// Writes it to the beginning of `room`: its length, or `None` when it does not fit.
    pub fn write(&self, room: &mut [u8]) -> Option<usize> {
        let mut pen = Pen { room, at: 0 };
        let blocks = u8::from(self.received.is_some());
        let block_words = u16::from(blocks) * 6;
        match self.sent {
            Some(sent) => {
                pen.head(blocks, SENDER_REPORT, 6 + block_words)?;
                pen.word(self.reporter)?;
                pen.bytes(&sent.ntp.to_be_bytes())?;
                pen.word(sent.timestamp)?;
                pen.word(sent.packets)?;
                pen.word(sent.octets)?;
            }
            None => {
                pen.head(blocks, RECEIVER_REPORT, 1 + block_words)?;
                pen.word(self.reporter)?;
            }
        }
        if let Some(block) = &self.received {
            pen.block(block)?;
        }
        self.describe(&mut pen)?;
        if self.leaves {
            pen.head(1, BYE, 1)?;
            pen.word(self.reporter)?;
        }
        Some(pen.at)
    }

    /// §6.5: one chunk of one item, ended by one to four zeros.
    fn describe(&self, pen: &mut Pen<'_>) -> Option<()> {
        let name = self.cname.get(..self.cname.len().min(CNAME_BYTES_MAX))?;
        let len = u8::try_from(name.len()).ok()?;
        let zeros = 4 - (2 + name.len()) % 4;
        let words = (4 + 2 + name.len() + zeros) / 4;
        pen.head(1, SOURCE_DESCRIPTION, u16::try_from(words).ok()?)?;
        pen.word(self.reporter)?;
        pen.bytes(&[CNAME, len])?;
        pen.bytes(name)?;
        pen.bytes([0; 4].get(..zeros)?)
    }
}

struct Pen<'a> {
    room: &'a mut [u8],
    at: usize,
}

impl Pen<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.at.checked_add(bytes.len())?;
        self.room.get_mut(self.at..end)?.copy_from_slice(bytes);
        self.at = end;
        Some(())
    }

    fn word(&mut self, word: u32) -> Option<()> {
        self.bytes(&word.to_be_bytes())
    }

    /// `words` follow this one.
    fn head(&mut self, count: u8, kind: u8, words: u16) -> Option<()> {
        let [high, low] = words.to_be_bytes();
        self.bytes(&[0x80 | count, kind, high, low])
    }

    fn block(&mut self, block: &Report) -> Option<()> {
        self.word(block.ssrc)?;
        self.word(u32::from(block.fraction_lost) << 24 | (block.cumulative_lost & 0x00ff_ffff))?;
        self.word(block.highest)?;
        self.word(block.jitter)?;
        self.word(block.last_sender_report)?;
        self.word(block.delay_since)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rtcp_types::{Packet, Sdes, SenderReport};

    use super::*;
    use crate::rtcp;

    const BLOCK: Report = Report {
        ssrc: 0x2222_0001,
        fraction_lost: 64,
        cumulative_lost: 7,
        highest: 0x0001_0203,
        jitter: 40,
        last_sender_report: 0x0001_8000,
        delay_since: 0x0000_4000,
    };

    fn whole() -> Compound<'static> {
        let sent = Sent { ntp: 0xaaaa_1234_5678_bbbb, timestamp: 160, packets: 50, octets: 8_000 };
        Compound {
            reporter: 0x1111_0001,
            sent: Some(sent),
            received: Some(BLOCK),
            cname: b"abcde",
            leaves: true,
        }
    }

    fn written(compound: &Compound<'_>) -> Vec<u8> {
        let mut room = [0xee; COMPOUND_BYTES_MAX];
        let len = compound.write(&mut room).unwrap();
        room[..len].to_vec()
    }

    /// Typed from the figures of RFC 3550 §6.4.1, §6.5 and §6.6.
    #[test]
    fn a_sender_report_to_the_octet() {
        #[rustfmt::skip]
        let expected = [
            0x81, 200, 0, 12,  0x11, 0x11, 0, 1,  0xaa, 0xaa, 0x12, 0x34,  0x56, 0x78, 0xbb, 0xbb,
            0, 0, 0, 160,  0, 0, 0, 50,  0, 0, 0x1f, 0x40,
            0x22, 0x22, 0, 1,  64, 0, 0, 7,  0, 1, 2, 3,  0, 0, 0, 40,  0, 1, 0x80, 0,  0, 0, 0x40, 0,
            0x81, 202, 0, 3,  0x11, 0x11, 0, 1,  1, 5, b'a', b'b', b'c', b'd', b'e', 0,
            0x81, 203, 0, 1,  0x11, 0x11, 0, 1,
        ];
        assert_eq!(written(&whole()), expected);
    }

    #[test]
    fn a_receiver_report_to_the_octet() {
        let compound = Compound { sent: None, received: None, cname: b"ab", leaves: false, ..whole() };
        #[rustfmt::skip]
        let expected = [
            0x80, 201, 0, 1,  0x11, 0x11, 0, 1,
            0x81, 202, 0, 3,  0x11, 0x11, 0, 1,  1, 2, b'a', b'b', 0, 0, 0, 0,
        ];
        assert_eq!(written(&compound), expected, "at least one zero ends the items");
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let len = written(&whole()).len();
        for room in 0..len {
            assert_eq!(whole().write(&mut vec![0; room]), None, "{room} bytes");
        }
        assert_eq!(whole().write(&mut vec![0; len]), Some(len));
    }

    proptest! {
        /// Two readers, ours and an independent one, find what was written.
        #[test]
        fn reads_back(reporter: u32, other: u32, fraction: u8, lost in 0..1_u32 << 24, jitter: u32, ntp: u64,
                      name in proptest::collection::vec(b'a'..=b'z', 1..40), is_sender: bool, leaves: bool) {
            let sent = Sent { ntp, timestamp: jitter, packets: other, octets: reporter };
            let block = Report { ssrc: other, fraction_lost: fraction, cumulative_lost: lost, jitter, ..BLOCK };
            let compound = Compound {
                reporter,
                sent: is_sender.then_some(sent),
                received: Some(block),
                cname: &name,
                leaves,
            };
            let bytes = written(&compound);
            prop_assert!(bytes.len() <= COMPOUND_BYTES_MAX && bytes.len().is_multiple_of(4));
            let summary = rtcp::read(&bytes).unwrap();
            prop_assert_eq!((summary.sender, summary.leaves, summary.report), (reporter, leaves, Some(block)));
            prop_assert_eq!(summary.sender_report.is_some(), is_sender);
            for packet in rtcp_types::Compound::parse(&bytes).unwrap() {
                match packet.unwrap() {
                    Packet::Sr(report) => check_sender(&report, &sent)?,
                    Packet::Sdes(description) => check_name(&description, reporter, &name)?,
                    Packet::Bye(bye) => prop_assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [reporter]),
                    Packet::Rr(report) => prop_assert_eq!(report.ssrc(), reporter),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
        }
    }

    fn check_sender(report: &SenderReport<'_>, sent: &Sent) -> Result<(), TestCaseError> {
        prop_assert_eq!(report.ntp_timestamp(), sent.ntp);
        prop_assert_eq!((report.packet_count(), report.octet_count()), (sent.packets, sent.octets));
        prop_assert_eq!(report.rtp_timestamp(), sent.timestamp);
        Ok(())
    }

    fn check_name(description: &Sdes<'_>, reporter: u32, name: &[u8]) -> Result<(), TestCaseError> {
        let chunk = description.chunks().next().unwrap();
        prop_assert_eq!(chunk.ssrc(), reporter);
        let item = chunk.items().next().unwrap();
        prop_assert_eq!((item.type_(), item.value()), (CNAME, &name[..name.len().min(CNAME_BYTES_MAX)]));
        Ok(())
    }
}
