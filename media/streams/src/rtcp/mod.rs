//! RTCP compound packets: validity (RFC 3550 A.2), the few figures a relay wants from them (§6.4), and the reports that
//! it writes where nobody else's reach a far end ([`write`]).
//!
//! A BYE is read and relayed, and never ends anything: only signalling ends a call. Extended reports (RFC 3611) pass
//! through unread.

mod write;

pub use write::{COMPOUND_BYTES_MAX, Compound, Sent};

use rtcp_types::{ReceiverReport, ReportBlock, RtcpPacketParser, SenderReport};

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const BYE: u8 = 203;
/// A compound packet of one report of 31 blocks, SDES, BYE and feedback has far fewer parts.
const PARTS_MAX: usize = 32;

/// Not RTCP of version 2 with consistent lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RTCP packet")]
pub struct NotRtcp;

/// What a compound packet says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// SSRC of whoever sent it.
    pub sender: u32,
    /// Middle 32 bits of the NTP time of its sender report; what comes back as [`Report::last_sender_report`].
    pub sender_report: Option<u32>,
    /// It contains a report, with or without blocks: feedback and a goodbye alone are none.
    pub is_report: bool,
    /// Its report about the stream that was asked for, or else its first.
    pub report: Option<Report>,
    /// It contains a BYE.
    pub leaves: bool,
}

/// How the sender of a report receives one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The stream.
    pub ssrc: u32,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Lost since the beginning, as it is written: the 24 bits of a signed number.
    pub cumulative_lost: u32,
    /// Highest sequence number received, with its wraps (modulo 2^32).
    pub highest: u32,
    /// In units of the stream's RTP clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report it got; 0 if none.
    pub last_sender_report: u32,
    /// Time from that sender report to this packet, in 1/65,536 s.
    pub delay_since: u32,
}

/// Checks a whole datagram and reads it. Compound packets begin with a report; a lone feedback or BYE packet
/// (RFC 5506 reduced size) passes too, since phones send them unasked.
pub fn read(packet: &[u8]) -> Result<Summary, NotRtcp> {
    read_about(packet, None)
}

/// As [`read`], for who wants to know how the sender receives the stream `ssrc`.
pub fn read_about(packet: &[u8], ssrc: Option<u32>) -> Result<Summary, NotRtcp> {
    let mut summary = Summary::default();
    let mut rest = packet;
    for part in 0..PARTS_MAX {
        let (one, after) = split(rest, part)?;
        let (header, body) = one.split_first_chunk::<4>().ok_or(NotRtcp)?;
        let [_, kind, _, _] = *header;
        if part == 0 {
            summary.sender = body.first_chunk().map_or(0, |ssrc| u32::from_be_bytes(*ssrc));
        }
        summary.is_report |= matches!(kind, SENDER_REPORT | RECEIVER_REPORT);
        match kind {
            SENDER_REPORT => {
                let part = SenderReport::parse(one).map_err(|_| NotRtcp)?;
                // The middle half is what fits u32 after the mask.
                summary.sender_report = u32::try_from((part.ntp_timestamp() >> 16) & 0xffff_ffff).ok();
                summary.report = chosen(summary.report, part.report_blocks(), ssrc);
            }
            RECEIVER_REPORT => {
                let part = ReceiverReport::parse(one).map_err(|_| NotRtcp)?;
                summary.report = chosen(summary.report, part.report_blocks(), ssrc);
            }
            BYE => summary.leaves = true,
            _ => {}
        }
        if after.is_empty() {
            return Ok(summary);
        }
        rest = after;
    }
    Err(NotRtcp)
}

/// The block about `ssrc`, if it is among them; else the first there was.
fn chosen<'a>(
    earlier: Option<Report>,
    blocks: impl Iterator<Item = ReportBlock<'a>>,
    ssrc: Option<u32>,
) -> Option<Report> {
    blocks.map(|block| report(&block)).fold(earlier, |chosen, block| match chosen {
        Some(chosen) if ssrc != Some(block.ssrc) || ssrc == Some(chosen.ssrc) => Some(chosen),
        _ => Some(block),
    })
}

