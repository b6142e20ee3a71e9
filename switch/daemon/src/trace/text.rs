//! What the messages of a call said, one behind the other. What is older is packed: the messages of a call repeat each other, and
//! most are never looked at, so a packed call takes a quarter of its room and 5 µs of its time (`benches/trace`).
//!
//! It does not know where a message begins; that is the tape's.

/// So much is packed in one go. A larger block packs better, and what has come since the last one waits unpacked.
const BLOCK_BYTES: usize = 8 * 1024;
/// Less is not worth packing when nothing more is expected for a while.
const PACKED_BYTES_MIN: usize = 1_024;
/// The part of what waits by which its room grows.
const GROWTH: usize = 4;

/// Everything that was said.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    blocks: Vec<Block>,
    /// What is not packed yet.
    waiting: Vec<u8>,
    packed_len: usize,
}

/// A part of it.
#[derive(Clone, Debug)]
struct Block {
    packed: Box<[u8]>,
    /// Unpacked.
    len: usize,
}

impl Text {
    /// Bytes, unpacked.
    pub(super) fn len(&self) -> usize {
        self.packed_len + self.waiting.len()
    }

    /// Bytes of memory that it takes besides itself.
    pub(super) fn memory_bytes(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(|block| block.packed.len()).sum();
        blocks + self.blocks.capacity() * size_of::<Block>() + self.waiting.capacity()
    }

    /// Something more was said.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.waiting.len() + bytes.len() > BLOCK_BYTES {
            self.pack();
        }
        if self.waiting.capacity() < self.waiting.len() + bytes.len() {
            // Doubled, half of it would stay empty for as long as the call is remembered.
            self.waiting.reserve_exact(bytes.len() + self.waiting.len() / GROWTH);
        }
        self.waiting.extend_from_slice(bytes);
    }

    /// Nothing more is expected for a while.
    pub(super) fn rest(&mut self) {
        if self.waiting.len() >= PACKED_BYTES_MIN {
            self.pack();
        }
    }

    fn pack(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let packed = lz4_flex::block::compress(&waiting).into_boxed_slice();
        self.packed_len += waiting.len();
        self.blocks.reserve_exact(1);
        self.blocks.push(Block { packed, len: waiting.len() });
    }

    /// All of it, unpacked.
    pub(super) fn unpacked(&self) -> Vec<u8> {
        let mut all = vec![0; self.len()];
        let mut rest = all.as_mut_slice();
        for block in &self.blocks {
            let (here, behind) = rest.split_at_mut(block.len);
            // What was packed here does come out; if it did not, the places of all others would still be right.
            let unpacked = lz4_flex::block::decompress_into(&block.packed, here);
            debug_assert_eq!(unpacked.ok(), Some(block.len));
            rest = behind;
        }
        rest.copy_from_slice(&self.waiting);
        all
    }
}
