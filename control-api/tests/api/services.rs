//! What an extension leads to, over HTTP: a queue, a menu, a conference, a page group.

use contract::route::Routed;
use serde_json::{Value, json};

use crate::{
    scene::{EXTENSIONS, Scene},
    stage::{Answer, fields, uuid},
};

async fn desk(part: &str) -> (Scene, String, String) {
    let scene = Scene::new().await;
    scene.phones().await;
    let id = scene.extension("100", &[scene.sari, scene.budi]).await;
    let path = format!("{EXTENSIONS}/{id}/{part}");
    (scene, id, path)
}

/// Makes it, changes it, takes it away; what is described is what is shown, others see nothing of it, and the record tells of it.
async fn lives(part: &str, name: &str, first: &Value, second: &Value) {
    let (scene, id, path) = desk(part).await;
    scene.get(&path).await.must_be_problem(404, "not-found");
    scene.put(&path, None, first).await.must_be_problem(428, "precondition-required");
    scene.put(&path, Some("\"1\""), first).await.must_be_problem(404, "not-found");
    let shows = |answer: &Answer, described: &Value| {
        for (field, value) in described.as_object().unwrap() {
            assert_eq!(&answer.json()[field], value, "{field}: {}", answer.body);
        }
    };
    let made = scene.put_first(&path, first).await;
    assert_eq!(made.status, 201, "{}", made.body);
    shows(&made, first);
    assert_eq!(made.header("sambung-revision"), scene.revision().await.to_string());
    assert_eq!(scene.get(&path).await.json(), made.json());
    scene.put_first(&path, first).await.must_be_problem(412, "precondition-failed");
    scene.is_not_for_others(&path).await;
    let changed = scene.put_over(&path, second).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    shows(&changed, second);
    assert_eq!(changed.json()["id"], made.json()["id"]);
    // The extension stays as long as it leads there.
    let extension = format!("{EXTENSIONS}/{id}");
    let version = scene.get(&extension).await.header("etag").to_owned();
    scene.delete(&extension, &version).await.must_be_problem(409, "conflict");
    scene.delete(&path, made.header("etag")).await.must_be_problem(412, "precondition-failed");
    assert_eq!(scene.delete(&path, changed.header("etag")).await.status, 204);
    scene.get(&path).await.must_be_problem(404, "not-found");
    let [created, altered, deleted] = ["created", "changed", "deleted"].map(|done| format!("{name}.{done}"));
    assert_eq!(scene.record(&id).await, ["extension.created", &created, &altered, &deleted]);
    let nobodys = format!("{EXTENSIONS}/{}/{part}", uuid());
    scene.put_first(&nobodys, first).await.must_be_problem(404, "not-found");
}

async fn is_refused(scene: &Scene, path: &str, body: &Value, (status, expected): (u16, &[&str])) {
    let name = if status == 400 { "bad-request" } else { "unprocessable-entity" };
    let problem = scene.put_first(path, body).await.must_be_problem(status, name);
    assert_eq!(fields(&problem), expected, "{problem}");
}

#[tokio::test]
async fn a_queue_is_made_changed_and_taken_away() {
    let second = json!({ "strategy": "weighted", "ring_secs": 10, "capacity": 5, "wait_max_secs": 60, "wrap_up_secs": 0,
        "misses_max": 0, "announce_secs": 0, "has_callback": true });
    lives("queue", "queue", &json!({ "strategy": "ring_all", "ring_secs": 20 }), &second).await;
}

