//! Which facts of a former life's tail the log lacks. The tail forgets a fact some time after the log has it, so most of
//! them stand there already; written again they would be told twice to readers of the event stream.

use std::{collections::BTreeMap, io, path::Path};

use contract::journal::Entry;

use super::Record;
use crate::append_log::{self, Position, Reader};

/// The tail is that of one life, whose facts begin with a segment of its own, and reaches back less than a megabyte
/// (`survival::tail`), unless the disk was stuck, and then the log lacks it.
const SEGMENTS: usize = 2;
/// Records read at a time.
const BATCH_RECORDS_MAX: usize = 1_024;

/// Those of `tail` that are not among the latest records in `folder`, in their order.
pub(super) fn missing(folder: &Path, tail: &[Entry]) -> io::Result<Vec<Entry>> {
    // A fact is written the same way every time, so its bytes are compared and nothing is parsed.
    let mut wanted = BTreeMap::new();
    for (at, entry) in tail.iter().enumerate() {
        wanted.entry(serde_json::to_vec(&Record::Entry(entry.clone()))?).or_insert(at);
    }
    let segments = append_log::segments(folder)?;
    let first = segments.len().saturating_sub(SEGMENTS);
    let Some(first) = segments.get(first).filter(|_| !wanted.is_empty()) else { return Ok(tail.to_vec()) };
    let mut reader = Reader::new(folder, Position::start_of(*first));
    let end = Position { segment: u64::MAX, offset: u64::MAX };
    loop {
        let batch = reader.read(end, BATCH_RECORDS_MAX)?;
        if batch.records.is_empty() || wanted.is_empty() {
            break;
        }
        for payload in &batch.records {
            wanted.remove(payload);
        }
    }
    let mut places: Vec<usize> = wanted.into_values().collect();
    places.sort_unstable();
    Ok(places.into_iter().filter_map(|at| tail.get(at).cloned()).collect())
}
