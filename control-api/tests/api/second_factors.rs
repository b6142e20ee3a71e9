//! Codes of a phone beside the password (TOTP, RFC 6238): asked for at the sign-in, each good once.

use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};
use uuid::Uuid;

use crate::{
    accounts,
    stage::{Answer, PASSWORD, Served, Stage},
};

const FACTOR: &str = "/api/identity/me/second-factor";
const SIGN_INS: &str = "/api/identity/sign-ins";
const STEP: &str = "/api/identity/sign-ins/second-step";

/// Somebody whose phone makes codes.
struct Scene {
    letters: accounts::Scene,
    user: Uuid,
    email: String,
    access: String,
    totp: Totp,
    recovery: Vec<String>,
    /// The step of 30 s that it began in. Codes of this one and the next are good all the while.
    began: u64,
}

impl Scene {
    async fn new() -> Self {
        let letters = accounts::Scene::new().await;
        let (stage, api) = (&letters.stage, &letters.api);
        let (user, email) = stage.person(stage.a, "owner").await;
        let access = api.sign_in(&email).await["access_token"].as_str().unwrap().to_owned();
        let (totp, began, recovery) = turn_on(api, &access).await;
        Self { letters, user, email, access, totp, recovery, began }
    }

    fn api(&self) -> &Served {
        &self.letters.api
    }

    async fn about(&self, statement: &'static str) {
        self.letters.stage.about(self.user, statement).await;
    }

    /// What was written down of them, oldest first.
    async fn events(&self) -> Vec<String> {
        let events = self.api().get("/api/identity/me/events", &self.access).await.json();
        let events = events["items"].as_array().unwrap().iter();
        events.rev().map(|event| event["action"].as_str().unwrap().to_owned()).collect()
    }

    /// Of so many steps later.
    fn code(&self, later: u64) -> String {
        self.totp.generate((self.began + later) * 30).to_string()
    }

    /// The first step of a sign-in, with the right password.
    async fn first(&self) -> Value {
        let body = json!({ "email": self.email, "password": PASSWORD });
        let answer = self.api().post(SIGN_INS, "", &body).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        assert!(answer.json().get("access_token").is_none(), "{}", answer.body);
        answer.json()
    }

    async fn second(&self, first: &Value, code: &str) -> Answer {
        self.api().post(STEP, "", &json!({ "token": first["token"], "code": code })).await
    }

    /// Codes that were used are as new.
    async fn forget(&self) {
        self.about("update identity.second_factors set last_step = 0 where user_id = $1").await;
    }
}

