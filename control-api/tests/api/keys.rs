//! Who gets in, and how far.

use serde_json::{Value, json};

use crate::stage::{MIDNIGHT, Served, Stage, fields};

const CALLS: &str = "/api/telephony/calls";
/// Of a token, until its secret begins.
const PREFIX_CHARS: usize = 40;

#[tokio::test]
async fn without_a_valid_key_there_is_nothing_and_no_hint_why() {
    let stage = Stage::new().await;
    let key = stage.key(stage.a, &["calls.read"]).await;
    let revoked = stage.key(stage.a, &["calls.read"]).await;
    let expired = stage.key(stage.a, &["calls.read"]).await;
    let other = stage.key(stage.a, &["calls.read"]).await;
    for (column, key) in [("revoked_at", &revoked), ("expires_at", &expired)] {
        let statement = format!(
            "update identity.api_keys set {column} = now() - interval '1 second' where id = $1::uuid"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement));
        query.bind(&key["sambung_".len()..][..32]).execute(&stage.admin).await.unwrap();
    }
    let api = stage.serve().await;
    assert_eq!(api.get(CALLS, &key).await.status, 200);
    let mixed = format!("{}{}", &key[..40], &other[40..]);
    let unknown = format!("sambung_{}{}", "0".repeat(32), &key[40..]);
    let mut answers = Vec::new();
    for wrong in ["", "x", &key[..key.len() - 1], &mixed, &unknown, &revoked, &expired] {
        answers.push(api.get(CALLS, wrong).await);
    }
    answers.push(api.send(api.client.get(api.at(CALLS))).await);
    answers.push(api.send(api.client.get(api.at(CALLS)).basic_auth("a", Some(&key))).await);
    for answer in answers {
        let problem = answer.must_be_problem(401, "unauthorized");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"sambung\"");
        assert_eq!(problem.get("detail"), None);
    }
}

#[tokio::test]
async fn a_key_without_the_permission_is_told_which_one_it_lacks() {
    let stage = Stage::new().await;
    let key = stage.key(stage.a, &["calls.write", "calls.reads"]).await;
    let problem = stage.serve().await.get(CALLS, &key).await.must_be_problem(403, "forbidden");
    assert_eq!(problem["detail"], "needs the permission calls.read");
}

#[tokio::test]
async fn a_suspended_organisations_keys_stop_at_once() {
    let stage = Stage::new().await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["calls.read"]).await);
    assert_eq!(api.get(CALLS, &key).await.status, 200);
    let query = sqlx::query("update identity.organisations set status = 'suspended' where id = $1");
    query.bind(stage.a.0).execute(&stage.admin).await.unwrap();
    api.get(CALLS, &key).await.must_be_problem(401, "unauthorized");
}

#[tokio::test]
async fn anothers_call_is_as_little_found_as_one_that_never_was() {
    let stage = Stage::new().await;
    let theirs = stage.call(stage.b, "inbound", MIDNIGHT).await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["calls.read"]).await);
    let never = "00000000-0000-7000-8000-000000000000".to_owned();
    for id in [theirs.to_string(), never, "no-uuid".to_owned()] {
        let problem = api.get(&format!("{CALLS}/{id}"), &key).await.must_be_problem(404, "not-found");
        assert_eq!((problem.get("detail"), problem.get("errors")), (None, None), "{id}");
    }
    let key = stage.key(stage.b, &["calls.read"]).await;
    assert_eq!(api.get(&format!("{CALLS}/{theirs}"), &key).await.status, 200);
}

const KEYS: &str = "/api/identity/api-keys";

/// The API of A with a key that may make others of calls and telephony.
async fn keeper(stage: &Stage) -> (Served, String) {
    let permissions = ["api_keys.read", "api_keys.write", "audit.read", "calls.read", "telephony.read"];
    (stage.serve().await, stage.key(stage.a, &permissions).await)
}

