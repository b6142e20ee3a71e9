//! The record of what was done: who alters it is found.

use sqlx::AssertSqlSafe;

use crate::stage::{Stage, uuid};

/// So many events of both organisations, by turns.
async fn events(stage: &Stage, each: i64) {
    for _ in 0..each {
        for org in [stage.a, stage.b] {
            sqlx::query(
                "insert into platform.audit_events (org_id, actor_kind, actor_id, action, subject_id, after)
                 values ($1, 'api_key', $2, 'extension.created', $2, '{\"name\": \"x\"}')",
            )
            .bind(org.0)
            .bind(uuid())
            .execute(&stage.admin)
            .await
            .unwrap();
        }
    }
}

/// As the owner of all tables, who is no superuser everywhere and is under row-level security too.
async fn breaks(stage: &Stage) -> Vec<(uuid::Uuid, i64)> {
    let mut unit = stage.admin.begin().await.unwrap();
    sqlx::raw_sql("set local role sambung_owner").execute(&mut *unit).await.unwrap();
    let query = sqlx::query_as("select org_id, seq from platform.audit_breaks");
    query.fetch_all(&mut *unit).await.unwrap()
}

#[tokio::test]
async fn an_event_that_was_altered_or_taken_out_is_found_in_its_organisation_alone() {
    for (statement, broken_at) in [
        ("update platform.audit_events set after = '{\"name\": \"y\"}' where seq = 3", 3),
        (
            "update platform.audit_events set actor_id = subject_id, created_at = created_at + '1 us' where seq = 1",
            1,
        ),
        ("delete from platform.audit_events where seq = 2", 3),
        ("update platform.audit_events set seq = 9 where seq = 5", 9),
    ] {
        let stage = Stage::new().await;
        events(&stage, 5).await;
        assert_eq!(breaks(&stage).await, []);
        let statement = format!("{statement} and org_id = '{}'", stage.a.0);
        let done = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&stage.admin).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{statement}");
        assert_eq!(breaks(&stage).await, [(stage.a.0, broken_at)], "{statement}");
    }
}
