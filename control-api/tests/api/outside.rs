//! The way to and from the telephone network over HTTP: trunks, numbers, routes, prices and budgets.

use contract::id::OrgId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{Answer, Served, Stage, fields, uuid};

const TRUNKS: &str = "/api/telephony/trunks";
const DIDS: &str = "/api/telephony/did-numbers";
const ROUTES: &str = "/api/telephony/outbound-routes";
const PRICES: &str = "/api/telephony/outbound-prices";
const BUDGETS: &str = "/api/telephony/outside-budgets";

/// The organisations A and B with a member each, and a client of A's.
struct Scene {
    stage: Stage,
    api: Served,
    key: String,
    sari: Uuid,
}

impl Scene {
    async fn new() -> Self {
        let stage = Stage::new().await;
        for org in [stage.a, stage.b] {
            stage.settle(org).await;
        }
        let sari = stage.member(stage.a, Some("1001")).await;
        Self { api: stage.serve().await, key: key(&stage, stage.a).await, stage, sari }
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.api.post(path, &self.key, &body).await
    }

    async fn put(&self, path: &str, version: i32, body: Value) -> Answer {
        self.api.put(path, &self.key, (version, &body)).await
    }

    /// Makes one and tells its path and id.
    async fn made(&self, path: &str, body: Value) -> (String, Value) {
        let made = self.post(path, body).await;
        assert_eq!((made.status, made.header("etag")), (201, "\"1\""), "{}", made.body);
        (made.header("location").to_owned(), made.json()["id"].clone())
    }

    /// What the switch would answer a challenge of the only trunk with.
    async fn password(&self) -> Option<String> {
        let query = sqlx::query_scalar("select auth_password from telephony.trunks");
        query.fetch_one(&self.stage.admin).await.unwrap()
    }

    async fn record(&self) -> Value {
        self.api.get("/api/platform/audit-events", &self.key).await.json()["items"].clone()
    }
}

async fn key(stage: &Stage, org: OrgId) -> String {
    stage.key(org, &["telephony.read", "telephony.write", "audit.read"]).await
}

fn provider() -> Value {
    json!({ "name": "Provider", "targets": ["sip:sip.provider.example"], "auth_username": "62215550100",
            "auth_password": "rahasia", "is_registering": true })
}

#[tokio::test]
async fn a_password_goes_in_and_never_comes_out() {
    let scene = Scene::new().await;
    let (path, _) = scene.made(TRUNKS, provider()).await;
    let shown = scene.api.get(&path, &scene.key).await;
    assert_eq!(shown.json()["has_password"], true);
    assert_eq!(scene.password().await.as_deref(), Some("rahasia"));
    // What a change leaves out is as for a new one; the password is kept, for the same username.
    let mut known = provider();
    known.as_object_mut().unwrap().remove("auth_password");
    let changed = scene.put(&path, 1, known.clone()).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""), "{}", changed.body);
    assert_eq!(scene.password().await.as_deref(), Some("rahasia"));
    known["auth_username"] = json!("62215550200");
    let refused = scene.put(&path, 2, known.clone()).await.must_be_problem(400, "bad-request");
    assert_eq!(fields(&refused), ["auth_password"]);
    known["auth_password"] = json!("lain");
    assert_eq!(scene.put(&path, 2, known).await.status, 200);
    assert_eq!(scene.password().await.as_deref(), Some("lain"));
    let open = json!({ "name": "Provider", "sources": ["203.0.113.5", "198.51.100.9/28"] });
    let changed = scene.put(&path, 3, open).await.json();
    assert_eq!(changed["sources"], json!(["203.0.113.5/32", "198.51.100.0/28"]));
    assert_eq!((&changed["has_password"], scene.password().await), (&json!(false), None));
    let record = scene.record().await;
    assert_eq!(record.as_array().unwrap().len(), 4);
    for told in [record.to_string(), shown.body] {
        assert!(!told.contains("rahasia") && !told.contains("lain"), "{told}");
    }
    // A new one has none that could be kept.
    let mut nameless = provider();
    nameless["name"] = json!("Other");
    nameless.as_object_mut().unwrap().remove("auth_password");
    let refused = scene.post(TRUNKS, nameless).await.must_be_problem(400, "bad-request");
    assert_eq!(fields(&refused), ["auth_password"]);
}

