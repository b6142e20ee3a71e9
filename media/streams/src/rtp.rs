//! The RTP header, read by offsets in place (RFC 3550 §5.1). No copy, no allocation; the payload is never looked at.
//!
//! A packet passes only if every length that its header states fits into it (A.1 "header validity checks"): a
//! receiver behind us must not meet a header that we would not have accepted.

use std::ops::Range;

/// The fixed fields that a relay decides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// First packet of a talkspurt or last of a frame, by profile.
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// Wraps at 65,536.
    pub sequence: u16,
    /// In units of the payload type's clock.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
}

/// Not an RTP packet of version 2 with consistent lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RTP packet")]
pub struct NotRtp;

impl Header {
    /// Reads and checks the header of a whole datagram.
    pub fn read(packet: &[u8]) -> Result<Self, NotRtp> {
        let (header, payload) = Self::read_sealed(packet)?;
        let is_padded = packet.first().is_some_and(|flags| flags & 0x20 != 0);
        if is_padded {
            let body = packet.get(payload..).ok_or(NotRtp)?;
            let padding = usize::from(*body.last().ok_or(NotRtp)?);
            if padding == 0 || padding > body.len() {
                return Err(NotRtp);
            }
        }
        Ok(header)
    }

    /// As [`Self::read`], and says where the payload lies, without padding.
    pub fn locate(packet: &[u8]) -> Result<(Self, Range<usize>), NotRtp> {
        let header = Self::read(packet)?;
        let (_, begin) = Self::read_sealed(packet)?;
        let is_padded = packet.first().is_some_and(|flags| flags & 0x20 != 0);
        let padding = packet.last().filter(|_| is_padded).map_or(0, |last| usize::from(*last));
        Ok((header, begin..packet.len().saturating_sub(padding).max(begin)))
    }

    /// Reads the header of an SRTP packet, whose padding is encrypted, and says where the payload begins.
    pub(crate) fn read_sealed(packet: &[u8]) -> Result<(Self, usize), NotRtp> {
        let (fixed, rest) = packet.split_first_chunk::<12>().ok_or(NotRtp)?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        if flags >> 6 != 2 {
            return Err(NotRtp);
        }
        let contributors = usize::from(flags & 0x0f) * 4;
        let mut body = rest.get(contributors..).ok_or(NotRtp)?;
        if flags & 0x10 != 0 {
            let (extension, after) = body.split_first_chunk::<4>().ok_or(NotRtp)?;
            let [_, _, high, low] = *extension;
            body = after.get(usize::from(u16::from_be_bytes([high, low])) * 4..).ok_or(NotRtp)?;
        }
        let header = Self {
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        };
        Ok((header, packet.len() - body.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_rs::{RtpPacketBuilder, RtpReader};

    fn plain() -> Vec<u8> {
        RtpPacketBuilder::new()
            .payload_type(8)
            .marked(true)
            .sequence(65_535.into())
            .timestamp(160)
            .ssrc(0xdead_beef)
            .payload(&[0xd5; 160])
            .build()
            .unwrap()
    }

    #[test]
    fn reads_what_an_independent_builder_wrote() {
        let header = Header::read(&plain()).unwrap();
        let expected =
            Header { marker: true, payload_type: 8, sequence: 65_535, timestamp: 160, ssrc: 0xdead_beef };
        assert_eq!(header, expected);
    }

    #[test]
    fn the_payload_lies_between_extension_and_padding() {
        let mut packet = plain();
        assert_eq!(Header::locate(&packet).unwrap().1, 12..172);
        packet[0] |= 0x20 | 0x10 | 0x02;
        packet[171] = 5;
        packet[20 + 2..20 + 4].copy_from_slice(&[0, 3]);
        assert_eq!(Header::locate(&packet).unwrap().1, 12 + 8 + 4 + 12..167);
        packet[171] = 136;
        assert_eq!(Header::locate(&packet).unwrap().1, 36..36, "nothing but padding");
    }

    #[test]
    fn refuses_every_truncation_of_a_header() {
        let mut packet = plain();
        packet[0] |= 0x10 | 0x02; // extension and two contributors: 12 + 8 + 4 + 4 × length
        packet[20 + 2] = 0;
        packet[20 + 3] = 3;
        let needed = 12 + 8 + 4 + 12;
        for len in 0..needed {
            assert_eq!(Header::read(&packet[..len]), Err(NotRtp), "{len} bytes");
        }
        assert!(Header::read(&packet[..needed]).is_ok());
    }

    #[test]
    fn refuses_padding_that_is_zero_or_longer_than_the_payload() {
        let mut packet = plain();
        packet[0] |= 0x20;
        let last = packet.len() - 1;
        for (padding, good) in [(0, false), (1, true), (160, true), (161, false), (255, false)] {
            packet[last] = padding;
            assert_eq!(Header::read(&packet).is_ok(), good, "padding {padding}");
        }
    }

    /// A second reader agrees on 200,000 mutations (a linear congruential generator makes them repeatable).
    #[test]
    fn agrees_with_rtp_rs_on_mutated_packets() {
        let mut state = 1_u64;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let original = plain();
        let (mut good, mut bad) = (0, 0);
        for _ in 0..200_000 {
            let mut packet = original[..random(40)].to_vec();
            for _ in 0..random(4) {
                if !packet.is_empty() {
                    let at = random(packet.len());
                    packet[at] = random(256) as u8;
                }
            }
            match (Header::read(&packet), RtpReader::new(&packet)) {
                (Ok(ours), Ok(theirs)) => {
                    good += 1;
                    assert_eq!(ours.ssrc, theirs.ssrc());
                    assert_eq!(ours.sequence, u16::from(theirs.sequence_number()));
                    assert_eq!(ours.timestamp, theirs.timestamp());
                    assert_eq!((ours.payload_type, ours.marker), (theirs.payload_type(), theirs.mark()));
                }
                (Err(NotRtp), Err(_)) => bad += 1,
                (ours, _) => panic!("readers differ: ours {ours:?} for {packet:02x?}"),
            }
        }
        assert!(good > 10_000 && bad > 10_000, "both verdicts are exercised: {good} good, {bad} bad");
    }
}
