//! Recordings over HTTP: links by which they are heard, for whom and for how long, and that the record tells of each.

use axum::{
    Router,
    http::{HeaderMap, StatusCode, Uri, header},
    response::IntoResponse as _,
    routing::get,
};
use contract::id::OrgId;
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use crate::stage::{Answer, MIDNIGHT, Served, Stage, reached, uuid};

const RECORDINGS: &str = "/api/telephony/recordings";

struct Scene {
    stage: Stage,
    api: Served,
    key: String,
    ours: Uuid,
    theirs: Uuid,
    _folder: TempDir,
}

/// A recording of which the store has `key`.
async fn recording(stage: &Stage, org: OrgId) -> Uuid {
    let call = stage.call(org, "internal", MIDNIGHT).await;
    let statement = "insert into telephony.recordings
        (id, org_id, call_id, started_at, format, length_ms, storage_key, bytes, sha256, interruptions, stored_at)
        values ($2, $1, $2, now(), 'wav', 20, $2::text, 1, repeat('0', 64), 0, now())";
    stage.run(statement, org, call).await;
    call
}

/// What the switch's door says of any recording: its name, or the part that is asked for.
async fn sound(uri: Uri, headers: HeaderMap) -> axum::response::Response {
    match headers.get(header::RANGE).map(|range| range.to_str().unwrap()) {
        Some("bytes=0-3") => {
            (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, "bytes 0-3/9")], "RIFF").into_response()
        }
        Some("bytes=99-") => {
            (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, "bytes */9")]).into_response()
        }
        Some("elsewhere") => StatusCode::CONFLICT.into_response(),
        _ => uri.path().to_owned().into_response(),
    }
}

impl Scene {
    async fn new() -> Self {
        let (stage, folder) = (Stage::new().await, tempfile::tempdir().unwrap());
        let (ours, theirs) = (recording(&stage, stage.a).await, recording(&stage, stage.b).await);
        let door = Router::new().route("/v1/sounds/{*key}", get(sound));
        let api = stage.serve_with(reached(&folder, door).await).await;
        let key = stage.key(stage.a, &["recordings.read", "recordings.listen", "audit.read"]).await;
        Self { stage, api, key, ours, theirs, _folder: folder }
    }

    async fn link(&self, recording: Uuid) -> Answer {
        self.api.post(&format!("{RECORDINGS}/{recording}/link"), &self.key, &json!({})).await
    }

    /// Without any key.
    async fn hear(&self, url: &str, range: Option<&str>) -> Answer {
        let request = self.api.client.get(self.api.at(url));
        self.api
            .send(match range {
                Some(range) => request.header("range", range),
                None => request,
            })
            .await
    }

