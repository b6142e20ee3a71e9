//! Rows of `platform.jobs`. For which organisations there is something to do is asked without a scope; everything else under the
//! scope of one.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    New,
    model::{Filter, Job},
    runner::{Claimed, KEPT_DAYS, LEASE_SECS, ORGANISATIONS_MAX, Outcome},
};

macro_rules! jobs {
    ($rest:literal) => {
        concat!(
            "select id, kind, key, attempts, reason, created_at, due_at, \
                    case when done_at is not null then 'done' when dead_at is not null then 'dead' else 'waiting' end as state \
             from platform.jobs ",
            $rest
        )
    };
}

pub(super) async fn insert(c: &mut PgConnection, org: OrgId, new: &New) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "insert into platform.jobs (org_id, kind, key, payload) values ($1, $2, $3, $4)
         on conflict (org_id, kind, key) do nothing",
    )
    .bind(org.0)
    .bind(new.kind)
    .bind(&new.key)
    .bind(&new.payload)
    .execute(c)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Up to `filter.limit` + 1 jobs, newest first.
pub(super) async fn list(c: &mut PgConnection, org: OrgId, filter: Filter) -> Result<Vec<Job>, sqlx::Error> {
    sqlx::query_as(jobs!(
        "where org_id = $1 and ($2::text is null or kind = $2) \
           and ($3::text is null or $3 = case when done_at is not null then 'done' when dead_at is not null then 'dead' \
                                              else 'waiting' end) \
           and ($4::timestamptz is null or (created_at, id) < ($4, $5::uuid)) \
         order by created_at desc, id desc limit $6"
    ))
    .bind(org.0)
    .bind(filter.kind)
    .bind(filter.state)
    .bind(filter.after.map(|cursor| cursor.at))
    .bind(filter.after.map(|cursor| cursor.id))
    .bind(i64::from(filter.limit) + 1)
    .fetch_all(c)
    .await
}

/// The job `id`, which nobody else changes until this unit of work ends.
pub(in crate::platform) async fn hold(
    c: &mut PgConnection,
    org: OrgId,
    id: Uuid,
) -> Result<Option<Job>, sqlx::Error> {
    sqlx::query_as(jobs!("where org_id = $1 and id = $2 for update"))
        .bind(org.0)
        .bind(id)
        .fetch_optional(c)
        .await
}

/// Begins one anew that is dead or done.
pub(in crate::platform) async fn revive(
    c: &mut PgConnection,
    org: OrgId,
    id: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update platform.jobs set dead_at = null, done_at = null, reason = null, attempts = 0, due_at = now() where org_id = $1 and id = $2",
    )
    .bind(org.0)
    .bind(id)
    .execute(&mut *c)
    .await?;
    sqlx::query("select pg_notify('platform_jobs', '')").execute(c).await.map(drop)
}

/// Organisations with jobs of these kinds that are due, those that wait longest first.
pub(super) async fn due(c: &mut PgConnection, kinds: Vec<&'static str>) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar("select platform.organisations_with_jobs_due($1, $2)")
        .bind(kinds)
        .bind(ORGANISATIONS_MAX)
        .fetch_all(c)
        .await
}

/// Takes the job that has been due for longest and that nobody else has taken.
pub(super) async fn claim(
    c: &mut PgConnection,
    org: OrgId,
    kinds: Vec<&'static str>,
) -> Result<Option<Claimed>, sqlx::Error> {
    sqlx::query_as(
        "update platform.jobs j
         set attempts = j.attempts + 1, due_at = now() + $3 * interval '1 second'
         from (select id from platform.jobs
               where org_id = $1 and kind = any ($2) and done_at is null and dead_at is null and due_at <= now()
               order by due_at, id limit 1 for update skip locked) due
         where j.org_id = $1 and j.id = due.id
         returning j.org_id, j.id, j.kind, j.key, j.payload, j.attempts",
    )
    .bind(org.0)
    .bind(kinds)
    .bind(LEASE_SECS)
    .fetch_optional(c)
    .await
}

/// Says what has become of an attempt; `false`: somebody else has made another one meanwhile, and this one counts for nothing.
pub(super) async fn settle(
    c: &mut PgConnection,
    job: &Claimed,
    outcome: &Outcome,
    pause_secs: Option<i32>,
) -> Result<bool, sqlx::Error> {
    let settled = sqlx::query(
        "update platform.jobs set reason = $4, done_at = case when $5 then now() end,
           dead_at = case when not $5 and $6::int4 is null then now() end,
           due_at = now() + coalesce($6, 0) * interval '1 second'
         where org_id = $1 and id = $2 and attempts = $3 and done_at is null and dead_at is null",
    )
    .bind(job.org.0)
    .bind(job.id)
    .bind(job.attempts)
    .bind(outcome.reason())
    .bind(*outcome == Outcome::Done)
    .bind(pause_secs)
    .execute(&mut *c)
    .await?;
    if *outcome == Outcome::Done {
        sqlx::query(
            "delete from platform.jobs where org_id = $1 and done_at < now() - make_interval(days => $2)",
        )
        .bind(job.org.0)
        .bind(KEPT_DAYS)
        .execute(c)
        .await?;
    }
    Ok(settled.rows_affected() == 1)
}
