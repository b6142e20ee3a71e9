//! Stories of jobs: what is ordered is done once in effect, whoever fails, hangs or stops meanwhile, and operators see what was given up.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex},
};

use contract::id::OrgId;
use sambung_api::{
    database::{Database, DatabaseError, Scope, Work},
    platform::jobs::{
        New, order,
        runner::{Claimed, Outcome, Runner, Settled, Worker},
    },
};
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};

use crate::stage::{Served, Stage, uuid};

const JOBS: &str = "/api/platform/jobs";

/// Counts attempts by key, fails while it is told to, panics at a job whose key is `panics`, writes nothing down of one whose key is
/// `refused`, and hangs at jobs whose keys begin with `hangs` until they are let go: one lets the next one go.
#[derive(Debug, Default)]
struct Clerk {
    attempts: Mutex<BTreeMap<String, u32>>,
    fails: Mutex<Option<Outcome>>,
    hanging: Notify,
    let_go: Notify,
}

impl Clerk {
    fn attempts(&self, key: &str) -> u32 {
        self.attempts.lock().unwrap().get(key).copied().unwrap_or(0)
    }

    fn fail(&self, outcome: Option<Outcome>) {
        *self.fails.lock().unwrap() = outcome;
    }
}

impl Worker for Clerk {
    fn kind(&self) -> &'static str {
        "test.work"
    }

    fn pauses_secs(&self) -> &'static [i32] {
        &[0, 0]
    }

    fn attempt<'a>(&'a self, job: &'a Claimed) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
        *self.attempts.lock().unwrap().entry(job.key.clone()).or_default() += 1;
        Box::pin(async move {
            if job.key.starts_with("hangs") && job.attempts == 1 {
                self.hanging.notify_one();
                self.let_go.notified().await;
                self.let_go.notify_one();
            }
            assert_ne!(job.key, "panics");
            self.fails.lock().unwrap().clone().unwrap_or(Outcome::Done)
        })
    }

    fn settle<'c>(&'c self, _: &'c mut PgConnection, job: &'c Claimed, _: &'c Settled) -> Work<'c, ()> {
        Box::pin(async { if job.key == "refused" { Err(sqlx::Error::RowNotFound) } else { Ok(()) } })
    }
}

/// Runners that are at work.
struct Office {
    stop: watch::Sender<()>,
    tasks: JoinSet<()>,
}

impl Office {
    fn open(api: &Served, clerk: &Arc<Clerk>, runners: usize) -> Self {
        let (stop, stopped) = watch::channel(());
        let mut tasks = JoinSet::new();
        for _ in 0..runners {
            let runner = Runner {
                database: api.database.clone(),
                workers: vec![Arc::clone(clerk) as Arc<dyn Worker>],
                ordered: Arc::clone(&api.notices.jobs),
            };
            tasks.spawn(runner.run(stopped.clone()));
        }
        Self { stop, tasks }
    }

