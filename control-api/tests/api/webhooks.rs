//! Stories of webhooks: what happens reaches whoever wants it, signed, once in effect, whoever is away or dies meanwhile, and nowhere
//! that it must not.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{any, post},
};
use contract::id::OrgId;
use migrations::Role;
use sambung::{child::Signal, ports::free_port};
use sambung_api::{
    database::{Database, Scope},
    egress::{Allowed, Egress},
    platform::{
        events::{New, publish},
        jobs::runner::Runner,
        webhooks::deliver::Courier,
    },
};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use standardwebhooks::Webhook;
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinSet,
};

use crate::{
    stage::{Answer, Served, Stage, fields, uuid},
    startup::Folder,
};

const WEBHOOKS: &str = "/api/platform/webhooks";
const ALL: [&str; 6] =
    ["webhooks.read", "webhooks.write", "calls.read", "jobs.read", "jobs.write", "audit.read"];

/// A request as it came.
type Came = (HeaderMap, Bytes);

/// Takes deliveries and answers with `status`; 0: not at all.
#[derive(Clone, Default)]
struct Receiver {
    came: Arc<Mutex<Vec<Came>>>,
    arrived: Arc<Notify>,
    status: Arc<Mutex<u16>>,
    led_on: Arc<Mutex<u32>>,
}

