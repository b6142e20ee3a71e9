//! Extensions over HTTP (H-050, H-051), and with them the way of every change.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{Answer, Served, Stage, fields, uuid};

const EXTENSIONS: &str = "/api/telephony/extensions";

/// The organisation A with settings and two members, and a client that may change its telephony.
struct Scene {
    stage: Stage,
    api: Served,
    key: String,
    sari: Uuid,
    budi: Uuid,
}

impl Scene {
    async fn new() -> Self {
        let stage = Stage::new().await;
        for org in [stage.a, stage.b] {
            stage.settle(org).await;
        }
        let (sari, budi) =
            (stage.member(stage.a, Some("1001")).await, stage.member(stage.a, Some("1002")).await);
        let key = stage.key(stage.a, &["telephony.read", "telephony.write", "audit.read"]).await;
        Self { api: stage.serve().await, stage, key, sari, budi }
    }

    async fn post(&self, body: &Value) -> Answer {
        self.api.send(self.api.client.post(self.api.at(EXTENSIONS)).bearer_auth(&self.key).json(body)).await
    }

    async fn put(&self, path: &str, version: Option<&str>, body: &Value) -> Answer {
        let mut request = self.api.client.put(self.api.at(path)).bearer_auth(&self.key).json(body);
        if let Some(version) = version {
            request = request.header("if-match", version);
        }
        self.api.send(request).await
    }

    async fn delete(&self, path: &str, version: &str) -> Answer {
        let request = self.api.client.delete(self.api.at(path)).bearer_auth(&self.key);
        self.api.send(request.header("if-match", version)).await
    }

    async fn revision(&self) -> i64 {
        let query = sqlx::query_scalar("select revision from telephony.revisions");
        query.fetch_one(&self.stage.admin).await.unwrap()
    }

    async fn extensions(&self) -> i64 {
        let query = sqlx::query_scalar("select count(*) from telephony.extensions");
        query.fetch_one(&self.stage.admin).await.unwrap()
    }
}

fn support(staff: &[Uuid]) -> Value {
    json!({ "number": "100", "name": "Layanan Pelanggan", "staff": staff })
}

#[tokio::test]
async fn an_extension_is_made_changed_and_taken_away_and_the_record_tells_of_each_step() {
    let scene = Scene::new().await;
    let made = scene.post(&support(&[scene.sari])).await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""), "{}", made.body);
    let path = made.header("location").to_owned();
    assert_eq!(made.header("sambung-revision"), scene.revision().await.to_string());
    let found = scene.api.get(&path, &scene.key).await;
    assert_eq!((found.json(), found.header("etag")), (made.json(), "\"1\""));

    let described = json!({ "number": "101", "name": "CS", "is_active": false, "recording": "always", "staff": [scene.budi],
                "supervisors": [scene.sari], "takes_intercom": true });
    let changed = scene.put(&path, Some("\"1\""), &described).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""), "{}", changed.body);
    for (field, value) in described.as_object().unwrap() {
        assert_eq!(&changed.json()[field], value, "{field}");
    }
    let list = scene.api.get(&format!("{EXTENSIONS}?number=101"), &scene.key).await.json();
    assert_eq!(list["items"], json!([changed.json()]));

    let before = scene.revision().await;
    let gone = scene.delete(&path, "\"2\"").await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    let revision: i64 = gone.header("sambung-revision").parse().unwrap();
    assert!(revision > before && revision == scene.revision().await);
    scene.api.get(&path, &scene.key).await.must_be_problem(404, "not-found");

    let id = path.rsplit('/').next().unwrap();
    let record =
        scene.api.get(&format!("/api/platform/audit-events?subject_id={id}"), &scene.key).await.json();
    let steps: Vec<Value> = record["items"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|event| {
            json!([
                event["seq"],
                event["actor_kind"],
                event["action"],
                event["before"]["number"],
                event["after"]["number"]
            ])
        })
        .collect();
    assert_eq!(
        steps,
        [
            json!([1, "api_key", "extension.created", null, "100"]),
            json!([2, "api_key", "extension.changed", "100", "101"]),
            json!([3, "api_key", "extension.deleted", "101", null]),
        ]
    );
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_description_is_told_at_once() {
    let scene = Scene::new().await;
    let wrong = json!({ "number": "1", "name": " x", "staff": [scene.sari, scene.sari] });
    let problem = scene.post(&wrong).await.must_be_problem(400, "bad-request");
    assert_eq!(fields(&problem), ["number", "name", "staff"]);
    for (body, field) in [
        (json!({ "number": "100", "name": "x", "staff": ["x"] }), "staff[0]"),
        (json!({ "number": "100", "name": "x", "colour": 1 }), "colour"),
        (json!({ "number": "100" }), "body"),
        (json!([]), "body"),
    ] {
        let problem = scene.post(&body).await.must_be_problem(400, "bad-request");
        assert_eq!(fields(&problem), [field], "{problem}");
    }
    let request = || scene.api.client.post(scene.api.at(EXTENSIONS)).bearer_auth(&scene.key);
    let form = request().header("content-type", "application/x-www-form-urlencoded").body("number=100");
    scene.api.send(form).await.must_be_problem(415, "unsupported-media-type");
    let cut = request().header("content-type", "application/json").body("{");
    scene.api.send(cut).await.must_be_problem(400, "bad-request");
    let large = request().header("content-type", "application/json").body(" ".repeat(2_000));
    scene.api.send(large).await.must_be_problem(413, "payload-too-large");
    assert_eq!(scene.extensions().await, 0);
}

