//! Hours and rules of extensions over HTTP (H-053, H-055, HX-9).

use contract::route::{RouteAnswer, Routed};
use serde_json::{Value, json};

use crate::{
    scene::{EXTENSIONS, Scene},
    stage::{fields, uuid},
};

fn rings(answer: &RouteAnswer) -> Option<&str> {
    match &answer.route {
        Routed::Ring { number, .. } => Some(number),
        _ => None,
    }
}

async fn desk() -> (Scene, String, String) {
    let scene = Scene::new().await;
    scene.phones().await;
    let (desk, other) =
        (scene.extension("100", &[scene.sari]).await, scene.extension("200", &[scene.sari]).await);
    (scene, desk, other)
}

#[tokio::test]
async fn hours_are_put_for_all_of_a_week_and_the_plan_goes_by_them() {
    let (scene, desk, _) = desk().await;
    let path = format!("{EXTENSIONS}/{desk}/hours");
    assert_eq!(scene.get(&path).await.json(), json!({ "windows": [], "version": 1 }));
    let week = json!({ "windows": [
        { "day": "mon", "start": "08:00", "end": "12:00" }, { "day": "mon", "start": "13:00", "end": "17:00" },
        { "day": "sat", "start": "22:00", "end": "06:00" }, { "day": "sun", "start": "20:00", "end": "24:00" },
    ] });
    let put = scene.put(&path, Some("\"1\""), &week).await;
    assert_eq!((put.status, put.header("etag")), (200, "\"2\""), "{}", put.body);
    assert_eq!((&put.json()["windows"], scene.get(&path).await.json()), (&week["windows"], put.json()));
    // 2026-11-23 is a Monday.
    for (at, is_open) in [
        ("2026-11-23T07:59", false),
        ("2026-11-23T08:00", true),
        ("2026-11-23T12:30", false),
        ("2026-11-23T16:59", true),
        ("2026-11-29T05:59", true),
        ("2026-11-29T06:00", false),
        ("2026-11-29T23:59", true),
        ("2026-11-30T00:00", false),
    ] {
        assert_eq!(rings(&scene.route("1002", "100", at).await).is_some(), is_open, "{at}");
    }
    // The extension's own version tells of it, and it can be taken back.
    assert_eq!(scene.get(&format!("{EXTENSIONS}/{desk}")).await.json()["version"], 2);
    assert_eq!(scene.put_over(&path, &json!({ "windows": [] })).await.status, 200);
    assert!(rings(&scene.route("1002", "100", "2026-11-23T07:59").await).is_some());
    let events = scene.record(&desk).await;
    assert_eq!(events, ["extension.created", "hours.changed", "hours.changed"]);
}

#[tokio::test]
async fn everything_that_is_wrong_with_hours_is_told_at_once() {
    let (scene, desk, _) = desk().await;
    let path = format!("{EXTENSIONS}/{desk}/hours");
    let wrong = json!({ "windows": [
        { "day": "mon", "start": "8:00", "end": "24:01" },
        { "day": "tue", "start": "08:00", "end": "10:00" }, { "day": "tue", "start": "08:00", "end": "12:00" },
    ] });
    let problem = scene.put(&path, Some("\"1\""), &wrong).await.must_be_problem(400, "bad-request");
    assert_eq!(fields(&problem), ["windows[0].start", "windows[0].end", "windows[2]"]);
    let day = json!({ "windows": [{ "day": "noday", "start": "08:00", "end": "10:00" }] });
    let problem = scene.put(&path, Some("\"1\""), &day).await.must_be_problem(400, "bad-request");
    assert_eq!(fields(&problem), ["windows[0].day"]);
    scene.put(&path, None, &json!({ "windows": [] })).await.must_be_problem(428, "precondition-required");
    scene.put_first(&path, &json!({ "windows": [] })).await.must_be_problem(412, "precondition-failed");
    scene.is_not_for_others(&path).await;
    let nobodys = format!("{EXTENSIONS}/{}/hours", uuid());
    scene.put_first(&nobodys, &json!({ "windows": [] })).await.must_be_problem(404, "not-found");
}

fn forward(condition: &str, timescope: &str, to: &str) -> Value {
    json!({ "timescope": timescope, "condition": condition,
        "action": { "type": "forward_extension", "extension_id": to } })
}

