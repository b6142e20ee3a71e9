//! Who belongs to an organisation (H-047, H-048, HX-7, HX-23, S-047): how they come to, what they may give each other, and how they go.

use serde_json::{Value, json};

use crate::{
    accounts::{Scene, token},
    stage::{Answer, PASSWORD, fields, uuid},
};

const INVITATIONS: &str = "/api/identity/invitations";
const MEMBERS: &str = "/api/identity/members";
const BUDI: &str = "budi@example.test";

fn id(one: &Value) -> &str {
    one["id"].as_str().unwrap_or_else(|| panic!("{one}"))
}

/// An owner of A who has signed in, and what others say to the API.
struct Company {
    scene: Scene,
    owner: String,
}

impl Company {
    async fn new() -> Self {
        let scene = Scene::new().await;
        scene.stage.settle(scene.stage.a).await;
        let (_, email) = scene.stage.person(scene.stage.a, "owner").await;
        let owner = Self::token_of(&scene.api.sign_in(&email).await);
        Self { scene, owner }
    }

    fn token_of(tokens: &Value) -> String {
        tokens["access_token"].as_str().unwrap().to_owned()
    }

    async fn invite(&self, by: &str, body: &Value) -> Answer {
        self.scene.api.post(INVITATIONS, by, body).await
    }

    /// Invites Budi, and gives the token of the letter.
    async fn invited(&self, role: &str) -> String {
        let made = self.invite(&self.owner, &json!({ "email": BUDI, "role": role })).await;
        assert_eq!(made.status, 201, "{}", made.body);
        token(&self.scene.letter().await, "invitation").to_owned()
    }

    async fn answer(&self, what: &str, body: &Value) -> Answer {
        self.scene.api.post(&format!("{INVITATIONS}/{what}"), "", body).await
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        self.scene.api.get(path, &self.owner).await.json()["items"].as_array().unwrap().clone()
    }

    /// The member of that address.
    async fn member(&self, email: &str) -> Value {
        let members = self.list(MEMBERS).await;
        members.into_iter().find(|member| member["email"] == email).unwrap()
    }

    async fn put(&self, by: &str, member: &Value, body: &Value) -> Answer {
        let api = &self.scene.api;
        let request = api.client.put(api.at(&format!("{MEMBERS}/{}", id(member)))).bearer_auth(by);
        api.send(request.header("if-match", format!("\"{}\"", member["version"])).json(body)).await
    }

    async fn delete(&self, by: &str, path: &str, one: &Value) -> Answer {
        let api = &self.scene.api;
        let request = api.client.delete(api.at(&format!("{path}/{}", id(one)))).bearer_auth(by);
        api.send(request.header("if-match", format!("\"{}\"", one["version"]))).await
    }
}

