//! People who sign in (H-007, H-008, S-040, S-047): what they may, how it is taken from them, and what strangers learn.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{Answer, PASSWORD, Served, Stage, uuid};

const SIGN_INS: &str = "/api/identity/sign-ins";
const TOKENS: &str = "/api/identity/tokens";
const ME: &str = "/api/identity/me";
const EXTENSIONS: &str = "/api/telephony/extensions";

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} of {value}"))
}

fn access(tokens: &Value) -> &str {
    text(tokens, "access_token")
}

async fn refresh(api: &Served, tokens: &Value) -> Answer {
    api.post(TOKENS, "", &json!({ "refresh_token": tokens["refresh_token"] })).await
}

async fn attempt(api: &Served, email: &str, password: &str) -> Answer {
    api.post(SIGN_INS, "", &json!({ "email": email, "password": password })).await
}

#[tokio::test]
async fn who_signs_in_may_what_the_role_may_and_the_record_names_them() {
    let stage = Stage::new().await;
    stage.settle(stage.a).await;
    let (owner, email) = stage.person(stage.a, "owner").await;
    let api = stage.serve().await;
    let tokens = api.sign_in(&email.to_uppercase()).await;
    assert_eq!((text(&tokens, "token_type"), &tokens["expires_in"]), ("Bearer", &json!(28_800)));
    let body = json!({ "number": "100", "name": "CS" });
    let made = api.post(EXTENSIONS, access(&tokens), &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let record = api.get("/api/platform/audit-events", access(&tokens)).await.json();
    let event = &record["items"][0];
    assert_eq!((text(event, "actor_kind"), text(event, "actor_id")), ("person", owner.to_string().as_str()));

    let me = api.get(ME, access(&tokens)).await.json();
    assert_eq!(
        (text(&me["person"], "id"), text(&me["person"], "email")),
        (owner.to_string().as_str(), email.as_str())
    );
    assert_eq!(me["organisation"], json!(stage.a.0));
    assert_eq!(me["organisations"][0]["role"], "owner");
    for field in ["person", "organisation", "organisations"] {
        assert_eq!(me[field], tokens[field], "{field}");
    }

    for (role, may_read) in [("branch_admin", true), ("viewer", true), ("call_agent", false)] {
        let (_, email) = stage.person(stage.a, role).await;
        let tokens = api.sign_in(&email).await;
        let read = api.get(EXTENSIONS, access(&tokens)).await;
        assert_eq!(read.status == 200, may_read, "{role}: {}", read.body);
        let refused = api.get("/api/platform/audit-events", access(&tokens)).await;
        assert_eq!(refused.must_be_problem(403, "forbidden")["detail"], "needs the permission audit.read");
    }
}

#[tokio::test]
async fn nobody_learns_by_the_answer_which_addresses_there_are() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let (_, known) = stage.person(stage.a, "owner").await;
    let (unverified, unverified_email) = stage.person(stage.a, "owner").await;
    stage.about(unverified, "update identity.users set email_verified_at = null where id = $1").await;
    let (suspended, suspended_email) = stage.person(stage.a, "owner").await;
    stage.about(suspended, "update identity.users set status = 'suspended' where id = $1").await;
    let mut said = Vec::new();
    for (email, password) in [
        (known.as_str(), "rahasia-2"),
        (known.as_str(), ""),
        ("nobody@example.test", PASSWORD),
        (unverified_email.as_str(), PASSWORD),
        (suspended_email.as_str(), PASSWORD),
    ] {
        let mut problem = attempt(&api, email, password).await.must_be_problem(401, "unauthorized");
        problem.as_object_mut().unwrap().remove("request_id");
        said.push(problem);
    }
    assert_eq!(said[0]["detail"], "wrong e-mail address or password");
    assert!(said.iter().all(|problem| *problem == said[0]), "{said:?}");
}

