//! Guests who enter with Google (H-009, H-022, HX-20), at the provider of `google.rs`: who they are each time, which doors their visit opens, and what
//! becomes of them when they get an account.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    google::{self, MINE, Provider, SARI, visited},
    guests::{Lobby, SESSION, SESSIONS, generate},
    stage::{Answer, PASSWORD, Stage},
};

const AUTHORIZATIONS: &str = "/api/guest/google/authorizations";
const ENTRIES: &str = "/api/guest/google/sessions";

struct Scene {
    provider: Provider,
    lobby: Lobby,
}

impl Scene {
    async fn new() -> Self {
        let (provider, mut stage) = (Provider::up().await, Stage::new().await);
        stage.openid = Some(provider.way());
        Self { provider, lobby: Lobby::on(stage).await }
    }

    async fn leave(&self, code: &str) -> Answer {
        self.lobby.scene.api.post(AUTHORIZATIONS, "", &json!({ "code": code })).await
    }

    /// A browser goes to the provider from behind that code as `email`, and comes back.
    async fn visit(&self, code: &str, email: &str) -> Value {
        let begun = self.leave(code).await;
        assert_eq!(begun.status, 201, "{}", begun.body);
        visited(&begun.json(), email).await
    }

    async fn enter(&self, token: &str, code: &str, visit: &Value) -> Answer {
        self.lobby.scene.api.post(ENTRIES, token, &json!({ "code": code, "visit": visit })).await
    }

    /// Somebody who is in now, by their token and id.
    async fn guest(&self, code: &str, email: &str) -> (String, Uuid) {
        let entered = self.enter("", code, &self.visit(code, email).await).await;
        assert_eq!(entered.status, 201, "{}", entered.body);
        let entered = entered.json();
        assert_eq!(entered["name"], "Sari Dewi");
        (entered["token"].as_str().unwrap().to_owned(), entered["guest"].as_str().unwrap().parse().unwrap())
    }

    async fn sign_in(&self, email: &str) -> Answer {
        let begun = self.lobby.scene.api.post(google::AUTHORIZATIONS, "", &json!(null)).await.json();
        let said = json!({ "visit": visited(&begun, email).await });
        self.lobby.scene.api.post(google::SIGN_INS, "", &said).await
    }

    /// The code of the other organisation.
    async fn elsewhere(&self) -> String {
        let (api, stage) = (&self.lobby.scene.api, &self.lobby.scene.stage);
        generate(api, &stage.key(stage.b, &["organisation.read", "organisation.write"]).await).await
    }

    /// Whether anything but a name and the provider's word is known of them.
    async fn has_account(&self, guest: Uuid) -> bool {
        let query = sqlx::query_scalar(
            "select u.email is not null or exists (select from identity.memberships m where m.user_id = u.id)
                 or exists (select from identity.person_events e where e.user_id = u.id)
             from identity.users u where u.id = $1",
        );
        query.bind(guest).fetch_one(&self.lobby.scene.stage.admin).await.unwrap()
    }
}

#[tokio::test]
async fn whoever_comes_with_google_is_the_same_guest_each_time_and_has_no_account() {
    let scene = Scene::new().await;
    let (api, code) = (&scene.lobby.scene.api, &scene.lobby.code);
    let url = scene.leave(code).await.json()["url"].as_str().unwrap().to_owned();
    for part in ["response_type=code", "code_challenge_method=S256", "nonce=", "state="] {
        assert!(url.contains(part), "{part}: {url}");
    }
    let (token, guest) = scene.guest(code, SARI).await;
    let seen = api.get(SESSION, &token).await.json();
    assert_eq!((&seen["guest"], &seen["organisation"]["name"]), (&json!(guest), &json!("A")));
    assert_eq!(api.delete(SESSION, &token).await.status, 204);
    api.get(SESSION, &token).await.must_be_problem(401, "unauthorized");
    assert_eq!(scene.guest(code, SARI).await.1, guest);
    assert!(!scene.has_account(guest).await);
    // Of one name, and another one; that the provider has not verified an address is nothing to a guest.
    let (_, other) = scene.guest(code, "unverified@example.test").await;
    assert_ne!(other, guest);
    // Nor is an address whose account they have never linked.
    let (person, email) = scene.lobby.scene.stage.person(scene.lobby.scene.stage.a, "owner").await;
    assert_ne!(scene.guest(code, &email).await.1, person);
}

