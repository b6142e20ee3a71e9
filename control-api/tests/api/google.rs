//! Signing in with an OpenID provider that nobody here wrote (oidc-provider, `tests/openid`): who gets in and who does not, whatever the browser or the
//! provider says.

use std::{
    collections::BTreeMap,
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::{Url, redirect};
use sambung::ports::free_port;
use sambung_api::openid::{self, Registered};
use serde_json::{Value, json};

use crate::{
    accounts, second_factors,
    stage::{Answer, PASSWORD, Served, Stage, client},
};

pub const AUTHORIZATIONS: &str = "/api/identity/google/authorizations";
pub const SIGN_INS: &str = "/api/identity/google/sign-ins";
pub const MINE: &str = "/api/identity/me/google";
const REDIRECT: &str = "https://pbx.example.test/sign-in/google";
pub const SARI: &str = "sari@example.test";

/// The provider, gone at the end.
pub struct Provider {
    port: u16,
    running: Option<Child>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().unwrap();
            running.wait().unwrap();
        }
    }
}

/// As `bin/install-deps test` has put it beside what is built.
fn tools() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let tools = test.ancestors().nth(3).unwrap().join("tools/openid");
    assert!(tools.exists(), "{} is missing: run bin/install-deps test", tools.display());
    tools
}

impl Provider {
    /// One that does not answer yet.
    fn down() -> Self {
        Self { port: free_port().unwrap(), running: None }
    }

