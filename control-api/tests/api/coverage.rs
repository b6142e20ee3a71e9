//! Every operation of the description, whichever it is: who is let in, and that it answers with nothing that it does not tell of.

use axum::{Json, Router};
use serde_json::{Value, json};

use crate::stage::{Answer, Served, Stage, reached, uuid};

/// An operation as the description has it.
struct Operation {
    method: String,
    path: String,
    says: Value,
}

impl Operation {
    async fn all(api: &Served) -> Vec<Self> {
        let description = api.get("/api/openapi.json", "").await.json();
        let mut all = Vec::new();
        for (path, item) in description["paths"].as_object().unwrap() {
            for (method, says) in item.as_object().unwrap() {
                all.push(Self { method: method.to_uppercase(), path: path.clone(), says: says.clone() });
            }
        }
        all
    }

    fn id(&self) -> &str {
        self.says["operationId"].as_str().unwrap()
    }

    /// What a key must permit; `None`: it is for everybody.
    fn permission(&self) -> Option<&str> {
        let permission = self.says["security"][0]["api_key"][0].as_str();
        if let Some(permission) = permission {
            assert_eq!(self.says["security"][1]["sign_in"][0], permission, "{}", self.path);
        }
        permission
    }

    /// It is about whoever has signed in.
    fn is_persons(&self) -> bool {
        self.says["security"][0]["sign_in"].is_array()
    }

    /// It is for guests.
    fn is_guests(&self) -> bool {
        self.says["security"][0]["guest"].is_array()
    }

    /// What it says of a body that is neither here nor there: a file that is no sound is no mistake of JSON.
    fn refusal_of_nonsense(&self) -> (u16, &'static str) {
        let takes_sound = self.says["requestBody"]["content"]["audio/*"].is_object();
        if takes_sound && self.is_about_one() { (422, "unprocessable-entity") } else { (400, "bad-request") }
    }

    fn is_about_one(&self) -> bool {
        self.path.contains('{')
    }

    /// It changes something that its client must have read.
    fn is_of_version(&self) -> bool {
        matches!(self.method.as_str(), "PUT" | "DELETE")
    }

    fn changes(&self) -> bool {
        self.method != "GET"
    }

    /// Its answer has no end.
    fn streams(&self) -> bool {
        self.says["responses"]["200"]["content"]["text/event-stream"].is_object()
    }