/// Whoever has that token turns it on: what makes the codes, the step that the first one was of, and the recovery codes.
pub async fn turn_on(api: &Served, access: &str) -> (Totp, u64, Vec<String>) {
    let begun = api.post(FACTOR, access, &json!({ "password": PASSWORD })).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let secret = Secret::try_from_base32(begun.json()["secret"].as_str().unwrap()).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    let began = u64::try_from(jiff::Timestamp::now().as_second()).unwrap() / 30;
    let said = json!({ "code": totp.generate(began * 30).to_string(), "language": "en" });
    let confirmed = api.post(&format!("{FACTOR}/confirm"), access, &said).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    let codes = confirmed.json()["recovery_codes"].as_array().unwrap().clone();
    (totp, began, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn whoever_has_a_second_factor_signs_in_by_password_and_code() {
    let scene = Scene::new().await;
    let state = scene.api().get(FACTOR, &scene.access).await.json();
    assert!(state["confirmed_at"].is_string());
    assert_eq!(state["recovery_codes_left"], 10);
    let first = scene.first().await;
    let signed_in = scene.second(&first, &scene.code(1)).await;
    assert_eq!(signed_in.status, 201, "{}", signed_in.body);
    let access = signed_in.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(scene.api().get("/api/identity/me", &access).await.status, 200);
    // The same step again, and the same code in another sign-in (RFC 6238 §5.2).
    scene.forget().await;
    scene.second(&first, &scene.code(1)).await.must_be_problem(401, "unauthorized");
    let (one, two) = (scene.first().await, scene.first().await);
    assert_eq!(scene.second(&one, &scene.code(1)).await.status, 201);
    scene.second(&two, &scene.code(1)).await.must_be_problem(401, "unauthorized");
    scene.second(&two, &scene.code(0)).await.must_be_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_sign_in_that_waits_for_a_code_is_none() {
    let scene = Scene::new().await;
    let first = scene.first().await;
    let places = scene.api().get(SIGN_INS, &scene.access).await.json();
    assert_eq!(places.as_array().unwrap().len(), 1, "{places}");
    let as_refresh = first["token"].as_str().unwrap().replace("_step_", "_refresh_");
    let refused = scene.api().post("/api/identity/tokens", "", &json!({ "refresh_token": as_refresh })).await;
    refused.must_be_problem(401, "unauthorized");
    for code in ["", "000000", "12345678"] {
        scene.second(&first, code).await.must_be_problem(401, "unauthorized");
    }
    scene
        .second(&json!({ "token": "sambung_step_" }), &scene.code(1))
        .await
        .must_be_problem(401, "unauthorized");
    let over = "update identity.sign_ins set expires_at = now() where user_id = $1 and awaits_code";
    scene.about(over).await;
    scene.second(&first, &scene.code(1)).await.must_be_problem(401, "unauthorized");
}

#[tokio::test]
async fn codes_are_not_guessed_for_long() {
    let scene = Scene::new().await;
    let mut refused = 0;
    for _ in 0..3 {
        let first = scene.first().await;
        for _ in 0..5 {
            refused = scene.second(&first, "000000").await.status;
        }
    }
    assert_eq!(refused, 429, "another sign-in has no other tries");
}

#[tokio::test]
async fn a_recovery_code_is_good_once_in_the_place_of_a_code() {
    let scene = Scene::new().await;
    assert_eq!(scene.recovery.len(), 10);
    let typed = scene.recovery[0].to_uppercase().replace('-', " ");
    assert_eq!(scene.second(&scene.first().await, &typed).await.status, 201);
    scene.second(&scene.first().await, &scene.recovery[0]).await.must_be_problem(401, "unauthorized");
    assert_eq!(scene.api().get(FACTOR, &scene.access).await.json()["recovery_codes_left"], 9);
    assert_eq!(scene.second(&scene.first().await, &scene.recovery[1]).await.status, 201);
    let used = "second_factor.recovery_code_used";
    assert_eq!(scene.events().await, ["second_factor.on", used, used]);
}

#[tokio::test]
async fn to_turn_it_off_takes_the_password_and_a_code() {
    let scene = Scene::new().await;
    let letter = scene.letters.letter().await;
    assert!(
        letter.contains("Two-step sign-in is on") && letter.contains("set another password at once"),
        "{letter}"
    );
    let off = async |password: &str, code: &str| {
        let body = json!({ "password": password, "code": code });
        scene.api().post(&format!("{FACTOR}/turn-off"), &scene.access, &body).await
    };
    let mistyped = off("rahasia-2", &scene.code(1)).await.must_be_problem(401, "unauthorized");
    assert_eq!(mistyped["code"], "NOT_PROVEN", "the token is as good as before");
    let nobody = scene.api().get(FACTOR, "eyJ").await.must_be_problem(401, "unauthorized");
    assert_eq!(nobody["code"], Value::Null);
    off(PASSWORD, "000000").await.must_be_problem(401, "unauthorized");
    off(PASSWORD, &scene.code(0)).await.must_be_problem(401, "unauthorized");
    assert_eq!(off(PASSWORD, &scene.code(1)).await.status, 204);
    scene.api().sign_in(&scene.email).await;
    assert_eq!(scene.api().get(FACTOR, &scene.access).await.json()["confirmed_at"], Value::Null);
    assert_eq!(scene.events().await, ["second_factor.on", "second_factor.off"]);
    assert!(scene.letters.letter().await.contains("tidak lagi memerlukan kode"));
}

/// NIST SP 800-63B §5.2.2: not by patience either.
#[tokio::test]
async fn after_a_hundred_wrong_codes_only_a_recovery_code_is_good() {
    let scene = Scene::new().await;
    scene.second(&scene.first().await, "000000").await.must_be_problem(401, "unauthorized");
    scene.about("update identity.second_factors set failures = failures + 99 where user_id = $1").await;
    let first = scene.first().await;
    scene.second(&first, &scene.code(1)).await.must_be_problem(401, "unauthorized");
    assert_eq!(scene.second(&first, &scene.recovery[0]).await.status, 201);
    assert_eq!(scene.second(&scene.first().await, &scene.code(1)).await.status, 201);
}

#[tokio::test]
async fn whoever_has_lost_phone_and_codes_is_let_in_by_the_platforms_staff() {
    let scene = Scene::new().await;
    assert!(scene.letters.letter().await.contains("takes a code of your phone"));
    let stage = &scene.letters.stage;
    let (staff, email) = stage.person(stage.b, "owner").await;
    stage.about(staff, "update identity.users set platform_role = 'super_admin' where id = $1").await;
    let access = scene.api().sign_in(&email).await["access_token"].as_str().unwrap().to_owned();
    let reset = async |user: Uuid, token: &str| {
        let path = format!("/api/platform/people/{user}/reset-second-factor");
        scene.api().post(&path, token, &json!({ "reason": "lost, shown an identity card" })).await
    };
    reset(scene.user, &scene.access).await.must_be_problem(403, "forbidden");
    reset(staff, &access).await.must_be_problem(409, "conflict");
    reset(Uuid::nil(), &access).await.must_be_problem(404, "not-found");
    assert_eq!(reset(scene.user, &access).await.status, 204);
    reset(scene.user, &access).await.must_be_problem(409, "conflict");
    scene.api().sign_in(&scene.email).await;
    assert!(scene.letters.letter().await.contains("telah menonaktifkan kode"));
    let events = format!("/api/platform/people/{}/events?limit=1", scene.user);
    let events = scene.api().get(&events, &access).await.json();
    let event = &events["items"][0];
    assert_eq!((&event["action"], &event["actor_id"]), (&json!("second_factor.reset"), &json!(staff)));
    assert_eq!(event["reason"], "lost, shown an identity card");
    assert!(events["next_cursor"].is_string(), "{events}");
    scene.api().get("/api/platform/people", &scene.access).await.must_be_problem(403, "forbidden");
}

#[tokio::test]
async fn whoever_has_no_password_needs_one_first() {
    let scene = Scene::new().await;
    let statement = "delete from identity.auth_methods where user_id = $1";
    scene.about(statement).await;
    let said = json!({ "password": PASSWORD });
    scene.api().post(FACTOR, &scene.access, &said).await.must_be_problem(409, "conflict");
}

#[tokio::test]
async fn what_was_begun_counts_when_a_first_code_has_come_and_is_locked_in_the_database() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let (user, email) = stage.person(stage.a, "owner").await;
    let access = api.sign_in(&email).await["access_token"].as_str().unwrap().to_owned();
    let confirm = format!("{FACTOR}/confirm");
    api.post(&confirm, &access, &json!({ "code": "000000" })).await.must_be_problem(409, "conflict");
    api.post(FACTOR, &access, &json!({ "password": "rahasia-2" })).await.must_be_problem(401, "unauthorized");
    let begun = api.post(FACTOR, &access, &json!({ "password": PASSWORD })).await.json();
    let uri = begun["uri"].as_str().unwrap();
    assert!(
        uri.starts_with("otpauth://totp/sambung:") && uri.contains(begun["secret"].as_str().unwrap()),
        "{uri}"
    );
    assert!(begun["qr_svg"].as_str().unwrap().contains("<svg"), "{begun}");
    api.post(&confirm, &access, &json!({ "code": "000000" })).await.must_be_problem(401, "unauthorized");
    api.sign_in(&email).await;
    let secret = Secret::try_from_base32(begun["secret"].as_str().unwrap()).unwrap();
    let query = sqlx::query_scalar("select locked from identity.second_factors where user_id = $1");
    let locked: Vec<u8> = query.bind(user).fetch_one(&stage.admin).await.unwrap();
    assert!(!locked.windows(4).any(|part| part == &secret.as_bytes()[..4]));
}
