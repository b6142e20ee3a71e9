//! What a call would come to, asked through the API: who may ask, of whose plan, and what is wrong with a question.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse as _,
    routing::get,
};
use contract::{
    id::OrgId,
    route::{RouteQuestion, RouteRefusal},
    snapshot::{Organisation, Snapshot},
    time::Timestamp,
};
use dialplan::Plan;
use sambung_api::switch::Switch;
use serde_json::json;
use tempfile::TempDir;

use crate::stage::{MIDNIGHT, Served, Stage, reached, uuid};

const ROUTE: &str = "/api/telephony/route";

/// An organisation whose `1001` is a person with a phone.
fn organisation(id: OrgId, domain: &str, name: &str) -> Organisation {
    let user = uuid();
    serde_json::from_value(json!({
        "id": id, "sip_domain": domain, "is_default": false, "ring_timeout_secs": 60, "extensions": [],
        "staff": [{ "user": user, "name": name, "number": "1001", "is_active": true }],
        "accounts": [
            { "id": uuid(), "user": user, "username": "1001", "ha1_md5": "0".repeat(32),
              "ha1_sha256": "0".repeat(64), "is_active": true },
            { "id": uuid(), "user": null, "username": domain, "ha1_md5": "0".repeat(32),
              "ha1_sha256": "0".repeat(64), "is_active": true }
        ]
    }))
    .unwrap()
}

fn plan(mut organisations: Vec<Organisation>) -> Plan {
    organisations.sort_by_key(|organisation| organisation.id);
    dialplan::compile(&Snapshot { revision: 7, organisations }).unwrap()
}

