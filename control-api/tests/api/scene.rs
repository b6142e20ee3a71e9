//! An organisation whose telephony is changed over HTTP, and what its calls would come to.

use configuration::Secrets;
use contract::{
    route::{RouteAnswer, RouteQuestion},
    snapshot::Snapshot,
    time::Timestamp,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{Answer, MIDNIGHT, Served, Stage, uuid};

pub const EXTENSIONS: &str = "/api/telephony/extensions";

/// The organisation A with settings and two members, and a client that may change its telephony.
pub struct Scene {
    pub stage: Stage,
    pub api: Served,
    pub key: String,
    pub sari: Uuid,
    pub budi: Uuid,
}

impl Scene {
    pub async fn new() -> Self {
        Self::on(Stage::new().await).await
    }

    pub async fn on(stage: Stage) -> Self {
        for org in [stage.a, stage.b] {
            stage.settle(org).await;
        }
        let (sari, budi) =
            (stage.member(stage.a, Some("1001")).await, stage.member(stage.a, Some("1002")).await);
        let key = stage.key(stage.a, &["telephony.read", "telephony.write", "audit.read"]).await;
        Self { api: stage.serve().await, stage, key, sari, budi }
    }

    /// A new extension.
    pub async fn post(&self, body: &Value) -> Answer {
        self.post_to(EXTENSIONS, body).await
    }

    pub async fn post_to(&self, path: &str, body: &Value) -> Answer {
        self.api.send(self.api.client.post(self.api.at(path)).bearer_auth(&self.key).json(body)).await
    }

    pub async fn put(&self, path: &str, version: Option<&str>, body: &Value) -> Answer {
        let mut request = self.api.client.put(self.api.at(path)).bearer_auth(&self.key).json(body);
        if let Some(version) = version {
            request = request.header("if-match", version);
        }
        self.api.send(request).await
    }

    /// A PUT of whoever has found nothing there.
    pub async fn put_first(&self, path: &str, body: &Value) -> Answer {
        let request = self.api.client.put(self.api.at(path)).bearer_auth(&self.key).json(body);
        self.api.send(request.header("if-none-match", "*")).await
    }

    /// A PUT of whoever has just read it.
    pub async fn put_over(&self, path: &str, body: &Value) -> Answer {
        let read = self.get(path).await;
        assert_eq!(read.status, 200, "{path}: {}", read.body);
        self.put(path, Some(read.header("etag")), body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.api.get(path, &self.key).await
    }

    pub async fn delete(&self, path: &str, version: &str) -> Answer {
        let request = self.api.client.delete(self.api.at(path)).bearer_auth(&self.key);
        self.api.send(request.header("if-match", version)).await
    }

    pub async fn revision(&self) -> i64 {
        let query = sqlx::query_scalar("select revision from telephony.revisions");
        query.fetch_one(&self.stage.admin).await.unwrap()
    }

    /// A new extension of this number that rings these people, by its id.
    pub async fn extension(&self, number: &str, staff: &[Uuid]) -> String {
        let made = self.post(&json!({ "number": number, "name": "CS", "staff": staff })).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()["id"].as_str().unwrap().to_owned()
    }

    /// A phone of each member.
    pub async fn phones(&self) {
        for (username, user) in [("1001", self.sari), ("1002", self.budi)] {
            let query = sqlx::query(
                "insert into telephony.sip_accounts (id, org_id, user_id, username, ha1_md5, ha1_sha256)
                 values ($1, $2, $3, $4, repeat('0', 32), repeat('0', 64))",
            );
            let query = query.bind(uuid()).bind(self.stage.a.0).bind(user).bind(username);
            query.execute(&self.stage.admin).await.unwrap();
        }
    }

    /// What a call comes to by the plan that the switch makes of the rows.
    pub async fn route(&self, from: &str, to: &str, at: &str) -> RouteAnswer {
        let mut connection = self.stage.admin.acquire().await.unwrap();
        let organisations = configuration::load(&mut connection, None, Secrets::Read).await.unwrap();
        let plan = dialplan::compile(&Snapshot { revision: 1, organisations }).unwrap();
        let question = RouteQuestion {
            org: Some(self.stage.a),
            from: from.to_owned(),
            to: to.to_owned(),
            at: Some(at.to_owned()),
        };
        plan.try_number(&question, Timestamp(MIDNIGHT)).unwrap()
    }

    /// What the record says was done to a thing, the oldest first.
    pub async fn record(&self, subject: &str) -> Vec<String> {
        let events = self.get(&format!("/api/platform/audit-events?subject_id={subject}")).await.json();
        let events = events["items"].as_array().unwrap();
        events.iter().rev().map(|event| event["action"].as_str().unwrap().to_owned()).collect()
    }

    /// A path that another organisation's client finds nothing at, and that whoever lacks the permission is kept from.
    pub async fn is_not_for_others(&self, path: &str) {
        let theirs = self.stage.key(self.stage.b, &["telephony.read", "telephony.write"]).await;
        self.api.get(path, &theirs).await.must_be_problem(404, "not-found");
        for request in [self.api.client.put(self.api.at(path)), self.api.client.delete(self.api.at(path))] {
            let answer = self.api.send(request.bearer_auth(&theirs).header("if-match", "\"1\"")).await;
            assert!(matches!(answer.status, 400 | 404 | 405), "{path}: {}", answer.body);
        }
    }
}
