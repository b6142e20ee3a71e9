//! Stories of the journal's engine end: order, pressure, and what a crash leaves behind.

use std::path::PathBuf;

use contract::{
    id::{CallId, OrgId},
    journal::{Call, Detail, Direction, Event, EventKind, Fact},
};
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use super::*;
use crate::append_log::{Reader, SEGMENT_BYTES_MIN};

const PATIENCE: Duration = Duration::from_secs(10);

fn entry(call: u128, fact: Fact) -> Entry {
    Entry {
        org: OrgId(Uuid::from_u128(1)),
        call: Some(CallId(Uuid::from_u128(call))),
        at: Timestamp(7),
        fact,
    }
}

fn opened_call(call: u128) -> Entry {
    entry(call, Fact::Call(Call { direction: Direction::Internal, dialled: "100".into() }))
}

fn event(call: u128, seq: u32, kind: EventKind) -> Entry {
    let detail = Detail::default();
    entry(call, Fact::Event(Event { seq, kind, participant: None, attempt: 1, queue_count: 0, detail }))
}

fn open_in(folder: &Path) -> Opened {
    open(folder, SEGMENT_BYTES_MIN).unwrap()
}

fn entries_on_disk(folder: &Path) -> Vec<Entry> {
    let mut reader = Reader::new(folder, Position::default());
    let mut entries = Vec::new();
    loop {
        let batch = reader.read(Position { segment: u64::MAX, offset: u64::MAX }, 1_000).unwrap();
        if batch.records.is_empty() {
            return entries;
        }
        for payload in batch.records {
            if let Record::Entry(entry) = serde_json::from_slice(&payload).unwrap() {
                entries.push(entry);
            }
        }
    }
}

#[test]
fn entries_are_on_disk_in_order_when_the_journal_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = open_in(folder.path());
    let entries: Vec<Entry> = (1..=5_000).map(|seq| event(1, seq, EventKind::Hold)).collect();
    for entry in &entries {
        opened.journal.record(entry.clone());
    }
    assert!(opened.journal.close(PATIENCE));
    assert_eq!(entries_on_disk(folder.path()), entries);
    assert_eq!(opened.counters.written.load(Ordering::Relaxed), 5_000);
    assert!(opened.counters.commits.load(Ordering::Relaxed) < 500, "entries must share commits");
}

#[test]
fn calls_that_died_with_the_switch_are_ended_once_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = open_in(folder.path());
    for entry in [
        opened_call(1),
        event(1, 1, EventKind::Created),
        event(1, 2, EventKind::Ended),
        opened_call(2),
        event(2, 1, EventKind::Created),
        event(2, 2, EventKind::Answered),
    ] {
        opened.journal.record(entry);
    }
    assert!(opened.journal.close(PATIENCE));

    for restart in 1..=2 {
        let opened = open_in(folder.path());
        assert!(opened.journal.close(PATIENCE));
        let entries = entries_on_disk(folder.path());
        assert_eq!(entries.len(), 8, "restart {restart}");
        let last: Vec<_> =
            entries[6..].iter().map(|e| (e.call.unwrap().0.as_u128(), e.fact.clone())).collect();
        let ending = |seq, kind| {
            let detail = Detail { reason: Some("switch_stopped".into()), ..Detail::default() };
            Fact::Event(Event { seq, kind, participant: None, attempt: 1, queue_count: 0, detail })
        };
        assert_eq!(last, [(2, ending(3, EventKind::Failed)), (2, ending(4, EventKind::Ended))]);
        assert!(entries[6].at >= Timestamp(7));
    }
}

/// Bugs: a life that was cut off between the two steps, or while whoever called heard why nobody had taken it, had the next one
/// write a second cause.
#[test]
fn a_call_whose_cause_is_written_is_only_ended() {
    for cause in [EventKind::Failed, EventKind::Busy, EventKind::Missed, EventKind::Canceled] {
        let folder = tempfile::tempdir().unwrap();
        let mut opened = open_in(folder.path());
        for entry in [opened_call(1), event(1, 1, EventKind::Created), event(1, 2, cause)] {
            opened.journal.record(entry);
        }
        assert!(opened.journal.close(PATIENCE));
        for _ in 0..2 {
            let opened = open_in(folder.path());
            assert!(opened.journal.close(PATIENCE));
            let entries = entries_on_disk(folder.path());
            let kinds = entries.iter().filter_map(|entry| match &entry.fact {
                Fact::Event(event) => Some((event.seq, event.kind)),
                _ => None,
            });
            let wanted = [(1, EventKind::Created), (2, cause), (3, EventKind::Ended)];
            assert_eq!(kinds.collect::<Vec<_>>(), wanted);
        }
    }
}