#[tokio::test]
async fn who_is_invited_gets_a_letter_and_is_a_member_when_they_have_accepted_it() {
    let company = Company::new().await;
    let body = json!({ "email": " Budi@Example.test", "role": "viewer", "granted": ["audit.read"] });
    let made = company.invite(&company.owner, &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let (letter, made) = (company.scene.letter().await, made.json());
    assert!(letter.contains("Undangan menjadi anggota") && letter.contains("A\r\n"), "{letter}");
    assert_eq!(
        (&made["email"], &made["status"], &made["user_id"]),
        (&json!(BUDI), &json!("pending"), &json!(null))
    );
    assert_eq!(json!(company.list(INVITATIONS).await), json!([made]));
    assert_eq!(company.list(MEMBERS).await.len(), 1, "nobody but the owner yet");

    let token = token(&letter, "invitation");
    let wrong = company.answer("accept", &json!({ "token": token, "password": "x" })).await;
    assert_eq!(fields(&wrong.must_be_problem(400, "bad-request")), ["name", "password"]);
    let acceptance = json!({ "token": token, "name": "Budi", "password": PASSWORD });
    let accepted = company.answer("accept", &acceptance).await;
    assert_eq!((accepted.status, accepted.body.as_str()), (204, ""));
    company.answer("accept", &acceptance).await.must_be_problem(401, "unauthorized");
    company.answer("reject", &json!({ "token": token })).await.must_be_problem(401, "unauthorized");

    let budi = company.scene.api.sign_in(BUDI).await;
    assert_eq!(budi["organisation"], json!(company.scene.stage.a.0));
    let member = company.member(BUDI).await;
    assert_eq!(
        (&member["name"], &member["status"], id(&member)),
        (&json!("Budi"), &json!("active"), id(&made))
    );
    assert_eq!(
        member["permissions"],
        json!(["calls.read", "telephony.read", "audit.read", "events.read"]),
        "what a viewer may, and what was granted"
    );
    assert_eq!(company.list(INVITATIONS).await, [] as [Value; 0]);
    let record = format!("/api/platform/audit-events?subject_id={}", id(&made));
    let actions: Vec<Value> =
        company.list(&record).await.iter().map(|event| event["action"].clone()).collect();
    assert_eq!(actions, ["member.joined", "invitation.sent"]);
}

#[tokio::test]
async fn who_has_an_account_just_joins_with_it() {
    let company = Company::new().await;
    let (_, email) = company.scene.stage.person(company.scene.stage.b, "owner").await;
    let body = json!({ "email": email, "role": "call_agent", "language": "en" });
    assert_eq!(company.invite(&company.owner, &body).await.status, 201);
    let letter = company.scene.letter().await;
    assert!(letter.contains("You are invited to become a member"), "{letter}");
    let accepted = company.answer("accept", &json!({ "token": token(&letter, "invitation") })).await;
    assert_eq!(accepted.status, 204, "{}", accepted.body);
    let me = company.scene.api.sign_in(&email).await;
    let organisations: Vec<&Value> =
        me["organisations"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(organisations, ["B", "A"]);
    company.invite(&company.owner, &body).await.must_be_problem(409, "conflict");
}

#[tokio::test]
async fn who_declines_is_seen_to_have_and_who_was_not_meant_finds_the_letter_closed() {
    let company = Company::new().await;
    let token = company.invited("viewer").await;
    assert_eq!(company.answer("reject", &json!({ "token": token })).await.status, 204);
    let [declined] = company.list(INVITATIONS).await.try_into().unwrap();
    assert_eq!(declined["status"], "rejected");
    let acceptance = |token: &str| json!({ "token": token, "name": "Budi", "password": PASSWORD });
    company.answer("accept", &acceptance(&token)).await.must_be_problem(401, "unauthorized");

    assert_eq!(company.delete(&company.owner, INVITATIONS, &declined).await.status, 204);
    let withdrawn = company.invited("viewer").await;
    let [waiting] = company.list(INVITATIONS).await.try_into().unwrap();
    assert_eq!(company.delete(&company.owner, INVITATIONS, &waiting).await.status, 204);
    company.answer("accept", &acceptance(&withdrawn)).await.must_be_problem(401, "unauthorized");
    company.answer("accept", &acceptance("sambung_letter_")).await.must_be_problem(401, "unauthorized");
    assert_eq!(company.scene.attempt(BUDI, PASSWORD).await, 401, "no account has come of it");
}

#[tokio::test]
async fn nobody_gives_changes_or_takes_away_more_than_they_have() {
    let company = Company::new().await;
    let stage = &company.scene.stage;
    let clerk = stage
        .key(stage.a, &["members.read", "members.write", "telephony.read", "calls.read", "events.read"])
        .await;
    let invite = |role: &str, granted: &[&str]| json!({ "email": BUDI, "role": role, "granted": granted });
    for (role, granted, missing) in
        [("owner", [].as_slice(), "calls.control"), ("viewer", &["audit.read"], "audit.read")]
    {
        let refused = company.invite(&clerk, &invite(role, granted)).await.must_be_problem(403, "forbidden");
        assert_eq!(refused["detail"], format!("needs the permission {missing}"));
    }
    let (_, email) = stage.person(stage.a, "viewer").await;
    let (viewer, [owner]) = (
        company.member(&email).await,
        company
            .list(MEMBERS)
            .await
            .into_iter()
            .filter(|one| one["role"] == "owner")
            .collect::<Vec<_>>()
            .try_into()
            .unwrap(),
    );
    let withheld = json!({ "role": "owner", "withheld": ["audit.read", "calls.control", "recordings.read"] });
    company.put(&clerk, &viewer, &withheld).await.must_be_problem(403, "forbidden");
    company.put(&clerk, &owner, &json!({ "role": "viewer" })).await.must_be_problem(403, "forbidden");
    company.delete(&clerk, MEMBERS, &owner).await.must_be_problem(403, "forbidden");
    assert_eq!(company.put(&clerk, &viewer, &json!({ "role": "call_agent" })).await.status, 200);
}

#[tokio::test]
async fn an_organisation_keeps_an_owner() {
    let company = Company::new().await;
    let [owner] = company.list(MEMBERS).await.try_into().unwrap();
    let by = &company.owner;
    for body in [
        json!({ "role": "viewer" }),
        json!({ "role": "owner", "is_active": false }),
        json!({ "role": "owner", "withheld": ["members.write"] }),
    ] {
        let refused = company.put(by, &owner, &body).await.must_be_problem(409, "conflict");
        assert_eq!(refused["detail"], "the organisation would have no owner");
    }
    company.delete(by, MEMBERS, &owner).await.must_be_problem(409, "conflict");
    // Who cannot sign in is nobody who could put things right.
    let stage = &company.scene.stage;
    let (user, email) = stage.person(stage.a, "viewer").await;
    for statement in [
        "update identity.users set status = 'suspended' where id = $1",
        "update identity.memberships set role = 'owner' where user_id = $1",
    ] {
        stage.about(user, statement).await;
    }
    company.delete(by, MEMBERS, &owner).await.must_be_problem(409, "conflict");
    stage.about(user, "update identity.users set status = 'active' where id = $1").await;
    assert_eq!(company.delete(by, MEMBERS, &owner).await.status, 204);
    let other = Company::token_of(&company.scene.api.sign_in(&email).await);
    let [left] = company.scene.api.get(MEMBERS, &other).await.json()["items"]
        .as_array()
        .unwrap()
        .clone()
        .try_into()
        .unwrap();
    company.delete(&other, MEMBERS, &left).await.must_be_problem(409, "conflict");
}

#[tokio::test]
async fn what_a_member_may_changes_at_once_and_whoever_has_read_an_older_one_is_told() {
    let company = Company::new().await;
    let (stage, api) = (&company.scene.stage, &company.scene.api);
    let (_, email) = stage.person(stage.a, "viewer").await;
    let theirs = Company::token_of(&api.sign_in(&email).await);
    assert_eq!(api.get("/api/telephony/extensions", &theirs).await.status, 200);
    let before = company.member(&email).await;
    let described = json!({ "role": "viewer", "withheld": ["telephony.read"], "granted": ["members.read"] });
    let changed = company.put(&company.owner, &before, &described).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(changed.json()["permissions"], json!(["calls.read", "events.read", "members.read"]));
    company.put(&company.owner, &before, &described).await.must_be_problem(412, "precondition-failed");
    api.get("/api/telephony/extensions", &theirs).await.must_be_problem(401, "unauthorized");
    let theirs = Company::token_of(&api.sign_in(&email).await);
    api.get("/api/telephony/extensions", &theirs).await.must_be_problem(403, "forbidden");
    assert_eq!(api.get(MEMBERS, &theirs).await.status, 200);

    let suspended = json!({ "role": "viewer", "is_active": false });
    assert_eq!(company.put(&company.owner, &changed.json(), &suspended).await.status, 200);
    api.get(MEMBERS, &theirs).await.must_be_problem(401, "unauthorized");
    assert_eq!(api.sign_in(&email).await["organisation"], Value::Null);
    assert_eq!(company.member(&email).await["status"], "suspended");

    let others = stage.key(stage.b, &["members.read", "members.write"]).await;
    let path = format!("{MEMBERS}/{}", id(&before));
    api.get(&path, &others).await.must_be_problem(404, "not-found");
    company.put(&others, &before, &json!({ "role": "call_agent" })).await.must_be_problem(403, "forbidden");
    company.delete(&others, MEMBERS, &before).await.must_be_problem(404, "not-found");
}

/// H-032: colleagues, the record and the plan of calls know it at once, and another organisation never.
#[tokio::test]
async fn a_member_takes_another_name_and_the_record_says_so() {
    const RENAME: &str = "/api/identity/me/rename";
    let company = Company::new().await;
    let (stage, api) = (&company.scene.stage, &company.scene.api);
    let (budi, email) = stage.person(stage.a, "call_agent").await;
    let theirs = Company::token_of(&api.sign_in(&email).await);
    let (revision, record) = (
        async || -> i64 {
            let query = sqlx::query_scalar("select revision from telephony.revisions");
            query.fetch_one(&stage.admin).await.unwrap()
        },
        async || -> i64 {
            let query = sqlx::query_scalar("select count(*) from platform.audit_events");
            query.fetch_one(&stage.admin).await.unwrap()
        },
    );
    let before = revision().await;
    assert_eq!(api.post(RENAME, &theirs, &json!({ "name": " Budi Santoso " })).await.status, 204);
    assert_eq!(api.get("/api/identity/me", &theirs).await.json()["person"]["name"], "Budi Santoso");
    assert_eq!(company.member(&email).await["name"], "Budi Santoso");
    assert_eq!(revision().await, before + 1);
    let told = api.get("/api/platform/audit-events", &company.owner).await.json();
    let event = &told["items"][0];
    assert_eq!((&event["action"], &event["actor_id"]), (&json!("member.changed"), &json!(budi)));
    assert_eq!((&event["before"]["name"], &event["after"]["name"]), (&json!("Sari"), &json!("Budi Santoso")));

    // Who is called so already has changed nothing, nor has who says what is no name.
    let (before, written) = (revision().await, record().await);
    assert_eq!(api.post(RENAME, &theirs, &json!({ "name": "Budi Santoso" })).await.status, 204);
    for name in ["", " ", "Budi\nSantoso", &"x".repeat(101)] {
        let refused = api.post(RENAME, &theirs, &json!({ "name": name })).await;
        assert_eq!(fields(&refused.must_be_problem(400, "bad-request")), ["name"], "{name:?}");
    }
    assert_eq!((revision().await, record().await), (before, written));

    // Whoever belongs nowhere has a name, too, and nobody's record tells of it.
    let member = company.member(&email).await;
    assert_eq!(company.delete(&company.owner, MEMBERS, &member).await.status, 204);
    let (theirs, written) = (Company::token_of(&api.sign_in(&email).await), record().await);
    assert_eq!(api.post(RENAME, &theirs, &json!({ "name": "Budi" })).await.status, 204);
    assert_eq!(api.get("/api/identity/me", &theirs).await.json()["person"]["name"], "Budi");
    assert_eq!(record().await, written);
}

#[tokio::test]
async fn who_has_left_comes_back_into_the_row_they_left() {
    let company = Company::new().await;
    let acceptance = |token: &str| json!({ "token": token, "name": "Budi", "password": PASSWORD });
    let first = company.invited("viewer").await;
    assert_eq!(company.answer("accept", &acceptance(&first)).await.status, 204);
    let before = company.member(BUDI).await;
    assert_eq!(company.delete(&company.owner, MEMBERS, &before).await.status, 204);
    assert_eq!(company.list(MEMBERS).await.len(), 1);
    let again = company.invited("team_lead").await;
    assert_eq!(company.answer("accept", &json!({ "token": again })).await.status, 204);
    let after = company.member(BUDI).await;
    assert_eq!((id(&after), &after["role"]), (id(&before), &json!("team_lead")));
    assert_eq!(company.list(INVITATIONS).await, [] as [Value; 0]);
    company.answer("accept", &json!({ "token": first })).await.must_be_problem(401, "unauthorized");
}

#[tokio::test]
async fn an_organisation_invites_two_hundred_a_day() {
    let company = Company::new().await;
    let stage = &company.scene.stage;
    sqlx::query(
        "insert into identity.memberships (id, org_id, email, role, removed_at)
         select gen_random_uuid(), $1, n || '@example.test', 'viewer', now() from generate_series(1, 199) n",
    )
    .bind(stage.a.0)
    .execute(&stage.admin)
    .await
    .unwrap();
    let refused = company.invite(&company.owner, &json!({ "email": BUDI, "role": "viewer" })).await;
    refused.must_be_problem(429, "too-many-requests");
    assert_eq!(refused.header("retry-after"), "3601");
    assert_eq!(company.list(INVITATIONS).await, [] as [Value; 0]);
    company
        .scene
        .api
        .get(&format!("{MEMBERS}/{}", uuid()), &company.owner)
        .await
        .must_be_problem(404, "not-found");
}
