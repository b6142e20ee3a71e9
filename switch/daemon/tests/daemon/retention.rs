//! Stories of recordings whose time is over and of deleted messages: what is deleted, what never is, and that a death in between
//! does no harm (HX-22).

use std::{fs, path::Path, sync::atomic::Ordering::Relaxed};

use recorder::{Counters, Spool, Store, StoreConfig};
use sambungd::recordings::Retention;
use tempfile::TempDir;
use uuid::Uuid;

use crate::database::{Database, ORG, add_sari, database, insert_recording, leave_messages};

/// Kept for ever.
const OTHER: Uuid = Uuid::from_u128(0x0b);
const MINUTE_MS: i64 = 60_000;

struct Scene {
    folder: TempDir,
    database: Database,
    retention: Retention,
}

impl Scene {
    /// Recordings are kept for two days.
    async fn set(name: &str) -> Self {
        let (folder, database) = (tempfile::tempdir().unwrap(), database(name).await);
        for statement in [
            "insert into identity.organisations (id, name, status) \
             values ('00000000-0000-0000-0000-00000000000b', 'Other', 'approved')",
            "insert into telephony.organisation_settings (org_id, sip_domain, recording_retention_days) \
             values ('00000000-0000-0000-0000-00000000000a', 'a.test', 2), \
               ('00000000-0000-0000-0000-00000000000b', 'b.test', null)",
        ] {
            sqlx::query(statement).execute(&database.admin).await.unwrap();
        }
        let counters = std::sync::Arc::<Counters>::default();
        let retention = Retention {
            database: database.switch.clone(),
            store: Store::open(&StoreConfig::Folder(folder.path().join("store"))).unwrap(),
            spool: Spool::open(&folder.path().join("spool"), 1 << 20, counters.clone()).unwrap(),
            counters,
        };
        Self { folder, database, retention }
    }

    fn object(&self, id: u128) -> std::path::PathBuf {
        self.folder.path().join("store").join(key(id))
    }

    /// A recording that began so long ago, in the store.
    async fn recorded(&self, (id, org): (u128, Uuid), began: &str, length_ms: i64) {
        let row = (Uuid::from_u128(id), org, &*key(id));
        insert_recording(&self.database.admin, row, began, length_ms).await;
        put(&self.object(id));
    }

    async fn look(&self) -> Vec<String> {
        self.retention.look().await.unwrap();
        let rows = "select right(id::text, 2) || ' ' || coalesce(deleted_because, 'kept') \
                    from telephony.recordings order by id";
        sqlx::query_scalar(rows).fetch_all(&self.database.admin).await.unwrap()
    }
}

fn key(id: u128) -> String {
    format!("org/day/call-{id}/{id}.wav.sealed")
}

fn put(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, b"locked").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_been_kept_long_enough_goes_and_its_row_says_so() {
    let scene = Scene::set("retention_goes").await;
    scene.recorded((1, ORG.0), "49 hours", MINUTE_MS).await;
    scene.recorded((2, ORG.0), "47 hours", MINUTE_MS).await;
    // It began before, and ended later.
    scene.recorded((3, ORG.0), "48 hours 30 minutes", 60 * MINUTE_MS).await;
    scene.recorded((4, OTHER), "3000 hours", MINUTE_MS).await;
    for _ in 0..2 {
        assert_eq!(scene.look().await, ["01 retention", "02 kept", "03 kept", "04 kept"]);
    }
    let there = [1, 2, 3, 4].map(|id| scene.object(id).exists());
    assert_eq!(there, [false, true, true, true]);
    assert!(!scene.object(1).parent().unwrap().exists(), "the folder of its call is gone too");
    assert_eq!(scene.retention.counters.deleted.load(Relaxed), 1);
    // Who says later that it is to be kept for less is heard.
    sqlx::query(
        "update telephony.organisation_settings set recording_retention_days = 1 where sip_domain = 'a.test'",
    )
    .execute(&scene.database.admin)
    .await
    .unwrap();
    assert_eq!(scene.look().await, ["01 retention", "02 retention", "03 retention", "04 kept"]);
}

/// It would be put into the store once more, and nobody would know.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_spool_has_still_is_not_deleted() {
    let scene = Scene::set("retention_spool").await;
    scene.recorded((1, ORG.0), "100 hours", MINUTE_MS).await;
    scene.recorded((2, ORG.0), "99 hours", MINUTE_MS).await;
    let waiting = scene.retention.spool.done(Uuid::from_u128(1));
    fs::write(&waiting, b"locked").unwrap();
    assert_eq!(scene.look().await, ["01 kept", "02 retention"]);
    fs::remove_file(waiting).unwrap();
    assert_eq!(scene.look().await, ["01 retention", "02 retention"]);
}

