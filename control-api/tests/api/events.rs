//! Stories of events: whoever follows misses none and is told none twice, whatever commits late, breaks off or is slow, and sees
//! what is its own to see.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::IntoResponse as _,
    routing::get,
};
use contract::id::OrgId;
use sambung_api::{
    database::{Database, Scope},
    platform::events::{New, publish},
    switch::Switch,
    telephony::calls::intake::Intake,
};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
};

use crate::stage::{Served, Stage, uuid};

const EVENTS: &str = "/api/events";

/// A follower, as a browser is one.
pub struct Follower {
    response: reqwest::Response,
    rest: String,
}

/// An event as it came: its id, its name and its data.
pub type Came = (String, String, Value);

impl Follower {
    async fn after(api: &Served, key: &str, after: Option<&str>) -> Self {
        Self::at(api, EVENTS, (key, after)).await
    }

    pub async fn at(api: &Served, path: &str, (key, after): (&str, Option<&str>)) -> Self {
        let request = api.client.get(api.at(path)).bearer_auth(key);
        let request = match after {
            Some(after) => request.header("last-event-id", after),
            None => request,
        };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{:?}", response.text().await);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut follower = Self { response, rest: String::new() };
        assert!(follower.block().await.unwrap().starts_with("retry:"));
        follower
    }

    /// `None`: it is over.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.rest = rest;
                return Some(block);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await;
            let chunk = chunk.expect("nothing comes").ok().flatten()?;
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    pub async fn next(&mut self) -> Came {
        loop {
            let block = self.block().await.expect("the stream is over");
            let field = |name: &str| {
                block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
            };
            let (id, event, data) = (field("id:"), field("event:"), field("data:"));
            if !event.is_empty() {
                return (id, event, serde_json::from_str(&data).unwrap());
            }
        }
    }

    /// Ids and subjects of the next so many.
    async fn take(&mut self, many: usize) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        for _ in 0..many {
            let (id, _, data) = self.next().await;
            all.push((id, data["data"].clone()));
        }
        all
    }
}

fn new(data: u32) -> New {
    New {
        kind: "call.ringing".to_owned(),
        subject: uuid(),
        at: None,
        data: Some(json!(data)),
        audience: Vec::new(),
    }
}

async fn happen(database: &Database, org: OrgId, data: u32) {
    let new = [new(data)];
    let written = database
        .write(Scope::Organisation(org), move |c| Box::pin(async move { publish(c, org, &new).await }));
    written.await.unwrap();
}