#[tokio::test]
async fn rules_are_put_in_order_read_as_sentences_and_decide_calls() {
    let (scene, desk, other) = desk().await;
    let path = format!("{EXTENSIONS}/{desk}/rules");
    let hours = json!({ "windows": [{ "day": "mon", "start": "08:00", "end": "17:00" }] });
    assert_eq!(scene.put_over(&format!("{EXTENSIONS}/{desk}/hours"), &hours).await.status, 200);
    let to_budi = json!({ "timescope": "off_hours", "condition": "always",
        "action": { "type": "forward_staff", "user_id": scene.budi } });
    let rules = json!({ "rules": [to_budi, forward("no_answer", "work_hours", &other)] });
    let put = scene.put_over(&path, &rules).await;
    assert_eq!(put.status, 200, "{}", put.body);
    let shown = put.json();
    let sentence = |at: usize, language: &str| shown["rules"][at]["sentence"][language].clone();
    assert_eq!(sentence(0, "id"), "Di luar jam kerja: teruskan ke 1002 Sari");
    assert_eq!(sentence(0, "en"), "Outside working hours: forward to 1002 Sari");
    assert_eq!(sentence(1, "id"), "Pada jam kerja, bila tidak diangkat: teruskan ke 200 CS");
    assert_eq!(shown["rules"][1]["action"], rules["rules"][1]["action"]);
    assert_eq!(rings(&scene.route("1001", "100", "2026-11-23T18:00").await), Some("1002"));
    let day = scene.route("1002", "100", "2026-11-23T10:00").await;
    assert_eq!((rings(&day), day.then.len()), (Some("100"), 1), "{day:?}");

    // One stays under its id and another place, one goes and one comes.
    let kept = shown["rules"][1]["id"].clone();
    let mut stays = forward("no_answer", "work_hours", &other);
    stays["id"] = kept.clone();
    let off = json!({ "timescope": "any", "condition": "busy", "is_enabled": false,
        "action": { "type": "announce_hangup", "sound": "closed" } });
    let again = scene.put_over(&path, &json!({ "rules": [off, stays] })).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(again.json()["rules"][1]["id"], kept);
    let busy = &again.json()["rules"][0]["sentence"]["en"];
    assert_eq!(busy, "When everybody is busy: play the announcement closed and hang up (disabled)");
    // The one that went is still a row (H-055).
    let count = "select count(*) from telephony.extension_rules where deleted_at is not null";
    let deleted: i64 = sqlx::query_scalar(count).fetch_one(&scene.stage.admin).await.unwrap();
    assert_eq!(deleted, 1);
    assert_eq!(scene.record(&desk).await.pop().as_deref(), Some("rules.changed"));
    // Whatever it led to may go, and what a rule leads to may not.
    let gone = scene.delete(&format!("{EXTENSIONS}/{other}"), "\"1\"").await;
    gone.must_be_problem(409, "conflict");
}

#[tokio::test]
async fn rules_that_lead_nowhere_or_in_a_circle_are_refused_by_their_place() {
    let (scene, desk, other) = desk().await;
    let path = format!("{EXTENSIONS}/{desk}/rules");
    let nobody = uuid().to_string();
    let action = |action: Value| json!({ "timescope": "any", "condition": "busy", "action": action });
    let good = forward("busy", "off_hours", &other);
    for (wrong, field) in [
        (forward("busy", "any", &nobody), "rules[1].action.extension_id"),
        (forward("busy", "any", &desk), "rules[1].action.extension_id"),
        (action(json!({ "type": "forward_staff", "user_id": nobody })), "rules[1].action.user_id"),
        (action(json!({ "type": "queue", "extension_id": other })), "rules[1].action.extension_id"),
        (action(json!({ "type": "ivr", "extension_id": other })), "rules[1].action.extension_id"),
        (action(json!({ "type": "ring" })), "rules[1].action.type"),
    ] {
        let rules = json!({ "rules": [good, wrong] });
        let problem = scene.put_over(&path, &rules).await.must_be_problem(422, "unprocessable-entity");
        assert_eq!(fields(&problem), [field], "{problem}");
    }
    let mut strange = good.clone();
    strange["id"] = json!(nobody);
    let problem = scene.put_over(&path, &json!({ "rules": [good, strange] })).await;
    assert_eq!(fields(&problem.must_be_problem(422, "unprocessable-entity")), ["rules[1].id"]);
    // The compiler finds the circle, whichever of the two closes it.
    let back = format!("{EXTENSIONS}/{other}/rules");
    let circle = json!({ "rules": [forward("always", "any", &desk)] });
    assert_eq!(scene.put_over(&back, &circle).await.status, 200);
    let circle = json!({ "rules": [good, forward("always", "any", &other)] });
    let problem = scene.put_over(&path, &circle).await.must_be_problem(422, "unprocessable-entity");
    let expected = json!([{ "field": "rules[0] of extension 200: target", "reason": "leads in a circle: 100 → 200 → 100" }]);
    assert_eq!(problem["errors"], expected);
    let wrong = json!({ "rules": [
        action(json!({ "type": "forward_number", "number": "0812" })),
        action(json!({ "type": "announce_hangup", "sound": "../x" })),
        action(json!({ "type": "queue", "extension_id": other, "priority": 10 })),
    ] });
    let problem = scene.put_over(&path, &wrong).await.must_be_problem(400, "bad-request");
    let expected = ["rules[0].action.number", "rules[1].action.sound", "rules[2].action.priority"];
    assert_eq!(fields(&problem), expected);
    assert_eq!(scene.get(&path).await.json()["rules"], json!([]));
    scene.is_not_for_others(&path).await;
}
