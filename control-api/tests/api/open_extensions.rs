//! Where calls can be sent on to (H-034): every member is told which extensions are open now, whatever else they may read.

use serde_json::{Value, json};

use crate::{
    guests::{Lobby, far_from_now},
    scene::EXTENSIONS,
    stage::{Answer, Served, fields},
};

const OPEN: &str = "/api/telephony/open-extensions";

async fn token(api: &Served, email: &str) -> String {
    api.sign_in(email).await["access_token"].as_str().unwrap().to_owned()
}

fn numbers(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let items = answer.json()["items"].as_array().unwrap().clone();
    items.iter().map(|one| one["number"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_member_is_told_which_extensions_are_open_now_and_no_other_organisation_s() {
    let lobby = Lobby::new().await;
    let (scene, api, stage) = (&lobby.scene, &lobby.scene.api, &lobby.scene.stage);
    let off = scene.post(&json!({ "number": "300", "name": "Gudang", "is_active": false })).await;
    assert_eq!(off.status, 201, "{}", off.body);
    let (_, agent) = stage.person(stage.a, "call_agent").await;
    let agent = token(api, &agent).await;
    // Of the configuration itself an agent reads nothing.
    api.get(EXTENSIONS, &agent).await.must_be_problem(403, "forbidden");
    let told = api.get(OPEN, &agent).await;
    assert_eq!(told.status, 200, "{}", told.body);
    let only = json!([{ "id": lobby.open, "number": "100", "name": "CS" }]);
    assert_eq!(told.json(), json!({ "items": only, "next_cursor": null }));

    // The same clock as of calls: what opens is there, and what closes is not.
    let hours = |extension: &str| format!("/api/telephony/extensions/{extension}/hours");
    for (extension, windows) in [(&lobby.closed, json!([])), (&lobby.open, json!([far_from_now().0]))] {
        let put = scene.put_over(&hours(extension), &json!({ "windows": windows })).await;
        assert_eq!(put.status, 200, "{}", put.body);
    }
    assert_eq!(numbers(&api.get(OPEN, &agent).await), ["200"]);

    let (_, stranger) = stage.person(stage.b, "owner").await;
    let stranger = token(api, &stranger).await;
    assert_eq!(numbers(&api.get(OPEN, &stranger).await), [""; 0]);
    let theirs = stage.key(stage.b, &["telephony.read", "telephony.write"]).await;
    let made = api.post(EXTENSIONS, &theirs, &json!({ "number": "700", "name": "Rahasia" })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(numbers(&api.get(OPEN, &stranger).await), ["700"]);
    assert_eq!(numbers(&api.get(OPEN, &agent).await), ["200"]);
}

#[tokio::test]
async fn open_extensions_are_found_by_number_and_name_and_come_in_pages_by_number() {
    let lobby = Lobby::new().await;
    let (scene, api, stage) = (&lobby.scene, &lobby.scene.api, &lobby.scene.stage);
    for (number, name) in [("1010", "Layanan Pelanggan"), ("21", "Gudang"), ("120", "Poli ANAK 21")] {
        let made = scene.post(&json!({ "number": number, "name": name })).await;
        assert_eq!(made.status, 201, "{}", made.body);
    }
    let (_, viewer) = stage.person(stage.a, "viewer").await;
    let viewer = token(api, &viewer).await;
    let found = async |query: &str| numbers(&api.get(&format!("{OPEN}?{query}"), &viewer).await);
    assert_eq!(found("").await, ["100", "1010", "120", "21"]);
    assert_eq!(found("search=10").await, ["100", "1010"]);
    assert_eq!(found("search=%20anak").await, ["120"]);
    assert_eq!(found("search=21").await, ["120", "21"], "by what it is called, too");
    assert_eq!(found("search=bagian").await, [""; 0]);
    let (mut cursor, mut all) = (Value::Null, Vec::new());
    for _ in 0..2 {
        let after = cursor.as_str().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = api.get(&format!("{OPEN}?limit=2{after}"), &viewer).await;
        all.extend(numbers(&page));
        cursor = page.json()["next_cursor"].clone();
    }
    assert_eq!((all, cursor), (found("").await, Value::Null));
    let long = "x".repeat(101);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("cursor=abc", "cursor"),
        (&*format!("search={long}"), "search"),
        ("moon=1", "query"),
    ] {
        let refused = api.get(&format!("{OPEN}?{query}"), &viewer).await;
        assert_eq!(fields(&refused.must_be_problem(400, "bad-request")), [field], "{query}");
    }
}

#[tokio::test]
async fn who_has_not_signed_in_and_who_is_nowhere_is_told_of_no_extension() {
    let lobby = Lobby::new().await;
    let (api, stage) = (&lobby.scene.api, &lobby.scene.stage);
    api.send(api.client.get(api.at(OPEN))).await.must_be_problem(401, "unauthorized");
    let (guest, _) = lobby.guest("Siti").await;
    api.get(OPEN, &guest).await.must_be_problem(401, "unauthorized");
    let refused = api.get(OPEN, &lobby.scene.key).await.must_be_problem(403, "forbidden");
    assert_eq!(refused["detail"], "is for people who sign in");
    let (user, email) = stage.person(stage.a, "owner").await;
    stage.about(user, "update identity.memberships set status = 'suspended' where user_id = $1").await;
    let nowhere = token(api, &email).await;
    let refused = api.get(OPEN, &nowhere).await.must_be_problem(403, "forbidden");
    assert_eq!(refused["detail"], "you act in no organisation that is approved");
}
