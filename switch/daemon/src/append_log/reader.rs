//! Reads records back, from a position up to what the writing end has confirmed.
//!
//! A record that is not sound ends its segment: in the last one it is the tail that a crash tore, in an earlier
//! one it is where a failed write had left off (or a damaged disk), and reading goes on with the next segment.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::{MAGIC, Position, path_of, record, record::Decoded, segments};

/// How much is read from a file at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// Some records in a row.
#[derive(Debug, Default)]
pub struct Batch {
    /// Their payloads.
    pub records: Vec<Vec<u8>>,
    /// Where a record was found unsound, if one was.
    pub damaged: Option<Position>,
}

/// The reading end. There can be several; none disturbs the writing end.
pub struct Reader {
    folder: PathBuf,
    position: Position,
    open: Option<(u64, File)>,
}

impl Reader {
    /// Reads from `position` on. The default position stands before the oldest record.
    pub fn new(folder: &Path, position: Position) -> Self {
        Self { folder: folder.to_path_buf(), position, open: None }
    }

    /// Behind the last record that was read.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Goes back, to read once more what could not be handed on.
    pub fn rewind(&mut self, position: Position) {
        self.position = position;
    }

    /// Up to `records_max` records (from one chunk of a file, so possibly fewer) before `end`. Empty means that
    /// nothing is left before `end`.
    pub fn read(&mut self, end: Position, records_max: usize) -> io::Result<Batch> {
        let mut batch = Batch::default();
        while self.position < end {
            let Some(from) = self.enter_segment(end)? else { break };
            self.read_chunk(from, end, records_max, &mut batch)?;
            let segment_is_over = batch.records.is_empty();
            if !segment_is_over || self.position.segment >= end.segment {
                break;
            }
            self.position = Position::start_of(self.position.segment + 1);
        }
        Ok(batch)
    }

    /// Opens the segment of the current position, or the next one that exists. `None` when there is none up to `end`.
    fn enter_segment(&mut self, end: Position) -> io::Result<Option<u64>> {
        if self.open.as_ref().is_some_and(|(number, _)| *number == self.position.segment) {
            return Ok(Some(self.position.offset));
        }
        let next = segments(&self.folder)?.into_iter().find(|number| *number >= self.position.segment);
        let Some(number) = next.filter(|number| *number <= end.segment) else { return Ok(None) };
        let start = Position::start_of(number);
        self.position = self.position.max(start);
        let file = File::open(path_of(&self.folder, number))?;
        let mut header = [0; 8];
        let sound = file.read_exact_at(&mut header, 0).is_ok() && header == *MAGIC;
        self.open = Some((number, file));
        // A segment without its header was being made when the machine stopped: nothing is in it.
        Ok(Some(if sound { self.position.offset } else { u64::MAX }))
    }

    fn read_chunk(
        &mut self,
        from: u64,
        end: Position,
        records_max: usize,
        batch: &mut Batch,
    ) -> io::Result<()> {
        let Some((number, file)) = self.open.as_ref().filter(|_| from != u64::MAX) else { return Ok(()) };
        let end_offset = if *number == end.segment { end.offset } else { u64::MAX };
        let mut wanted = CHUNK_BYTES;
        let mut chunk = vec![0; wanted];
        let mut filled = read_up_to(file, &mut chunk, from)?;
        let (mut at, mut offset) = (0, from);
        while offset < end_offset && batch.records.len() < records_max {
            match record::decode(chunk.get(at..filled).unwrap_or_default()) {
                Decoded::Record { payload, bytes } => {
                    batch.records.push(payload.to_vec());
                    at += bytes;
                    offset += bytes as u64;
                }
                Decoded::Blank => break,
                Decoded::Incomplete(_) if !batch.records.is_empty() => break,
                Decoded::Incomplete(needed) if filled == wanted && needed > wanted => {
                    wanted = needed;
                    chunk.resize(wanted, 0);
                    filled = read_up_to(file, &mut chunk, from)?;
                }
                Decoded::Incomplete(_) if filled == 0 => break,
                Decoded::Incomplete(_) | Decoded::Damaged => {
                    batch.damaged = Some(Position { segment: *number, offset });
                    break;
                }
            }
        }
        self.position.offset = offset;
        Ok(())
    }
}

fn read_up_to(file: &File, chunk: &mut [u8], from: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = chunk.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, from + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