#[tokio::test]
async fn what_the_switch_could_not_use_is_refused_and_leaves_nothing_behind() {
    let scene = Scene::new().await;
    let made = scene.post(&support(&[scene.sari])).await;
    let stranger = scene.stage.member(scene.stage.b, None).await;
    let silent = scene.stage.member(scene.stage.a, None).await;
    let before = (scene.revision().await, scene.extensions().await);
    scene.post(&support(&[])).await.must_be_problem(409, "conflict");
    scene.post(&json!({ "number": "1001", "name": "x" })).await.must_be_problem(409, "conflict");
    for (staff, field) in [(uuid(), "staff"), (stranger, "staff")] {
        let body = json!({ "number": "200", "name": "x", "staff": [staff] });
        let problem = scene.post(&body).await.must_be_problem(422, "unprocessable-entity");
        assert_eq!(fields(&problem), [field]);
    }
    // A member whom nobody can call: the compiler says so, with the row that is wrong.
    let body = json!({ "number": "200", "name": "x", "staff": [silent] });
    let problem = scene.post(&body).await.must_be_problem(422, "unprocessable-entity");
    assert!(
        fields(&problem)[0].starts_with("extension ") && fields(&problem)[0].ends_with(": staff"),
        "{problem}"
    );
    assert_eq!((scene.revision().await, scene.extensions().await), before);
    // Whatever a rule leads to stays.
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let other = scene.post(&json!({ "number": "300", "name": "y", "staff": [scene.budi] })).await.json();
    sqlx::query(
        "insert into telephony.extension_rules
             (id, org_id, extension_id, timescope, condition, action, target_extension_id, position)
         values ($1, $2, $3::text::uuid, 'any', 'busy', 'forward_extension', $4::text::uuid, 1)",
    )
    .bind(uuid())
    .bind(scene.stage.a.0)
    .bind(other["id"].as_str())
    .bind(&id)
    .execute(&scene.stage.admin)
    .await
    .unwrap();
    let refused = scene.delete(&format!("{EXTENSIONS}/{id}"), "\"1\"").await;
    refused.must_be_problem(409, "conflict");
    assert_eq!(scene.extensions().await, 2);
}

#[tokio::test]
async fn nobody_overwrites_what_they_have_not_seen() {
    let scene = Scene::new().await;
    let path = scene.post(&support(&[])).await.header("location").to_owned();
    let body = support(&[scene.budi]);
    scene.put(&path, None, &body).await.must_be_problem(428, "precondition-required");
    assert_eq!(scene.put(&path, Some("\"1\""), &body).await.status, 200);
    for version in ["\"1\"", "\"3\""] {
        scene.put(&path, Some(version), &body).await.must_be_problem(412, "precondition-failed");
        scene.delete(&path, version).await.must_be_problem(412, "precondition-failed");
    }
    for no_version in ["", "2", "*", "W/\"2\""] {
        scene.put(&path, Some(no_version), &body).await.must_be_problem(400, "bad-request");
        scene.delete(&path, no_version).await.must_be_problem(400, "bad-request");
    }
    assert_eq!(scene.put(&path, Some("\"2\""), &body).await.status, 200);
}

