//! Stories of contacts that survive restarts, crashes and rewrites.

use calls::BindingFlow;
use contract::{id::OrgId, time::Timestamp};
use sip::Transport;
use uuid::Uuid;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn binding(account: u128, key: &str, cseq: u32) -> Arc<Binding> {
    Arc::new(Binding {
        org: OrgId(Uuid::from_u128(1)),
        account: AccountId(Uuid::from_u128(account)),
        username: "1001".into(),
        key: key.into(),
        contact: format!("sip:1001@192.0.2.1:{cseq}").into(),
        instance: Some("\"<urn:uuid:0>\"".into()),
        reg_id: None,
        q: Some(500),
        path: vec!["<sip:proxy.example;lr>".into()],
        call_id: "a84b4c76e66710".into(),
        cseq,
        user_agent: Some("x".repeat(500)),
        flow: BindingFlow {
            transport: Transport::Tcp,
            local: "192.0.2.9:5060".parse().unwrap(),
            remote: "192.0.2.1:40000".parse().unwrap(),
            connection: 0,
        },
        expires_at: Timestamp(1_795_233_600_000_000),
    })
}

fn remove(account: u128, key: &str) -> BindingChange {
    BindingChange::Remove { account: AccountId(Uuid::from_u128(account)), key: key.into() }
}

/// Applies changes in one life of the log.
fn live(folder: &Path, changes: Vec<BindingChange>) -> Vec<Arc<Binding>> {
    let (bindings, restored) = open(folder).unwrap();
    changes.into_iter().for_each(|change| bindings.note(change));
    assert!(bindings.close(PATIENCE));
    restored
}

#[test]
fn contacts_are_there_after_a_restart_as_they_were_left() {
    let folder = tempfile::tempdir().unwrap();
    let put = |account, key, cseq| BindingChange::Put(binding(account, key, cseq));
    assert_eq!(live(folder.path(), vec![put(1, "a", 1), put(1, "b", 2), put(2, "a", 3), put(1, "a", 4)]), []);
    assert_eq!(
        live(folder.path(), vec![remove(1, "b"), remove(7, "unknown")]),
        [binding(1, "a", 4), binding(1, "b", 2), binding(2, "a", 3)]
    );
    assert_eq!(live(folder.path(), vec![]), [binding(1, "a", 4), binding(2, "a", 3)]);
    assert_eq!(append_log::segments(folder.path()).unwrap().len(), 1, "each start leaves one snapshot");
}

#[test]
fn a_log_that_is_mostly_history_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (bindings, _) = open(folder.path()).unwrap();
    let before = append_log::segments(folder.path()).unwrap();
    let mut cseq = 0;
    let started = Instant::now();
    while append_log::segments(folder.path()).unwrap().first() == before.first() {
        assert!(started.elapsed() < PATIENCE * 6, "never written anew after {cseq} changes");
        for _ in 0..500 {
            cseq += 1;
            bindings.note(BindingChange::Put(binding(1, "a", cseq)));
        }
        while bindings.counters().written.load(Ordering::Relaxed) < u64::from(cseq) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    bindings.note(BindingChange::Put(binding(1, "a", cseq + 1)));
    assert!(bindings.close(PATIENCE));
    assert_eq!(live(folder.path(), vec![]), [binding(1, "a", cseq + 1)]);
}

#[test]
fn a_crash_in_the_middle_of_writing_anew_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path(), vec![BindingChange::Put(binding(1, "a", 1)), BindingChange::Put(binding(2, "a", 2))]);
    let (mut log, _) = AppendLog::open(folder.path(), SEGMENT_BYTES_MIN).unwrap();
    for record in [Record::SnapshotBegin, Record::Put(binding(1, "a", 1))] {
        assert!(log.push(&serde_json::to_vec(&record).unwrap()));
    }
    log.commit().unwrap();
    drop(log);
    assert_eq!(live(folder.path(), vec![]), [binding(1, "a", 1), binding(2, "a", 2)]);
}

#[test]
fn a_disk_that_refuses_to_write_anew_costs_no_later_change() {
    let outer = tempfile::tempdir().unwrap();
    let (folder, away) = (outer.path().join("bindings"), outer.path().join("away"));
    let (log, _) = AppendLog::open(&folder, SEGMENT_BYTES_MIN).unwrap();
    let (contacts, counters) = (Contacts::new(), Arc::default());
    let mut writer = Writer { folder: folder.clone(), log, contacts, bytes: 0, snapshot_bytes: 0, counters };
    writer.take(BindingChange::Put(binding(1, "a", 1)));
    writer.log.commit().unwrap();
    std::fs::rename(&folder, &away).unwrap();
    writer.rewrite().unwrap_err();
    std::fs::rename(&away, &folder).unwrap();
    writer.take(BindingChange::Put(binding(2, "b", 2)));
    writer.log.commit().unwrap();
    let restored: Vec<Arc<Binding>> = read(&folder).unwrap().into_values().collect();
    assert_eq!(restored, [binding(1, "a", 1), binding(2, "b", 2)]);
}
