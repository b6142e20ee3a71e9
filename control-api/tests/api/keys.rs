//! Who gets in, and how far.

use crate::stage::{MIDNIGHT, Stage};

const CALLS: &str = "/api/telephony/calls";

#[tokio::test]
async fn without_a_valid_key_there_is_nothing_and_no_hint_why() {
    let stage = Stage::new().await;
    let key = stage.key(stage.a, &["calls.read"]).await;
    let revoked = stage.key(stage.a, &["calls.read"]).await;
    let expired = stage.key(stage.a, &["calls.read"]).await;
    let other = stage.key(stage.a, &["calls.read"]).await;
    for (column, key) in [("revoked_at", &revoked), ("expires_at", &expired)] {
        let statement = format!(
            "update identity.api_keys set {column} = now() - interval '1 second' where id = $1::uuid"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement));
        query.bind(&key["sambung_".len()..][..32]).execute(&stage.admin).await.unwrap();
    }
    let api = stage.serve().await;
    assert_eq!(api.get(CALLS, &key).await.status, 200);
    let mixed = format!("{}{}", &key[..40], &other[40..]);
    let unknown = format!("sambung_{}{}", "0".repeat(32), &key[40..]);
    let mut answers = Vec::new();
    for wrong in ["", "x", &key[..key.len() - 1], &mixed, &unknown, &revoked, &expired] {
        answers.push(api.get(CALLS, wrong).await);
    }
    answers.push(api.send(api.client.get(api.at(CALLS))).await);
    answers.push(api.send(api.client.get(api.at(CALLS)).basic_auth("a", Some(&key))).await);
    for answer in answers {
        let problem = answer.must_be_problem(401, "unauthorized");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"sambung\"");
        assert_eq!(problem.get("detail"), None);
    }
}

#[tokio::test]
async fn a_key_without_the_permission_is_told_which_one_it_lacks() {
    let stage = Stage::new().await;
    let key = stage.key(stage.a, &["calls.write", "calls.reads"]).await;
    let problem = stage.serve().await.get(CALLS, &key).await.must_be_problem(403, "forbidden");
    assert_eq!(problem["detail"], "needs the permission calls.read");
}

#[tokio::test]
async fn a_suspended_organisations_keys_stop_at_once() {
    let stage = Stage::new().await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["calls.read"]).await);
    assert_eq!(api.get(CALLS, &key).await.status, 200);
    let query = sqlx::query("update identity.organisations set status = 'suspended' where id = $1");
    query.bind(stage.a.0).execute(&stage.admin).await.unwrap();
    api.get(CALLS, &key).await.must_be_problem(401, "unauthorized");
}

#[tokio::test]
async fn anothers_call_is_as_little_found_as_one_that_never_was() {
    let stage = Stage::new().await;
    let theirs = stage.call(stage.b, "inbound", MIDNIGHT).await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["calls.read"]).await);
    let never = "00000000-0000-7000-8000-000000000000".to_owned();
    for id in [theirs.to_string(), never, "no-uuid".to_owned()] {
        let problem = api.get(&format!("{CALLS}/{id}"), &key).await.must_be_problem(404, "not-found");
        assert_eq!((problem.get("detail"), problem.get("errors")), (None, None), "{id}");
    }
    let key = stage.key(stage.b, &["calls.read"]).await;
    assert_eq!(api.get(&format!("{CALLS}/{theirs}"), &key).await.status, 200);
}
