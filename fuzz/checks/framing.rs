//! What must hold for any bytes on a connection that carries datagrams in frames (RFC 4571 §2).

use streams::framing::{FRAME_BYTES_MAX, Frames, TooLong, head};

/// However a stream is cut, the same datagrams come out of it up to the same place; framed again they are what came in, and no more
/// than a frame waits behind them. The first byte says how the stream is cut.
pub fn framing(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let whole = read(stream, stream.len());
    assert_eq!(read(stream, usize::from(*cut) + 1), whole);
    let (datagrams, end) = whole;
    let again: Vec<u8> = datagrams
        .iter()
        .flat_map(|one| [&head(one.len()).unwrap_or_default(), one.as_slice()].concat())
        .collect();
    let left = stream.strip_prefix(again.as_slice()).expect("what came in");
    match (end, left.split_first_chunk()) {
        (Some(TooLong(said)), len) => {
            assert!(said > FRAME_BYTES_MAX);
            assert_eq!(len.map(|(len, _)| usize::from(u16::from_be_bytes(*len))), Some(said));
        }
        (None, Some((len, behind))) => {
            assert!(behind.len() < usize::from(u16::from_be_bytes(*len)), "it was whole");
        }
        (None, None) => {}
    }
}

/// What comes whole of a stream in pieces of this size, and what ends it before its end.
fn read(mut stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, Option<TooLong>) {
    let (mut frames, mut datagrams) = (Frames::default(), Vec::new());
    while !stream.is_empty() {
        let room = frames.room();
        let (now, later) = stream.split_at(piece.min(room.len()).min(stream.len()));
        assert!(!now.is_empty(), "there is always room");
        room[..now.len()].copy_from_slice(now);
        frames.came(now.len());
        stream = later;
        loop {
            match frames.take() {
                Ok(Some(datagram)) => datagrams.push(datagram.to_vec()),
                Ok(None) => break,
                Err(end) => return (datagrams, Some(end)),
            }
        }
    }
    (datagrams, None)
}
