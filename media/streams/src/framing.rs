//! Datagrams on a connection, each behind its length (RFC 4571 §2): how ICE over TCP carries checks, handshakes and media alike
//! (RFC 6544 §3).
//!
//! Here is what comes, piece by piece, until it is whole. What is in a frame, and whether its author may say it, is for whoever
//! takes it; nothing here knows a socket.

/// Longest frame that is taken: as a datagram that is carried.
pub const FRAME_BYTES_MAX: usize = 2_048;
/// Bytes of a length.
const HEAD_BYTES: usize = 2;
/// One frame of the longest that has not come whole, and as much behind it: all that is kept of a connection.
const ROOM_BYTES: usize = 2 * (HEAD_BYTES + FRAME_BYTES_MAX);

/// What stands before a datagram; `None`: it is too long for any frame.
pub fn head(bytes: usize) -> Option<[u8; HEAD_BYTES]> {
    u16::try_from(bytes).ok().map(u16::to_be_bytes)
}

/// The far end says that a frame is longer than [`FRAME_BYTES_MAX`]. What follows cannot be told apart any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes, at most {FRAME_BYTES_MAX} are taken")]
pub struct TooLong(pub usize);

/// What has come on one connection and has not been taken yet.
#[derive(Debug)]
pub struct Frames {
    bytes: Box<[u8; ROOM_BYTES]>,
    from: usize,
    to: usize,
}

impl Default for Frames {
    fn default() -> Self {
        Self { bytes: Box::new([0; ROOM_BYTES]), from: 0, to: 0 }
    }
}

impl Frames {
    /// Where more may be written. It is never empty once everything whole has been taken.
    pub fn room(&mut self) -> &mut [u8] {
        self.bytes.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        self.bytes.get_mut(self.to..).unwrap_or_default()
    }

    /// So much has been written to the beginning of [`Frames::room`].
    pub fn came(&mut self, bytes: usize) {
        self.to = self.to.saturating_add(bytes).min(ROOM_BYTES);
    }

    /// The next datagram that has come whole.
    pub fn take(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let waiting = self.bytes.get(self.from..self.to).unwrap_or_default();
        let Some((head, behind)) = waiting.split_first_chunk() else { return Ok(None) };
        let bytes = usize::from(u16::from_be_bytes(*head));
        if bytes > FRAME_BYTES_MAX {
            return Err(TooLong(bytes));
        }
        let frame = behind.get(..bytes);
        if frame.is_some() {
            self.from += HEAD_BYTES + bytes;
        }
        Ok(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(datagrams: &[Vec<u8>]) -> Vec<u8> {
        datagrams.iter().flat_map(|one| [&head(one.len()).unwrap(), one.as_slice()].concat()).collect()
    }

    /// What comes of a stream that arrives in pieces of this size.
    fn read(stream: &[u8], piece: usize) -> Result<Vec<Vec<u8>>, TooLong> {
        let (mut frames, mut found, mut left) = (Frames::default(), Vec::new(), stream);
        while !left.is_empty() {
            let room = frames.room();
            assert!(!room.is_empty());
            let taken = piece.min(room.len()).min(left.len());
            room[..taken].copy_from_slice(&left[..taken]);
            frames.came(taken);
            left = &left[taken..];
            while let Some(frame) = frames.take()? {
                found.push(frame.to_vec());
            }
        }
        Ok(found)
    }

    #[test]
    fn rfc_4571_2_datagrams_come_out_as_they_went_in_however_the_stream_is_cut() {
        let datagrams: Vec<Vec<u8>> = [1, 172, 0, FRAME_BYTES_MAX, 2, FRAME_BYTES_MAX, FRAME_BYTES_MAX, 40]
            .into_iter()
            .zip(1..)
            .map(|(len, fill)| vec![fill; len])
            .collect();
        let stream = framed(&datagrams);
        for piece in [1, 2, 3, 100, 1_460, FRAME_BYTES_MAX, stream.len()] {
            assert_eq!(read(&stream, piece).unwrap(), datagrams, "in pieces of {piece}");
        }
        assert_eq!(
            read(&stream[..stream.len() - 1], 7).unwrap(),
            datagrams[..7],
            "the last one is not whole"
        );
    }

    #[test]
    fn a_frame_that_would_be_too_long_is_refused_by_its_length_alone() {
        let mut stream = framed(&[vec![9; 20]]);
        stream.extend(head(FRAME_BYTES_MAX + 1).unwrap());
        assert_eq!(read(&stream[..22], 1).unwrap().len(), 1);
        assert_eq!(read(&stream, 1), Err(TooLong(FRAME_BYTES_MAX + 1)));
        assert_eq!(
            read(b"GET / HTTP/1.1\r\n\r\n", 100),
            Err(TooLong(0x4745)),
            "as of who means somebody else"
        );
        assert_eq!(head(1 << 16), None);
    }
}