#[tokio::test]
async fn an_address_that_there_is_not_slows_down_like_one_that_there_is() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let (_, known) = stage.person(stage.a, "owner").await;
    let (_, other) = stage.person(stage.a, "owner").await;
    for email in [known.as_str(), "nobody@example.test"] {
        for _ in 0..20 {
            attempt(&api, email, "rahasia-2").await.must_be_problem(401, "unauthorized");
        }
        let refused = attempt(&api, email, PASSWORD).await;
        refused.must_be_problem(429, "too-many-requests");
        let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    api.sign_in(&other).await;
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_when_it_comes_again_the_sign_in_is_over() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let (_, email) = stage.person(stage.a, "owner").await;
    let (first, elsewhere) = (api.sign_in(&email).await, api.sign_in(&email).await);
    let second = refresh(&api, &first).await;
    assert_eq!(second.status, 200, "{}", second.body);
    let second = second.json();
    assert_eq!(second["sign_in"], first["sign_in"]);
    let third = refresh(&api, &second).await.json();
    assert_eq!(api.get(ME, access(&third)).await.status, 200);
    refresh(&api, &first).await.must_be_problem(401, "unauthorized");
    for tokens in [&first, &second, &third] {
        refresh(&api, tokens).await.must_be_problem(401, "unauthorized");
        api.get(ME, access(tokens)).await.must_be_problem(401, "unauthorized");
    }
    assert_eq!(refresh(&api, &elsewhere).await.status, 200, "only that one");
    let forged = text(&third, "refresh_token").replace("00000003", "00000004");
    for wrong in [forged.as_str(), "", "sambung_refresh_", access(&third)] {
        let answer = api.post(TOKENS, "", &json!({ "refresh_token": wrong })).await;
        answer.must_be_problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn two_refreshes_at_once_are_one_too_many() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let (_, email) = stage.person(stage.a, "owner").await;
    let tokens = api.sign_in(&email).await;
    let (one, two) = tokio::join!(refresh(&api, &tokens), refresh(&api, &tokens));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    api.get(ME, access(&tokens)).await.must_be_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_person_sees_where_they_are_signed_in_and_ends_it() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let (_, email) = stage.person(stage.a, "owner").await;
    let (_, other) = stage.person(stage.a, "owner").await;
    let (here, there, theirs) =
        (api.sign_in(&email).await, api.sign_in(&email).await, api.sign_in(&other).await);
    let places = api.get(SIGN_INS, access(&here)).await.json();
    let current = |id: &Value| {
        let found = places.as_array().unwrap().iter().find(|place| place["id"] == *id);
        found.map(|place| place["is_current"] == true)
    };
    assert_eq!(places.as_array().unwrap().len(), 2);
    assert_eq!(
        [&here, &there, &theirs].map(|tokens| current(&tokens["sign_in"])),
        [Some(true), Some(false), None]
    );

    let path = |tokens: &Value| format!("{SIGN_INS}/{}", text(tokens, "sign_in"));
    api.delete(&path(&theirs), access(&here)).await.must_be_problem(404, "not-found");
    assert_eq!(api.delete(&path(&there), access(&here)).await.status, 204);
    api.get(ME, access(&there)).await.must_be_problem(401, "unauthorized");
    refresh(&api, &there).await.must_be_problem(401, "unauthorized");
    api.delete(&path(&there), access(&here)).await.must_be_problem(404, "not-found");
    assert_eq!(api.delete(SIGN_INS, access(&here)).await.status, 204);
    api.get(ME, access(&here)).await.must_be_problem(401, "unauthorized");
    assert_eq!(api.get(ME, access(&theirs)).await.status, 200);
}

#[tokio::test]
async fn what_is_taken_from_somebody_is_taken_at_once() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    for (statement, after) in [
        ("update identity.memberships set role = 'call_agent' where user_id = $1", 403),
        ("update identity.memberships set withheld = '{calls.read}' where user_id = $1", 403),
        ("update identity.memberships set status = 'suspended' where user_id = $1", 403),
        ("update identity.memberships set removed_at = now() where user_id = $1", 403),
        ("update identity.users set status = 'suspended' where id = $1", 401),
        ("update identity.sign_ins set expires_at = now() where user_id = $1", 401),
    ] {
        let (user, email) = stage.person(stage.a, "viewer").await;
        let tokens = api.sign_in(&email).await;
        let calls = "/api/telephony/calls";
        assert_eq!(api.get(calls, access(&tokens)).await.status, 200, "{statement}");
        stage.about(user, statement).await;
        api.get(calls, access(&tokens)).await.must_be_problem(401, "unauthorized");
        let next = refresh(&api, &tokens).await;
        if after == 401 {
            next.must_be_problem(401, "unauthorized");
        } else {
            assert_eq!(next.status, 200, "{statement}: {}", next.body);
            api.get(calls, access(&next.json())).await.must_be_problem(403, "forbidden");
        }
    }
    let (user, email) = stage.person(stage.a, "call_agent").await;
    let tokens = api.sign_in(&email).await;
    stage.about(user, "update identity.memberships set granted = '{calls.read}' where user_id = $1").await;
    let next = refresh(&api, &tokens).await.json();
    assert_eq!(api.get("/api/telephony/calls", access(&next)).await.status, 200);
    stage.about(user, "update identity.users set name = 'Sari Dewi' where id = $1").await;
    assert_eq!(api.get(ME, access(&next)).await.status, 200, "a name is no right");
}

