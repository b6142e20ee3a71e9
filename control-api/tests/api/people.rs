//! What people are reached by, over HTTP: numbers and mailboxes.

use contract::route::Routed;
use serde_json::json;

use crate::{
    scene::{EXTENSIONS, Scene},
    stage::{fields, uuid},
};

const NUMBERS: &str = "/api/telephony/numbers";
const MAILBOXES: &str = "/api/telephony/voicemail-boxes";

#[tokio::test]
async fn a_person_gets_a_number_another_one_and_none() {
    let scene = Scene::new().await;
    scene.phones().await;
    let rina = scene.stage.member(scene.stage.a, None).await;
    let path = format!("{NUMBERS}/{rina}");
    scene.get(&path).await.must_be_problem(404, "not-found");
    scene.put_first(&path, &json!({ "number": "1001" })).await.must_be_problem(409, "conflict");
    let problem = scene.put_first(&path, &json!({ "number": "1" })).await.must_be_problem(400, "bad-request");
    assert_eq!(fields(&problem), ["number"]);
    let made = scene.put_first(&path, &json!({ "number": "1003" })).await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""), "{}", made.body);
    let changed = scene.put_over(&path, &json!({ "number": "1004" })).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""), "{}", changed.body);
    assert_eq!(scene.get(&path).await.json(), changed.json());
    let routed = scene.route("1001", "1004", "2026-11-23T10:00").await;
    assert!(!routed.steps.is_empty(), "{routed:?}");
    let list = scene.get(&format!("{NUMBERS}?limit=1")).await.json();
    assert_eq!(list["items"], json!([changed.json()]));
    let next = list["next_cursor"].as_str().unwrap();
    let rest = scene.get(&format!("{NUMBERS}?cursor={next}")).await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (2, &json!(null)));
    scene.is_not_for_others(&path).await;
    assert_eq!(scene.delete(&path, "\"2\"").await.status, 204);
    assert_eq!(scene.record(&rina.to_string()).await, ["number.created", "number.changed", "number.deleted"]);
    // Nobody of ours, and a person of somebody else's.
    for user in [uuid(), scene.stage.member(scene.stage.b, None).await] {
        let refused = scene.put_first(&format!("{NUMBERS}/{user}"), &json!({ "number": "1009" })).await;
        refused.must_be_problem(404, "not-found");
    }
}

/// It would be there again with the next number, and take messages that nobody expects.
#[tokio::test]
async fn without_a_number_there_is_no_mailbox() {
    let scene = Scene::new().await;
    let rina = scene.stage.member(scene.stage.a, Some("1003")).await;
    let (number, mailbox) = (format!("{NUMBERS}/{rina}"), format!("{MAILBOXES}/{rina}"));
    assert_eq!(scene.put_first(&mailbox, &json!({})).await.json()["is_enabled"], true);
    assert_eq!(scene.delete(&number, "\"1\"").await.status, 204);
    assert_eq!(scene.get(&mailbox).await.json()["is_enabled"], false);
}

/// Else no plan could be made, or a rule would lead nowhere.
#[tokio::test]
async fn whoever_is_needed_keeps_a_number_and_may_have_another_one() {
    let scene = Scene::new().await;
    scene.phones().await;
    let desk = scene.extension("100", &[scene.sari]).await;
    let rule = json!({ "rules": [{ "timescope": "any", "condition": "busy",
        "action": { "type": "forward_staff", "user_id": scene.budi } }] });
    assert_eq!(scene.put_over(&format!("{EXTENSIONS}/{desk}/rules"), &rule).await.status, 200);
    let (sari, budi) = (format!("{NUMBERS}/{}", scene.sari), format!("{NUMBERS}/{}", scene.budi));
    scene.delete(&sari, "\"1\"").await.must_be_problem(422, "unprocessable-entity");
    scene.delete(&budi, "\"1\"").await.must_be_problem(409, "conflict");
    assert_eq!(scene.put(&budi, Some("\"1\""), &json!({ "number": "2002" })).await.status, 200);
    let rules = scene.get(&format!("{EXTENSIONS}/{desk}/rules")).await.json();
    assert_eq!(rules["rules"][0]["sentence"]["id"], "Bila sibuk: teruskan ke 2002 Sari");
}

#[tokio::test]
async fn a_mailbox_is_made_changed_and_taken_away_and_callers_are_led_there() {
    let scene = Scene::new().await;
    scene.phones().await;
    let path = format!("{MAILBOXES}/{}", scene.budi);
    scene.get(&path).await.must_be_problem(404, "not-found");
    let made = scene.put_first(&path, &json!({})).await;
    assert_eq!((made.status, &made.json()["messages_max"]), (201, &json!(50)), "{}", made.body);
    let desk = scene.extension("100", &[scene.sari]).await;
    let rule = json!({ "rules": [{ "timescope": "any", "condition": "always",
        "action": { "type": "voicemail", "user_id": scene.budi } }] });
    assert_eq!(scene.put_over(&format!("{EXTENSIONS}/{desk}/rules"), &rule).await.status, 200);
    let routed = scene.route("1001", "100", "2026-11-23T10:00").await.route;
    assert!(matches!(routed, Routed::Voicemail { .. }), "{routed:?}");
    let described = json!({ "is_enabled": false, "greeting": "budi-1", "messages_max": 10, "message_secs_max": 60,
        "mail_address": "budi@example.com", "has_mail_sound": true, "is_deleted_when_mailed": true,
        "mail_language": "en" });
    let changed = scene.put_over(&path, &described).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    for (field, value) in described.as_object().unwrap() {
        assert_eq!(&changed.json()[field], value, "{field}");
    }
    let list = scene.get(MAILBOXES).await.json();
    assert_eq!(list["items"], json!([changed.json()]));
    let wrong = json!({ "greeting": "../x", "messages_max": 0, "message_secs_max": 601, "has_mail_sound": false,
        "is_deleted_when_mailed": true });
    let problem = scene.put_over(&path, &wrong).await.must_be_problem(400, "bad-request");
    assert_eq!(fields(&problem), ["greeting", "messages_max", "message_secs_max", "is_deleted_when_mailed"]);
    let problem = scene.put_over(&path, &json!({ "mail_address": "budi" })).await;
    assert_eq!(fields(&problem.must_be_problem(422, "unprocessable-entity")), ["mail_address"]);
    scene.is_not_for_others(&path).await;
    // Whose messages would be nobody's, and all there again with the next one.
    let call = scene.stage.call(scene.stage.a, "internal", 1).await;
    let message = "insert into telephony.recordings
                       values ($2, $1, $2, now(), 'wav', 20, $2::text, 1, repeat('0', 64), 0, now())";
    scene.stage.run(message, scene.stage.a, call).await;
    for statement in [
        "insert into telephony.voicemail_messages (id, org_id, call_id, user_id, left_at, length_ms)
         select $2, $1, $2, user_id, now(), 20 from telephony.voicemail_boxes",
        "update telephony.voicemail_messages set deleted_at = now() where org_id = $1 and id = $2",
    ] {
        scene.stage.run(statement, scene.stage.a, call).await;
        if statement.starts_with("insert") {
            scene.delete(&path, changed.header("etag")).await.must_be_problem(409, "conflict");
        }
    }
    assert_eq!(scene.delete(&path, changed.header("etag")).await.status, 204);
    let nobodys = format!("{MAILBOXES}/{}", uuid());
    scene.put_first(&nobodys, &json!({})).await.must_be_problem(404, "not-found");
}