/// The next part and what follows it. Only the last part may be padded (RFC 3550 §6.4.1).
fn split(rest: &[u8], part: usize) -> Result<(&[u8], &[u8]), NotRtcp> {
    let [flags, kind, high, low] = *rest.first_chunk::<4>().ok_or(NotRtcp)?;
    let known = (192..=223).contains(&kind);
    if flags >> 6 != 2 || !known {
        return Err(NotRtcp);
    }
    let len = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
    let (one, after) = rest.split_at_checked(len).ok_or(NotRtcp)?;
    if part == 0 && len < 8 {
        return Err(NotRtcp);
    }
    if flags & 0x20 != 0 {
        let padding = usize::from(*one.last().ok_or(NotRtcp)?);
        if !after.is_empty() || padding == 0 || padding > len - 4 {
            return Err(NotRtcp);
        }
    }
    Ok((one, after))
}

fn report(block: &ReportBlock<'_>) -> Report {
    Report {
        ssrc: block.ssrc(),
        fraction_lost: block.fraction_lost(),
        cumulative_lost: block.cumulative_lost(),
        highest: block.extended_sequence_number(),
        jitter: block.interarrival_jitter(),
        last_sender_report: block.last_sender_report_timestamp(),
        delay_since: block.delay_since_last_sender_report_timestamp(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtcp_types::{Bye, Compound, RtcpPacketWriterExt, Sdes, SdesChunk, SdesItem};

    fn compound() -> Vec<u8> {
        let block = ReportBlock::builder(0x2222)
            .fraction_lost(64)
            .cumulative_lost(7)
            .interarrival_jitter(40)
            .last_sender_report_timestamp(0x0001_8000)
            .delay_since_last_sender_report_timestamp(0x0000_4000);
        let report = SenderReport::builder(0x1111)
            .ntp_timestamp(0xaaaa_1234_5678_bbbb)
            .packet_count(50)
            .add_report_block(block);
        let chunk = SdesChunk::builder(0x1111).add_item(SdesItem::builder(1, "a@b"));
        let mut bytes = vec![0; 512];
        let compound = Compound::builder()
            .add_packet(report)
            .add_packet(Sdes::builder().add_chunk(chunk))
            .add_packet(Bye::builder().add_source(0x1111));
        let len = compound.write_into(&mut bytes).unwrap();
        bytes.truncate(len);
        bytes
    }

    #[test]
    fn reads_sender_report_block_and_bye() {
        let summary = read(&compound()).unwrap();
        assert_eq!(summary.sender, 0x1111);
        assert_eq!(summary.sender_report, Some(0x1234_5678));
        assert!(summary.leaves && summary.is_report);
        let block = summary.report.unwrap();
        assert_eq!((block.ssrc, block.fraction_lost, block.cumulative_lost), (0x2222, 64, 7));
    }

    #[test]
    fn refuses_every_truncation() {
        let whole = compound();
        // A cut at the end of a part leaves a shorter compound packet, which is one.
        let ends: Vec<usize> = {
            let mut at = 0;
            let mut ends = Vec::new();
            while at < whole.len() {
                at += (usize::from(u16::from_be_bytes([whole[at + 2], whole[at + 3]])) + 1) * 4;
                ends.push(at);
            }
            ends
        };
        assert_eq!(ends.len(), 3);
        for len in 0..=whole.len() {
            assert_eq!(read(&whole[..len]).is_ok(), ends.contains(&len), "{len} bytes");
        }
    }

    #[test]
    fn refuses_what_is_not_rtcp() {
        for (name, bytes) in [
            ("version 1", vec![0x40, 201, 0, 1, 0, 0, 0, 1]),
            ("RTP payload type", vec![0x80, 0, 0, 1, 0, 0, 0, 1]),
            ("padding before the end", [vec![0xa0, 201, 0, 1, 0, 0, 0, 4], vec![0x80, 203, 0, 0]].concat()),
            ("padding of nothing", vec![0xa0, 201, 0, 1, 0, 0, 0, 0]),
            ("report that states more blocks than it has", vec![0x82, 201, 0, 1, 0, 0, 0, 1]),
            ("lone empty header", vec![0x80, 203, 0, 0]),
        ] {
            assert_eq!(read(&bytes), Err(NotRtcp), "{name}");
        }
        let many = [0x81, 203, 0, 1, 0, 0, 0, 1].repeat(PARTS_MAX + 1);
        assert_eq!(read(&many), Err(NotRtcp), "more parts than the limit");
        assert!(read(&many[8..]).is_ok());
    }
}
