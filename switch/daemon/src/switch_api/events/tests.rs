//! Cursors that are taken up, cursors that are refused, and no hole between.

use contract::{
    id::{CallId, OrgId},
    journal::{Detail, Event, EventKind},
    time::Timestamp,
};
use uuid::Uuid;

use super::*;
use crate::append_log::{AppendLog, SEGMENT_BYTES_MIN};

fn record(seq: u32) -> Vec<u8> {
    let event = Event {
        seq,
        kind: EventKind::Created,
        participant: None,
        attempt: 1,
        queue_count: 0,
        detail: Detail::default(),
    };
    let (org, call) = (OrgId(Uuid::nil()), CallId(Uuid::nil()));
    let entry = Entry { org, call: Some(call), at: Timestamp(i64::from(seq)), fact: Fact::Event(event) };
    serde_json::to_vec(&Record::Entry(entry)).unwrap()
}

/// `count` entries, some in a group, with what is no entry between them.
fn journal(folder: &Path, count: u32) -> Position {
    let (mut log, _) = AppendLog::open(folder, SEGMENT_BYTES_MIN).unwrap();
    let mut durable = Position::default();
    for seq in 1..=count {
        assert!(log.push(&record(seq)));
        if seq % 7 == 0 {
            assert!(log.push(&serde_json::to_vec(&Record::Alive(Timestamp(1))).unwrap()));
        }
        if seq % 50 == 0 || seq == count {
            durable = log.commit().unwrap().durable;
        }
    }
    durable
}

/// Ids and seqs of everything from `cursor` to `end`.
fn told(folder: &Path, cursor: Position, end: Position) -> Vec<(String, i64)> {
    let mut reader = Reader::new(folder, cursor);
    let mut all = Vec::new();
    while let Some(portion) = portion(&mut reader, folder, end).unwrap() {
        for event in portion.text.split_terminator("\n\n") {
            let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            assert_eq!(line("event: "), "created");
            let entry: Entry = serde_json::from_str(line("data: ")).unwrap();
            all.push((line("id: ").to_owned(), entry.at.0));
        }
    }
    all
}

#[test]
fn from_every_cursor_that_was_given_out_the_rest_follows_without_hole_or_repetition() {
    let folder = tempfile::tempdir().unwrap();
    let end = journal(folder.path(), 300);
    let all = told(folder.path(), Position::default(), end);
    assert_eq!(all.iter().map(|(_, seq)| *seq).collect::<Vec<_>>(), (1..=300).collect::<Vec<_>>());
    for (at, (id, _)) in all.iter().enumerate() {
        let cursor = check(folder.path(), parse(id).unwrap(), end).unwrap_or_else(|_| panic!("{id}"));
        assert_eq!(told(folder.path(), cursor, end), all[at + 1..], "after {id}");
    }
}

#[test]
fn a_cursor_stays_true_when_the_journal_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let end = journal(folder.path(), 10);
    let cursor = told(folder.path(), Position::default(), end)[4].0.clone();
    let end = journal(folder.path(), 3);
    let seqs = told(folder.path(), check(folder.path(), parse(&cursor).unwrap(), end).ok().unwrap(), end);
    assert_eq!(seqs.iter().map(|(_, seq)| *seq).collect::<Vec<_>>(), [6, 7, 8, 9, 10, 1, 2, 3]);
}

#[test]
fn a_cursor_that_would_leave_a_hole_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path(), 10);
    journal(folder.path(), 10);
    let end = journal(folder.path(), 10);
    let status = |cursor: &str| check(folder.path(), parse(cursor).unwrap(), end).err().map(|p| p.status);
    let old = told(folder.path(), Position::default(), end)[0].0.clone();
    assert_eq!(status(&old), None);
    append_log::remove_before(folder.path(), 2).unwrap();
    assert_eq!(status(&old), Some(StatusCode::GONE));
    assert_eq!(status("99-16"), Some(StatusCode::GONE));
    assert_eq!(status("2-17"), Some(StatusCode::BAD_REQUEST), "in the middle of a record");
    assert_eq!(status("0"), None, "the oldest there is");
    for wrong in ["", "1", "1-", "-1", "a-b", "1-2-3"] {
        assert!(parse(wrong).is_none(), "{wrong}");
    }
}

#[test]
fn a_reader_whose_segments_are_deleted_under_it_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path(), 200);
    journal(folder.path(), 10);
    let end = journal(folder.path(), 10);
    let mut reader = Reader::new(folder.path(), Position::start_of(1));
    assert!(portion(&mut reader, folder.path(), end).unwrap().is_some());
    append_log::remove_before(folder.path(), 3).unwrap();
    let mut outcome = Ok(None);
    for _ in 0..3 {
        outcome = portion(&mut reader, folder.path(), end);
        if outcome.is_err() {
            break;
        }
    }
    assert!(outcome.is_err_and(|why| why.contains("not on disk")));
}
