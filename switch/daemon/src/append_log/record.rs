//! How one record lies in a segment: `length u32 LE · crc32 u32 LE over length and payload · payload`.
//!
//! A length of zero is the preallocated rest of a segment. Anything else that does not check out is a torn or
//! damaged record; what it is depends on where it stands, so the caller judges.

/// Bytes in front of every payload.
pub const HEADER_BYTES: usize = 8;
/// The largest payload. The list of open calls at the head of a journal segment is by far the largest record.
pub const PAYLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Appends the record of `payload` to `out`. The caller keeps to [`PAYLOAD_BYTES_MAX`].
pub fn encode(payload: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&checksum(length, payload).to_le_bytes());
    out.extend_from_slice(payload);
}

/// What stands at the beginning of `bytes`.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A sound record and how many bytes it takes, header included.
    Record {
        /// What was appended.
        payload: &'a [u8],
        /// Bytes of the whole record.
        bytes: usize,
    },
    /// No record has been written here.
    Blank,
    /// More bytes are needed to tell: at least this many in all.
    Incomplete(usize),
    /// Not a sound record.
    Damaged,
}

/// Reads the record at the beginning of `bytes`.
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Decoded::Incomplete(HEADER_BYTES);
    };
    let Some((crc, rest)) = rest.split_first_chunk::<4>() else { return Decoded::Incomplete(HEADER_BYTES) };
    let payload_bytes = u32::from_le_bytes(*length) as usize;
    if payload_bytes == 0 {
        return if u32::from_le_bytes(*crc) == 0 { Decoded::Blank } else { Decoded::Damaged };
    }
    if payload_bytes > PAYLOAD_BYTES_MAX {
        return Decoded::Damaged;
    }
    let Some(payload) = rest.get(..payload_bytes) else {
        return Decoded::Incomplete(HEADER_BYTES + payload_bytes);
    };
    if checksum(*length, payload) != u32::from_le_bytes(*crc) {
        return Decoded::Damaged;
    }
    Decoded::Record { payload, bytes: HEADER_BYTES + payload_bytes }
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_every_flipped_bit_is_noticed() {
        let mut bytes = Vec::new();
        encode(b"created", &mut bytes);
        assert_eq!(decode(&bytes), Decoded::Record { payload: b"created", bytes: bytes.len() });
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(!matches!(decode(&changed), Decoded::Record { .. }), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn every_prefix_of_a_record_is_incomplete_and_zeros_are_blank() {
        let mut bytes = Vec::new();
        encode(b"ended", &mut bytes);
        for length in 0..bytes.len() {
            assert!(matches!(decode(&bytes[..length]), Decoded::Incomplete(needed) if needed > length));
        }
        assert_eq!(decode(&[0; 64]), Decoded::Blank);
    }
}