    /// Asks for something that there is not, with all that must be there.
    async fn ask(&self, api: &Served, key: Option<&str>, headers: &[(&str, &str)]) -> Answer {
        let path = self.path.replace("{id}", &uuid().to_string());
        let parameters = self.says["parameters"].as_array().cloned().unwrap_or_default();
        let needed = parameters.iter().filter(|one| one["in"] == "query" && one["required"] == true);
        let query: Vec<String> = needed.map(|one| format!("{}=1", one["name"].as_str().unwrap())).collect();
        let url = api.at(&format!("{path}?{}", query.join("&")));
        let mut request = api.client.request(self.method.parse().unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if self.says.get("requestBody").is_some() {
            request = request
                .header("content-type", "application/json")
                .body(r#"{"neither":"here","nor":"there"}"#);
        }
        let answer = api.send(match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        });
        let answer = answer.await;
        let told = &self.says["responses"][answer.status.to_string()];
        assert!(told.is_object(), "{} {} does not tell of {}", self.method, self.path, answer.status);
        if answer.status >= 400 {
            assert!(told["content"]["application/problem+json"].is_object(), "{} {told}", self.path);
        }
        answer
    }
}

/// For everybody. The one of telephony and the one for devices are for whoever has a link, those of guests for whoever has a code.
const OPEN: [&str; 21] = [
    "POST /api/guest/google/authorizations",
    "POST /api/guest/google/sessions",
    "GET /api/guest/organisations/{code}",
    "POST /api/guest/sessions",
    "POST /api/identity/google/authorizations",
    "POST /api/identity/google/sign-ins",
    "POST /api/identity/invitations/accept",
    "POST /api/identity/invitations/reject",
    "POST /api/identity/password-resets",
    "POST /api/identity/password-resets/confirm",
    "POST /api/identity/registrations",
    "POST /api/identity/registrations/confirm",
    "GET /api/identity/sign-in-methods",
    "POST /api/identity/sign-ins",
    "POST /api/identity/sign-ins/second-step",
    "POST /api/identity/tokens",
    "GET /api/telephony/recordings/{id}/sound",
    "GET /api/telephony/voicemail-messages/{id}/sound",
    "GET /health",
    "GET /health/live",
    "GET /provisioning/{id}/{secret}/{file}",
];

/// All that a key may permit.
pub async fn permissions(api: &Served) -> Vec<String> {
    Operation::all(api).await.iter().filter_map(|one| Some(one.permission()?.to_owned())).collect()
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own() {
    let api = Stage::new().await.serve().await;
    let operations = Operation::all(&api).await;
    let names: std::collections::BTreeSet<&str> = operations.iter().map(Operation::id).collect();
    assert_eq!(names.len(), operations.len());
    assert!(names.contains("put_telephony_extensions_id"), "{names:?}");
}

#[tokio::test]
async fn every_operation_lets_in_those_keys_that_it_says_and_finds_nothing_of_others() {
    let stage = Stage::new().await;
    stage.settle(stage.a).await;
    // Beside a switch that does nothing.
    let folder = tempfile::tempdir().unwrap();
    let idle = Router::new().fallback(|| async { Json(json!([])) });
    let api = stage.serve_with(reached(&folder, idle).await).await;
    let operations = Operation::all(&api).await;
    let permissions: Vec<&str> = operations.iter().filter_map(Operation::permission).collect();
    let (none, all) = (stage.key(stage.a, &[]).await, stage.key(stage.a, &permissions).await);
    let mut open = Vec::new();
    for operation in &operations {
        if operation.is_persons() {
            operation.ask(&api, None, &[]).await.must_be_problem(401, "unauthorized");
            let refused = operation.ask(&api, Some(&all), &[]).await.must_be_problem(403, "forbidden");
            assert_eq!(refused["detail"], "is for people who sign in");
            continue;
        }
        if operation.is_guests() {
            for key in [None, Some(&*all)] {
                operation.ask(&api, key, &[]).await.must_be_problem(401, "unauthorized");
            }
            continue;
        }
        let Some(permission) = operation.permission() else {
            open.push(format!("{} {}", operation.method, operation.path));
            if operation.says.get("requestBody").is_some() {
                operation.ask(&api, None, &[]).await.must_be_problem(400, "bad-request");
            }
            continue;
        };
        operation.ask(&api, None, &[]).await.must_be_problem(401, "unauthorized");
        // Whoever may not learns nothing of what is wrong with the rest.
        let refused = operation.ask(&api, Some(&none), &[]).await.must_be_problem(403, "forbidden");
        assert_eq!(refused["detail"], format!("needs the permission {permission}"));
        let others: Vec<&str> = permissions.iter().copied().filter(|other| *other != permission).collect();
        let others = stage.key(stage.a, &others).await;
        operation.ask(&api, Some(&others), &[]).await.must_be_problem(403, "forbidden");
        if operation.is_of_version() {
            operation.ask(&api, Some(&all), &[]).await.must_be_problem(428, "precondition-required");
        }
        if operation.says.get("requestBody").is_some() {
            let answer = operation.ask(&api, Some(&all), &[("if-match", "\"1\"")]).await;
            let (status, name) = operation.refusal_of_nonsense();
            answer.must_be_problem(status, name);
        } else if operation.is_about_one() {
            let answer = operation.ask(&api, Some(&all), &[("if-match", "\"1\"")]).await;
            answer.must_be_problem(404, "not-found");
        } else if !operation.streams() {
            // Whatever it answers is held against what it says.
            operation.ask(&api, Some(&all), &[]).await;
        }
        if operation.changes() {
            let nameless = [("if-match", "\"1\""), ("idempotency-key", "")];
            operation.ask(&api, Some(&all), &nameless).await.must_be_problem(400, "bad-request");
        }
    }
    assert_eq!(open, OPEN, "only these are for everybody");
}
