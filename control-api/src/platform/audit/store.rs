//! Rows of `platform.audit_events`. Their number in the organisation and their hashes are the database's own work.

use contract::id::OrgId;
use sqlx::PgConnection;

use super::{
    Actor, Event,
    model::{AuditEvent, Filter},
};

pub(super) async fn append(c: &mut PgConnection, actor: Actor, event: &Event) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into platform.audit_events (org_id, actor_kind, actor_id, action, subject_id, before, after)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(actor.org.0)
    .bind(actor.kind)
    .bind(actor.id)
    .bind(event.action)
    .bind(event.subject)
    .bind(&event.before)
    .bind(&event.after)
    .execute(c)
    .await
    .map(drop)
}

/// Up to `filter.limit` + 1 events, newest first.
pub(super) async fn list(
    c: &mut PgConnection,
    org: OrgId,
    filter: Filter,
) -> Result<Vec<AuditEvent>, sqlx::Error> {
    sqlx::query_as(
        "select seq, created_at, actor_kind, actor_id, action, subject_id, before, after
         from platform.audit_events
         where org_id = $1 and ($2::uuid is null or subject_id = $2) and ($3::bigint is null or seq < $3)
         order by seq desc limit $4",
    )
    .bind(org.0)
    .bind(filter.subject)
    .bind(filter.before)
    .bind(i64::from(filter.limit) + 1)
    .fetch_all(c)
    .await
}