async fn make(api: &Served, maker: &str, body: &Value) -> Value {
    let answer = api.post(KEYS, maker, body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()
}

fn token(key: &Value) -> &str {
    key["token"].as_str().unwrap()
}

fn path(key: &Value) -> String {
    format!("{KEYS}/{}", key["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_key_is_made_used_rotated_and_revoked_and_its_token_told_once() {
    let stage = Stage::new().await;
    let (api, maker) = keeper(&stage).await;
    let body = json!({ "name": "n8n", "permissions": ["calls.read"], "expires_at": "2100-01-01T00:00:00Z" });
    let made = make(&api, &maker, &body).await;
    assert!(token(&made).starts_with(made["prefix"].as_str().unwrap()), "{made}");
    assert_eq!((&made["last_used_at"], &made["sources"]), (&Value::Null, &json!([])));
    for _ in 0..2 {
        assert_eq!(api.get(CALLS, token(&made)).await.status, 200);
    }
    api.get(KEYS, token(&made)).await.must_be_problem(403, "forbidden");

    let shown = api.get(&path(&made), &maker).await;
    assert!(shown.json()["last_used_at"].is_string(), "{}", shown.body);
    assert_eq!((shown.header("etag"), shown.json().get("token")), ("\"1\"", None));
    let list = api.get(&format!("{KEYS}?limit=1"), &maker).await.json();
    assert_eq!(list["items"], json!([shown.json()]));
    assert!(list["next_cursor"].is_string());

    let again = || {
        let request = api.client.post(api.at(KEYS)).bearer_auth(&maker).header("idempotency-key", "one");
        api.send(request.json(&body))
    };
    let (first, second) = (again().await.json(), again().await.json());
    assert!(first["token"].is_string());
    assert_eq!((&second["id"], &second["token"]), (&first["id"], &Value::Null), "{second}");

    let rotated = api.post(&format!("{}/rotate", path(&made)), &maker, &json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.body);
    let rotated = rotated.json();
    assert_eq!((&rotated["id"], &rotated["version"]), (&made["id"], &json!(2)));
    api.get(CALLS, token(&made)).await.must_be_problem(401, "unauthorized");
    assert_eq!(api.get(CALLS, token(&rotated)).await.status, 200);

    api.take_away(&path(&made), &maker, 1).await.must_be_problem(412, "precondition-failed");
    assert_eq!(api.take_away(&path(&made), &maker, 2).await.status, 204);
    api.get(CALLS, token(&rotated)).await.must_be_problem(401, "unauthorized");
    assert!(api.get(&path(&made), &maker).await.json()["revoked_at"].is_string());
    api.take_away(&path(&made), &maker, 3).await.must_be_problem(409, "conflict");
    api.post(&format!("{}/rotate", path(&made)), &maker, &json!({})).await.must_be_problem(409, "conflict");

    let record = api.get("/api/platform/audit-events", &maker).await;
    let actions: Vec<Value> =
        record.json()["items"].as_array().unwrap().iter().map(|one| one["action"].clone()).collect();
    assert_eq!(actions, ["api_key.revoked", "api_key.rotated", "api_key.created", "api_key.created"]);
    for told in [token(&made), token(&rotated)] {
        assert!(!record.body.contains(&told[PREFIX_CHARS..]), "a secret is in the record");
    }
}

/// Else whoever may make keys could do anything, by a key made or by one made anew.
#[tokio::test]
async fn nobody_gives_a_key_what_they_have_not_themselves() {
    let stage = Stage::new().await;
    let (api, maker) = keeper(&stage).await;
    let more = json!({ "name": "x", "permissions": ["calls.read", "calls.listen"] });
    let refused = api.post(KEYS, &maker, &more).await.must_be_problem(403, "forbidden");
    assert_eq!(refused["detail"], "needs the permission calls.listen");
    let (_, owner) = stage.person(stage.a, "owner").await;
    let owner = api.sign_in(&owner).await;
    let strong = make(&api, owner["access_token"].as_str().unwrap(), &more).await;
    api.post(&format!("{}/rotate", path(&strong)), &maker, &json!({}))
        .await
        .must_be_problem(403, "forbidden");
    assert_eq!(api.get(CALLS, token(&strong)).await.status, 200, "its secret is the same");
    // What is dangerous may be revoked by whoever looks after keys.
    assert_eq!(api.take_away(&path(&strong), &maker, 1).await.status, 204);
}

#[tokio::test]
async fn a_key_is_good_from_its_networks_alone() {
    let stage = Stage::new().await;
    let (api, maker) = keeper(&stage).await;
    let body = json!({ "name": "x", "permissions": ["calls.read"], "sources": ["192.0.2.7", "198.51.100.9/24", "2001:db8::/32"] });
    let made = make(&api, &maker, &body).await;
    assert_eq!(made["sources"], json!(["192.0.2.7/32", "198.51.100.0/24", "2001:db8::/32"]));
    for (address, status) in [
        ("192.0.2.7", 200),
        ("192.0.2.8", 401),
        ("198.51.100.200", 200),
        ("2001:db8:7::1", 200),
        ("2001:db9::1", 401),
        ("127.0.0.1", 401),
    ] {
        let request =
            api.client.get(api.at(CALLS)).bearer_auth(token(&made)).header("x-forwarded-for", address);
        assert_eq!(api.send(request).await.status, status, "{address}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_key_says_why_and_there_are_not_too_many() {
    let stage = Stage::new().await;
    let (api, maker) = keeper(&stage).await;
    let wrong = json!({ "name": " ", "permissions": [], "expires_at": "2020-01-01T00:00:00Z", "sources": ["192.0.2.7", "here"] });
    let problem = api.post(KEYS, &maker, &wrong).await.must_be_problem(400, "bad-request");
    assert_eq!(fields(&problem), ["name", "permissions", "expires_at", "sources[1]"]);
    let unknown = json!({ "name": "x", "permissions": ["moon.read"] });
    let problem = api.post(KEYS, &maker, &unknown).await.must_be_problem(400, "bad-request");
    assert_eq!(fields(&problem), ["permissions[0]"]);
    let many = "insert into identity.api_keys (id, org_id, name, key_hash, permissions)
                select gen_random_uuid(), $1, 'x', sha256(''), '{}' from generate_series(1, 98)";
    stage.about(stage.a.0, many).await;
    let body = json!({ "name": "x", "permissions": ["calls.read"] });
    let last = make(&api, &maker, &body).await;
    api.post(KEYS, &maker, &body).await.must_be_problem(409, "conflict");
    assert_eq!(api.take_away(&path(&last), &maker, 1).await.status, 204);
    make(&api, &maker, &body).await;
    let theirs = stage.key(stage.b, &["api_keys.read", "api_keys.write"]).await;
    api.get(&path(&last), &theirs).await.must_be_problem(404, "not-found");
    api.take_away(&path(&last), &theirs, 2).await.must_be_problem(404, "not-found");
    api.post(&format!("{}/rotate", path(&last)), &theirs, &json!({})).await.must_be_problem(404, "not-found");
}