#[tokio::test]
async fn what_the_switch_could_not_use_is_told_by_field() {
    let scene = Scene::new().await;
    scene.made(TRUNKS, provider()).await;
    scene.post(TRUNKS, provider()).await.must_be_problem(409, "conflict");
    let nobody = uuid();
    for (path, body, expected) in [
        (TRUNKS, json!({ "name": "x" }), vec!["sources"]),
        (
            TRUNKS,
            json!({ "name": "x", "sources": ["10.0.0.0/8"], "channels_max": 0 }),
            vec!["channels_max", "sources"],
        ),
        (
            TRUNKS,
            json!({ "name": "x", "targets": ["https://x"], "auth_realm": "r" }),
            vec!["auth_username", "targets"],
        ),
        (
            TRUNKS,
            json!({ "name": "x", "targets": ["sip:x.test"], "is_registering": true }),
            vec!["auth_username"],
        ),
        (
            TRUNKS,
            json!({ "name": "x", "sources": ["192.0.2.1"], "registration_expiry_seconds": 1,
            "options_interval_seconds": 9 }),
            vec!["registration_expiry_seconds", "options_interval_seconds"],
        ),
        (
            TRUNKS,
            json!({ "name": "x", "sources": ["192.0.2.1"], "auth_username": "u", "auth_password": "p".repeat(129) }),
            vec!["auth_password"],
        ),
        (DIDS, json!({ "number": "021555", "user_id": scene.sari }), vec!["number"]),
        (DIDS, json!({ "number": "+62215550100" }), vec!["extension_id"]),
        (
            PRICES,
            json!({ "prefix": "+", "rupiah_per_minute": 1_000_001 }),
            vec!["prefix", "rupiah_per_minute"],
        ),
        (
            BUDGETS,
            json!({ "destinations": ["moon"], "calls_per_day_max": 1_001, "minutes_per_day_max": 100_001,
            "user_id": nobody, "account_id": nobody }),
            vec!["account_id", "destinations", "calls_per_day_max", "minutes_per_day_max"],
        ),
    ] {
        let problem = scene.post(path, body.clone()).await.must_be_problem(400, "bad-request");
        assert_eq!(fields(&problem), expected, "{body}");
    }
    for (path, body, expected) in [
        (DIDS, json!({ "number": "+62215550100", "user_id": nobody }), "user_id"),
        (DIDS, json!({ "number": "+62215550100", "extension_id": nobody }), "extension_id"),
        (BUDGETS, json!({ "user_id": nobody }), "user_id"),
        (BUDGETS, json!({ "account_id": nobody }), "account_id"),
        (BUDGETS, json!({ "hours_extension_id": nobody }), "hours_extension_id"),
    ] {
        let problem = scene.post(path, body.clone()).await.must_be_problem(422, "unprocessable-entity");
        assert_eq!(fields(&problem), [expected], "{body}");
    }
}

#[tokio::test]
async fn a_number_a_price_and_a_budget_are_made_changed_and_taken_away() {
    let scene = Scene::new().await;
    for (path, first, second, field) in [
        (
            DIDS,
            json!({ "number": "+62215550100", "user_id": scene.sari }),
            json!({ "number": "+62215550101", "user_id": scene.sari }),
            "number",
        ),
        (
            PRICES,
            json!({ "prefix": "+62", "rupiah_per_minute": 500 }),
            json!({ "prefix": "+62", "rupiah_per_minute": 0 }),
            "rupiah_per_minute",
        ),
        (
            BUDGETS,
            json!({ "user_id": scene.sari, "destinations": ["national", "+65"] }),
            json!({ "user_id": scene.sari, "destinations": [], "rupiah_per_day_max": 0 }),
            "destinations",
        ),
    ] {
        let (one, _) = scene.made(path, first.clone()).await;
        scene.post(path, first.clone()).await.must_be_problem(409, "conflict");
        let list = scene.api.get(&format!("{path}?limit=1"), &scene.key).await.json();
        assert_eq!((&list["items"][0][field], &list["next_cursor"]), (&first[field], &Value::Null));
        let changed = scene.put(&one, 1, second.clone()).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        assert_eq!(scene.api.get(&one, &scene.key).await.json()[field], second[field]);
        scene.put(&one, 1, second).await.must_be_problem(412, "precondition-failed");
        let gone = scene.api.take_away(&one, &scene.key, 2).await;
        assert_eq!(gone.status, 204, "{}", gone.body);
        scene.api.get(&one, &scene.key).await.must_be_problem(404, "not-found");
    }
    let record = scene.record().await;
    let actions: Vec<&str> =
        record.as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap()).collect();
    assert_eq!(actions[..3], ["outside_budget.deleted", "outside_budget.changed", "outside_budget.created"]);
    assert_eq!(actions.len(), 9);
    // What is left out of a budget is what holds where there is none.
    let budget = scene.post(BUDGETS, json!({})).await.json();
    assert_eq!((&budget["destinations"], &budget["calls_at_once_max"]), (&json!(["national"]), &json!(3)));
}

