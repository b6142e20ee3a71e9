//! What a recorder is given.

use rtrb::Consumer;
use streams::tap::{HEAD_BYTES, Heard};

/// The next packet in the ring, if there is one.
pub fn next(ring: &mut Consumer<u8>) -> Option<(Heard, Vec<u8>)> {
    let mut head = [0; HEAD_BYTES];
    ring.pop_entire_slice(&mut head).ok()?;
    let heard = Heard::read(&head);
    let mut packet = vec![0; usize::from(heard.length)];
    ring.pop_entire_slice(&mut packet).unwrap();
    Some((heard, packet))
}