/// As a process leaves it that dies between the two.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_from_the_store_already_is_said_to_be() {
    let scene = Scene::set("retention_dead").await;
    scene.recorded((1, ORG.0), "100 hours", MINUTE_MS).await;
    fs::remove_file(scene.object(1)).unwrap();
    assert_eq!(scene.look().await, ["01 retention"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_does_not_delete_is_kept_by_the_record_and_tried_again() {
    let scene = Scene::set("retention_refused").await;
    scene.recorded((1, ORG.0), "100 hours", MINUTE_MS).await;
    scene.recorded((2, ORG.0), "99 hours", MINUTE_MS).await;
    // No object: what is in the way of it cannot be deleted as one.
    fs::remove_file(scene.object(1)).unwrap();
    put(&scene.object(1).join("something"));
    assert_eq!(scene.look().await, ["01 kept", "02 retention"]);
    assert_eq!(scene.retention.counters.store_failures.load(Relaxed), 1);
    fs::remove_dir_all(scene.object(1)).unwrap();
    assert_eq!(scene.look().await, ["01 retention", "02 retention"]);
}

/// However long its organisation keeps recordings; and a process that dies between object and row does no harm.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_ordered_to_be_deleted_goes_before_its_time() {
    let scene = Scene::set("retention_ordered").await;
    for id in 1..=4 {
        scene.recorded((id, OTHER), "1 hour", MINUTE_MS).await;
    }
    let order = "update telephony.recordings set deletion_ordered_at = now(), deletion_ordered_by = org_id \
                 where right(id::text, 1) in ('1', '2', '3')";
    sqlx::query(order).execute(&scene.database.admin).await.unwrap();
    fs::remove_file(scene.object(1)).unwrap();
    let waiting = scene.retention.spool.done(Uuid::from_u128(2));
    fs::write(&waiting, b"locked").unwrap();
    for _ in 0..2 {
        assert_eq!(scene.look().await, ["01 order", "02 kept", "03 order", "04 kept"]);
    }
    assert_eq!([2, 3, 4].map(|id| scene.object(id).exists()), [true, false, true]);
    fs::remove_file(waiting).unwrap();
    assert_eq!(scene.look().await, ["01 order", "02 order", "03 order", "04 kept"]);
}

/// Whatever its organisation wants of recordings.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_a_mailbox_stays_until_its_owner_has_deleted_it() {
    let scene = Scene::set("retention_message").await;
    scene.recorded((1, ORG.0), "100 hours", MINUTE_MS).await;
    add_sari(&scene.database.admin).await;
    leave_messages(&scene.database.admin).await;
    assert_eq!(scene.look().await, ["01 kept"]);
    assert!(scene.object(1).exists());
    let delete = "update telephony.voicemail_messages set deleted_at = now()";
    sqlx::query(delete).execute(&scene.database.admin).await.unwrap();
    assert_eq!(scene.look().await, ["01 owner"]);
    assert!(!scene.object(1).exists());
    // It is looked for never again.
    let erased = "select bool_and(erased_at is not null) from telephony.voicemail_messages";
    let erased: bool = sqlx::query_scalar(erased).fetch_one(&scene.database.admin).await.unwrap();
    assert!(erased);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_the_store_does_not_delete_hold_up_nobodys_retention() {
    let scene = Scene::set("retention_kinds").await;
    for id in 1..=12 {
        scene.recorded((id, ORG.0), "100 hours", MINUTE_MS).await;
        fs::remove_file(scene.object(id)).unwrap();
        put(&scene.object(id).join("something"));
    }
    add_sari(&scene.database.admin).await;
    leave_messages(&scene.database.admin).await;
    let delete = "update telephony.voicemail_messages set deleted_at = now()";
    sqlx::query(delete).execute(&scene.database.admin).await.unwrap();
    scene.recorded((13, ORG.0), "100 hours", MINUTE_MS).await;
    let rows = scene.look().await;
    assert_eq!((rows.len(), rows.last().unwrap().as_str()), (13, "0d retention"), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_deletes_nothing_is_left_alone_until_the_next_look() {
    let scene = Scene::set("retention_stuck").await;
    for id in 1..=30 {
        scene.recorded((id, ORG.0), "100 hours", MINUTE_MS).await;
        fs::remove_file(scene.object(id)).unwrap();
        put(&scene.object(id).join("something"));
    }
    assert!(scene.look().await.iter().all(|row| row.ends_with("kept")));
    assert_eq!(scene.retention.counters.store_failures.load(Relaxed), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_batch_goes_at_once() {
    let scene = Scene::set("retention_many").await;
    for id in 1..=450 {
        scene.recorded((id, ORG.0), "100 hours", MINUTE_MS).await;
    }
    assert!(scene.look().await.iter().all(|row| row.ends_with("retention")));
    assert_eq!(scene.retention.counters.deleted.load(Relaxed), 450);
}

/// What the switch's role may change of a recording is that it is gone, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_is_deleted_stays_deleted() {
    let scene = Scene::set("retention_role").await;
    scene.recorded((1, ORG.0), "100 hours", MINUTE_MS).await;
    let switch =
        sqlx::postgres::PgPoolOptions::new().connect_with(scene.database.switch.clone()).await.unwrap();
    for (statement, is_allowed) in [
        ("update telephony.recordings set storage_key = 'x'", false),
        ("update telephony.recordings set deleted_at = now()", false),
        ("update telephony.recordings set deleted_at = now(), deleted_because = 'boredom'", false),
        ("update telephony.recordings set deleted_at = now(), deleted_because = 'retention'", true),
        ("delete from telephony.recordings", false),
    ] {
        assert_eq!(sqlx::query(statement).execute(&switch).await.is_ok(), is_allowed, "{statement}");
    }
    let again = "update telephony.recordings set deleted_at = null, deleted_because = null";
    assert_eq!(sqlx::query(again).execute(&switch).await.unwrap().rows_affected(), 0);
}
