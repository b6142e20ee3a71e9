//! What goes on and what is ordered of it, over HTTP: whose calls are seen, who may order what, and that it is told once.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::{Query, State},
    routing::{get, post},
};
use contract::{
    id::{CallId, OrgId},
    journal::{Direction, EventKind},
    live::LiveCall,
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::stage::{Answer, MIDNIGHT, Served, Stage, fields, reached, uuid};

const CALLS: &str = "/api/telephony/live-calls";

/// A switch's door: calls that go on, what was ordered, and what it says to the next order.
#[derive(Clone)]
struct Door {
    calls: Arc<Vec<LiveCall>>,
    ordered: Arc<Mutex<Vec<Value>>>,
    says: Arc<Mutex<Value>>,
}

#[derive(Deserialize)]
struct Wanted {
    call: Option<CallId>,
}

impl Door {
    fn new(orgs: [OrgId; 2]) -> Self {
        let call = |org| LiveCall {
            call: CallId(uuid()),
            org,
            direction: Direction::Internal,
            caller: "1001".to_owned(),
            dialled: "1002".to_owned(),
            created_at: Timestamp(MIDNIGHT),
            answered_at: None,
            state: EventKind::Ringing,
        };
        let calls = Arc::new(orgs.map(call).to_vec());
        Self { calls, ordered: Arc::default(), says: Arc::new(Mutex::new(json!("done"))) }
    }

    async fn open(&self, folder: &TempDir) -> sambung_api::switch::Switch {
        let live = |State(door): State<Door>, Query(wanted): Query<Wanted>| async move {
            // As one of an older release, which shows everybody's.
            let is_wanted = |call: &&LiveCall| wanted.call.is_none_or(|id| id == call.call);
            let calls = door.calls.iter().filter(is_wanted).map(|call| {
                let mut call = serde_json::to_value(call).unwrap();
                call["legs"] = json!([]);
                call
            });
            Json(calls.collect::<Vec<Value>>())
        };
        let order = |State(door): State<Door>, Json(order): Json<Value>| async move {
            door.ordered.lock().unwrap().push(order);
            Json(json!({ "outcome": *door.says.lock().unwrap() }))
        };
        let router = Router::new().route("/v1/calls", get(live)).route("/v1/commands", post(order));
        reached(folder, router.with_state(self.clone())).await
    }

    fn ordered(&self) -> Vec<Value> {
        std::mem::take(&mut *self.ordered.lock().unwrap())
    }
}

struct Scene {
    stage: Stage,
    api: Served,
    door: Door,
    key: String,
    ours: Uuid,
    theirs: Uuid,
    _folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let (stage, folder) = (Stage::new().await, tempfile::tempdir().unwrap());
        let door = Door::new([stage.a, stage.b]);
        let api = stage.serve_with(door.open(&folder).await).await;
        let key = stage.key(stage.a, &["calls.read", "calls.control", "calls.listen", "audit.read"]).await;
        let (ours, theirs) = (door.calls[0].call.0, door.calls[1].call.0);
        Self { stage, api, door, key, ours, theirs, _folder: folder }
    }

    async fn order(&self, call: Uuid, word: &str, body: &Value) -> Answer {
        self.api.post(&format!("{CALLS}/{call}/{word}"), &self.key, body).await
    }

    async fn record(&self) -> Vec<Value> {
        let events = self.api.get("/api/platform/audit-events", &self.key).await.json();
        events["items"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn each_order_reaches_the_switch_and_the_record() {
    let scene = Scene::new().await;
    let id = scene.ours;
    for (word, body, command) in [
        ("hang-up", json!(null), json!({ "command": "hang_up", "call": id })),
        (
            "transfer",
            json!({ "to": "1003" }),
            json!({ "command": "transfer", "call": id, "leg": null, "to": "1003" }),
        ),
        (
            "hold",
            json!({ "is_on": true, "leg": 1 }),
            json!({ "command": "hold", "call": id, "leg": 1, "is_on": true }),
        ),
        ("record", json!({ "order": "pause" }), json!({ "command": "record", "call": id, "order": "pause" })),
        ("mute", json!({ "is_muted": true }), json!({ "command": "mute", "call": id, "is_muted": true })),
        (
            "supervise",
            json!({ "mode": "whisper" }),
            json!({ "command": "supervise", "call": id, "mode": "whisper" }),
        ),
        ("connect", json!({ "other_id": id }), json!({ "command": "connect", "call": id, "other": id })),
        (
            "pick-up",
            json!({ "by": "1003" }),
            json!({ "command": "pick_up", "org": null, "call": id, "by": "1003", "auto_answer": false }),
        ),
    ] {
        let done = scene.order(id, word, &body).await;
        assert_eq!(
            (done.status, done.json()),
            (200, json!({ "outcome": "done", "call_id": id })),
            "{}",
            done.body
        );
        assert_eq!(scene.door.ordered(), std::slice::from_ref(&command));
        let told = &scene.record().await[0];
        assert_eq!(told["action"], format!("call.{}", word.replace('-', "_")));
        assert_eq!(
            (&told["subject_id"], &told["after"]),
            (&json!(id), &json!({ "order": command, "outcome": "done" }))
        );
    }
}

#[tokio::test]
async fn a_call_of_another_organisation_is_not_found_before_anything_is_ordered() {
    let scene = Scene::new().await;
    let list = scene.api.get(CALLS, &scene.key).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&list["items"][0]["id"], &list["items"][0]["state"]),
        (&json!(scene.ours), &json!("ringing"))
    );
    scene.api.get(&format!("{CALLS}/{}", scene.theirs), &scene.key).await.must_be_problem(404, "not-found");
    assert_eq!(scene.api.get(&format!("{CALLS}/{}", scene.ours), &scene.key).await.json()["legs"], json!([]));
    for (word, body) in [
        ("hang-up", json!(null)),
        ("transfer", json!({ "to": "1003" })),
        ("hold", json!({ "is_on": true })),
        ("record", json!({ "order": "start" })),
        ("mute", json!({ "is_muted": true })),
        ("supervise", json!({ "mode": "listen" })),
        ("connect", json!({ "other_id": scene.ours })),
        ("pick-up", json!({ "by": "1003" })),
        ("listen", json!({ "by": "1003" })),
    ] {
        for call in [scene.theirs, uuid()] {
            scene.order(call, word, &body).await.must_be_problem(404, "not-found");
        }
    }
    // Nor is it half of an order.
    let other = json!({ "other_id": scene.theirs });
    scene.order(scene.ours, "connect", &other).await.must_be_problem(404, "not-found");
    assert_eq!((scene.door.ordered(), scene.record().await), (vec![], vec![]));
}

#[tokio::test]
async fn what_the_switch_says_becomes_an_answer_or_a_problem() {
    let scene = Scene::new().await;
    let say = |outcome: Value| *scene.door.says.lock().unwrap() = outcome;
    say(json!("already_so"));
    let done = scene.order(scene.ours, "hang-up", &json!(null)).await;
    assert_eq!((done.status, &done.json()["outcome"]), (200, &json!("already_so")));
    for (outcome, status, name, field) in [
        ("unknown_call", 404, "not-found", None),
        ("not_allowed", 409, "conflict", None),
        ("not_now", 409, "conflict", None),
        ("closed", 409, "conflict", None),
        ("not_there", 409, "conflict", None),
        ("unknown_number", 422, "unprocessable-entity", Some("to")),
        ("unknown_caller", 422, "unprocessable-entity", Some("by")),
        ("is_theirs", 409, "conflict", None),
        ("too_broad", 409, "conflict", None),
        ("unusable_id", 422, "unprocessable-entity", Some("id")),
        ("of_a_newer_release", 503, "service-unavailable", None),
    ] {
        say(json!(outcome));
        let refused = scene.order(scene.ours, "transfer", &json!({ "to": "9" })).await;
        let problem = refused.must_be_problem(status, name);
        assert!(field.is_none_or(|field| fields(&problem) == [field]), "{problem}");
    }
    // What came to nothing is not told.
    assert_eq!(scene.record().await.len(), 1);
}

#[tokio::test]
async fn a_call_is_ordered_once_by_its_name_and_by_its_id() {
    let scene = Scene::new().await;
    let id = scene.ours;
    *scene.door.says.lock().unwrap() = json!({ "called": id });
    let body = json!({ "from": "1001", "to": "100", "id": id });
    let send = || {
        let request = scene.api.client.post(scene.api.at("/api/telephony/calls")).bearer_auth(&scene.key);
        scene.api.send(request.header("idempotency-key", "x").json(&body))
    };
    let first = send().await;
    assert_eq!((first.status, first.header("location")), (201, &*format!("{CALLS}/{id}")), "{}", first.body);
    assert_eq!(first.json(), json!({ "outcome": "called", "call_id": id }));
    assert_eq!((send().await.body, scene.door.ordered().len()), (first.body, 1));
    *scene.door.says.lock().unwrap() = json!("already_so");
    let again = scene.api.post("/api/telephony/calls", &scene.key, &body).await;
    assert_eq!((again.status, again.json()), (200, json!({ "outcome": "already_so", "call_id": id })));
    let org = scene.stage.a;
    let command = json!({ "command": "call", "org": org, "call": id, "from": "1001", "to": "100", "auto_answer": false });
    assert_eq!(scene.door.ordered(), [command]);
    assert_eq!(scene.record().await.len(), 2);
}

#[tokio::test]
async fn a_supervisor_listens_by_a_call_of_their_own_which_is_ordered_once() {
    let scene = Scene::new().await;
    let own = uuid();
    let body = json!({ "by": "1001", "mode": "whisper", "id": own });
    *scene.door.says.lock().unwrap() = json!({ "called": own });
    let first = scene.order(scene.ours, "listen", &body).await;
    assert_eq!((first.status, first.header("location")), (201, &*format!("{CALLS}/{own}")), "{}", first.body);
    let command = json!({ "command": "listen", "org": scene.stage.a, "call": own, "subject": scene.ours, "from": "1001",
                          "mode": "whisper", "auto_answer": false });
    assert_eq!(scene.door.ordered(), std::slice::from_ref(&command));
    let told = &scene.record().await[0];
    assert_eq!((&told["action"], &told["subject_id"]), (&json!("call.listen"), &json!(scene.ours)));
    assert_eq!(told["after"], json!({ "order": command, "outcome": "called" }));
    *scene.door.says.lock().unwrap() = json!("already_so");
    let again = scene.order(scene.ours, "listen", &body).await;
    assert_eq!((again.status, again.json()), (200, json!({ "outcome": "already_so", "call_id": own })));
    *scene.door.says.lock().unwrap() = json!("unknown_caller");
    let refused = scene.order(scene.ours, "listen", &body).await.must_be_problem(422, "unprocessable-entity");
    assert_eq!(fields(&refused), ["by"]);
    // Whoever follows the calls is not told who listens.
    let query = sqlx::query_scalar("select kind from platform.events");
    let events: Vec<String> = query.fetch_all(&scene.stage.admin).await.unwrap();
    assert_eq!(events, [] as [String; 0]);
}

#[tokio::test]
async fn who_may_order_may_not_listen() {
    let scene = Scene::new().await;
    let key = scene.stage.key(scene.stage.a, &["calls.read", "calls.control"]).await;
    for (word, body) in [("supervise", json!({ "mode": "listen" })), ("listen", json!({ "by": "1001" }))] {
        let refused = scene.api.post(&format!("{CALLS}/{}/{word}", scene.ours), &key, &body).await;
        assert_eq!(refused.must_be_problem(403, "forbidden")["detail"], "needs the permission calls.listen");
    }
    assert_eq!(scene.door.ordered(), [] as [Value; 0]);
}

#[tokio::test]
async fn orders_are_in_the_record_and_nobody_who_sees_calls_is_told_of_them() {
    let scene = Scene::new().await;
    *scene.door.says.lock().unwrap() = json!({ "called": scene.ours });
    let called =
        scene.api.post("/api/telephony/calls", &scene.key, &json!({ "from": "1001", "to": "100" })).await;
    assert_eq!(called.status, 201, "{}", called.body);
    *scene.door.says.lock().unwrap() = json!("done");
    for (word, body) in [("supervise", json!({ "mode": "listen" })), ("hold", json!({ "is_on": true }))] {
        assert_eq!(scene.order(scene.ours, word, &body).await.status, 200);
    }
    assert_eq!(scene.record().await.len(), 3);
    let query = sqlx::query_scalar("select kind from platform.events");
    let told: Vec<String> = query.fetch_all(&scene.stage.admin).await.unwrap();
    assert_eq!(told, [] as [String; 0]);
}

#[tokio::test]
async fn people_are_turned_on_and_off_by_themselves_and_by_whoever_may_and_by_nobody_else() {
    let scene = Scene::new().await;
    let (sari, email) = scene.stage.person(scene.stage.a, "call_agent").await;
    let other = scene.stage.member(scene.stage.a, Some("1002")).await;
    let foreign = scene.stage.member(scene.stage.b, Some("1002")).await;
    let number = "insert into telephony.numbers (org_id, number, user_id) values ($1, '1001', $2)";
    sqlx::query(number).bind(scene.stage.a.0).bind(sari).execute(&scene.stage.admin).await.unwrap();
    let signed_in = scene.api.sign_in(&email).await;
    let own = signed_in["access_token"].as_str().unwrap();
    let at = |user: Uuid, word: &str| format!("/api/telephony/people/{user}/{word}");
    let org = scene.stage.a;
    for (word, body, command) in [
        (
            "pause",
            json!({ "is_paused": true }),
            json!({ "command": "pause_agent", "org": org, "user": sari, "is_paused": true }),
        ),
        (
            "do-not-disturb",
            json!({ "is_on": true }),
            json!({ "command": "do_not_disturb", "org": org, "person": { "user": sari }, "is_on": true }),
        ),
        (
            "call-waiting",
            json!({ "is_on": false }),
            json!({ "command": "call_waiting", "org": org, "person": { "user": sari }, "is_on": false }),
        ),
    ] {
        for bearer in [own, &scene.key] {
            let turned = scene.api.post(&at(sari, word), bearer, &body).await;
            assert_eq!(turned.json(), json!({ "outcome": "done", "user_id": sari }), "{}", turned.body);
            assert_eq!(scene.door.ordered(), std::slice::from_ref(&command));
            let told = &scene.record().await[0];
            assert_eq!(told["action"], format!("person.{}", word.replace('-', "_")));
            assert_eq!(told["after"], json!({ "order": command, "outcome": "done" }));
        }
        for (bearer, user) in [(own, other), (own, foreign), (&*scene.key, foreign)] {
            scene.api.post(&at(user, word), bearer, &body).await.must_be_problem(404, "not-found");
        }
        assert_eq!(scene.door.ordered(), Vec::<Value>::new());
    }
    let rows = "insert into telephony.availability (org_id, user_id, setting, value, changed_at)
        values ($1, $2, 'pause', 'missed', now()), ($1, $2, 'call_waiting', 'off', now())";
    sqlx::query(rows).bind(org.0).bind(sari).execute(&scene.stage.admin).await.unwrap();
    let shown = scene.api.get(&at(sari, "availability"), own).await.json();
    let expected =
        json!({ "user_id": sari, "do_not_disturb": false, "call_waiting": false, "pause": "missed" });
    assert_eq!(shown, expected);
    let key = scene.stage.key(org, &["telephony.read"]).await;
    assert_eq!(scene.api.get(&at(other, "availability"), &key).await.json()["pause"], Value::Null);
    for (bearer, user) in [(own, other), (&*key, foreign)] {
        scene.api.get(&at(user, "availability"), bearer).await.must_be_problem(404, "not-found");
    }
}