    pub async fn up() -> Self {
        let mut provider = Self::down();
        let script = include_str!("../openid/provider.mjs");
        let port = provider.port.to_string();
        let mut command = Command::new("node");
        command.args(["--input-type=module", "--eval", script, "--", &port, "sambung", "rahasia", REDIRECT]);
        command.current_dir(tools()).stdout(Stdio::null()).stderr(Stdio::null());
        provider.running = Some(command.spawn().unwrap());
        for _ in 0..1_000 {
            if TcpStream::connect(("127.0.0.1", provider.port)).is_ok() {
                return provider;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the provider does not come up");
    }

    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next ID token is not as it must be.
    pub async fn deceive(&self, how: &str) {
        let url = format!("{}/deceive?how={how}", self.issuer());
        let done = client().post(url).send().await.unwrap();
        assert_eq!(done.status(), 204);
    }

    /// The way to it that the API takes.
    pub fn way(&self) -> openid::Provider {
        let registered = Registered {
            issuer: openid::IssuerUrl::new(self.issuer()).unwrap(),
            client_id: "sambung".to_owned(),
            client_secret: "rahasia".to_owned(),
            redirect: openid::RedirectUrl::new(REDIRECT.to_owned()).unwrap(),
        };
        openid::Provider::new(registered).unwrap()
    }
}

struct Scene {
    provider: Provider,
    letters: accounts::Scene,
}

impl Scene {
    async fn new() -> Self {
        Self::with(Provider::up().await).await
    }

    async fn with(provider: Provider) -> Self {
        let mut stage = Stage::new().await;
        stage.openid = Some(provider.way());
        Self { provider, letters: accounts::Scene::on(stage).await }
    }

    fn api(&self) -> &Served {
        &self.letters.api
    }

    fn stage(&self) -> &Stage {
        &self.letters.stage
    }

    /// Where the API sends a browser.
    async fn leave(&self) -> Value {
        let begun = self.api().post(AUTHORIZATIONS, "", &json!(null)).await;
        assert_eq!(begun.status, 201, "{}", begun.body);
        begun.json()
    }

    /// A browser goes there as `email`, and comes back with what it says in the place of an answer.
    async fn visit(&self, email: &str) -> Value {
        let begun = self.leave().await;
        visited(&begun, email).await
    }

    async fn sign_in(&self, said: &Value) -> Answer {
        self.api().post(SIGN_INS, "", &json!({ "visit": said })).await
    }

    /// What is known of people with that address: whether it is verified, and in how many ways they sign in.
    async fn known(&self, email: &str) -> Vec<(bool, i64)> {
        let query = sqlx::query_as(
            "select u.email_verified_at is not null,
                    (select count(*) from identity.auth_methods m where m.user_id = u.id)
             from identity.users u where u.email = $1",
        );
        query.bind(email).fetch_all(&self.stage().admin).await.unwrap()
    }
}

/// A browser goes where it was sent, as `email`, and comes back with what it says in the place of an answer.
pub async fn visited(begun: &Value, email: &str) -> Value {
    let mut url = Url::parse(begun["url"].as_str().unwrap()).unwrap();
    url.query_pairs_mut().append_pair("login_hint", email);
    let back = browse(url).await;
    let said: BTreeMap<String, String> = back.query_pairs().into_owned().collect();
    json!({ "token": begun["token"], "state": said["state"], "code": said["code"] })
}

/// What a browser does: it follows, with the cookies that it was given, until it comes to a page of ours.
async fn browse(mut url: Url) -> Url {
    let client = reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
    let mut cookies = BTreeMap::new();
    for _ in 0..10 {
        if url.as_str().starts_with(REDIRECT) {
            return url;
        }
        let held: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = client.get(url.clone()).header("cookie", held.join("; ")).send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            cookies.insert(name.to_owned(), value.to_owned());
        }
        let next = answer.headers().get("location").map(|next| next.to_str().unwrap().to_owned());
        let Some(next) = next else { panic!("{}", answer.text().await.unwrap()) };
        url = url.join(&next).unwrap();
    }
    panic!("it goes round in circles");
}

#[tokio::test]
async fn somebody_nobody_knows_gets_an_account_and_comes_back_into_it() {
    let scene = Scene::new().await;
    let methods = scene.api().get("/api/identity/sign-in-methods", "").await.json();
    assert_eq!(methods, json!({ "password": true, "google": true }));
    let url = scene.leave().await["url"].as_str().unwrap().to_owned();
    for part in ["response_type=code", "code_challenge_method=S256", "nonce=", "scope=openid+email+profile"] {
        assert!(url.contains(part), "{part}: {url}");
    }
    let first = scene.sign_in(&scene.visit(SARI).await).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let person = &first.json()["person"];
    assert_eq!((&person["name"], &person["email"]), (&json!("Sari Dewi"), &json!(SARI)));
    assert_eq!(scene.known(SARI).await, [(true, 1)]);
    let again = scene.sign_in(&scene.visit(SARI).await).await.json();
    assert_eq!(&again["person"]["id"], &person["id"]);
    let access = again["access_token"].as_str().unwrap();
    let link = scene.api().get(MINE, access).await.json();
    assert_eq!((link["linked_at"].is_string(), &link["has_password"]), (true, &json!(false)));
    let refresh = json!({ "refresh_token": again["refresh_token"] });
    assert_eq!(scene.api().post("/api/identity/tokens", "", &refresh).await.status, 200);
    // The only way in stays, also for whoever says a password that they do not have.
    let unlink = json!({ "password": PASSWORD });
    let refused = scene.api().post(&format!("{MINE}/unlink"), access, &unlink).await;
    refused.must_be_problem(409, "conflict");
    let events = scene.api().get("/api/identity/me/events", access).await.json();
    assert_eq!(events["items"][0]["action"], "google.linked");
    assert_eq!(events["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn whoever_has_an_account_with_that_address_gets_into_it_and_is_told() {
    let scene = Scene::new().await;
    let (user, email) = scene.stage().person(scene.stage().a, "owner").await;
    let signed_in = scene.sign_in(&scene.visit(&email).await).await;
    assert_eq!(signed_in.status, 201, "{}", signed_in.body);
    assert_eq!(signed_in.json()["person"]["id"], json!(user));
    assert_eq!(signed_in.json()["organisation"], json!(scene.stage().a.0));
    assert!(scene.letters.letter().await.contains("Google"));
    // Another account of the provider's with the same address is not let in beside it.
    let statement = "update identity.auth_methods set provider_user_id = 'of before'
                     where user_id = $1 and provider = 'google_login'";
    scene.stage().about(user, statement).await;
    scene.sign_in(&scene.visit(&email).await).await.must_be_problem(409, "conflict");
    // The password goes on, and is the only way again.
    let access = scene.api().sign_in(&email).await["access_token"].as_str().unwrap().to_owned();
    let unlink = async |password: &str| {
        scene.api().post(&format!("{MINE}/unlink"), &access, &json!({ "password": password })).await
    };
    unlink("rahasia-2").await.must_be_problem(401, "unauthorized");
    assert_eq!(unlink(PASSWORD).await.status, 204);
    assert!(scene.letters.letter().await.contains("Google"));
    unlink(PASSWORD).await.must_be_problem(409, "conflict");
    assert_eq!(scene.api().get(MINE, &access).await.json()["linked_at"], Value::Null);
}

#[tokio::test]
async fn an_account_is_linked_in_the_profile_with_the_password_whatever_its_address() {
    let scene = Scene::new().await;
    let (user, email) = scene.stage().person(scene.stage().a, "owner").await;
    let access = scene.api().sign_in(&email).await["access_token"].as_str().unwrap().to_owned();
    let link = async |token: &str, visit: Value, password: &str| {
        let said = json!({ "visit": visit, "password": password });
        scene.api().post(&format!("{MINE}/link"), token, &said).await
    };
    let other = "unverified@elsewhere.test";
    link(&access, scene.visit(other).await, "rahasia-2").await.must_be_problem(401, "unauthorized");
    assert_eq!(link(&access, scene.visit(other).await, PASSWORD).await.status, 204);
    let signed_in = scene.sign_in(&scene.visit(other).await).await;
    assert_eq!(signed_in.json()["person"]["id"], json!(user), "{}", signed_in.body);
    // One of each, and nobody else's.
    link(&access, scene.visit(SARI).await, PASSWORD).await.must_be_problem(409, "conflict");
    let (_, another) = scene.stage().person(scene.stage().b, "owner").await;
    let theirs = scene.api().sign_in(&another).await["access_token"].as_str().unwrap().to_owned();
    link(&theirs, scene.visit(other).await, PASSWORD).await.must_be_problem(409, "conflict");
}

#[tokio::test]
async fn what_the_provider_must_not_say_proves_nothing() {
    let scene = Scene::new().await;
    for lie in ["expired", "audience", "issuer", "nonce", "signature", "none", "mac"] {
        scene.provider.deceive(lie).await;
        let refused = scene.sign_in(&scene.visit(SARI).await).await;
        let problem = refused.must_be_problem(401, "unauthorized");
        assert!(problem["detail"].as_str().unwrap().contains("the provider"), "{lie}: {problem}");
    }
    assert_eq!(scene.known(SARI).await, []);
    assert_eq!(scene.sign_in(&scene.visit(SARI).await).await.status, 201, "told nothing but the truth");
}

#[tokio::test]
async fn what_a_browser_must_not_come_back_with_proves_nothing() {
    let scene = Scene::new().await;
    let (one, two) = (scene.visit(SARI).await, scene.visit(SARI).await);
    let with = |field: &str, value: &Value| {
        let mut said = one.clone();
        said[field] = value.clone();
        said
    };
    // A state or a visit that is another one's; and a code of another visit, whose verifier the provider does not take (PKCE).
    for (field, value) in [
        ("state", &two["state"]),
        ("state", &json!("")),
        ("token", &two["token"]),
        ("token", &json!("sambung_visit_")),
        ("code", &two["code"]),
        ("code", &json!("none")),
    ] {
        scene.sign_in(&with(field, value)).await.must_be_problem(401, "unauthorized");
    }
    assert_eq!(scene.sign_in(&one).await.status, 201);
    scene.sign_in(&one).await.must_be_problem(401, "unauthorized");
}

#[tokio::test]
async fn an_address_that_nobody_has_verified_lets_nobody_in() {
    let scene = Scene::new().await;
    let unverified = "unverified@example.test";
    let refused = scene.sign_in(&scene.visit(unverified).await).await;
    let problem = refused.must_be_problem(401, "unauthorized");
    assert!(problem["detail"].as_str().unwrap().contains("not verified"), "{problem}");
    assert_eq!(scene.known(unverified).await, []);
    // Here neither: whoever has entered that password need not be whoever has that address.
    let (user, email) = scene.stage().person(scene.stage().a, "owner").await;
    scene.stage().about(user, "update identity.users set email_verified_at = null where id = $1").await;
    scene.sign_in(&scene.visit(&email).await).await.must_be_problem(401, "unauthorized");
    assert_eq!(scene.known(&email).await, [(false, 1)]);
    // Who was entered without one has none to be feared.
    scene.stage().about(user, "delete from identity.auth_methods where user_id = $1").await;
    assert_eq!(scene.sign_in(&scene.visit(&email).await).await.status, 201);
    assert_eq!(scene.known(&email).await, [(true, 1)]);
    scene.stage().about(user, "update identity.users set status = 'suspended' where id = $1").await;
    scene.sign_in(&scene.visit(&email).await).await.must_be_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_code_is_asked_for_here_too() {
    let scene = Scene::new().await;
    let (_, email) = scene.stage().person(scene.stage().a, "owner").await;
    let access = scene.api().sign_in(&email).await["access_token"].as_str().unwrap().to_owned();
    let (_, _, recovery) = second_factors::turn_on(scene.api(), &access).await;
    let first = scene.sign_in(&scene.visit(&email).await).await;
    assert_eq!(first.status, 202, "{}", first.body);
    let step = json!({ "token": first.json()["token"], "code": recovery[0] });
    assert_eq!(scene.api().post("/api/identity/sign-ins/second-step", "", &step).await.status, 201);
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_of_and_passwords_go_on() {
    let scene = Scene::with(Provider::down()).await;
    let (_, email) = scene.stage().person(scene.stage().a, "owner").await;
    let away = scene.api().post(AUTHORIZATIONS, "", &json!(null)).await;
    let problem = away.must_be_problem(503, "service-unavailable");
    assert!(problem["detail"].as_str().unwrap().contains("does not answer"), "{problem}");
    scene.api().sign_in(&email).await;
    // And one that goes away in the middle.
    let mut scene = Scene::new().await;
    let said = scene.visit(SARI).await;
    scene.provider = Provider::down();
    scene.sign_in(&said).await.must_be_problem(503, "service-unavailable");
}

#[tokio::test]
async fn without_a_provider_the_doors_say_so() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    assert_eq!(api.get("/api/identity/sign-in-methods", "").await.json()["google"], false);
    let said = json!({ "visit": { "token": "x", "state": "x", "code": "x" } });
    for (path, body) in [(AUTHORIZATIONS, &json!(null)), (SIGN_INS, &said)] {
        let problem = api.post(path, "", body).await.must_be_problem(503, "service-unavailable");
        assert!(problem["detail"].as_str().unwrap().contains("[openid]"), "{problem}");
    }
}