#[tokio::test]
async fn a_visit_leads_in_behind_the_code_that_it_began_at_and_nowhere_else() {
    let scene = Scene::new().await;
    let (api, code) = (&scene.lobby.scene.api, &scene.lobby.code);
    let elsewhere = scene.elsewhere().await;
    let (one, two) = (scene.visit(code, SARI).await, scene.visit(code, SARI).await);
    let with = |field: &str, value: &Value| {
        let mut said = one.clone();
        said[field] = value.clone();
        said
    };
    scene.enter("", &elsewhere, &one).await.must_be_problem(401, "unauthorized");
    let as_person = api.post(google::SIGN_INS, "", &json!({ "visit": one })).await;
    as_person.must_be_problem(401, "unauthorized");
    for (field, value) in [
        ("state", &two["state"]),
        ("token", &two["token"]),
        ("token", &json!("sambung_visit_")),
        ("code", &two["code"]),
    ] {
        scene.enter("", code, &with(field, value)).await.must_be_problem(401, "unauthorized");
    }
    let begun = api.post(google::AUTHORIZATIONS, "", &json!(null)).await.json();
    let of_person = visited(&begun, SARI).await;
    scene.enter("", code, &of_person).await.must_be_problem(401, "unauthorized");
    scene.provider.deceive("nonce").await;
    let lied = scene.visit(code, SARI).await;
    scene.enter("", code, &lied).await.must_be_problem(401, "unauthorized");
    assert_eq!(scene.enter("", code, &one).await.status, 201);
    scene.enter("", code, &one).await.must_be_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_code_that_is_not_good_leads_to_no_provider_and_lets_nobody_in_who_is_back_from_there() {
    let scene = Scene::new().await;
    let (api, stage, code) = (&scene.lobby.scene.api, &scene.lobby.scene.stage, &scene.lobby.code);
    for unknown in ["", "aaaaaaaaaaaaaaaaaaaa", "https://elsewhere.example"] {
        scene.leave(unknown).await.must_be_problem(404, "not-found");
    }
    let said = scene.visit(code, SARI).await;
    let suspend = "update identity.organisations set status = 'suspended' where id = $1";
    stage.about(stage.a.0, suspend).await;
    scene.leave(code).await.must_be_problem(403, "forbidden");
    scene.enter("", code, &said).await.must_be_problem(403, "forbidden");
    stage.about(stage.a.0, "update identity.organisations set status = 'approved' where id = $1").await;
    let said = scene.visit(code, SARI).await;
    let (token, _) = scene.guest(code, SARI).await;
    generate(api, &scene.lobby.owner).await;
    scene.leave(code).await.must_be_problem(410, "gone");
    scene.enter("", code, &said).await.must_be_problem(410, "gone");
    assert_eq!(api.get(SESSION, &token).await.status, 200, "who is in stays");
}

#[tokio::test]
async fn a_guest_who_is_known_is_in_one_organisation_in_all_their_browsers() {
    let scene = Scene::new().await;
    let (api, code) = (&scene.lobby.scene.api, &scene.lobby.code);
    let elsewhere = scene.elsewhere().await;
    let (token, guest) = scene.guest(code, SARI).await;
    let (laptop, same) = scene.guest(code, SARI).await;
    assert_eq!(guest, same);
    // This browser knows that they are in.
    let again = scene.enter(&token, code, &scene.visit(code, SARI).await).await;
    assert_eq!((again.status, &again.json()["guest"]), (200, &json!(guest)));
    let said = scene.visit(&elsewhere, SARI).await;
    let refused = scene.enter(&token, &elsewhere, &said).await.must_be_problem(409, "conflict");
    assert_eq!(refused["detail"], "you are in another organisation: leave it first");
    // Another one does not, and may be all that they have left.
    let (there, same) = scene.guest(&elsewhere, SARI).await;
    assert_eq!(guest, same);
    for before in [&token, &laptop] {
        api.get(SESSION, before).await.must_be_problem(401, "unauthorized");
    }
    assert_eq!(api.get(SESSION, &there).await.json()["organisation"]["name"], "B");
    // Whoever came by a name is somebody else.
    let (named, _) = scene.lobby.guest("Sari Dewi").await;
    scene.guest(&elsewhere, SARI).await;
    assert_eq!(api.get(SESSION, &named).await.status, 200);
}

#[tokio::test]
async fn a_guest_who_gets_an_account_stays_who_they_are() {
    let scene = Scene::new().await;
    let code = &scene.lobby.code;
    let (token, guest) = scene.guest(code, SARI).await;
    let signed_in = scene.sign_in(SARI).await;
    assert_eq!(signed_in.status, 201, "{}", signed_in.body);
    let person = &signed_in.json()["person"];
    assert_eq!((&person["id"], &person["email"]), (&json!(guest), &json!(SARI)));
    assert_eq!(scene.lobby.scene.api.get(SESSION, &token).await.status, 200);
    assert_eq!(scene.guest(code, SARI).await.1, guest, "a guest with an account is a guest");
    // Without an address that the provider has verified there is still none.
    let (_, unverified) = scene.guest(code, "unverified@example.test").await;
    scene.sign_in("unverified@example.test").await.must_be_problem(401, "unauthorized");
    assert!(!scene.has_account(unverified).await);
}

#[tokio::test]
async fn a_guest_who_had_an_account_all_along_is_its_person_once_they_have_linked_it() {
    let scene = Scene::new().await;
    let (api, stage, code) = (&scene.lobby.scene.api, &scene.lobby.scene.stage, &scene.lobby.code);
    // By the address that both have, and by the profile.
    let (owner, email) = stage.person(stage.a, "owner").await;
    let (_, before) = scene.guest(code, &email).await;
    assert_ne!(before, owner);
    assert_eq!(scene.sign_in(&email).await.json()["person"]["id"], json!(owner));
    let (agent, theirs) = stage.person(stage.a, "call_agent").await;
    let (_, before) = scene.guest(code, SARI).await;
    assert_ne!(before, agent);
    let access = api.sign_in(&theirs).await["access_token"].as_str().unwrap().to_owned();
    let begun = api.post(google::AUTHORIZATIONS, "", &json!(null)).await.json();
    let link = json!({ "visit": visited(&begun, SARI).await, "password": PASSWORD });
    let linked = api.post(&format!("{MINE}/link"), &access, &link).await;
    assert_eq!(linked.status, 204, "{}", linked.body);
    for (address, person) in [(&*email, owner), (SARI, agent)] {
        let entered = scene.enter("", code, &scene.visit(code, address).await).await.json();
        assert_eq!(entered["guest"], json!(person), "{entered}");
        // As a guest they may what guests may.
        let token = entered["token"].as_str().unwrap();
        api.get("/api/identity/me", token).await.must_be_problem(401, "unauthorized");
    }
    stage.about(agent, "update identity.users set status = 'suspended' where id = $1").await;
    let said = scene.visit(code, SARI).await;
    scene.enter("", code, &said).await.must_be_problem(401, "unauthorized");
}

/// Whoever enters behind a QR code on a wall could be told by a letter only after it has happened.
#[tokio::test]
async fn entering_as_a_guest_is_no_way_into_an_account_and_no_letter_is_written() {
    let scene = Scene::new().await;
    let stage = &scene.lobby.scene.stage;
    let (owner, email) = stage.person(stage.a, "owner").await;
    scene.guest(&scene.lobby.code, &email).await;
    let letters: i64 =
        sqlx::query_scalar("select count(*) from identity.letters").fetch_one(&stage.admin).await.unwrap();
    let ways: i64 = sqlx::query_scalar("select count(*) from identity.auth_methods where user_id = $1")
        .bind(owner)
        .fetch_one(&stage.admin)
        .await
        .unwrap();
    assert_eq!((letters, ways), (0, 1));
}

#[tokio::test]
async fn without_a_provider_guests_enter_by_a_name_and_what_strangers_may_try_has_an_end() {
    let lobby = Lobby::new().await;
    let api = &lobby.scene.api;
    let none = api.post(AUTHORIZATIONS, "", &json!({ "code": lobby.code })).await;
    let problem = none.must_be_problem(503, "service-unavailable");
    assert!(problem["detail"].as_str().unwrap().contains("[openid]"), "{problem}");
    let entry = json!({ "code": lobby.code, "name": "Siti" });
    assert_eq!(api.post(SESSIONS, "", &entry).await.status, 201);
    let said = json!({ "code": lobby.code, "visit": { "token": "x", "state": "x", "code": "x" } });
    let mut refused = 0;
    for _ in 0..40 {
        refused += u32::from(api.post(ENTRIES, "", &said).await.status == 429);
    }
    assert!(refused >= 9, "{refused}");
}