#[tokio::test]
async fn a_person_in_two_organisations_acts_in_one_of_them() {
    let stage = Stage::new().await;
    let (user, email) = stage.person(stage.a, "owner").await;
    let join = "insert into identity.memberships (id, org_id, user_id, email, role, status, token_epoch)
                select $1, $2, $3, $4, 'viewer', 'active', token_epoch from identity.memberships where user_id = $3";
    let query = sqlx::query(join).bind(uuid()).bind(stage.b.0).bind(user).bind(&email);
    query.execute(&stage.admin).await.unwrap();
    let (ours, theirs) = (stage.call(stage.a, "inbound", 0).await, stage.call(stage.b, "inbound", 0).await);
    let api = stage.serve().await;
    let sees = async |tokens: &Value, call: Uuid| {
        api.get(&format!("/api/telephony/calls/{call}"), access(tokens)).await.status
    };
    let in_a = api.sign_in(&email).await;
    assert_eq!((sees(&in_a, ours).await, sees(&in_a, theirs).await), (200, 404));
    let wish = json!({ "refresh_token": in_a["refresh_token"], "organisation": stage.b.0 });
    let in_b = api.post(TOKENS, "", &wish).await.json();
    assert_eq!((sees(&in_b, ours).await, sees(&in_b, theirs).await), (404, 200));
    assert_eq!(refresh(&api, &in_b).await.json()["organisation"], json!(stage.b.0), "it stays there");
    api.get(ME, access(&in_a)).await.must_be_problem(401, "unauthorized");

    let body = json!({ "email": email, "password": PASSWORD, "organisation": stage.b.0 });
    assert_eq!(api.post(SIGN_INS, "", &body).await.json()["organisation"], json!(stage.b.0));
    let body = json!({ "email": email, "password": PASSWORD, "organisation": uuid() });
    let problem = api.post(SIGN_INS, "", &body).await.must_be_problem(400, "bad-request");
    assert_eq!(problem["errors"][0]["field"], "organisation");

    let suspend = "update identity.organisations set status = 'suspended' where id = $1";
    stage.about(stage.a.0, suspend).await;
    assert_eq!(api.sign_in(&email).await["organisation"], json!(stage.b.0));
    stage.about(stage.b.0, suspend).await;
    let nowhere = api.sign_in(&email).await;
    assert_eq!(nowhere["organisation"], Value::Null);
    let refused = api.get(EXTENSIONS, access(&nowhere)).await.must_be_problem(403, "forbidden");
    assert_eq!(refused["detail"], "you act in no organisation that is approved");
    assert_eq!(api.get(ME, access(&nowhere)).await.json()["organisations"][0]["is_approved"], false);
}

#[tokio::test]
async fn what_cannot_be_a_sign_in_says_why() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    for (body, field) in [
        (json!({ "email": "x", "password": "x" }), "email"),
        (json!({ "email": "x@y.test", "password": "x".repeat(201) }), "password"),
        (json!({ "email": "x@y.test" }), "body"),
        (json!({ "email": "x@y.test", "password": "x", "colour": 1 }), "colour"),
        (json!({ "email": "x@y.test", "password": "x", "organisation": "x" }), "organisation"),
    ] {
        let problem = api.post(SIGN_INS, "", &body).await.must_be_problem(400, "bad-request");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
}

#[tokio::test]
async fn the_place_used_least_lately_makes_room_for_the_fifty_first() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let (user, email) = stage.person(stage.a, "owner").await;
    let oldest = api.sign_in(&email).await;
    stage
        .about(
            user,
            "insert into identity.sign_ins (id, user_id, expires_at, used_at)
         select gen_random_uuid(), $1, now() + '1 day', now() + '1 s' from generate_series(1, 49)",
        )
        .await;
    assert_eq!(api.get(ME, access(&oldest)).await.status, 200);
    let newest = api.sign_in(&email).await;
    api.get(ME, access(&oldest)).await.must_be_problem(401, "unauthorized");
    assert_eq!(api.get(SIGN_INS, access(&newest)).await.json().as_array().unwrap().len(), 50);
}
