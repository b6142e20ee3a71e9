//! Stories of a log that is torn, damaged, rotated and refused by the disk.

use super::*;

fn open(folder: &Path) -> AppendLog {
    AppendLog::open(folder, SEGMENT_BYTES_MIN).unwrap().0
}

fn append(log: &mut AppendLog, texts: &[&str]) -> Position {
    for text in texts {
        assert!(log.push(text.as_bytes()));
    }
    log.commit().unwrap().durable
}

fn read_all(folder: &Path) -> Vec<String> {
    let end = Position { segment: u64::MAX, offset: u64::MAX };
    let mut reader = Reader::new(folder, Position::default());
    let mut texts = Vec::new();
    loop {
        let batch = reader.read(end, 100).unwrap();
        if batch.records.is_empty() {
            return texts;
        }
        texts.extend(batch.records.into_iter().map(|r| String::from_utf8(r).unwrap()));
    }
}

fn last_segment(folder: &Path) -> PathBuf {
    path_of(folder, *segments(folder).unwrap().last().unwrap())
}

#[test]
fn what_was_committed_is_read_back_in_order_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    append(&mut log, &["1", "2"]);
    append(&mut log, &["3"]);
    drop(log);
    append(&mut open(folder.path()), &["4"]);
    assert_eq!(read_all(folder.path()), ["1", "2", "3", "4"]);
}

#[test]
fn a_tail_torn_at_any_byte_costs_only_the_unfinished_record() {
    for missing in 1..=record::HEADER_BYTES as u64 + 5 {
        let folder = tempfile::tempdir().unwrap();
        let mut log = open(folder.path());
        let sound = append(&mut log, &["kept"]);
        let end = append(&mut log, &["12345"]);
        drop(log);
        let path = last_segment(folder.path());
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&vec![0; usize::try_from(missing).unwrap()], end.offset - missing).unwrap();

        let (mut log, torn_bytes) = AppendLog::open(folder.path(), SEGMENT_BYTES_MIN).unwrap();
        let expected =
            if missing > record::HEADER_BYTES as u64 + 4 { 0 } else { end.offset - sound.offset - missing };
        assert!(torn_bytes <= expected, "{missing} bytes missing: {torn_bytes} of at most {expected} torn");
        assert_eq!(fs::metadata(&path).unwrap().len(), sound.offset);
        append(&mut log, &["after"]);
        assert_eq!(read_all(folder.path()), ["kept", "after"], "{missing} bytes missing");
    }
}

#[test]
fn a_damaged_record_ends_its_segment_and_reading_goes_on_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    append(&mut log, &["first"]);
    let damaged = append(&mut log, &["second"]);
    append(&mut log, &["third"]);
    let path = last_segment(folder.path());
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(b"?", damaged.offset - 1).unwrap();
    log.segment = None; // as after a write that failed
    append(&mut log, &["fourth"]);
    assert_eq!(read_all(folder.path()), ["first", "fourth"]);
}

#[test]
fn a_full_segment_gives_way_to_the_next_and_old_ones_can_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    let big = "x".repeat(900 * 1024);
    let mut rotations = 0;
    for _ in 0..14 {
        assert!(log.push(big.as_bytes()));
        rotations += usize::from(log.commit().unwrap().rotated);
    }
    assert_eq!(rotations, 3);
    assert_eq!(segments(folder.path()).unwrap(), [1, 2, 3]);
    assert_eq!(read_all(folder.path()).len(), 14);
    assert_eq!(remove_before(folder.path(), 3).unwrap(), 2);
    assert_eq!(read_all(folder.path()).len(), 2);
}

#[test]
fn a_disk_that_refuses_keeps_the_group_for_the_next_try() {
    let outer = tempfile::tempdir().unwrap();
    let (folder, away) = (outer.path().join("journal"), outer.path().join("away"));
    let mut log = open(&folder);
    append(&mut log, &["before"]);
    log.segment = None; // as after a write that failed
    fs::rename(&folder, &away).unwrap();
    assert!(log.push(b"during"));
    log.commit().unwrap_err();
    log.commit().unwrap_err();
    assert!(!log.group_is_empty());
    fs::rename(&away, &folder).unwrap();
    append(&mut log, &["after"]);
    assert_eq!(read_all(&folder), ["before", "during", "after"]);
}

#[test]
fn a_reader_stops_at_what_is_durable_and_follows_into_the_next_segment() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    let first = append(&mut log, &["1"]);
    append(&mut log, &["2"]);
    let mut reader = Reader::new(folder.path(), Position::default());
    assert_eq!(reader.read(first, 10).unwrap().records, [b"1"]);
    assert!(reader.read(first, 10).unwrap().records.is_empty());
    log.segment = None;
    let third = append(&mut log, &["3"]);
    assert_eq!(third.segment, 2);
    assert_eq!(reader.read(third, 10).unwrap().records, [b"2"]);
    assert_eq!(reader.read(third, 10).unwrap().records, [b"3"]);
    assert_eq!(reader.position(), third);
}

#[test]
fn empty_and_oversized_records_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    assert!(!log.push(b""));
    assert!(!log.push(&vec![1; PAYLOAD_BYTES_MAX + 1]));
    let largest = vec![1; PAYLOAD_BYTES_MAX];
    assert!(log.push(&largest));
    log.commit().unwrap();
    assert_eq!(read_all(folder.path()).len(), 1);
}
