//! What people say of calls (H-021, H-061, HX-14).

use serde_json::json;

use crate::{
    guests::{Lobby, call},
    stage::{fields, uuid},
};

#[tokio::test]
async fn whoever_was_in_a_call_says_how_it_was_once_and_may_say_it_again() {
    let lobby = Lobby::new().await;
    let (api, stage) = (&lobby.scene.api, &lobby.scene.stage);
    let (agent, email) = stage.person(stage.a, "call_agent").await;
    let agent_token = api.sign_in(&email).await["access_token"].as_str().unwrap().to_owned();
    let ((token, guest), (other, _)) = (lobby.guest("Siti").await, lobby.guest("Siti").await);
    let call = call(stage, guest, agent).await;
    let path = format!("/api/guest/calls/{call}/feedback");
    let put = async |path: &str, token: &str, body: serde_json::Value| {
        api.send(api.client.put(api.at(path)).bearer_auth(token).json(&body)).await
    };
    let wrong = put(&path, &token, json!({ "score": 6, "text": "" })).await;
    assert_eq!(fields(&wrong.must_be_problem(400, "bad-request")), ["score", "text"]);
    assert_eq!(api.get("/api/guest/calls", &token).await.json()["items"][0]["score"], json!(null));
    let first = put(&path, &token, json!({ "score": 2, "text": "Lama\nsekali" })).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let later = put(&path, &token, json!({ "score": 5 })).await.json();
    assert_eq!(
        (&later["id"], &later["score"], &later["text"]),
        (&first.json()["id"], &json!(5), &json!(null))
    );
    let calls = api.get("/api/guest/calls", &token).await.json();
    assert_eq!((&calls["items"][0]["id"], &calls["items"][0]["score"]), (&json!(call), &json!(5)));

    put(&path, &other, json!({ "score": 1 })).await.must_be_problem(404, "not-found");
    assert_eq!(api.get("/api/guest/calls", &other).await.json()["items"], json!([]));
    let unknown = format!("/api/guest/calls/{}/feedback", uuid());
    put(&unknown, &token, json!({ "score": 1 })).await.must_be_problem(404, "not-found");

    let staff = format!("/api/telephony/calls/{call}/feedback");
    let said = put(&staff, &agent_token, json!({ "score": 4, "text": "Ramah" })).await;
    assert_eq!((said.status, &said.json()["kind"]), (200, &json!("user")), "{}", said.body);
    let (_, email) = stage.person(stage.a, "call_agent").await;
    let stranger = api.sign_in(&email).await["access_token"].as_str().unwrap().to_owned();
    put(&staff, &stranger, json!({ "score": 1 })).await.must_be_problem(404, "not-found");

    let key = stage.key(stage.a, &["calls.read"]).await;
    let detail = api.get(&format!("/api/telephony/calls/{call}"), &key).await.json();
    assert_eq!(detail["feedback"], json!([later, said.json()]));
    let page = api.get("/api/telephony/call-feedback?limit=1", &key).await.json();
    assert_eq!(page["items"], json!([said.json()]));
    let rest = format!("/api/telephony/call-feedback?cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(api.get(&rest, &key).await.json()["items"], json!([later]));
    let theirs = stage.key(stage.b, &["calls.read"]).await;
    assert_eq!(api.get("/api/telephony/call-feedback", &theirs).await.json()["items"], json!([]));
}