#[tokio::test]
async fn routes_are_one_list_with_one_version() {
    let scene = Scene::new().await;
    let (trunk_path, trunk) = scene.made(TRUNKS, provider()).await;
    let none = scene.api.get(ROUTES, &scene.key).await;
    assert_eq!((none.json(), none.header("etag")), (json!({ "routes": [], "version": 0 }), "\"0\""));
    let national = json!({ "name": "National", "prefix": "+62", "trunks": [trunk] });
    let nine =
        json!({ "name": "Nine", "prefix": "9", "strip_digits": 1, "trunks": [trunk], "is_active": false });
    let made = scene.put(ROUTES, 0, json!({ "routes": [national, nine] })).await;
    assert_eq!((made.status, made.header("etag")), (200, "\"1\""), "{}", made.body);
    assert!(!made.header("sambung-revision").is_empty());
    let turned = scene.put(ROUTES, 1, json!({ "routes": [nine, national] })).await;
    assert_eq!((turned.status, turned.header("etag")), (200, "\"2\""), "{}", turned.body);
    let (before, after) = (made.json(), turned.json());
    assert_eq!((&before["routes"][0], &before["routes"][1]), (&after["routes"][1], &after["routes"][0]));
    scene.put(ROUTES, 1, json!({ "routes": [] })).await.must_be_problem(412, "precondition-failed");
    // Whoever writes rows by hand raises it too.
    let query = sqlx::query(
        "delete from telephony.outbound_route_trunks where position = 1 and route_id = $1::text::uuid",
    );
    query.bind(after["routes"][0]["id"].as_str()).execute(&scene.stage.admin).await.unwrap();
    assert_eq!(scene.api.get(ROUTES, &scene.key).await.json()["version"], 3);

    let wrong = json!({ "routes": [{ "name": "National", "prefix": "+62", "strip_digits": 1, "trunks": [] },
        { "name": "National", "prefix": "x", "trunks": [trunk, trunk] }] });
    let problem = scene.put(ROUTES, 3, wrong).await.must_be_problem(400, "bad-request");
    let mut told = fields(&problem);
    told.sort_unstable();
    let expected = [
        "routes[0].strip_digits",
        "routes[0].trunks",
        "routes[1].name",
        "routes[1].prefix",
        "routes[1].trunks",
    ];
    assert_eq!(told, expected);
    let stranger = json!({ "routes": [national, { "name": "x", "trunks": [uuid()] }] });
    let problem = scene.put(ROUTES, 3, stranger).await.must_be_problem(422, "unprocessable-entity");
    assert_eq!(fields(&problem), ["routes[1].trunks"]);
    // A trunk that a route names stays.
    scene.api.take_away(&trunk_path, &scene.key, 1).await.must_be_problem(409, "conflict");
    assert_eq!(scene.put(ROUTES, 3, json!({ "routes": [] })).await.header("etag"), "\"4\"");
    assert_eq!(scene.api.take_away(&trunk_path, &scene.key, 1).await.status, 204);
}

#[tokio::test]
async fn nothing_outside_of_others_is_seen_or_named() {
    let scene = Scene::new().await;
    let theirs = key(&scene.stage, scene.stage.b).await;
    let (trunk_path, trunk) = scene.made(TRUNKS, provider()).await;
    scene.put(ROUTES, 0, json!({ "routes": [{ "name": "All", "trunks": [trunk] }] })).await;
    for (path, body) in [
        (TRUNKS, json!({ "name": "Other", "sources": ["192.0.2.1"] })),
        (DIDS, json!({ "number": "+62215550100", "user_id": scene.sari })),
        (PRICES, json!({ "prefix": "+62", "rupiah_per_minute": 1 })),
        (BUDGETS, json!({ "user_id": scene.sari })),
    ] {
        let (one, _) = scene.made(path, body.clone()).await;
        assert_eq!(scene.api.get(path, &theirs).await.json()["items"], json!([]));
        scene.api.get(&one, &theirs).await.must_be_problem(404, "not-found");
        scene.api.put(&one, &theirs, (1, &body)).await.must_be_problem(404, "not-found");
        scene.api.take_away(&one, &theirs, 1).await.must_be_problem(404, "not-found");
    }
    assert_eq!(scene.api.get(ROUTES, &theirs).await.json(), json!({ "routes": [], "version": 0 }));
    let smuggled = json!({ "routes": [{ "name": "All", "trunks": [trunk] }] });
    let problem =
        scene.api.put(ROUTES, &theirs, (0, &smuggled)).await.must_be_problem(422, "unprocessable-entity");
    assert_eq!(fields(&problem), ["routes[0].trunks"]);
    let person = json!({ "user_id": scene.sari });
    let problem =
        scene.api.post(BUDGETS, &theirs, &person).await.must_be_problem(422, "unprocessable-entity");
    assert_eq!(fields(&problem), ["user_id"]);
    assert_eq!(scene.api.get(&trunk_path, &scene.key).await.status, 200);
}