/// A unit of work in which something happens, and that ends when it is told how.
fn slow(
    database: &Database,
    org: OrgId,
    data: u32,
) -> (oneshot::Sender<bool>, tokio::task::JoinHandle<bool>, oneshot::Receiver<()>) {
    let ((end, ends), (began, begins)) = (oneshot::channel(), oneshot::channel());
    let (database, new) = (database.clone(), [new(data)]);
    let task = tokio::spawn(async move {
        let written = database.write(Scope::Organisation(org), move |c| {
            Box::pin(async move {
                publish(c, org, &new).await?;
                let _ = began.send(());
                if ends.await.unwrap() { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
            })
        });
        written.await.is_ok()
    });
    (end, task, begins)
}

async fn until_somebody_waits(stage: &Stage) {
    for _ in 0..1_000 {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        )
        .fetch_one(&stage.admin)
        .await
        .unwrap();
        if waiting > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody waits");
}

#[tokio::test]
async fn nobody_skips_what_commits_late() {
    let stage = Stage::new().await;
    let api = stage.serve_from(&stage.url(migrations::Role::Api), 8).await;
    let key = stage.key(stage.a, &["events.read", "calls.read"]).await;
    let mut follower = Follower::after(&api, &key, Some("0")).await;
    // Whoever takes the first number is not through, so the second one cannot be taken.
    let (end, first, began) = slow(&api.database, stage.a, 1);
    began.await.unwrap();
    let second = tokio::spawn({
        let (database, org) = (api.database.clone(), stage.a);
        async move { happen(&database, org, 2).await }
    });
    until_somebody_waits(&stage).await;
    assert!(!second.is_finished());
    // Another organisation is not held up.
    happen(&api.database, stage.b, 9).await;
    end.send(true).unwrap();
    assert!(first.await.unwrap());
    second.await.unwrap();
    let pair = |id: &str, data: u32| (id.to_owned(), json!(data));
    assert_eq!(follower.take(2).await, [pair("1", 1), pair("2", 2)]);
    // What came to nothing leaves no hole: its number is the next one's.
    let (end, third, began) = slow(&api.database, stage.a, 3);
    began.await.unwrap();
    let fourth = tokio::spawn({
        let (database, org) = (api.database.clone(), stage.a);
        async move { happen(&database, org, 4).await }
    });
    until_somebody_waits(&stage).await;
    end.send(false).unwrap();
    assert!(!third.await.unwrap());
    fourth.await.unwrap();
    assert_eq!(follower.take(1).await, [pair("3", 4)]);
}

#[tokio::test]
async fn a_follower_that_comes_back_goes_on_where_it_was() {
    let stage = Stage::new().await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["events.read", "calls.read"]).await);
    happen(&api.database, stage.a, 1).await;
    let mut follower = Follower::after(&api, &key, None).await;
    happen(&api.database, stage.a, 2).await;
    let (id, kind, event) = follower.next().await;
    assert_eq!((id.as_str(), kind.as_str(), &event["data"]), ("2", "call.ringing", &json!(2)));
    assert_eq!((&event["seq"], &event["kind"]), (&json!(2), &json!("call.ringing")));
    drop(follower);
    for data in 3..150 {
        happen(&api.database, stage.a, data).await;
    }
    let mut follower = Follower::after(&api, &key, Some("2")).await;
    let came = follower.take(147).await;
    assert!(came.iter().zip(3..).all(|((id, data), n)| *id == n.to_string() && *data == n), "{came:?}");
    for (after, status, name) in [("x", 400, "bad-request"), ("-1", 400, "bad-request"), ("150", 410, "gone")]
    {
        let request = api.client.get(api.at(EVENTS)).bearer_auth(&key).header("last-event-id", after);
        api.send(request).await.must_be_problem(status, name);
    }
    let forgotten = "delete from platform.events where seq < 10";
    sqlx::raw_sql(forgotten).execute(&stage.admin).await.unwrap();
    api.get(&format!("{EVENTS}?after=8"), &key).await.must_be_problem(410, "gone");
    assert_eq!(Follower::after(&api, &key, Some("9")).await.take(1).await[0].0, "10");
    assert_eq!(Follower::after(&api, &key, Some("0")).await.take(1).await[0].0, "10");
}

#[tokio::test]
async fn a_follower_hears_of_changes_and_sees_what_it_may_read_in_its_organisation() {
    let stage = Stage::new().await;
    stage.settle(stage.a).await;
    let api = stage.serve().await;
    let all = stage.key(stage.a, &["events.read", "telephony.read", "telephony.write", "calls.read"]).await;
    let few = stage.key(stage.a, &["events.read", "calls.read"]).await;
    let theirs = stage.key(stage.b, &["events.read", "telephony.read", "calls.read"]).await;
    let (mut seeing, mut blind, mut stranger) = (
        Follower::after(&api, &all, None).await,
        Follower::after(&api, &few, None).await,
        Follower::after(&api, &theirs, None).await,
    );
    let request = api.client.post(api.at("/api/telephony/extensions")).bearer_auth(&all);
    let made = api.send(request.json(&json!({ "number": "100", "name": "Rahasia" }))).await.json();
    let (_, kind, event) = seeing.next().await;
    assert_eq!(kind, "extension.created");
    assert_eq!((&event["subject_id"], &event["data"]), (&made["id"], &made));
    happen(&api.database, stage.a, 7).await;
    happen(&api.database, stage.b, 8).await;
    assert_eq!(seeing.next().await.2["data"], 7);
    assert_eq!(blind.take(1).await, [("2".to_owned(), json!(7))], "and nothing before it");
    assert_eq!(stranger.take(1).await, [("1".to_owned(), json!(8))]);
}

#[tokio::test]
async fn a_program_that_is_known_again_goes_on_following() {
    let stage = Stage::new().await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["events.read", "calls.read"]).await);
    let mut follower = Follower::after(&api, &key, None).await;
    for data in 1..=3 {
        happen(&api.database, stage.a, data).await;
        assert_eq!(follower.next().await.0, data.to_string());
        // Longer than its rights are taken to be what they were.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
}

