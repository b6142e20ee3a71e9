//! What holds for all of an organisation's calls, and its holidays, over HTTP (H-052, HX-15).

use contract::route::Routed;
use serde_json::json;

use crate::{
    scene::{EXTENSIONS, Scene},
    stage::{fields, uuid},
};

const SETTINGS: &str = "/api/telephony/settings";
const HOLIDAYS: &str = "/api/telephony/holidays";

#[tokio::test]
async fn settings_are_changed_and_calls_are_decided_by_them() {
    let scene = Scene::new().await;
    scene.phones().await;
    let plain = scene.get(SETTINGS).await;
    assert_eq!(plain.json()["ring_timeout_secs"], 60);
    let described = json!({ "ring_timeout_secs": 25, "language": "en", "has_announcements": false,
        "recording": "on_demand", "has_recording_notice": true, "has_recording_keys": true,
        "recording_retention_days": 30, "timezone": "Asia/Jayapura", "country_code": "60",
        "emergency_numbers": ["112"] });
    let changed = scene.put(SETTINGS, Some(plain.header("etag")), &described).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(changed.header("sambung-revision"), scene.revision().await.to_string());
    for (field, value) in described.as_object().unwrap() {
        assert_eq!(&changed.json()[field], value, "{field}");
    }
    assert_eq!(scene.get(SETTINGS).await.json(), changed.json());
    let routed = scene.route("1001", "1002", "2026-12-25T10:00").await;
    assert!(routed.local.ends_with("Asia/Jayapura"), "{}", routed.local);
    assert!(matches!(routed.route, Routed::Ring { ring_timeout_secs: 25, .. }), "{:?}", routed.route);
    // What is left out is as for a new organisation, but for the domain, which stays.
    let reset = scene.put_over(SETTINGS, &json!({})).await.json();
    assert_eq!((&reset["timezone"], &reset["recording"]), (&json!("Asia/Jakarta"), &json!("never")));
    assert_eq!(reset["sip_domain"], plain.json()["sip_domain"]);
    let subject = scene.stage.a.0.to_string();
    assert_eq!(scene.record(&subject).await, ["settings.changed", "settings.changed"]);
}

#[tokio::test]
async fn everything_that_is_wrong_with_settings_is_told_at_once() {
    let scene = Scene::new().await;
    let wrong = json!({ "ring_timeout_secs": 4, "recording_retention_days": 0, "timezone": "", "country_code": "062",
        "emergency_numbers": ["1", "112"] });
    let problem = scene.put(SETTINGS, Some("\"1\""), &wrong).await.must_be_problem(400, "bad-request");
    let expected =
        ["ring_timeout_secs", "recording_retention_days", "timezone", "country_code", "emergency_numbers[0]"];
    assert_eq!(fields(&problem), expected);
    for (field, value) in
        [("language", json!("fr")), ("sip_domain", json!("x.test")), ("is_default", json!(true))]
    {
        let body = json!({ field: value });
        let problem = scene.put(SETTINGS, Some("\"1\""), &body).await.must_be_problem(400, "bad-request");
        assert_eq!(fields(&problem), [field]);
    }
    // A zone that only the compiler knows not to be one.
    let body = json!({ "timezone": "Asia/Bandung" });
    let problem =
        scene.put(SETTINGS, Some("\"1\""), &body).await.must_be_problem(422, "unprocessable-entity");
    assert_eq!(fields(&problem), ["settings: timezone"]);
    // What everybody dials in need reaches nobody else.
    let body = json!({ "emergency_numbers": ["112", "1001"] });
    let problem =
        scene.put(SETTINGS, Some("\"1\""), &body).await.must_be_problem(422, "unprocessable-entity");
    assert_eq!(fields(&problem), ["number 1001"]);
    let extension = scene.post(&json!({ "number": "112", "name": "x" })).await;
    assert_eq!(fields(&extension.must_be_problem(422, "unprocessable-entity")), ["number 112"]);
    scene.put(SETTINGS, None, &json!({})).await.must_be_problem(428, "precondition-required");
    assert_eq!(scene.get(SETTINGS).await.json()["version"], 1);
}