/// `sambung apply` changes who belongs to an extension without touching its own row, and the client wrote over it.
#[tokio::test]
async fn a_version_tells_of_people_and_numbers_too_whoever_changes_them() {
    let scene = Scene::new().await;
    let made = scene.post(&support(&[scene.sari])).await;
    let path = made.header("location").to_owned();
    let statements = [
        "insert into telephony.extension_assigned_staffs (org_id, extension_id, user_id) values ($1, $2::text::uuid, $3)",
        "insert into telephony.extension_supervisors (org_id, extension_id, user_id) values ($1, $2::text::uuid, $3)",
        "delete from telephony.extension_supervisors
         where org_id = $1 and extension_id = $2::text::uuid and user_id = $3",
        "update telephony.numbers set number = '150' where org_id = $1 and extension_id = $2::text::uuid and $3 is not null",
    ];
    for (statement, version) in statements.into_iter().zip(2..) {
        let query = sqlx::query(statement).bind(scene.stage.a.0).bind(made.json()["id"].as_str());
        query.bind(scene.budi).execute(&scene.stage.admin).await.unwrap();
        assert_eq!(scene.api.get(&path, &scene.key).await.json()["version"], version, "{statement}");
    }
    scene.put(&path, Some("\"1\""), &support(&[])).await.must_be_problem(412, "precondition-failed");
}

/// The API held the extension and wanted the revision, `sambung apply` held the revision and wanted the extension.
#[tokio::test]
async fn two_changes_at_once_wait_for_each_other_in_one_order() {
    let scene = Scene::new().await;
    let path = scene.post(&support(&[])).await.header("location").to_owned();
    let mut other = scene.stage.admin.begin().await.unwrap();
    sqlx::query("update telephony.organisation_settings set timezone = timezone")
        .execute(&mut *other)
        .await
        .unwrap();
    let rename = support(&[]);
    let put = scene.put(&path, Some("\"1\""), &rename);
    let rest = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let query = sqlx::query("update telephony.extensions set takes_intercom = true");
        query.execute(&mut *other).await.unwrap();
        other.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(put, rest);
    answer.must_be_problem(412, "precondition-failed");
}

#[tokio::test]
async fn who_waits_too_long_for_another_change_is_told_to_come_again() {
    let scene = Scene::new().await;
    let mut other = scene.stage.admin.begin().await.unwrap();
    sqlx::query("select from telephony.revisions for update").execute(&mut *other).await.unwrap();
    let answer = scene.post(&support(&[])).await;
    answer.must_be_problem(503, "service-unavailable");
    assert_eq!(answer.header("retry-after"), "2");
}

