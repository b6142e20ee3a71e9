//! What a datagram on a media port is, by its first byte (RFC 7983 §7) and, within RTP, its second (RFC 5761 §4).

/// The protocols that share media ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// STUN (RFC 8489): first byte 0 to 3.
    Stun,
    /// ZRTP (RFC 6189): 16 to 19.
    Zrtp,
    /// DTLS (RFC 9147): 20 to 63.
    Dtls,
    /// TURN channel data (RFC 8656): 64 to 79.
    TurnChannel,
    /// RTP (RFC 3550): 128 to 191.
    Rtp,
    /// RTCP: as RTP, with a packet type of 192 to 223 in the second byte.
    Rtcp,
    /// Nothing that belongs here, or empty.
    Unknown,
}

/// Looks at two bytes at most.
pub fn classify(datagram: &[u8]) -> Class {
    match datagram {
        [0..=3, ..] => Class::Stun,
        [16..=19, ..] => Class::Zrtp,
        [20..=63, ..] => Class::Dtls,
        [64..=79, ..] => Class::TurnChannel,
        [128..=191, 192..=223, ..] => Class::Rtcp,
        [128..=191, ..] => Class::Rtp,
        _ => Class::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_byte_has_the_class_of_rfc_7983() {
        for first in 0..=255_u8 {
            let expected = match first {
                0..=3 => Class::Stun,
                16..=19 => Class::Zrtp,
                20..=63 => Class::Dtls,
                64..=79 => Class::TurnChannel,
                128..=191 => Class::Rtp,
                _ => Class::Unknown,
            };
            assert_eq!(classify(&[first, 0]), expected, "first byte {first}");
        }
        assert_eq!(classify(&[]), Class::Unknown);
    }

    #[test]
    fn payload_types_64_to_95_with_marker_are_rtcp() {
        for second in 0..=255_u8 {
            let expected = if (192..=223).contains(&second) { Class::Rtcp } else { Class::Rtp };
            assert_eq!(classify(&[0x80, second]), expected, "second byte {second}");
        }
        assert_eq!(classify(&[0x80]), Class::Rtp, "one byte alone is for the RTP reader to refuse");
    }
}