#[tokio::test]
async fn whoever_may_not_follow_any_more_is_told_so_and_sent_away() {
    let stage = Stage::new().await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["events.read", "calls.read"]).await);
    let mut follower = Follower::after(&api, &key, None).await;
    let revoked = sqlx::query("update identity.api_keys set revoked_at = now()").execute(&stage.admin).await;
    assert_eq!(revoked.unwrap().rows_affected(), 1);
    // Rights are looked at again when a second has gone by.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    happen(&api.database, stage.a, 1).await;
    let (_, event, data) = follower.next().await;
    assert_eq!((event.as_str(), data), ("closed", json!({ "reason": "not_permitted" })));
    assert_eq!(follower.block().await, None);
}

#[tokio::test]
async fn followers_go_when_the_program_stops_and_nobody_has_too_many() {
    let stage = Stage::new().await;
    let (mut api, key) = (stage.serve().await, stage.key(stage.a, &["events.read"]).await);
    let mut followers = Vec::new();
    for _ in 0..20 {
        followers.push(Follower::after(&api, &key, None).await);
    }
    let crowded = api.get(EVENTS, &key).await;
    crowded.must_be_problem(429, "too-many-requests");
    assert!(crowded.headers.contains_key("retry-after"));
    let other = stage.key(stage.a, &["events.read"]).await;
    followers.push(Follower::after(&api, &other, None).await);
    api.goes_on = watch::channel(()).0;
    for mut follower in followers {
        let (_, event, data) = follower.next().await;
        assert_eq!((event.as_str(), data), ("closed", json!({ "reason": "stopping" })));
    }
}

#[tokio::test]
async fn a_follower_that_takes_nothing_is_closed_with_the_reason_and_its_place() {
    let stage = Stage::new().await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["events.read", "calls.read"]).await);
    let mut lazy = TcpStream::connect(api.address).await.unwrap();
    let asked = format!("GET {EVENTS}?after=0 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n");
    lazy.write_all(asked.as_bytes()).await.unwrap();
    while api.notices.feed.followers() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sqlx::raw_sql(AssertSqlSafe(format!(
        "insert into platform.event_heads values ('{0}', 600);
         insert into platform.events (org_id, seq, kind, subject_id, occurred_at, data)
             select '{0}', n, 'call.ringing', '{0}', now(), to_jsonb(repeat('x', 60000)) from generate_series(1, 600) n",
        stage.a.0
    )))
    .execute(&stage.admin)
    .await
    .unwrap();
    // More than both ends of the connection hold; nothing is read until it has been waited for long enough.
    let given_up = async {
        while api.notices.feed.followers() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), given_up).await.expect("it is given up");
    let mut all = Vec::new();
    lazy.read_to_end(&mut all).await.unwrap();
    let text = String::from_utf8(all).unwrap();
    assert!(
        text.contains("event: closed\ndata: {\"reason\":\"too_slow\"}\n\n"),
        "{:?}",
        text.get(text.len() - 200..)
    );
    let last = text.rmatches("\nid: ").count();
    assert!((1..600).contains(&last), "{last} came");
    let id = text.rsplit_once("\nid: ").unwrap().1.split('\n').next().unwrap().to_owned();
    let mut follower = Follower::after(&api, &key, Some(&id)).await;
    assert_eq!(follower.next().await.0.parse::<u32>().unwrap(), id.parse::<u32>().unwrap() + 1);
}

/// A switch that tells of `entries`, each behind the cursor before it, and forgets what is before `kept`.
#[derive(Default)]
struct Journal {
    entries: Vec<Value>,
    kept: usize,
}

async fn door(journal: Arc<Mutex<Journal>>, folder: &std::path::Path) -> Switch {
    let token = folder.join("token");
    std::fs::write(&token, "secret\n").unwrap();
    let events = |State(journal): State<Arc<Mutex<Journal>>>, Query(query): Query<Vec<(String, String)>>| async move {
        let journal = journal.lock().unwrap();
        let after = query.first().map_or("0", |(_, after)| after.as_str());
        let from = match after {
            "0" => journal.kept,
            place => place.split_once('-').unwrap().1.parse().unwrap(),
        };
        if from < journal.kept {
            return StatusCode::GONE.into_response();
        }
        let mut text = ":\n\n".to_owned();
        for (at, entry) in journal.entries.iter().enumerate().skip(from) {
            text.push_str(&format!("id: 1-{}\nevent: x\ndata: {entry}\n\n", at + 1));
        }
        text.into_response()
    };
    let router = Router::new().route("/v1/events", get(events)).with_state(journal);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Switch::new(url, token).unwrap()
}