/// Trunks have passwords and conferences PINs, which this role may not read: nothing could be changed any more.
#[tokio::test]
async fn an_organisation_with_secrets_can_be_changed() {
    let scene = Scene::new().await;
    let room = scene.post(&json!({ "number": "800", "name": "Rapat" })).await.json();
    for (statement, id) in [
        (
            "insert into telephony.trunks (id, org_id, name, sources, targets, auth_username, auth_password, is_registering)
             values ($2::text::uuid, $1, 'Provider', '{}', '{sip:192.0.2.1}', 'us', 'secret', true)",
            uuid().to_string(),
        ),
        (
            "insert into telephony.conferences (org_id, extension_id, pin) values ($1, $2::text::uuid, '4711')",
            room["id"].as_str().unwrap().to_owned(),
        ),
    ] {
        let query = sqlx::query(statement).bind(scene.stage.a.0).bind(id);
        query.execute(&scene.stage.admin).await.unwrap();
    }
    let made = scene.post(&support(&[scene.sari])).await;
    assert_eq!(made.status, 201, "{}", made.body);
    // What has settings of its own, which the record would not tell of, does not go with its extension.
    let path = format!("{EXTENSIONS}/{}", room["id"].as_str().unwrap());
    let problem = scene.delete(&path, "\"1\"").await.must_be_problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("conference"), "{problem}");
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let scene = Scene::new().await;
    for number in 100..105 {
        let made = scene.post(&json!({ "number": number.to_string(), "name": "x" })).await;
        assert_eq!(made.status, 201, "{}", made.body);
    }
    for (list, field, expected) in [
        (EXTENSIONS, "number", json!(["104", "103", "102", "101", "100"])),
        ("/api/platform/audit-events", "seq", json!([5, 4, 3, 2, 1])),
    ] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        for rows in [2, 2, 1] {
            let page = scene.api.get(&format!("{list}?limit=2{cursor}"), &scene.key).await.json();
            let items = page["items"].as_array().unwrap();
            assert_eq!(items.len(), rows, "{page}");
            seen.extend(items.iter().map(|item| item[field].clone()));
            cursor = page["next_cursor"].as_str().map(|next| format!("&cursor={next}")).unwrap_or_default();
        }
        assert_eq!((json!(seen), cursor.as_str()), (expected, ""), "{list}");
        for (question, wrong) in [("limit=0", "limit"), ("limit=201", "limit"), ("cursor=x", "cursor")] {
            let answer = scene.api.get(&format!("{list}?{question}"), &scene.key).await;
            assert_eq!(fields(&answer.must_be_problem(400, "bad-request")), [wrong], "{list}?{question}");
        }
    }
    for number in ["%00", "1", "abc"] {
        let answer = scene.api.get(&format!("{EXTENSIONS}?number={number}"), &scene.key).await;
        assert_eq!(fields(&answer.must_be_problem(400, "bad-request")), ["number"], "{number}");
    }
}

#[tokio::test]
async fn an_extension_of_others_is_not_found_and_no_byte_of_it_is_seen() {
    let scene = Scene::new().await;
    let path = scene.post(&json!({ "number": "100", "name": "Rahasia" })).await.header("location").to_owned();
    let theirs = scene.stage.key(scene.stage.b, &["telephony.read", "telephony.write", "audit.read"]).await;
    let weak = scene.stage.key(scene.stage.a, &["calls.read"]).await;
    let client = &scene.api.client;
    let body = support(&[]);
    for (key, status, name) in
        [(&theirs, 404, "not-found"), (&weak, 403, "forbidden"), (&String::new(), 401, "unauthorized")]
    {
        let requests = [
            client.get(scene.api.at(&path)),
            client.put(scene.api.at(&path)).header("if-match", "\"1\"").json(&body),
            client.delete(scene.api.at(&path)).header("if-match", "\"1\""),
        ];
        for request in requests {
            let answer = scene.api.send(request.bearer_auth(key)).await;
            answer.must_be_problem(status, name);
            assert!(!answer.body.contains("Rahasia"));
        }
    }
    for list in [EXTENSIONS, "/api/platform/audit-events"] {
        assert_eq!(scene.api.get(list, &theirs).await.json()["items"], json!([]), "{list}");
        scene.api.get(list, &weak).await.must_be_problem(403, "forbidden");
    }
    scene.api.get("/api/telephony/revision", &weak).await.must_be_problem(403, "forbidden");
    assert_eq!(scene.api.get(&path, &scene.key).await.json()["name"], "Rahasia");
}

