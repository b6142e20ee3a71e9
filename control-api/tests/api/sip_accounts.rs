//! SIP accounts over HTTP: who has one, and passwords that are shown once.

use contract::credentials::digests;
use serde_json::{Value, json};

use crate::{
    scene::Scene,
    stage::{Answer, fields, uuid},
};

const ACCOUNTS: &str = "/api/telephony/sip-accounts";

/// What the switch holds the answers of the account's phones against.
async fn kept(scene: &Scene, username: &str) -> (String, String) {
    let digests = "select ha1_md5, ha1_sha256 from telephony.sip_accounts where username = $1";
    sqlx::query_as(digests).bind(username).fetch_one(&scene.stage.admin).await.unwrap()
}

fn password(answer: &Answer) -> String {
    let password = answer.json()["password"].as_str().unwrap().to_owned();
    assert_eq!(password.len(), 20);
    password
}

async fn domain(scene: &Scene) -> String {
    scene.get("/api/telephony/settings").await.json()["sip_domain"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_password_is_shown_once_and_replaced_by_another_one() {
    let scene = Scene::new().await;
    let domain = domain(&scene).await;
    let made = scene.post_to(ACCOUNTS, &json!({ "username": "lobby" })).await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""), "{}", made.body);
    let (path, first) = (made.header("location").to_owned(), password(&made));
    assert_eq!(kept(&scene, "lobby").await, digests("lobby", &domain, &first));
    let shown = scene.get(&path).await;
    assert!(shown.json().get("password").is_none(), "{}", shown.body);
    let rotated = scene.post_to(&format!("{path}/rotate-password"), &Value::Null).await;
    assert_eq!((rotated.status, rotated.header("etag")), (200, "\"2\""), "{}", rotated.body);
    assert_eq!(rotated.header("sambung-revision"), scene.revision().await.to_string());
    let second = password(&rotated);
    assert_ne!(first, second);
    assert_eq!(kept(&scene, "lobby").await, digests("lobby", &domain, &second));
    let suspended = scene.put_over(&path, &json!({ "user_id": scene.sari, "is_active": false })).await;
    assert_eq!(suspended.json()["is_active"], false);
    let id = path.rsplit('/').next().unwrap();
    let actions = ["sip_account.created", "sip_account.rotated", "sip_account.changed"];
    assert_eq!(scene.record(id).await, actions);
    let record = scene.get("/api/platform/audit-events").await.body;
    for told in [&record, &suspended.body, &scene.get(ACCOUNTS).await.body] {
        assert!(!told.contains(&first) && !told.contains(&second), "{told}");
    }
    scene.is_not_for_others(&path).await;
    assert_eq!(scene.delete(&path, "\"3\"").await.status, 204);
    scene.get(&path).await.must_be_problem(404, "not-found");
}

#[tokio::test]
async fn the_same_request_makes_one_account_and_is_told_the_password_once() {
    let scene = Scene::new().await;
    let ask = || {
        let request = scene.api.client.post(scene.api.at(ACCOUNTS)).bearer_auth(&scene.key);
        scene.api.send(request.header("idempotency-key", "x").json(&json!({ "username": "lobby" })))
    };
    let (first, again) = (ask().await, ask().await);
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(again.json()["id"], first.json()["id"]);
    assert_eq!(again.json()["password"], Value::Null);
    let query = sqlx::query_scalar("select answer from platform.idempotency_keys");
    let answer: String = query.fetch_one(&scene.stage.admin).await.unwrap();
    assert!(!answer.contains(&password(&first)), "{answer}");
}

#[tokio::test]
async fn an_account_that_cannot_be_is_refused_and_one_that_is_used_stays() {
    let scene = Scene::new().await;
    let long = "a".repeat(65);
    for username in ["", "sari putri", "sari@kantor", "sari\"", &long] {
        let refused = scene.post_to(ACCOUNTS, &json!({ "username": username })).await;
        assert_eq!(fields(&refused.must_be_problem(400, "bad-request")), ["username"]);
    }
    let stranger = scene.stage.member(scene.stage.b, None).await;
    for user in [uuid(), stranger] {
        let refused = scene.post_to(ACCOUNTS, &json!({ "username": "x", "user_id": user })).await;
        assert_eq!(fields(&refused.must_be_problem(422, "unprocessable-entity")), ["user_id"]);
    }
    let made = scene.post_to(ACCOUNTS, &json!({ "username": "lobby" })).await;
    scene.post_to(ACCOUNTS, &json!({ "username": "lobby" })).await.must_be_problem(409, "conflict");
    let budget = json!({ "account_id": made.json()["id"], "calls_per_day_max": 1 });
    assert_eq!(scene.post_to("/api/telephony/outside-budgets", &budget).await.status, 201);
    let path = made.header("location");
    let refused = scene.delete(path, "\"1\"").await.must_be_problem(409, "conflict");
    assert_eq!(refused["detail"], "a budget of the telephone network is for it");
}