    async fn record(&self) -> Vec<String> {
        let events = self.api.get("/api/platform/audit-events", &self.key).await.json();
        let events = events["items"].as_array().unwrap().clone();
        events.iter().rev().map(|event| event["action"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn whoever_has_a_link_hears_the_recording_and_the_record_tells_of_each_time() {
    let scene = Scene::new().await;
    let list = scene.api.get(&format!("{RECORDINGS}?call_id={}", scene.ours), &scene.key).await.json();
    assert_eq!((list["items"].as_array().unwrap().len(), &list["items"][0]["id"]), (1, &json!(scene.ours)));
    let link = scene.link(scene.ours).await;
    assert_eq!(link.status, 200, "{}", link.body);
    let url = link.json()["url"].as_str().unwrap().to_owned();
    let whole = scene.hear(&url, None).await;
    assert_eq!((whole.status, whole.body), (200, format!("/v1/sounds/{}", scene.ours)));
    let headers = &whole.headers;
    assert_eq!(
        (&headers["content-type"], &headers["accept-ranges"]),
        (&"audio/wav".parse().unwrap(), &"bytes".parse().unwrap())
    );
    assert_eq!(headers["cache-control"], "private, no-store");
    let part = scene.hear(&url, Some("bytes=0-3")).await;
    assert_eq!((part.status, part.header("content-range"), &*part.body), (206, "bytes 0-3/9", "RIFF"));
    assert_eq!(scene.hear(&url, Some("bytes=99-")).await.status, 416);
    scene.hear(&url, Some("elsewhere")).await.must_be_problem(409, "conflict");
    let heard = "recording.heard";
    assert_eq!(scene.record().await, ["recording.linked", heard, heard, heard, heard]);
    let link = url.rsplit('=').next().unwrap();
    let told = scene.api.get("/api/platform/audit-events", &scene.key).await.body;
    assert!(!told.contains(link) && told.contains("bytes=0-3"), "{told}");
}

#[tokio::test]
async fn a_link_is_good_for_one_recording_and_some_minutes() {
    let scene = Scene::new().await;
    let (a, b) = (scene.stage.a, scene.stage.b);
    let url = scene.link(scene.ours).await.json()["url"].as_str().unwrap().to_owned();
    let cut = &url[..url.len() - 1];
    let (ours, theirs) = (scene.ours.to_string(), scene.theirs.to_string());
    for url in [
        format!("{cut}g"),
        cut.to_owned(),
        url.replace(&ours, &theirs),
        url.replace(&a.to_string(), &b.to_string()),
    ] {
        scene.hear(&url, None).await.must_be_problem(404, "not-found");
    }
    scene.hear(&url.replace("&link", "&x"), None).await.must_be_problem(400, "bad-request");
    scene.link(scene.theirs).await.must_be_problem(404, "not-found");
    scene.link(uuid()).await.must_be_problem(404, "not-found");
    for seconds in [9, 901] {
        let body = json!({ "seconds": seconds });
        let path = format!("{RECORDINGS}/{ours}/link");
        scene.api.post(&path, &scene.key, &body).await.must_be_problem(400, "bad-request");
    }
    let over =
        "update telephony.recording_links set expires_at = now() where org_id = $1 and recording_id = $2";
    scene.stage.run(over, a, scene.ours).await;
    scene.hear(&url, None).await.must_be_problem(404, "not-found");
    let gone = "update telephony.recordings set deleted_at = now(), deleted_because = 'retention' where org_id = $1 and id = $2";
    scene.stage.run(gone, a, scene.ours).await;
    scene.link(scene.ours).await.must_be_problem(409, "conflict");
    assert_eq!(scene.record().await, ["recording.linked"]);
}

#[tokio::test]
async fn whoever_may_have_a_recording_deleted_orders_it_once_and_nobody_hears_it_any_more() {
    let scene = Scene::new().await;
    let url = scene.link(scene.ours).await.json()["url"].as_str().unwrap().to_owned();
    let path = format!("{RECORDINGS}/{}/delete", scene.ours);
    let refused = scene.api.post(&path, &scene.key, &json!(null)).await;
    assert_eq!(refused.must_be_problem(403, "forbidden")["detail"], "needs the permission recordings.delete");
    let key = scene.stage.key(scene.stage.a, &["recordings.delete"]).await;
    let theirs = format!("{RECORDINGS}/{}/delete", scene.theirs);
    scene.api.post(&theirs, &key, &json!(null)).await.must_be_problem(404, "not-found");
    let ordered = scene.api.post(&path, &key, &json!(null)).await;
    assert_eq!(ordered.status, 200, "{}", ordered.body);
    let ordered = ordered.json();
    assert!(
        ordered["deletion_ordered_at"].is_string() && ordered["deletion_ordered_by"].is_string(),
        "{ordered}"
    );
    assert_eq!(ordered["deleted_at"], json!(null), "the switch says when the store has it no more");
    scene.hear(&url, None).await.must_be_problem(404, "not-found");
    scene.link(scene.ours).await.must_be_problem(409, "conflict");
    assert_eq!(scene.api.post(&path, &key, &json!(null)).await.json(), ordered);
    // As the switch says it; whoever asks again is shown it.
    let gone = "update telephony.recordings set deleted_at = now(), deleted_because = 'order' where org_id = $1 and id = $2";
    scene.stage.run(gone, scene.stage.a, scene.ours).await;
    let again = scene.api.post(&path, &key, &json!(null)).await;
    assert_eq!((again.status, &again.json()["deleted_because"]), (200, &json!("order")));
    assert_eq!(scene.record().await, ["recording.linked", "recording.deleted"]);
}

#[tokio::test]
async fn who_sees_recordings_may_not_hear_them() {
    let scene = Scene::new().await;
    let key = scene.stage.key(scene.stage.a, &["recordings.read"]).await;
    let path = format!("{RECORDINGS}/{}", scene.ours);
    assert_eq!(scene.api.get(&path, &key).await.status, 200);
    scene.api.get(&format!("{RECORDINGS}/{}", scene.theirs), &key).await.must_be_problem(404, "not-found");
    let refused = scene.api.post(&format!("{path}/link"), &key, &json!({})).await;
    assert_eq!(refused.must_be_problem(403, "forbidden")["detail"], "needs the permission recordings.listen");
}

#[tokio::test]
async fn what_makes_a_link_good_is_not_kept_for_a_request_that_comes_again() {
    let scene = Scene::new().await;
    let send = || {
        let path = scene.api.at(&format!("{RECORDINGS}/{}/link", scene.ours));
        let request = scene.api.client.post(path).bearer_auth(&scene.key).header("idempotency-key", "x");
        scene.api.send(request.json(&json!({})))
    };
    let (first, second) = (send().await.json()["url"].clone(), send().await.json()["url"].clone());
    assert_ne!(first, second);
    for url in [first, second] {
        assert_eq!(scene.hear(url.as_str().unwrap(), None).await.status, 200);
    }
    let query = sqlx::query_scalar("select answer from platform.idempotency_keys");
    let kept: Vec<String> = query.fetch_all(&scene.stage.admin).await.unwrap();
    assert_eq!(kept, [] as [String; 0]);
}

#[tokio::test]
async fn a_stranger_writes_no_more_into_the_record_than_a_range_needs() {
    let scene = Scene::new().await;
    let url = scene.link(scene.ours).await.json()["url"].as_str().unwrap().to_owned();
    assert_eq!(scene.hear(&url, Some(&"0".repeat(4_000))).await.status, 200);
    let events = scene.api.get("/api/platform/audit-events", &scene.key).await.json();
    assert_eq!(events["items"][0]["after"]["range"], "0".repeat(64));
}
