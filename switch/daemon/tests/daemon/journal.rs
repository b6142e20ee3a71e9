//! A journal whose process is killed at any moment: what it has confirmed is there.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::Ordering,
    time::Duration,
};

use contract::{
    id::CallId,
    journal::{Detail, Entry, Event, EventKind, Fact},
};
use sambungd::{
    append_log::{Position, Reader, SEGMENT_BYTES_MIN},
    journal::{self, Record},
};
use uuid::Uuid;

use crate::database::{AT, ORG};

/// Names the folder to the child process.
const FOLDER: &str = "SAMBUNG_TEST_JOURNAL";

fn entry(seq: u32) -> Entry {
    let detail = Detail { reason: Some("x".repeat(400)), ..Detail::default() };
    let event = Event { seq, kind: EventKind::Hold, participant: None, attempt: 1, queue_count: 0, detail };
    Entry { org: ORG, call: Some(CallId(Uuid::from_u128(1))), at: AT, fact: Fact::Event(event) }
}

fn sequences(folder: &Path) -> Vec<u32> {
    let mut reader = Reader::new(folder, Position::default());
    let mut sequences = Vec::new();
    loop {
        let batch = reader.read(Position { segment: u64::MAX, offset: u64::MAX }, 1_000).unwrap();
        if batch.records.is_empty() {
            return sequences;
        }
        for payload in batch.records {
            if let Record::Entry(Entry { fact: Fact::Event(event), .. }) =
                serde_json::from_slice(&payload).unwrap()
            {
                sequences.push(event.seq);
            }
        }
    }
}

/// Records as fast as it can and says how much is confirmed, until it is killed.
fn record_until_killed(folder: &Path) {
    let first = sequences(folder).last().map_or(1, |last| last + 1);
    let mut opened = journal::open(folder, SEGMENT_BYTES_MIN).unwrap();
    let mut out = std::io::stdout();
    for seq in first.. {
        opened.journal.record(entry(seq));
        if seq % 50 == 0 {
            std::thread::sleep(Duration::from_micros(500));
            let written = u32::try_from(opened.counters.written.load(Ordering::Relaxed)).unwrap();
            writeln!(out, "confirmed {}", first + written - 1).unwrap();
        }
    }
}

#[test]
fn what_was_confirmed_before_a_kill_is_there_without_holes() {
    // This test starts itself again in processes that are there to be killed.
    if let Some(folder) = env::var_os(FOLDER) {
        return record_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut segments = 0;
    for round in 0..12 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                "journal::what_was_confirmed_before_a_kill_is_there_without_holes",
            ])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut confirmations = lines.filter_map(|line| line.strip_prefix("confirmed ")?.parse::<u32>().ok());
        // A different moment each round, and always one at which something has been confirmed.
        let confirmed = confirmations.nth(3 + round * 7).unwrap();
        child.kill().unwrap();
        let confirmed = confirmations.last().unwrap_or(confirmed);
        child.wait().unwrap();
        let found = sequences(folder.path());
        let whole: Vec<u32> = (1..=u32::try_from(found.len()).unwrap()).collect();
        assert_eq!(found, whole, "round {round}: holes or repeats");
        assert!(found.len() >= confirmed as usize, "round {round}: {} of {confirmed} confirmed", found.len());
        segments = sambungd::append_log::segments(folder.path()).unwrap().len();
    }
    assert!(segments >= 12, "each life begins a segment");
}