    async fn close(mut self) {
        drop(self.stop);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

fn work(key: &str) -> New {
    New { kind: "test.work", key: key.to_owned(), payload: json!({}) }
}

async fn ordered(database: &Database, org: OrgId, key: &str) -> bool {
    let new = work(key);
    let written =
        database.write(Scope::Organisation(org), move |c| Box::pin(async move { order(c, org, &new).await }));
    written.await.unwrap()
}

/// State, attempts and reason of a job, as operators see them.
async fn seen(api: &Served, reader: &str, job: &str) -> (String, i64, Option<String>) {
    let page = api.get(JOBS, reader).await.json();
    let found = page["items"].as_array().unwrap().iter().find(|one| one["key"] == job).unwrap().clone();
    let text = |field: &str| found[field].as_str().map(str::to_owned);
    (text("state").unwrap(), found["attempts"].as_i64().unwrap(), text("reason"))
}

async fn until_seen(api: &Served, reader: &str, job: &str, state: &str) -> (String, i64, Option<String>) {
    for _ in 0..1_000 {
        let now = seen(api, reader, job).await;
        if now.0 == state {
            return now;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{job} has not become {state}: {:?}", seen(api, reader, job).await);
}

#[tokio::test]
async fn what_is_ordered_twice_is_done_once_and_what_came_to_nothing_is_not_done() {
    let stage = Stage::new().await;
    let (api, reader) = (stage.serve().await, stage.key(stage.a, &["jobs.read"]).await);
    let clerk = Arc::new(Clerk::default());
    let office = Office::open(&api, &clerk, 1);
    assert!(ordered(&api.database, stage.a, "x").await);
    assert_eq!(until_seen(&api, &reader, "x", "done").await, ("done".to_owned(), 1, None));
    assert!(!ordered(&api.database, stage.a, "x").await);
    assert!(ordered(&api.database, stage.b, "x").await, "another organisation's x is another one");
    let org = stage.a;
    let failed: Result<(), DatabaseError> = api
        .database
        .write(Scope::Organisation(org), move |c| {
            Box::pin(async move {
                order(c, org, &work("never")).await?;
                Err(sqlx::Error::RowNotFound)
            })
        })
        .await;
    assert!(failed.is_err());
    ordered(&api.database, stage.a, "last").await;
    until_seen(&api, &reader, "last", "done").await;
    office.close().await;
    assert_eq!((clerk.attempts("x"), clerk.attempts("never"), clerk.attempts("last")), (2, 0, 1));
}

#[tokio::test]
async fn several_runners_do_every_job_once() {
    let stage = Stage::new().await;
    let api = stage.serve_from(&stage.url(migrations::Role::Api), 8).await;
    let (clerk, keys) = (Arc::new(Clerk::default()), || (0..60).map(|n| format!("job {n}")));
    for key in keys() {
        ordered(&api.database, if key.len() % 2 == 0 { stage.a } else { stage.b }, &key).await;
    }
    let office = Office::open(&api, &clerk, 3);
    let left = || async {
        let query = sqlx::query_scalar::<_, i64>("select count(*) from platform.jobs where done_at is null");
        query.fetch_one(&stage.admin).await.unwrap()
    };
    while left().await > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    office.close().await;
    assert!(keys().all(|key| clerk.attempts(&key) == 1), "{:?}", clerk.attempts);
}

#[tokio::test]
async fn what_fails_too_often_is_given_up_with_its_reason_until_an_operator_has_it_tried_again() {
    let stage = Stage::new().await;
    let (api, clerk) = (stage.serve().await, Arc::new(Clerk::default()));
    let (reader, writer) =
        (stage.key(stage.a, &["jobs.read"]).await, stage.key(stage.a, &["jobs.write", "audit.read"]).await);
    clerk.fail(Some(Outcome::Failed("away".to_owned())));
    let office = Office::open(&api, &clerk, 1);
    ordered(&api.database, stage.a, "x").await;
    let dead = ("dead".to_owned(), 3, Some("away".to_owned()));
    assert_eq!(until_seen(&api, &reader, "x", "dead").await, dead);
    let list = |query: &str| format!("{JOBS}?{query}");
    let id = api.get(&list("state=dead&kind=test.work"), &reader).await.json()["items"][0]["id"].clone();
    for (query, jobs) in [("state=done", 0), ("state=waiting", 0), ("kind=other.work", 0), ("state=dead", 1)]
    {
        let page = api.get(&list(query), &reader).await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), jobs, "{query}");
    }
    api.get(&list("state=lost"), &reader).await.must_be_problem(400, "bad-request");
    let retry = |key: String, id: String| {
        api.send(api.client.post(api.at(&format!("{JOBS}/{id}/retry"))).bearer_auth(key))
    };
    let (id, stranger) =
        (id.as_str().unwrap().to_owned(), stage.key(stage.b, &["jobs.write", "jobs.read"]).await);
    retry(stranger.clone(), id.clone()).await.must_be_problem(404, "not-found");
    assert_eq!(api.get(JOBS, &stranger).await.json()["items"], json!([]));
    clerk.fail(None);
    assert_eq!(retry(writer.clone(), id.clone()).await.status, 200);
    assert_eq!(until_seen(&api, &reader, "x", "done").await, ("done".to_owned(), 1, None));
    retry(writer.clone(), id.clone()).await.must_be_problem(409, "conflict");
    retry(writer.clone(), uuid().to_string()).await.must_be_problem(404, "not-found");
    let record = api.get("/api/platform/audit-events", &writer).await.json();
    let event: &Value = &record["items"][0];
    assert_eq!((&event["action"], &event["subject_id"]), (&json!("job.retried"), &json!(id)));
    clerk.fail(Some(Outcome::Hopeless("gone".to_owned())));
    ordered(&api.database, stage.a, "y").await;
    let hopeless = ("dead".to_owned(), 1, Some("gone".to_owned()));
    assert_eq!(until_seen(&api, &reader, "y", "dead").await, hopeless);
    office.close().await;
}

#[tokio::test]
async fn whoever_has_hung_for_longer_than_the_lease_settles_nothing() {
    let stage = Stage::new().await;
    let (api, reader) = (stage.serve().await, stage.key(stage.a, &["jobs.read"]).await);
    let clerk = Arc::new(Clerk::default());
    let office = Office::open(&api, &clerk, 2);
    ordered(&api.database, stage.a, "hangs").await;
    clerk.hanging.notified().await;
    assert_eq!(seen(&api, &reader, "hangs").await, ("waiting".to_owned(), 1, None));
    // The lease is over.
    let over = sqlx::query("update platform.jobs set due_at = now()").execute(&stage.admin);
    assert_eq!(over.await.unwrap().rows_affected(), 1);
    assert_eq!(until_seen(&api, &reader, "hangs", "done").await, ("done".to_owned(), 2, None));
    // The first one comes back, and has failed.
    clerk.fail(Some(Outcome::Hopeless("late".to_owned())));
    clerk.let_go.notify_one();
    office.close().await;
    assert_eq!(seen(&api, &reader, "hangs").await, ("done".to_owned(), 2, None));
}

#[tokio::test]
async fn an_organisation_whose_jobs_hang_leaves_places_to_the_others() {
    let stage = Stage::new().await;
    let readers = [stage.key(stage.a, &["jobs.read"]).await, stage.key(stage.b, &["jobs.read"]).await];
    let (api, clerk) = (stage.serve().await, Arc::new(Clerk::default()));
    let keys: Vec<_> = (0..32).map(|n| format!("hangs {n}")).collect();
    for key in &keys {
        ordered(&api.database, stage.a, key).await;
    }
    let office = Office::open(&api, &clerk, 1);
    let begun = || keys.iter().map(|key| clerk.attempts(key)).sum::<u32>();
    while begun() < 4 {
        clerk.hanging.notified().await;
    }
    ordered(&api.database, stage.b, "x").await;
    until_seen(&api, &readers[1], "x", "done").await;
    assert_eq!(begun(), 4);
    // Whoever has waited for a place has it as soon as there is one.
    clerk.let_go.notify_one();
    for key in &keys {
        until_seen(&api, &readers[0], key, "done").await;
    }
    office.close().await;
    assert!(keys.iter().all(|key| clerk.attempts(key) == 1), "{:?}", clerk.attempts);
}

#[tokio::test]
async fn an_order_to_stop_lets_a_job_come_to_its_end_and_begins_no_other() {
    let stage = Stage::new().await;
    let (api, reader) = (stage.serve().await, stage.key(stage.a, &["jobs.read"]).await);
    let clerk = Arc::new(Clerk::default());
    let office = Office::open(&api, &clerk, 1);
    ordered(&api.database, stage.a, "hangs").await;
    clerk.hanging.notified().await;
    let closing = tokio::spawn(office.close());
    tokio::task::yield_now().await;
    clerk.let_go.notify_one();
    closing.await.unwrap();
    assert_eq!(seen(&api, &reader, "hangs").await, ("done".to_owned(), 1, None));
    ordered(&api.database, stage.a, "x").await;
    assert_eq!((seen(&api, &reader, "x").await.0.as_str(), clerk.attempts("x")), ("waiting", 0));
}

/// How a job of that key ends: the number of attempts and the reason for which it is given up.
async fn given_up(clerk: Clerk, key: &str) -> (i64, Option<String>) {
    let (stage, clerk) = (Stage::new().await, Arc::new(clerk));
    let (api, reader) = (stage.serve().await, stage.key(stage.a, &["jobs.read"]).await);
    let office = Office::open(&api, &clerk, 1);
    ordered(&api.database, stage.a, key).await;
    let (_, attempts, reason) = until_seen(&api, &reader, key, "dead").await;
    office.close().await;
    (attempts, reason)
}

#[tokio::test]
async fn a_worker_that_panics_has_failed_and_its_job_does_not_come_back_for_ever() {
    assert_eq!(given_up(Clerk::default(), "panics").await, (3, Some("panicked".to_owned())));
}

#[tokio::test]
async fn a_reason_that_is_too_long_is_cut() {
    let clerk = Clerk::default();
    clerk.fail(Some(Outcome::Hopeless("é".repeat(65))));
    assert_eq!(given_up(clerk, "x").await, (1, Some("é".repeat(64))));
}

#[tokio::test]
async fn a_job_of_which_nothing_can_be_written_down_is_lost_after_its_last_attempt() {
    let stage = Stage::new().await;
    let (api, reader) = (stage.serve().await, stage.key(stage.a, &["jobs.read"]).await);
    let clerk = Arc::new(Clerk::default());
    let office = Office::open(&api, &clerk, 1);
    ordered(&api.database, stage.a, "refused").await;
    let lost = ("dead".to_owned(), 4, Some("lost".to_owned()));
    for _ in 0..1_000 {
        if seen(&api, &reader, "refused").await == lost {
            break;
        }
        // Its lease is over.
        let over = "update platform.jobs set due_at = now() where done_at is null and dead_at is null";
        sqlx::raw_sql(over).execute(&stage.admin).await.unwrap();
        api.notices.jobs.notify_one();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!((seen(&api, &reader, "refused").await, clerk.attempts("refused")), (lost, 3));
    office.close().await;
}