#[tokio::test]
async fn an_organisation_without_a_domain_has_no_settings_yet() {
    let scene = Scene::new().await;
    sqlx::query("delete from telephony.organisation_settings").execute(&scene.stage.admin).await.unwrap();
    for path in [SETTINGS, HOLIDAYS] {
        scene.get(path).await.must_be_problem(404, "not-found");
    }
    scene.put(SETTINGS, Some("\"1\""), &json!({})).await.must_be_problem(404, "not-found");
    scene.put_first(HOLIDAYS, &json!({ "holidays": [] })).await.must_be_problem(404, "not-found");
}

#[tokio::test]
async fn holidays_close_an_extension_and_belong_to_the_version_of_the_settings() {
    let scene = Scene::new().await;
    scene.phones().await;
    let id = scene.extension("100", &[scene.sari]).await;
    let week = json!({ "windows": [{ "day": "fri", "start": "00:00", "end": "24:00" }] });
    let hours = format!("{EXTENSIONS}/{id}/hours");
    assert_eq!(scene.put_over(&hours, &week).await.status, 200);
    let rings = |answer: contract::route::RouteAnswer| matches!(answer.route, Routed::Ring { .. });
    assert!(rings(scene.route("1002", "100", "2026-12-25T10:00").await));

    let holidays = json!({ "holidays": [
        { "date": "2026-12-25", "name": "Natal", "extension_id": null, "hours": [] },
        { "date": "2027-01-01", "name": "Tahun Baru", "extension_id": id, "hours": [
            { "start": "08:00", "end": "12:00" }, { "start": "22:00", "end": "02:00" }] },
    ] });
    let before = scene.get(SETTINGS).await.json()["version"].as_i64().unwrap();
    let made = scene.put_over(HOLIDAYS, &holidays).await;
    assert_eq!((made.status, &made.json()["holidays"]), (200, &holidays["holidays"]), "{}", made.body);
    assert_eq!(made.json()["version"], before + 1);
    assert_eq!(scene.get(SETTINGS).await.json()["version"], before + 1);
    assert!(!rings(scene.route("1002", "100", "2026-12-25T10:00").await));
    assert!(rings(scene.route("1002", "100", "2027-01-01T11:59").await));
    assert!(!rings(scene.route("1002", "100", "2027-01-01T12:00").await));
    // Somebody who changes rows by hand is seen, too.
    sqlx::query("delete from telephony.holidays where on_date = '2026-12-25'")
        .execute(&scene.stage.admin)
        .await
        .unwrap();
    let stale = scene.put(HOLIDAYS, Some(made.header("etag")), &holidays).await;
    stale.must_be_problem(412, "precondition-failed");
    assert!(rings(scene.route("1002", "100", "2026-12-25T10:00").await));

    let wrong = json!({ "holidays": [
        { "date": "2026-02-30", "name": "", "hours": [{ "start": "24:00", "end": "x" }] },
        { "date": "2026-12-25", "name": "x" }, { "date": "2026-12-25", "name": "y" },
    ] });
    let problem = scene.put_over(HOLIDAYS, &wrong).await.must_be_problem(400, "bad-request");
    let expected = [
        "holidays[0].date",
        "holidays[0].name",
        "holidays[0].hours[0].start",
        "holidays[0].hours[0].end",
        "holidays[2]",
    ];
    assert_eq!(fields(&problem), expected);
    let nobodys = json!({ "holidays": [{ "date": "2026-12-25", "name": "x", "extension_id": uuid() }] });
    let problem = scene.put_over(HOLIDAYS, &nobodys).await.must_be_problem(422, "unprocessable-entity");
    assert_eq!(fields(&problem), ["extension_id"]);
}