#[tokio::test]
async fn callers_wait_in_a_queue_of_the_extensions_staff_in_the_order_that_was_said() {
    let (scene, id, path) = desk("queue").await;
    let agents = json!([{ "user_id": scene.budi, "weight": 3 }, { "user_id": scene.sari, "weight": 1 }]);
    let made = scene.put_first(&path, &json!({ "strategy": "linear", "agents": agents })).await;
    assert_eq!((made.status, &made.json()["agents"]), (201, &agents), "{}", made.body);
    let routed = scene.route("1001", "100", "2026-11-23T10:00").await.route;
    assert!(matches!(routed, Routed::Queue { .. }), "{routed:?}");
    // A rule leads there, and then it stays.
    let other = scene.extension("200", &[scene.sari]).await;
    let rule = json!({ "rules": [{ "timescope": "any", "condition": "always",
        "action": { "type": "queue", "extension_id": id, "priority": 4 } }] });
    let rules = scene.put_over(&format!("{EXTENSIONS}/{other}/rules"), &rule).await;
    assert_eq!(
        rules.json()["rules"][0]["sentence"]["en"],
        "Always: put into the queue of 100 CS with priority 4"
    );
    assert_eq!(rules.json()["rules"][0]["action"], rule["rules"][0]["action"]);
    let version = scene.get(&path).await.header("etag").to_owned();
    scene.delete(&path, &version).await.must_be_problem(409, "conflict");
    // Whoever leaves the extension leaves its queue, and its version tells of it.
    let fewer = json!({ "number": "100", "name": "CS", "staff": [scene.sari] });
    assert_eq!(scene.put_over(&format!("{EXTENSIONS}/{id}"), &fewer).await.status, 200);
    let left = scene.get(&path).await;
    assert_ne!(left.header("etag"), version);
    // Who stays keeps place and weight; a new name of the extension made them lose both.
    assert_eq!(left.json()["agents"], json!([{ "user_id": scene.sari, "weight": 1 }]));
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_queue_is_told_at_once() {
    let (scene, _, path) = desk("queue").await;
    let wrong = json!({ "ring_secs": 4, "capacity": 0, "wait_max_secs": 9, "wrap_up_secs": 3601, "misses_max": 101,
        "announce_secs": 14, "agents": [{ "user_id": scene.sari, "weight": 0 }, { "user_id": scene.sari }] });
    let expected = [
        "ring_secs",
        "capacity",
        "wait_max_secs",
        "wrap_up_secs",
        "misses_max",
        "announce_secs",
        "agents[0].weight",
        "agents[1].user_id",
    ];
    is_refused(&scene, &path, &wrong, (400, &expected)).await;
    is_refused(&scene, &path, &json!({ "strategy": "fastest" }), (400, &["strategy"])).await;
    let strange = json!({ "agents": [{ "user_id": uuid() }] });
    is_refused(&scene, &path, &strange, (422, &["agents"])).await;
}

#[tokio::test]
async fn a_menu_is_made_changed_and_taken_away() {
    let second = json!({ "greeting": "welcome", "language": "en", "timeout_secs": 9, "key_timeout_secs": 2, "tries_max": 1,
        "has_direct_dialling": true, "choices": [] });
    lives("menu", "menu", &json!({ "greeting": null, "choices": [] }), &second).await;
}

#[tokio::test]
async fn the_keys_of_a_menu_lead_where_rules_can_and_nowhere_else() {
    let (scene, id, path) = desk("menu").await;
    let other = scene.extension("200", &[scene.sari]).await;
    let choice = |key: &str, action: Value| json!({ "key": key, "action": action });
    let choices = json!({ "choices": [
        choice("#", json!({ "type": "ivr", "extension_id": id })),
        choice("1", json!({ "type": "forward_extension", "extension_id": other })),
        choice("2", json!({ "type": "forward_staff", "user_id": scene.budi })),
        choice("invalid", json!({ "type": "ring" })),
        choice("timeout", json!({ "type": "announce_hangup", "sound": "closed" })),
    ] });
    let made = scene.put_first(&path, &choices).await;
    assert_eq!((made.status, &made.json()["choices"]), (201, &choices["choices"]), "{}", made.body);
    let routed = scene.route("1001", "100", "2026-11-23T10:00").await.route;
    assert!(matches!(routed, Routed::Menu { .. }), "{routed:?}");
    let one =
        |action: Value| json!({ "choices": [choice("1", json!({ "type": "ring" })), choice("2", action)] });
    for (action, field) in [
        (json!({ "type": "queue", "extension_id": other }), "choices[1].action.extension_id"),
        (json!({ "type": "forward_extension", "extension_id": uuid() }), "choices[1].action.extension_id"),
        (json!({ "type": "voicemail", "user_id": uuid() }), "choices[1].action.user_id"),
    ] {
        let problem = scene.put_over(&path, &one(action)).await.must_be_problem(422, "unprocessable-entity");
        assert_eq!(fields(&problem), [field], "{problem}");
    }
    let wrong = json!({ "greeting": "A", "timeout_secs": 0, "choices": [choice("1", json!({ "type": "ring" })),
        choice("1", json!({ "type": "announce_hangup", "sound": "" }))] });
    let problem = scene.put_over(&path, &wrong).await.must_be_problem(400, "bad-request");
    assert_eq!(fields(&problem), ["greeting", "timeout_secs", "choices[1].key", "choices[1].action.sound"]);
    assert_eq!(scene.get(&path).await.json(), made.json());
    assert_eq!(scene.delete(&path, made.header("etag")).await.status, 204);
}

#[tokio::test]
async fn a_conference_is_made_changed_and_taken_away() {
    let second = json!({ "members_max": 2, "has_tones": false, "has_pin": false });
    lives("conference", "conference", &json!({ "members_max": 32, "has_tones": true }), &second).await;
}

#[tokio::test]
async fn a_pin_goes_in_and_never_comes_out() {
    let (scene, id, path) = desk("conference").await;
    is_refused(&scene, &path, &json!({ "has_pin": true }), (422, &["pin"])).await;
    is_refused(&scene, &path, &json!({ "pin": "123", "members_max": 33 }), (400, &["pin", "members_max"]))
        .await;
    is_refused(&scene, &path, &json!({ "pin": "1234", "has_pin": false }), (400, &["has_pin"])).await;
    let made = scene.put_first(&path, &json!({ "pin": "471100" })).await;
    assert_eq!((made.status, &made.json()["has_pin"]), (201, &json!(true)), "{}", made.body);
    let routed = scene.route("1001", "100", "2026-11-23T10:00").await.route;
    assert!(matches!(routed, Routed::Conference { .. }), "{routed:?}");
    let pin = || async {
        let pin = "select pin from telephony.conferences";
        sqlx::query_scalar::<_, Option<String>>(pin).fetch_one(&scene.stage.admin).await.unwrap()
    };
    // Kept by who cannot know it, changed, and taken away.
    for (body, expected) in [
        (json!({ "has_pin": true, "members_max": 5 }), Some("471100")),
        (json!({ "pin": "9999" }), Some("9999")),
        (json!({}), None),
    ] {
        let answer = scene.put_over(&path, &body).await;
        assert_eq!((answer.status, pin().await.as_deref()), (200, expected), "{}", answer.body);
        assert_eq!(answer.json()["has_pin"], expected.is_some());
    }
    let record = scene.get(&format!("/api/platform/audit-events?subject_id={id}")).await;
    assert!(!record.body.contains("471100") && !record.body.contains("9999"));
}

#[tokio::test]
async fn a_page_group_is_made_changed_and_taken_away() {
    lives("page-group", "page_group", &json!({ "is_duplex": false }), &json!({ "is_duplex": true })).await;
}

/// The compiler says so.
#[tokio::test]
async fn an_extension_with_a_queue_is_no_page_group() {
    let (scene, id, path) = desk("queue").await;
    assert_eq!(scene.put_first(&path, &json!({})).await.status, 201);
    let refused = scene.put_first(&format!("{EXTENSIONS}/{id}/page-group"), &json!({})).await;
    let problem = refused.must_be_problem(422, "unprocessable-entity");
    assert!(problem["errors"][0]["reason"].as_str().unwrap().contains("is a queue"), "{problem}");
}
