//! Messages over HTTP: their owner sees, hears, marks and deletes them, and of others only who may do it to everybody's.

use axum::{Router, http::Uri, routing::get};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;
use uuid::Uuid;

use crate::stage::{Answer, MIDNIGHT, Served, Stage, reached};

const MESSAGES: &str = "/api/telephony/voicemail-messages";

struct Scene {
    stage: Stage,
    api: Served,
    /// Whose mailbox it is.
    sari: String,
    /// Of the same organisation.
    budi: String,
    message: Uuid,
    _folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let (stage, folder) = (Stage::new().await, tempfile::tempdir().unwrap());
        // The switch's door says of any message its name.
        let door =
            Router::new().route("/v1/messages/{*key}", get(|uri: Uri| async move { uri.path().to_owned() }));
        let api = stage.serve_with(reached(&folder, door).await).await;
        let (user, email) = stage.person(stage.a, "call_agent").await;
        let (_, other) = stage.person(stage.a, "team_lead").await;
        let token = async |email: &str| api.sign_in(email).await["access_token"].as_str().unwrap().to_owned();
        let (sari, budi) = (token(&email).await, token(&other).await);
        let message = stage.call(stage.a, "internal", MIDNIGHT).await;
        let (org, rows) = (stage.a, "insert into telephony.recordings
                (id, org_id, call_id, started_at, format, length_ms, storage_key, bytes, sha256, interruptions, stored_at)
                values ('{m}', '{o}', '{m}', now(), 'wav', 20, '{m}', 1, repeat('0', 64), 0, now());
            insert into telephony.voicemail_messages (id, org_id, call_id, user_id, caller_number, left_at, length_ms)
                values ('{m}', '{o}', '{m}', '{u}', '1002', now(), 20)");
        let rows = rows.replace("{m}", &message.to_string()).replace("{o}", &org.to_string());
        let rows = rows.replace("{u}", &user.to_string());
        sqlx::raw_sql(AssertSqlSafe(rows)).execute(&stage.admin).await.unwrap();
        Self { stage, api, sari, budi, message, _folder: folder }
    }

    async fn list(&self, query: &str) -> Vec<Value> {
        let answer = self.api.get(&format!("{MESSAGES}{query}"), &self.sari).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["items"].as_array().unwrap().clone()
    }

    async fn delete(&self) -> Answer {
        self.api.post(&self.at("/delete"), &self.sari, &Value::Null).await
    }

    fn at(&self, word: &str) -> String {
        format!("{MESSAGES}/{}{word}", self.message)
    }
}

#[tokio::test]
async fn whoever_a_message_was_left_for_marks_and_deletes_it_and_the_switch_is_told() {
    let scene = Scene::new().await;
    let mut told =
        sqlx::postgres::PgListener::connect(&scene.stage.url(migrations::Role::Switch)).await.unwrap();
    told.listen("telephony_voicemail").await.unwrap();
    let messages = scene.list("?is_heard=false").await;
    assert_eq!((&messages[0]["id"], &messages[0]["caller_number"]), (&json!(scene.message), &json!("1002")));
    let mark = async |is_heard: bool| {
        let marked = scene.api.post(&scene.at("/mark"), &scene.sari, &json!({ "is_heard": is_heard })).await;
        assert_eq!(marked.status, 200, "{}", marked.body);
        marked.json()["heard_at"].clone()
    };
    let heard_at = mark(true).await;
    assert!(heard_at.is_string());
    told.recv().await.unwrap();
    assert_eq!(
        (mark(true).await, scene.list("?is_heard=false").await),
        (heard_at, vec![]),
        "the first time counts"
    );
    assert_eq!(mark(false).await, Value::Null);
    told.recv().await.unwrap();
    assert_eq!(scene.list("").await.len(), 1);
    assert_eq!(scene.delete().await.status, 204);
    told.recv().await.unwrap();
    assert_eq!(scene.list("").await, [] as [Value; 0]);
    scene.delete().await.must_be_problem(404, "not-found");
    // The switch takes it from the store, and says so.
    let is_due: bool = sqlx::query_scalar(
        "select deleted_at is not null and erased_at is null from telephony.voicemail_messages",
    )
    .fetch_one(&scene.stage.admin)
    .await
    .unwrap();
    assert!(is_due);
    let key = scene.stage.key(scene.stage.a, &["audit.read"]).await;
    let record = scene.api.get("/api/platform/audit-events", &key).await.json();
    let actions: Vec<&Value> =
        record["items"].as_array().unwrap().iter().map(|event| &event["action"]).collect();
    assert_eq!(
        actions,
        ["voicemail_message.deleted", "voicemail_message.marked", "voicemail_message.marked"]
    );
}