fn entry(org: OrgId, call: uuid::Uuid, fact: &Value) -> Value {
    json!({ "org": org, "call": call, "at": 1_795_219_200_000_000_i64, "fact": fact })
}

/// All events of `org`: kinds with audiences.
async fn listed(stage: &Stage, org: OrgId) -> Vec<(String, Vec<uuid::Uuid>)> {
    let query = sqlx::query_as("select kind, audience from platform.events where org_id = $1 order by seq");
    query.bind(org.0).fetch_all(&stage.admin).await.unwrap()
}

#[tokio::test]
async fn what_the_switch_tells_becomes_events_once_whoever_is_away_or_follows_it_too() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (api, journal) = (stage.serve().await, Arc::new(Mutex::new(Journal::default())));
    let switch = door(Arc::clone(&journal), folder.path()).await;
    let (call, desk, sari) = (uuid(), uuid(), uuid());
    let add = |fact: Value| journal.lock().unwrap().entries.push(entry(stage.a, call, &fact));
    let participant = |no: u8, role: &str, kind: &str, reference: uuid::Uuid| json!({ "participant": { "no": no, "role": role, "kind": kind, "reference": reference } });
    add(json!({ "call": { "direction": "inbound", "dialled": "100" } }));
    add(participant(1, "host", "extension", desk));
    add(step(1, "created"));
    // One of an organisation that is there no more stops nobody.
    journal.lock().unwrap().entries.push(entry(OrgId(uuid()), uuid(), &step(1, "created")));
    add(step(2, "ringing"));
    let (stop, stopped) = watch::channel(());
    let intake = || Intake { database: api.database.clone(), switch: switch.clone() };
    let tasks = [tokio::spawn(intake().run(stopped.clone())), tokio::spawn(intake().run(stopped))];
    let until = async |many: usize| {
        for _ in 0..1_000 {
            if listed(&stage, stage.a).await.len() >= many {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{:?}", listed(&stage, stage.a).await);
    };
    until(4).await;
    drop(stop);
    for task in tasks {
        task.await.unwrap();
    }
    // While nobody follows, and to somebody who remembers nothing.
    add(participant(2, "recipient", "user", sari));
    add(step(3, "answered"));
    let (stop, stopped) = watch::channel(());
    let task = tokio::spawn(intake().run(stopped));
    until(6).await;
    let both: Vec<uuid::Uuid> = if desk < sari { vec![desk, sari] } else { vec![sari, desk] };
    let kinds: Vec<(String, Vec<uuid::Uuid>)> = [
        ("call.opened", Vec::new()),
        ("call.participant", vec![desk]),
        ("call.created", vec![desk]),
        ("call.ringing", vec![desk]),
        ("call.participant", both.clone()),
        ("call.answered", both),
    ]
    .map(|(kind, audience)| (kind.to_owned(), audience))
    .to_vec();
    assert_eq!(listed(&stage, stage.a).await, kinds);
    drop(stop);
    task.await.unwrap();
    // The switch has forgotten what followed: what it still has is told.
    add(step(4, "hold"));
    add(step(5, "ended"));
    journal.lock().unwrap().kept = 8;
    let (_stop, stopped) = watch::channel(());
    tokio::spawn(intake().run(stopped));
    until(7).await;
    assert_eq!(listed(&stage, stage.a).await.last().unwrap().0, "call.ended");
}

#[tokio::test]
async fn an_agent_hears_of_calls_to_extensions_of_their_own_and_of_nobody_elses() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let (user, email) = stage.person(stage.a, "call_agent").await;
    let tokens = api.sign_in(&email).await;
    let (mine, other, org) = (uuid(), uuid(), stage.a);
    for (extension, name) in [(mine, "Mine"), (other, "Other")] {
        let query = sqlx::query("insert into telephony.extensions (id, org_id, name) values ($1, $2, $3)");
        query.bind(extension).bind(org.0).bind(name).execute(&stage.admin).await.unwrap();
    }
    let query = sqlx::query("insert into telephony.extension_assigned_staffs values ($1, $2, $3)");
    query.bind(org.0).bind(mine).bind(user).execute(&stage.admin).await.unwrap();
    let mut follower = Follower::after(&api, tokens["access_token"].as_str().unwrap(), None).await;
    for (data, audience) in [(1, vec![other]), (2, vec![mine]), (3, vec![]), (4, vec![other, user])] {
        let new = [New { audience, ..new(data) }];
        let written = api
            .database
            .write(Scope::Organisation(org), move |c| Box::pin(async move { publish(c, org, &new).await }));
        written.await.unwrap();
    }
    let came: Vec<Value> = follower.take(2).await.into_iter().map(|(_, data)| data).collect();
    assert_eq!(came, [json!(2), json!(4)]);
}