#[tokio::test]
async fn a_request_that_comes_again_has_one_effect_and_one_answer() {
    let scene = Scene::new().await;
    let send = |name: &'static str, body: Value| {
        let request = scene.api.client.post(scene.api.at(EXTENSIONS)).bearer_auth(&scene.key).json(&body);
        scene.api.send(request.header("idempotency-key", name))
    };
    let first = send("\"order 1\"", support(&[])).await;
    let again = send("\"order 1\"", support(&[])).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    for name in ["location", "etag", "sambung-revision", "content-type"] {
        assert_eq!(first.header(name), again.header(name));
    }
    let other = send("\"order 1\"", json!({ "number": "200", "name": "x" })).await;
    assert_eq!(fields(&other.must_be_problem(422, "unprocessable-entity")), ["Idempotency-Key"]);
    for name in ["", "\u{e9}"] {
        send(name, support(&[])).await.must_be_problem(400, "bad-request");
    }
    // What was refused has had no effect, and is judged anew.
    send("\"order 2\"", support(&[])).await.must_be_problem(409, "conflict");
    let path = first.header("location").to_owned();
    assert_eq!(scene.delete(&path, "\"1\"").await.status, 204);
    assert_eq!(send("\"order 2\"", support(&[])).await.status, 201);
    // Another client's names are its own.
    let colleague = scene.stage.key(scene.stage.a, &["telephony.write"]).await;
    let request = scene.api.client.post(scene.api.at(EXTENSIONS)).bearer_auth(&colleague);
    let theirs =
        request.header("idempotency-key", "\"order 1\"").json(&json!({ "number": "200", "name": "x" }));
    assert_eq!(scene.api.send(theirs).await.status, 201);
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day() {
    let scene = Scene::new().await;
    let send = |name: &'static str| {
        let request = scene.api.client.post(scene.api.at(EXTENSIONS)).bearer_auth(&scene.key);
        scene.api.send(request.header("idempotency-key", name).json(&support(&[])))
    };
    assert_eq!(send("a").await.status, 201);
    let age = |by| {
        sqlx::query("update platform.idempotency_keys set created_at = created_at - $1::interval").bind(by)
    };
    for (by, status) in [("23 hours 59 minutes", 201), ("1 minute", 409)] {
        age(by).execute(&scene.stage.admin).await.unwrap();
        assert_eq!(send("a").await.status, status, "{by}");
    }
    // The next one that is kept sweeps.
    let path = scene.api.get(&format!("{EXTENSIONS}?number=100"), &scene.key).await.json();
    let path = format!("{EXTENSIONS}/{}", path["items"][0]["id"].as_str().unwrap());
    assert_eq!(scene.delete(&path, "\"1\"").await.status, 204);
    assert_eq!(send("b").await.status, 201);
    let query = sqlx::query_scalar("select string_agg(key, ' ') from platform.idempotency_keys");
    let kept: String = query.fetch_one(&scene.stage.admin).await.unwrap();
    assert_eq!(kept, "b");
}

#[tokio::test]
async fn requests_of_one_name_at_once_have_one_effect() {
    let scene = Scene::new().await;
    let send = || {
        let request = scene.api.client.post(scene.api.at(EXTENSIONS)).bearer_auth(&scene.key);
        scene.api.send(request.header("idempotency-key", "\"x\"").json(&support(&[])))
    };
    let answers = tokio::join!(send(), send(), send(), send(), send(), send());
    let statuses: [u16; 6] = <[Answer; 6]>::from(answers).map(|answer| answer.status);
    assert!(
        statuses.contains(&201) && statuses.iter().all(|status| matches!(status, 201 | 409)),
        "{statuses:?}"
    );
    assert_eq!(scene.extensions().await, 1);
}

#[tokio::test]
async fn a_client_can_wait_until_calls_are_decided_by_its_change() {
    let scene = Scene::new().await;
    let made = scene.post(&support(&[])).await;
    let revision = made.header("sambung-revision").to_owned();
    let wait = |seconds: &str| format!("/api/telephony/revision?applied={revision}&wait_seconds={seconds}");
    let early = scene.api.get(&wait("0"), &scene.key).await.json();
    assert_eq!(early, json!({ "revision": scene.revision().await, "applied": 0 }));
    let apply = async {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        let query = sqlx::query("update telephony.revisions set applied = revision, applied_at = now()");
        query.execute(&scene.stage.admin).await.unwrap();
    };
    let waiting = wait("5");
    let (waited, ()) = tokio::join!(scene.api.get(&waiting, &scene.key), apply);
    assert_eq!(waited.json()["applied"].to_string(), revision);
    scene.api.get(&wait("6"), &scene.key).await.must_be_problem(400, "bad-request");
}