#[tokio::test]
async fn a_message_is_heard_by_a_link_of_its_owner_until_it_is_deleted() {
    let scene = Scene::new().await;
    let link = scene.api.post(&scene.at("/link"), &scene.sari, &json!({})).await;
    assert_eq!(link.status, 200, "{}", link.body);
    let url = link.json()["url"].as_str().unwrap().to_owned();
    let hear = |url: &str| scene.api.send(scene.api.client.get(scene.api.at(url)));
    let heard = hear(&url).await;
    assert_eq!((heard.status, &*heard.body), (200, &*format!("/v1/messages/{}", scene.message)));
    assert_eq!(
        (heard.header("content-type"), heard.header("cache-control")),
        ("audio/wav", "private, no-store")
    );
    hear(&url[..url.len() - 1]).await.must_be_problem(404, "not-found");
    assert_eq!(scene.delete().await.status, 204);
    hear(&url).await.must_be_problem(404, "not-found");
}

#[tokio::test]
async fn nobody_else_sees_or_hears_it_and_nobody_as_a_recording() {
    let scene = Scene::new().await;
    assert_eq!(scene.api.get(MESSAGES, &scene.budi).await.json()["items"], json!([]));
    let doors = [("/mark", json!({ "is_heard": true })), ("/link", json!({})), ("/delete", Value::Null)];
    for (word, body) in &doors {
        scene.api.post(&scene.at(word), &scene.budi, body).await.must_be_problem(404, "not-found");
    }
    let key =
        scene.stage.key(scene.stage.a, &["recordings.read", "recordings.listen", "recordings.delete"]).await;
    scene.api.get(MESSAGES, &key).await.must_be_problem(403, "forbidden");
    let recording = format!("/api/telephony/recordings/{}", scene.message);
    assert_eq!(scene.api.get("/api/telephony/recordings", &key).await.json()["items"], json!([]));
    scene.api.get(&recording, &key).await.must_be_problem(404, "not-found");
    for (word, body) in [("/link", json!({})), ("/delete", Value::Null)] {
        scene.api.post(&format!("{recording}{word}"), &key, &body).await.must_be_problem(404, "not-found");
    }
    // Neither does a link to the one open the other.
    let link = scene.api.post(&scene.at("/link"), &scene.sari, &json!({})).await.json();
    let url = link["url"].as_str().unwrap().replace("voicemail-messages", "recordings");
    scene.api.send(scene.api.client.get(scene.api.at(&url))).await.must_be_problem(404, "not-found");
}

#[tokio::test]
async fn whoever_may_look_after_all_mailboxes_does_to_everybodys_what_they_may() {
    let scene = Scene::new().await;
    let permissions = ["voicemail.read", "voicemail.listen", "voicemail.write"];
    let key = scene.stage.key(scene.stage.a, &permissions).await;
    let found = scene.api.get(MESSAGES, &key).await.json()["items"].clone();
    assert_eq!(found[0]["id"], json!(scene.message));
    let of = async |user: &str| {
        scene.api.get(&format!("{MESSAGES}?user_id={user}"), &key).await.json()["items"].clone()
    };
    assert_eq!(of(found[0]["user_id"].as_str().unwrap()).await, found);
    assert_eq!(of(&Uuid::nil().to_string()).await, json!([]));
    let theirs = scene.stage.key(scene.stage.b, &permissions).await;
    assert_eq!(scene.api.get(MESSAGES, &theirs).await.json()["items"], json!([]));
    for (word, body, status) in [
        ("/link", json!({}), 200),
        ("/mark", json!({ "is_heard": true }), 200),
        ("/delete", Value::Null, 204),
    ] {
        scene.api.post(&scene.at(word), &theirs, &body).await.must_be_problem(404, "not-found");
        let done = scene.api.post(&scene.at(word), &key, &body).await;
        assert_eq!(done.status, status, "{word}: {}", done.body);
    }
    assert_eq!(scene.list("").await, [] as [Value; 0]);
}