/// A switch's door that answers by this plan, as the switch does.
async fn door(folder: &TempDir, plan: Plan) -> Switch {
    let answer = |State(plan): State<Arc<Plan>>,
                  headers: HeaderMap,
                  Query(question): Query<RouteQuestion>| async move {
        if headers.get("authorization").is_none_or(|value| value != "Bearer secret") {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        match plan.try_number(&question, Timestamp(MIDNIGHT)) {
            Ok(answer) => Json(answer).into_response(),
            Err(wrong) => (StatusCode::BAD_REQUEST, Json(RouteRefusal::from(wrong))).into_response(),
        }
    };
    reached(folder, Router::new().route("/v1/route", get(answer)).with_state(Arc::new(plan))).await
}

/// Both organisations in one plan, and the API beside its switch.
async fn served(stage: &Stage, folder: &TempDir) -> Served {
    let both = vec![organisation(stage.a, "a.test", "Sari"), organisation(stage.b, "b.test", "Budi")];
    stage.serve_with(door(folder, plan(both)).await).await
}

#[tokio::test]
async fn the_answer_tells_decision_trace_and_time_of_the_key_s_own_organisation() {
    let (stage, folder) = (Stage::new().await, tempfile::tempdir().unwrap());
    let api = served(&stage, &folder).await;
    for (org, domain, name) in [(stage.a, "a.test", "Sari"), (stage.b, "b.test", "Budi")] {
        let key = stage.key(org, &["telephony.read"]).await;
        let told = api.get(&format!("{ROUTE}?from={domain}&to=1001&at=2026-12-25T19:00"), &key).await;
        assert_eq!(told.status, 200, "{}", told.body);
        let told = told.json();
        assert_eq!((&told["revision"], &told["organisation"]), (&json!(7), &json!(domain)));
        assert_eq!(told["at"], "2026-12-25T12:00:00.000000Z");
        assert_eq!(told["local"], "Fri 2026-12-25 19:00 Asia/Jakarta");
        let ring = json!({ "number": "1001", "name": name, "ring_timeout_secs": 60, "is_outside": false });
        assert_eq!(told["route"], json!({ "ring": ring }));
        assert_eq!(told["steps"][0]["step"], "number");
        assert_eq!(told["then"], json!([]));
    }
}

#[tokio::test]
async fn nobody_is_answered_about_another_organisation_however_they_ask() {
    let (stage, folder) = (Stage::new().await, tempfile::tempdir().unwrap());
    let api = served(&stage, &folder).await;
    let key = stage.key(stage.a, &["telephony.read"]).await;
    // The other one's account calls nobody here, and no parameter names an organisation.
    let foreign = api.get(&format!("{ROUTE}?from=b.test&to=1001"), &key).await;
    assert_eq!(foreign.must_be_problem(400, "bad-request")["errors"][0]["field"], "from");
    let named = api.get(&format!("{ROUTE}?from=b.test&to=1001&org={}", stage.b), &key).await;
    named.must_be_problem(400, "bad-request");
    // Nor does one get in by what the question itself carries on to the switch.
    let smuggled = api.get(&format!("{ROUTE}?from=b.test%26org%3D{}&to=1001", stage.b), &key).await;
    assert_eq!(smuggled.must_be_problem(400, "bad-request")["errors"][0]["field"], "from");
}

#[tokio::test]
async fn only_a_key_that_may_ask_is_answered() {
    let (stage, folder) = (Stage::new().await, tempfile::tempdir().unwrap());
    let api = served(&stage, &folder).await;
    let question = format!("{ROUTE}?from=a.test&to=1001");
    api.get(&question, "").await.must_be_problem(401, "unauthorized");
    let reader = stage.key(stage.a, &["calls.read"]).await;
    let problem = api.get(&question, &reader).await.must_be_problem(403, "forbidden");
    assert_eq!(problem["detail"], "needs the permission telephony.read");
}

#[tokio::test]
async fn what_is_wrong_with_a_question_is_told_by_field_and_an_unknown_number_is_an_answer() {
    let (stage, folder) = (Stage::new().await, tempfile::tempdir().unwrap());
    let api = served(&stage, &folder).await;
    let key = stage.key(stage.a, &["telephony.read"]).await;
    for (query, fields) in [
        ("from=nobody&to=1001&at=tomorrow", vec!["from", "at"]),
        ("from=a.test&to=1001&at=-009000-01-01T00:00", vec!["at"]),
        ("from=a.test", vec!["query"]),
    ] {
        let problem = api.get(&format!("{ROUTE}?{query}"), &key).await.must_be_problem(400, "bad-request");
        let errors = problem["errors"].as_array().unwrap();
        assert_eq!(
            errors.iter().map(|e| e["field"].as_str().unwrap()).collect::<Vec<_>>(),
            fields,
            "{query}"
        );
    }
    let unknown = api.get(&format!("{ROUTE}?from=a.test&to=999"), &key).await.json();
    assert_eq!(unknown["route"], json!({ "refuse": { "reason": "unknown_number" } }));
    assert_eq!(unknown["steps"], json!([{ "step": "no_number" }]));
}

#[tokio::test]
async fn without_the_switch_there_is_a_reason_and_no_guess() {
    let (stage, folder) = (Stage::new().await, tempfile::tempdir().unwrap());
    let key = stage.key(stage.a, &["telephony.read"]).await;
    let question = format!("{ROUTE}?from=a.test&to=1001");
    let away = |switch: Option<Switch>| async {
        let api = match switch {
            Some(switch) => stage.serve_with(switch).await,
            None => stage.serve().await,
        };
        let answer = api.get(&question, &key).await;
        assert_eq!(answer.headers["retry-after"], "2");
        answer.must_be_problem(503, "service-unavailable")["detail"].as_str().unwrap().to_owned()
    };
    let none = "no switch is configured: [switch] of api.toml says where it is";
    assert_eq!(away(None).await, none);
    let others = plan(vec![organisation(stage.b, "b.test", "Budi")]);
    assert_eq!(
        away(Some(door(&folder, others).await)).await,
        "the switch has no plan with your organisation"
    );
    // Nobody listens on port 1; another door answers in words of its own, and one lets us in no more.
    let silent = Switch::new("http://127.0.0.1:1".to_owned(), folder.path().join("token")).unwrap();
    let other = reached(&folder, Router::new().route("/v1/route", get(|| async { "sambung" }))).await;
    let closed = reached(&folder, Router::new().fallback(|| async { StatusCode::UNAUTHORIZED })).await;
    for switch in [silent, other, closed] {
        assert_eq!(away(Some(switch)).await, "the switch does not answer");
    }
}