impl Receiver {
    async fn open(status: u16) -> (Self, String) {
        let receiver = Self::default();
        receiver.answer(status);
        let router = Router::new()
            .route("/hook", post(Self::take))
            .route("/elsewhere", any(|State(to): State<Self>| async move { *to.led_on.lock().unwrap() += 1 }))
            .with_state(receiver.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    async fn take(State(receiver): State<Self>, headers: HeaderMap, body: Bytes) -> Response {
        receiver.came.lock().unwrap().push((headers, body));
        receiver.arrived.notify_one();
        let status = *receiver.status.lock().unwrap();
        if status == 0 {
            std::future::pending::<()>().await;
        }
        let answer = StatusCode::from_u16(status).unwrap();
        if status == 302 {
            (answer, [("location", "/elsewhere")]).into_response()
        } else {
            answer.into_response()
        }
    }

    fn answer(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }

    async fn until(&self, many: usize) -> Vec<Came> {
        while self.came().len() < many {
            let arrived = tokio::time::timeout(Duration::from_secs(30), self.arrived.notified());
            arrived.await.unwrap_or_else(|_| panic!("{} of {many} came", self.came().len()));
        }
        self.came()
    }
}

/// What the operator allows here: receivers on this machine, in the clear.
fn home() -> Allowed {
    Allowed { http: true, networks: vec!["127.0.0.0/8".parse().unwrap()] }
}

/// An API whose runner delivers.
struct Scene {
    stage: Stage,
    api: Served,
    key: String,
    _stop: watch::Sender<()>,
}

impl Scene {
    async fn new() -> Self {
        let mut stage = Stage::new().await;
        stage.egress = home();
        let (api, key) = (stage.serve().await, stage.key(stage.a, &ALL).await);
        let (stop, stopped) = watch::channel(());
        let courier = Courier { database: api.database.clone(), egress: Egress::new(home()).unwrap() };
        let runner = Runner {
            database: api.database.clone(),
            workers: vec![Arc::new(courier)],
            ordered: Arc::clone(&api.notices.jobs),
        };
        tokio::spawn(runner.run(stopped));
        Self { stage, api, key, _stop: stop }
    }

    /// Orders without a body.
    async fn order(&self, path: &str) -> Answer {
        self.api.send(self.api.client.post(self.api.at(path)).bearer_auth(&self.key)).await
    }

    /// A webhook for calls: its path and its secret.
    async fn webhook(&self, url: &str) -> (String, String) {
        made(&self.api, &self.key, url).await
    }

    async fn happen(&self, kind: &str) {
        happen(&self.api.database, self.stage.a, kind).await;
    }

    /// The latest delivery to it.
    async fn delivery(&self, webhook: &str) -> Value {
        self.api.get(&format!("{webhook}/deliveries"), &self.key).await.json()["items"][0].clone()
    }

    async fn until_delivery(&self, webhook: &str, wanted: &Value) {
        for _ in 0..1_500 {
            let delivery = self.delivery(webhook).await;
            if json!([delivery["state"], delivery["attempts"], delivery["reason"]]) == *wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{wanted}: {}", self.delivery(webhook).await);
    }

    async fn run(&self, statements: &str) {
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&self.stage.admin).await.unwrap();
    }

    /// The next attempt is due.
    async fn due(&self) {
        self.run("update platform.jobs set due_at = now() where done_at is null; notify platform_jobs").await;
    }
}

/// A webhook for calls: its path and its secret.
async fn made(api: &Served, key: &str, url: &str) -> (String, String) {
    let made = api.post(WEBHOOKS, key, &json!({ "url": url, "kinds": ["call.*"] })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    (made.header("location").to_owned(), made.json()["secret"].as_str().unwrap().to_owned())
}

async fn happen(database: &Database, org: OrgId, kind: &str) {
    let (kind, data) = (kind.to_owned(), Some(json!({ "x": 1 })));
    let new = [New { kind, subject: uuid(), at: None, data, audience: Vec::new() }];
    let written = database
        .write(Scope::Organisation(org), move |c| Box::pin(async move { publish(c, org, &new).await }));
    written.await.unwrap();
}

/// By the library that receivers use.
fn is_signed((headers, body): &Came, secret: &str) -> bool {
    Webhook::new(secret).unwrap().verify(body, headers).is_ok()
}

/// Bug: two that were made at the same moment both found room for the last one.
#[tokio::test]
async fn there_are_twenty_webhooks_and_no_more_also_when_they_are_made_at_once() {
    let scene = Scene::new().await;
    let body = json!({ "url": "https://example.com/hook", "kinds": ["call.*"] });
    let mut asked = JoinSet::new();
    for _ in 0..30 {
        let request = scene.api.client.post(scene.api.at(WEBHOOKS)).bearer_auth(&scene.key).json(&body);
        asked.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    let mut answered = asked.join_all().await;
    answered.sort_unstable();
    assert_eq!(answered, [[201; 20].as_slice(), &[409; 10]].concat());
    let kept = scene.api.get(WEBHOOKS, &scene.key).await.json();
    assert_eq!(kept["items"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn what_happens_is_sent_signed_to_whoever_wants_its_kind() {
    let scene = Scene::new().await;
    let (receiver, url) = Receiver::open(204).await;
    let (path, secret) = scene.webhook(&url).await;
    scene.happen("extension.changed").await;
    happen(&scene.api.database, scene.stage.b, "call.ended").await;
    scene.happen("call.ended").await;
    let came = receiver.until(1).await;
    assert!(is_signed(&came[0], &secret));
    let (headers, body) = &came[0];
    // A changed octet is found.
    assert!(!is_signed(&(headers.clone(), [body, &b" "[..]].concat().into()), &secret));
    let told: Value = serde_json::from_slice(body).unwrap();
    let event = &told["data"];
    assert_eq!((&told["type"], &event["kind"]), (&json!("call.ended"), &json!("call.ended")));
    assert_eq!((&event["seq"], &event["data"]["x"]), (&json!(3), &json!(1)));
    assert_eq!(told["timestamp"], event["occurred_at"]);
    scene.until_delivery(&path, &json!(["done", 1, null])).await;
    let delivery = scene.delivery(&path).await;
    assert_eq!(headers["webhook-id"], delivery["id"].as_str().unwrap());
    assert_eq!((&delivery["seq"], &delivery["kind"]), (&json!(3), &json!("call.ended")));
    assert_eq!(receiver.came().len(), 1, "one event of one kind of one organisation");
    // Taken away, it takes its deliveries along, and what happens goes nowhere.
    let version = scene.api.get(&path, &scene.key).await.json()["version"].as_i64().unwrap();
    let gone = scene.api.take_away(&path, &scene.key, version.try_into().unwrap()).await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    scene.happen("call.ended").await;
    assert_eq!(scene.api.get("/api/platform/jobs", &scene.key).await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_secret_is_shown_once_and_makes_way_with_an_overlap() {
    let scene = Scene::new().await;
    let (receiver, url) = Receiver::open(200).await;
    let (path, first) = scene.webhook(&url).await;
    let rotate = async || {
        let rotated = scene.order(&format!("{path}/rotate-secret")).await;
        assert_eq!(rotated.status, 200, "{}", rotated.body);
        rotated.json()["secret"].as_str().unwrap().to_owned()
    };
    let second = rotate().await;
    assert!(first != second && second.starts_with("whsec_"));
    scene.happen("call.ended").await;
    let came = receiver.until(1).await;
    assert!(is_signed(&came[0], &first) && is_signed(&came[0], &second));
    scene.run("update platform.webhooks set previous_expires_at = now()").await;
    scene.happen("call.ended").await;
    let came = receiver.until(2).await;
    assert!(!is_signed(&came[1], &first) && is_signed(&came[1], &second));
    // Twice at once, and the one before is good no more.
    let (third, fourth) = (rotate().await, rotate().await);
    scene.happen("call.ended").await;
    let came = receiver.until(3).await;
    assert!(!is_signed(&came[2], &second) && is_signed(&came[2], &third) && is_signed(&came[2], &fourth));
    for seen in [&path, WEBHOOKS, &format!("{path}/deliveries"), "/api/platform/audit-events"] {
        let answer = scene.api.get(seen, &scene.key).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.body.contains("whsec_"), "{seen}: {}", answer.body);
    }
    // The same request again finds the same webhook, and no secret.
    let body = json!({ "url": url, "kinds": ["call.*"] });
    let send = || {
        let request = scene.api.client.post(scene.api.at(WEBHOOKS)).bearer_auth(&scene.key);
        scene.api.send(request.header("idempotency-key", "x").json(&body))
    };
    let (first, again) = (send().await.json(), send().await.json());
    assert_eq!((&first["id"], &again["secret"]), (&again["id"], &Value::Null));
    assert!(first["secret"].is_string());
}

#[tokio::test]
async fn what_is_not_taken_comes_again_under_its_id_until_it_is_and_once_more_if_asked_for() {
    let scene = Scene::new().await;
    let (receiver, url) = Receiver::open(503).await;
    let (path, secret) = scene.webhook(&url).await;
    scene.happen("call.ended").await;
    scene.until_delivery(&path, &json!(["waiting", 1, "status_503"])).await;
    assert!(scene.api.get(&path, &scene.key).await.json()["failing_since"].is_string());
    let delivery = scene.delivery(&path).await["id"].as_str().unwrap().to_owned();
    let again = format!("/api/platform/webhook-deliveries/{delivery}/redeliver");
    scene.order(&again).await.must_be_problem(409, "conflict");
    receiver.answer(302);
    scene.due().await;
    scene.until_delivery(&path, &json!(["waiting", 2, "status_302"])).await;
    receiver.answer(200);
    scene.due().await;
    scene.until_delivery(&path, &json!(["done", 3, null])).await;
    assert_eq!(scene.api.get(&path, &scene.key).await.json()["failing_since"], Value::Null);
    assert_eq!(scene.order(&again).await.status, 200);
    let came = receiver.until(4).await;
    assert!(came.iter().all(|one| one.0["webhook-id"] == delivery && is_signed(one, &secret)));
    assert_eq!(*receiver.led_on.lock().unwrap(), 0, "a redirect is not followed");
    scene.until_delivery(&path, &json!(["done", 1, null])).await;
    // What is not kept any more cannot be sent.
    scene.run("delete from platform.events where kind = 'call.ended'").await;
    scene.order(&again).await.must_be_problem(404, "not-found");
}

#[tokio::test]
async fn what_a_webhook_wanted_before_goes_nowhere_once_it_wants_something_else() {
    let scene = Scene::new().await;
    let (receiver, url) = Receiver::open(503).await;
    let (path, _) = scene.webhook(&url).await;
    scene.happen("call.ended").await;
    scene.until_delivery(&path, &json!(["waiting", 1, "status_503"])).await;
    // Whoever may not read calls has it send other kinds, elsewhere.
    let (elsewhere, its_url) = Receiver::open(200).await;
    let blind = ["webhooks.read", "webhooks.write", "jobs.write", "telephony.read"];
    let blind = scene.stage.key(scene.stage.a, &blind).await;
    let version = scene.api.get(&path, &blind).await.json()["version"].as_i64().unwrap();
    let body = json!({ "url": its_url, "kinds": ["extension.*"] });
    let other = scene.api.put(&path, &blind, (version.try_into().unwrap(), &body)).await;
    assert_eq!(other.status, 200, "{}", other.body);
    scene.due().await;
    scene.until_delivery(&path, &json!(["dead", 2, "unwanted"])).await;
    let id = scene.delivery(&path).await["id"].as_str().unwrap().to_owned();
    for again in [format!("webhook-deliveries/{id}/redeliver"), format!("jobs/{id}/retry")] {
        let asked =
            scene.api.client.post(scene.api.at(&format!("/api/platform/{again}"))).bearer_auth(&blind);
        assert_eq!(scene.api.send(asked).await.status, 200, "{again}");
        scene.until_delivery(&path, &json!(["dead", 1, "unwanted"])).await;
    }
    assert_eq!(scene.order(&format!("{path}/test")).await.status, 200);
    scene.until_delivery(&path, &json!(["done", 1, null])).await;
    let came = elsewhere.came();
    let told: Value = serde_json::from_slice(&came[0].1).unwrap();
    assert_eq!((came.len(), &told["type"]), (1, &json!("webhook.tested")), "{came:?}");
    assert_eq!(receiver.came().len(), 1);
}

#[tokio::test]
async fn whoever_takes_nothing_for_days_or_is_gone_is_turned_off_and_it_is_told() {
    let scene = Scene::new().await;
    let (receiver, url) = Receiver::open(500).await;
    let (path, _) = scene.webhook(&url).await;
    scene.happen("call.ended").await;
    scene.until_delivery(&path, &json!(["waiting", 1, "status_500"])).await;
    scene.run("update platform.webhooks set failing_since = now() - interval '6 days'").await;
    receiver.answer(502);
    scene.due().await;
    scene.until_delivery(&path, &json!(["waiting", 2, "status_502"])).await;
    let off = scene.api.get(&path, &scene.key).await.json();
    assert_eq!((&off["is_active"], &off["disabled_reason"]), (&json!(false), &json!("failing")));
    let disabled = async || {
        let query = sqlx::query_scalar::<_, i64>(
            "select count(*) from platform.events where kind = 'webhook.disabled'",
        );
        query.fetch_one(&scene.stage.admin).await.unwrap()
    };
    assert_eq!(disabled().await, 1);
    // Nothing is sent any more, neither what waits nor what happens, nor a test.
    scene.due().await;
    scene.until_delivery(&path, &json!(["dead", 3, "turned_off"])).await;
    scene.happen("call.ended").await;
    scene.order(&format!("{path}/test")).await.must_be_problem(409, "conflict");
    assert_eq!(receiver.came().len(), 2);
    // Until somebody says that it is mended; and 410 says that it never will be.
    receiver.answer(410);
    let version = off["version"].as_i64().unwrap().try_into().unwrap();
    let body = json!({ "url": url, "kinds": ["call.*"] });
    let on = scene.api.put(&path, &scene.key, (version, &body)).await;
    assert_eq!(on.status, 200, "{}", on.body);
    assert_eq!((&on.json()["failing_since"], &on.json()["disabled_reason"]), (&Value::Null, &Value::Null));
    // A test comes whichever kinds are wanted.
    assert_eq!(scene.order(&format!("{path}/test")).await.status, 200);
    scene.until_delivery(&path, &json!(["dead", 1, "status_410"])).await;
    let told: Value = serde_json::from_slice(&receiver.came()[2].1).unwrap();
    assert_eq!(told["type"], "webhook.tested");
    let off = scene.api.get(&path, &scene.key).await.json();
    assert_eq!((&off["is_active"], &off["disabled_reason"]), (&json!(false), &json!("gone")));
    assert_eq!(disabled().await, 2);
}

#[tokio::test]
async fn a_webhook_for_which_too_much_waits_gets_nothing_more_and_a_failure_turns_it_off() {
    let scene = Scene::new().await;
    let ((away, its_url), (receiver, url)) = (Receiver::open(500).await, Receiver::open(200).await);
    let ((full, _), (path, _)) = (scene.webhook(&its_url).await, scene.webhook(&url).await);
    let (org, id) = (scene.stage.a.0, full.rsplit('/').next().unwrap());
    let waits = format!(
        "insert into platform.jobs (org_id, kind, key, payload, due_at)
         select '{org}', 'webhook.deliver', '{id}/' || -n, jsonb_build_object('webhook_id', '{id}', 'seq', -n, 'kind', 'call.ended'),
                now() + interval '1 day' from generate_series(1, 5000) n"
    );
    scene.run(&waits).await;
    scene.happen("call.ended").await;
    receiver.until(1).await;
    assert!(scene.delivery(&full).await["seq"].as_i64().unwrap() < 0, "nothing was added");
    // One of those that wait is tried.
    let seq = &scene.delivery(&path).await["seq"];
    let due = format!(
        "update platform.jobs set payload = payload || '{{\"seq\": {seq}}}', due_at = now() where key = '{id}/-1';
         notify platform_jobs"
    );
    scene.run(&due).await;
    away.until(1).await;
    let off = async || scene.api.get(&full, &scene.key).await.json();
    for _ in 0..1_500 {
        if off().await["is_active"] == false {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(off().await["disabled_reason"], "overflow");
    assert_eq!(scene.api.get(&path, &scene.key).await.json()["is_active"], true);
}

#[tokio::test]
async fn nobody_has_us_send_where_only_we_can_go_or_what_they_may_not_read() {
    let stage = Stage::new().await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &ALL).await);
    let make = async |key: &str, url: &str, kinds: Value| {
        api.post(WEBHOOKS, key, &json!({ "url": url, "kinds": kinds })).await
    };
    for url in [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
    ] {
        let problem = make(&key, url, json!(["call.*"])).await.must_be_problem(400, "bad-request");
        assert_eq!(fields(&problem), ["url"], "{url}");
    }
    for kinds in [json!([]), json!(["*"]), json!(["call"]), json!(["call.*", "call.*"]), json!(["Call.x"])] {
        let problem = make(&key, "https://example.com/", kinds).await.must_be_problem(400, "bad-request");
        assert_eq!(fields(&problem), ["kinds"]);
    }
    let blind = stage.key(stage.a, &["webhooks.write"]).await;
    let refused = make(&blind, "https://example.com/", json!(["call.ended"])).await;
    assert_eq!(refused.must_be_problem(403, "forbidden")["detail"], "needs the permission calls.read");
    let made = make(&key, "https://example.com/", json!(["call.*"])).await;
    assert_eq!(made.status, 201, "{}", made.body);
    // Whoever may not read what it sends does not send it elsewhere either.
    let path = made.header("location");
    let elsewhere = json!({ "url": "https://example.org/", "kinds": ["call.*"] });
    api.put(path, &blind, (1, &elsewhere)).await.must_be_problem(403, "forbidden");
    // Another organisation's is not found.
    let theirs = stage.key(stage.b, &ALL).await;
    for path in [path, &format!("{path}/deliveries")] {
        api.get(path, &theirs).await.must_be_problem(404, "not-found");
    }
    for order in ["rotate-secret", "test"] {
        let asked = api.client.post(api.at(&format!("{path}/{order}"))).bearer_auth(&theirs);
        api.send(asked).await.must_be_problem(404, "not-found");
    }
    api.take_away(path, &theirs, 1).await.must_be_problem(404, "not-found");
    assert_eq!(api.get(WEBHOOKS, &theirs).await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_delivery_survives_a_program_that_is_killed_in_the_middle_of_it() {
    let mut stage = Stage::new().await;
    stage.egress = home();
    let (receiver, url) = Receiver::open(0).await;
    let port = free_port().unwrap();
    let config = format!(
        "listen = \"127.0.0.1:{port}\"\n[database]\nurl_file = \"url\"\n\
         [webhooks]\nallow_http = true\nallow_networks = [\"127.0.0.0/8\"]"
    );
    let folder = Folder::new(&config, &stage.url(Role::Api));
    let (api, key) = (stage.serve().await, stage.key(stage.a, &ALL).await);
    let (path, secret) = made(&api, &key, &url).await;
    happen(&api.database, stage.a, "call.ended").await;
    let child = folder.start();
    receiver.until(1).await;
    child.signal(Signal::KILL);
    assert!(child.wait(Duration::from_secs(10)).is_some());
    let state = async || {
        let delivery = api.get(&format!("{path}/deliveries"), &key).await.json()["items"][0].clone();
        json!([delivery["state"], delivery["attempts"]])
    };
    assert_eq!(state().await, json!(["waiting", 1]), "nobody has said what came of it");
    receiver.answer(200);
    // The lease is over.
    let over = "update platform.jobs set due_at = now()";
    sqlx::raw_sql(over).execute(&stage.admin).await.unwrap();
    let child = folder.start();
    let came = receiver.until(2).await;
    assert_eq!(came[0].0["webhook-id"], came[1].0["webhook-id"]);
    assert!(is_signed(&came[1], &secret));
    for _ in 0..1_500 {
        if state().await == json!(["done", 2]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((state().await, receiver.came().len()), (json!(["done", 2]), 2));
    child.signal(Signal::TERM);
    let code = child.wait(Duration::from_secs(10)).and_then(|status| status.code());
    assert_eq!(code, Some(0), "{}", folder.log());
}