/// Else a phone would be told a password that is good no more.
#[tokio::test]
async fn a_password_that_comes_from_elsewhere_is_not_taken_for_ours() {
    let scene = Scene::new().await;
    assert_eq!(scene.post_to(ACCOUNTS, &json!({ "username": "lobby" })).await.status, 201);
    let known = async || -> bool {
        let query = sqlx::query_scalar("select password_no is not null from telephony.sip_accounts");
        query.fetch_one(&scene.stage.admin).await.unwrap()
    };
    assert!(known().await);
    let elsewhere =
        "update telephony.sip_accounts set ha1_md5 = repeat('1', 32), ha1_sha256 = repeat('1', 64)";
    sqlx::query(elsewhere).execute(&scene.stage.admin).await.unwrap();
    assert!(!known().await);
}

#[tokio::test]
async fn whoever_signs_in_has_a_phone_in_their_browsers_that_nobody_had_to_give_them() {
    let mut scene = Scene::new().await;
    scene.stage.web.websocket_urls = vec!["wss://pbx.example.test/sip".to_owned()];
    let api = scene.stage.serve().await;
    let (user, email) = scene.stage.person(scene.stage.a, "call_agent").await;
    let token = api.sign_in(&email).await["access_token"].as_str().unwrap().to_owned();
    let ask = || api.post("/api/telephony/browser-phone", &token, &Value::Null);
    let nobody = ask().await.must_be_problem(409, "conflict");
    assert_eq!(nobody["code"], "NO_NUMBER");
    assert_eq!(nobody["detail"], "you have no number yet: who changes telephony gives you one");
    let number = "insert into telephony.numbers (org_id, number, user_id)
                  select org_id, '1009', user_id from identity.memberships where user_id = $1";
    scene.stage.about(user, number).await;
    let first = ask().await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(first.header("sambung-revision"), scene.revision().await.to_string());
    let phone = first.json();
    let (username, domain) = (format!("web-{}", user.simple()), domain(&scene).await);
    assert_eq!(phone["username"], username);
    assert_eq!(phone["domain"], domain);
    assert_eq!(phone["websocket_urls"], json!(["wss://pbx.example.test/sip"]));
    assert_eq!(kept(&scene, &username).await, digests(&username, &domain, &password(&first)));
    // The same in another browser, and nothing has changed by it.
    assert_eq!(ask().await.json(), phone);
    assert_eq!(scene.record(phone["account_id"].as_str().unwrap()).await, ["sip_account.created"]);
    // A password that was set elsewhere is not known here: there is another one.
    let elsewhere =
        "update telephony.sip_accounts set ha1_md5 = repeat('1', 32), ha1_sha256 = repeat('1', 64)
                     where user_id = $1";
    scene.stage.about(user, elsewhere).await;
    let other = ask().await;
    assert_ne!(password(&other), password(&first));
    assert_eq!(kept(&scene, &username).await, digests(&username, &domain, &password(&other)));
    scene.stage.about(user, "update telephony.sip_accounts set is_active = false where user_id = $1").await;
    let refused = ask().await.must_be_problem(409, "conflict");
    assert_eq!(refused["code"], "PHONE_SUSPENDED");
}

/// A page registered with an account that the switch had not heard of yet, and was refused for good.
#[tokio::test]
async fn a_browser_is_told_its_phone_once_the_switch_knows_it() {
    let scene = Scene::new().await;
    let (user, email) = scene.stage.person(scene.stage.a, "call_agent").await;
    let number = "insert into telephony.numbers (org_id, number, user_id)
                  select org_id, '1009', user_id from identity.memberships where user_id = $1";
    scene.stage.about(user, number).await;
    let admin = &scene.stage.admin;
    let takes_up = || sqlx::query("update telephony.revisions set applied = revision").execute(admin);
    takes_up().await.unwrap();
    let before = scene.revision().await;
    let token = scene.api.sign_in(&email).await["access_token"].as_str().unwrap().to_owned();
    let asked = async {
        let answer = scene.api.post("/api/telephony/browser-phone", &token, &Value::Null).await;
        let applied = sqlx::query_scalar::<_, i64>("select applied from telephony.revisions");
        (answer, applied.fetch_one(admin).await.unwrap())
    };
    let switch = async {
        while scene.revision().await == before {
            tokio::task::yield_now().await;
        }
        takes_up().await.unwrap();
    };
    let ((answer, applied), ()) = tokio::join!(asked, switch);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("sambung-revision"), applied.to_string());
}
