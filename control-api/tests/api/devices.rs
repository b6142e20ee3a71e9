//! Devices over HTTP: what stands where, and the configuration that a device fetches by itself.

use contract::credentials::digests;
use serde_json::{Value, json};

use crate::{
    scene::Scene,
    stage::{Answer, fields, uuid},
};

const DEVICES: &str = "/api/telephony/devices";
const ACCOUNTS: &str = "/api/telephony/sip-accounts";

/// An account by its id, with its password.
async fn account(scene: &Scene, username: &str) -> (Value, String) {
    let made = scene.post_to(ACCOUNTS, &json!({ "username": username, "user_id": scene.sari })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    (made.json()["id"].clone(), made.json()["password"].as_str().unwrap().to_owned())
}

fn phone(account: &Value) -> Value {
    json!({ "label": "Reception", "vendor": "yealink", "mac": "00:15:65:AA:BB:CC", "lines": [account] })
}

/// A device by its path, and the path below which it finds its file.
async fn device(scene: &Scene, described: &Value) -> (String, String) {
    let made = scene.post_to(DEVICES, described).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = made.header("location").to_owned();
    let below = address(scene, &path).await;
    (path, below)
}

async fn address(scene: &Scene, path: &str) -> String {
    let rotated = scene.post_to(&format!("{path}/rotate-address"), &Value::Null).await;
    assert_eq!(rotated.status, 200, "{}", rotated.body);
    let url = rotated.json()["url"].as_str().unwrap().to_owned();
    url.strip_prefix("https://pbx.example.test").unwrap().to_owned()
}

/// What a device behind the reverse proxy is answered, which has taken it by HTTPS.
async fn fetch(scene: &Scene, path: &str) -> Answer {
    scene.api.send(scene.api.client.get(scene.api.at(path)).header("x-forwarded-proto", "https")).await
}

#[tokio::test]
async fn a_device_is_made_changed_and_taken_away_and_its_accounts_stay() {
    let scene = Scene::new().await;
    let (desk, _) = account(&scene, "desk").await;
    let (path, _) = device(&scene, &phone(&desk)).await;
    let shown = scene.get(&path).await;
    let expected = (json!("001565aabbcc"), json!([desk]), json!(["pcma", "pcmu"]), json!(true));
    let json = shown.json();
    assert_eq!(
        (&json["mac"], &json["lines"], &json["codecs"], &json["has_address"]),
        (&expected.0, &expected.1, &expected.2, &expected.3)
    );
    let (second, _) = account(&scene, "second").await;
    let number = scene.extension("100", &[scene.sari]).await;
    let described = json!({ "label": "Lobby", "vendor": "snom", "model": "D785", "mac": "000413aabbcc",
        "lines": [second, desk], "keys": ["100", "1002"], "codecs": ["opus"], "language": "en" });
    let changed = scene.put_over(&path, &described).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    for field in ["label", "vendor", "model", "mac", "lines", "keys", "codecs", "language"] {
        assert_eq!(changed.json()[field], described[field], "{field}");
    }
    assert_eq!(scene.get(DEVICES).await.json()["items"], json!([changed.json()]));
    let used = format!("{ACCOUNTS}/{}", desk.as_str().unwrap());
    let refused = scene.delete(&used, "\"1\"").await.must_be_problem(409, "conflict");
    assert_eq!(refused["detail"], "a device has it on a line");
    scene.is_not_for_others(&path).await;
    assert_eq!(scene.delete(&path, changed.header("etag")).await.status, 204);
    let id = path.rsplit('/').next().unwrap();
    let actions = ["device.created", "device.addressed", "device.changed", "device.deleted"];
    assert_eq!(scene.record(id).await, actions);
    assert_eq!(scene.delete(&used, "\"1\"").await.status, 204);
    assert!(!number.is_empty());
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_device_is_told_at_once() {
    let scene = Scene::new().await;
    let (desk, _) = account(&scene, "desk").await;
    let wrong = json!({ "label": " x", "vendor": "yealink", "model": "T 5", "mac": "00:15:65:aa:bb:cg", "codecs": [],
        "lines": [desk, desk], "keys": ["1", "1002", "1002"] });
    let refused = scene.post_to(DEVICES, &wrong).await.must_be_problem(400, "bad-request");
    assert_eq!(fields(&refused), ["label", "model", "mac", "codecs", "lines", "keys", "keys[0]"]);
    for (field, value) in [("keys", json!(["4711"])), ("lines", json!([uuid()]))] {
        let mut described = phone(&desk);
        described[field] = value;
        let refused = scene.post_to(DEVICES, &described).await;
        assert_eq!(fields(&refused.must_be_problem(422, "unprocessable-entity")), [field]);
    }
    assert_eq!(scene.post_to(DEVICES, &phone(&desk)).await.status, 201);
    scene.post_to(DEVICES, &phone(&desk)).await.must_be_problem(409, "conflict");
}

#[tokio::test]
async fn a_device_finds_what_it_registers_with() {
    let scene = Scene::new().await;
    let (desk, password) = account(&scene, "desk").await;
    let mut described = phone(&desk);
    described["keys"] = json!(["1002"]);
    let (path, below) = device(&scene, &described).await;
    let file = fetch(&scene, &format!("{below}001565aabbcc.cfg")).await;
    assert_eq!(
        (file.status, file.header("content-type")),
        (200, "text/plain; charset=utf-8"),
        "{}",
        file.body
    );
    assert_eq!(file.header("cache-control"), "no-store");
    let value = |key: &str| {
        let line = file.body.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        line.unwrap_or_else(|| panic!("{key} in {}", file.body)).to_owned()
    };
    assert_eq!(value("account.1.user_name"), "desk");
    assert_eq!(value("account.1.password"), password);
    assert_eq!(value("account.1.outbound_proxy.1.address"), "127.0.0.1");
    assert_eq!(value("linekey.2.value"), "1002");
    assert_eq!(value("local_time.time_zone"), "+7");
    let domain = value("account.1.sip_server.1.address");
    let query = sqlx::query_as("select ha1_md5, ha1_sha256 from telephony.sip_accounts");
    let kept: (String, String) = query.fetch_one(&scene.stage.admin).await.unwrap();
    assert_eq!(kept, digests("desk", &domain, &password));
    // Another password is told as soon as there is one; one that was set elsewhere is told to nobody.
    let rotate = format!("{ACCOUNTS}/{}/rotate-password", desk.as_str().unwrap());
    let rotated = scene.post_to(&rotate, &Value::Null).await.json()["password"].clone();
    let again = fetch(&scene, &format!("{below}001565AABBCC.cfg")).await;
    assert!(again.body.contains(rotated.as_str().unwrap()) && !again.body.contains(&password));
    let elsewhere =
        "update telephony.sip_accounts set ha1_md5 = repeat('1', 32), ha1_sha256 = repeat('1', 64)";
    sqlx::query(elsewhere).execute(&scene.stage.admin).await.unwrap();
    fetch(&scene, &format!("{below}001565aabbcc.cfg")).await.must_be_problem(409, "conflict");
    let id = path.rsplit('/').next().unwrap();
    let told = "device.configured";
    assert_eq!(scene.record(id).await, ["device.created", "device.addressed", told, told]);
    let record = scene.get("/api/platform/audit-events").await.body;
    let secret = below.trim_end_matches('/').rsplit('/').next().unwrap();
    assert!(!record.contains(secret) && !record.contains(&password), "{record}");
}

#[tokio::test]
async fn an_address_is_good_for_one_device_over_https_until_there_is_another_one() {
    let scene = Scene::new().await;
    let (desk, password) = account(&scene, "desk").await;
    let (path, below) = device(&scene, &phone(&desk)).await;
    let file = format!("{below}001565aabbcc.cfg");
    let id = path.rsplit('/').next().unwrap();
    let plain = scene.api.get(&file, &scene.key).await;
    assert!(!plain.body.contains(&password));
    plain.must_be_problem(403, "forbidden");
    let nobody = uuid().to_string();
    let cut = file.replacen("/001565", "x/001565", 1);
    for path in [file.replace(id, &nobody), cut, file.replace(".cfg", ".boot"), file.replace(id, "x")] {
        fetch(&scene, &path).await.must_be_problem(404, "not-found");
    }
    let second = address(&scene, &path).await;
    fetch(&scene, &file).await.must_be_problem(404, "not-found");
    let file = format!("{second}001565aabbcc.cfg");
    assert_eq!(fetch(&scene, &file).await.status, 200);
    // Nothing is told of an organisation or a person that is suspended, or it would be good when they go on.
    let person = "update identity.users set status = $2 where id = $1";
    for (status, found) in [("suspended", false), ("active", true)] {
        sqlx::query(person).bind(scene.sari).bind(status).execute(&scene.stage.admin).await.unwrap();
        assert_eq!(fetch(&scene, &file).await.body.contains(&password), found, "{status}");
    }
    let organisation = "update identity.organisations set status = $2 where id = $1";
    for (status, expected) in [("suspended", 404), ("approved", 200)] {
        sqlx::query(organisation)
            .bind(scene.stage.a.0)
            .bind(status)
            .execute(&scene.stage.admin)
            .await
            .unwrap();
        assert_eq!(fetch(&scene, &file).await.status, expected, "{status}");
    }
    // One that is switched off finds nothing, and one that is not ours is not given an address.
    let mut off = phone(&desk);
    off["is_active"] = json!(false);
    assert_eq!(scene.put_over(&path, &off).await.status, 200);
    fetch(&scene, &file).await.must_be_problem(404, "not-found");
    scene
        .post_to(&format!("{DEVICES}/{nobody}/rotate-address"), &Value::Null)
        .await
        .must_be_problem(404, "not-found");
}

#[tokio::test]
async fn a_device_that_asks_too_often_is_told_when_to_come_back() {
    let scene = Scene::new().await;
    let (nobody, other) = (uuid(), uuid());
    let path = |id| format!("/provisioning/{id}/x/001565aabbcc.cfg");
    for _ in 0..sambung_api::identity::DEVICE_FETCHES_MAX {
        fetch(&scene, &path(nobody)).await.must_be_problem(404, "not-found");
    }
    fetch(&scene, &path(nobody)).await.must_be_problem(429, "too-many-requests");
    fetch(&scene, &path(other)).await.must_be_problem(404, "not-found");
}