/// What the switch tells of the event of that number of a call.
fn step(seq: u8, kind: &str) -> Value {
    json!({ "event": { "seq": seq, "kind": kind, "participant": null, "attempt": 1, "queue_count": 0, "detail": {} } })
}

/// A process that follows a switch which tells of these, until there are so many events.
async fn followed(stage: &Stage, database: &Database, entries: Vec<Value>, many: usize) {
    let (folder, journal) =
        (tempfile::tempdir().unwrap(), Arc::new(Mutex::new(Journal { entries, kept: 0 })));
    let switch = door(journal, folder.path()).await;
    let (_stop, stopped) = watch::channel(());
    let task = tokio::spawn(Intake { database: database.clone(), switch }.run(stopped));
    for _ in 0..1_000 {
        if listed(stage, stage.a).await.len() >= many {
            return task.abort();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?}", listed(stage, stage.a).await);
}

#[tokio::test]
async fn a_change_that_is_about_nobody_takes_no_call_away_from_its_people() {
    let stage = Stage::new().await;
    let (api, call, desk, org) = (stage.serve().await, uuid(), uuid(), stage.a);
    // The process that knew who is in the call is gone, and somebody has changed something about it.
    for (kind, audience) in [("call.ringing", vec![desk]), ("call.noted", Vec::new())] {
        let new = [New { kind: kind.to_owned(), subject: call, at: None, data: None, audience }];
        let written = api
            .database
            .write(Scope::Organisation(org), move |c| Box::pin(async move { publish(c, org, &new).await }));
        written.await.unwrap();
    }
    followed(&stage, &api.database, vec![entry(org, call, &step(2, "answered"))], 3).await;
    assert_eq!(listed(&stage, org).await[2], ("call.answered".to_owned(), vec![desk]));
}

#[tokio::test]
async fn an_entry_that_the_database_refuses_is_left_out_and_stops_nobody() {
    let stage = Stage::new().await;
    let (api, call) = (stage.serve().await, uuid());
    let begun = |dialled: &str| json!({ "call": { "direction": "inbound", "dialled": dialled } });
    let entries = vec![
        entry(stage.a, call, &begun("100")),
        // No text of PostgreSQL holds this character.
        entry(stage.b, uuid(), &begun("1\u{0}0")),
        entry(stage.b, uuid(), &begun("101")),
        entry(stage.a, call, &step(1, "created")),
    ];
    followed(&stage, &api.database, entries, 2).await;
    let kinds = |listed: Vec<(String, Vec<uuid::Uuid>)>| listed.into_iter().map(|(kind, _)| kind);
    assert!(kinds(listed(&stage, stage.a).await).eq(["call.opened", "call.created"]));
    assert!(kinds(listed(&stage, stage.b).await).eq(["call.opened"]));
}

#[tokio::test]
async fn a_hole_inside_a_portion_is_told_as_gone() {
    let stage = Stage::new().await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["events.read", "calls.read"]).await);
    for data in 1..4 {
        happen(&api.database, stage.a, data).await;
    }
    sqlx::raw_sql("delete from platform.events where seq = 2").execute(&stage.admin).await.unwrap();
    let (_, event, data) = Follower::after(&api, &key, Some("0")).await.next().await;
    assert_eq!((event.as_str(), data), ("closed", json!({ "reason": "gone" })));
}

#[tokio::test]
async fn what_began_first_and_is_told_last_is_not_forgotten_first() {
    let stage = Stage::new().await;
    let api = stage.serve_from(&stage.url(migrations::Role::Api), 8).await;
    let (database, org) = (api.database.clone(), stage.a);
    let written = api.database.write(Scope::Organisation(org), move |c| {
        Box::pin(async move {
            sqlx::query("select now()").execute(&mut *c).await?;
            happen(&database, org, 1).await;
            publish(c, org, &[new(2)]).await
        })
    });
    written.await.unwrap();
    let query = "select array_agg(seq order by created_at) from platform.events";
    let order: Vec<i64> = sqlx::query_scalar(query).fetch_one(&stage.admin).await.unwrap();
    assert_eq!(order, [1, 2]);
}