#[test]
fn what_the_tail_of_a_former_life_repeats_is_not_written_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = open_in(folder.path());
    let all = [
        opened_call(1),
        event(1, 1, EventKind::Created),
        event(1, 2, EventKind::Ended),
        opened_call(2),
        event(2, 1, EventKind::Created),
        event(2, 2, EventKind::Answered),
    ];
    let on_disk = 4;
    all[..on_disk].iter().for_each(|entry| opened.journal.record(entry.clone()));
    assert!(opened.journal.close(PATIENCE));
    // It died before it wrote the rest; the tail begins in the middle of what is written, and goes on with call 2.
    let former = Former { entries: all[1..].to_vec(), calls: [CallId(Uuid::from_u128(2))].into() };
    for life in 1..=2 {
        let opened = reopen(folder.path(), SEGMENT_BYTES_MIN, &former).unwrap();
        assert_eq!(opened.open.len(), 1, "life {life}: the call that ended stays ended");
        assert!(opened.journal.close(PATIENCE));
        assert_eq!(entries_on_disk(folder.path()), all, "life {life}");
    }
}

#[test]
fn the_list_of_open_calls_survives_the_deletion_of_the_segment_they_began_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = open_in(folder.path());
    opened.journal.record(opened_call(1));
    opened.journal.record(event(1, 1, EventKind::Created));
    let long = "x".repeat(4_000);
    for seq in 0..2_000 {
        let leg = contract::journal::Leg {
            no: 1,
            participant: None,
            transport: long.clone(),
            created_at: Timestamp(seq),
            answered_at: None,
            sip_status: None,
            payer: None,
            rupiah_per_minute: None,
        };
        opened.journal.record(entry(9, Fact::Leg(leg)));
    }
    assert!(opened.journal.close(PATIENCE));
    let segments = crate::append_log::segments(folder.path()).unwrap();
    assert!(segments.len() >= 2, "{segments:?}");
    crate::append_log::remove_before(folder.path(), *segments.last().unwrap()).unwrap();

    let opened = open_in(folder.path());
    assert_eq!(opened.counters.ended_at_start.load(Ordering::Relaxed), 1);
    assert!(opened.journal.close(PATIENCE));
}

#[test]
fn a_disk_that_refuses_is_pressure_and_nothing_is_lost() {
    let outer = tempfile::tempdir().unwrap();
    let (folder, away): (PathBuf, PathBuf) = (outer.path().join("journal"), outer.path().join("away"));
    let mut opened = open_in(&folder);
    let long = "x".repeat(60_000);
    let mut sent = 0;
    std::fs::rename(&folder, &away).unwrap();
    let started = Instant::now();
    // The open segment still takes 6 MiB; the next one cannot be made.
    while !opened.journal.pressure() {
        assert!(started.elapsed() < PATIENCE, "no pressure after {sent} entries");
        if sent < 200 {
            opened
                .journal
                .record(entry(1, Fact::Call(Call { direction: Direction::Internal, dialled: long.clone() })));
            sent += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    for _ in 0..CHANNEL_ENTRIES_MAX + 100 {
        opened.journal.record(event(1, 1, EventKind::Created));
        sent += 1;
    }
    assert!(opened.journal.pressure());
    std::fs::rename(&away, &folder).unwrap();
    let started = Instant::now();
    while opened.journal.pressure() {
        assert!(started.elapsed() < PATIENCE, "pressure does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(opened.journal.close(PATIENCE));
    assert_eq!(entries_on_disk(&folder).len(), sent);
    assert_eq!(opened.counters.lost.load(Ordering::Relaxed), 0);
}

#[test]
fn a_panic_of_the_engine_costs_no_entry() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = open_in(folder.path());
    let engine = std::thread::spawn(move || {
        (1..=1_000).for_each(|seq| opened.journal.record(event(1, seq, EventKind::Hold)));
        panic!("a defect, for the test");
    });
    engine.join().unwrap_err();
    assert_eq!(entries_on_disk(folder.path()).len(), 1_000);
}

#[tokio::test]
async fn the_feeder_ends_with_the_journal_also_where_records_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (closed, durable) = watch::channel(Position { segment: 1, offset: 100 });
    drop(closed);
    let feeder = feeder::Feeder::new(folder.path(), durable, PgConnectOptions::new(), Arc::default());
    tokio::time::timeout(PATIENCE, feeder.run()).await.unwrap();
}
