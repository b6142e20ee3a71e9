//! Rows of `platform.events`, and their numbers.

use std::collections::BTreeSet;

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{New, model::Event};
use crate::instant::Instant;

/// How long events are kept.
pub(super) const KEPT_DAYS: i32 = 7;

/// Adds these with the numbers that follow the one that it returns. The row of the latest number is held until the transaction ends.
pub(super) async fn append(
    c: &mut PgConnection,
    org: OrgId,
    news: &[New],
) -> Result<Option<i64>, sqlx::Error> {
    let many = i64::try_from(news.len()).unwrap_or(i64::MAX);
    let head: Option<i64> = sqlx::query_scalar(
        "insert into platform.event_heads as head (org_id, seq)
         select id, $2 from identity.organisations where id = $1
         on conflict (org_id) do update set seq = head.seq + excluded.seq
         returning seq",
    )
    .bind(org.0)
    .bind(many)
    .fetch_optional(&mut *c)
    .await?;
    // An organisation that is there no more has nobody to follow it.
    let Some(head) = head else { return Ok(None) };
    for (new, before_last) in news.iter().zip((0..news.len()).rev()) {
        sqlx::query(
            "insert into platform.events (org_id, seq, kind, subject_id, occurred_at, data, audience)
             values ($1, $2, $3, $4, coalesce($5, clock_timestamp()), $6, $7)",
        )
        .bind(org.0)
        .bind(head.saturating_sub(i64::try_from(before_last).unwrap_or(i64::MAX)))
        .bind(&new.kind)
        .bind(new.subject)
        .bind(new.at.and_then(|at| Instant::from_micros(at.0)))
        .bind(&new.data)
        .bind(&new.audience)
        .execute(&mut *c)
        .await?;
    }
    sqlx::query(
        "delete from platform.events where org_id = $1 and created_at < now() - make_interval(days => $2)",
    )
    .bind(org.0)
    .bind(KEPT_DAYS)
    .execute(c)
    .await?;
    Ok(Some(head.saturating_sub(many)))
}

/// The latest number, and the first that is kept, or would be the next.
pub(super) async fn ends(c: &mut PgConnection, org: OrgId) -> Result<(i64, i64), sqlx::Error> {
    let latest: Option<i64> = sqlx::query_scalar("select seq from platform.event_heads where org_id = $1")
        .bind(org.0)
        .fetch_optional(&mut *c)
        .await?;
    let latest = latest.unwrap_or(0);
    let first: Option<i64> =
        sqlx::query_scalar("select seq from platform.events where org_id = $1 order by seq limit 1")
            .bind(org.0)
            .fetch_optional(c)
            .await?;
    Ok((latest, first.unwrap_or(latest.saturating_add(1))))
}

/// Up to `most` events after number `after`, oldest first.
pub(super) async fn after(
    c: &mut PgConnection,
    org: OrgId,
    after: i64,
    most: i64,
) -> Result<Vec<Event>, sqlx::Error> {
    sqlx::query_as(
        "select seq, kind, subject_id, occurred_at, data, audience from platform.events
         where org_id = $1 and seq > $2 order by seq limit $3",
    )
    .bind(org.0)
    .bind(after)
    .bind(most)
    .fetch_all(c)
    .await
}

/// Extensions whose staff somebody is, and that one.
pub(super) async fn about(
    c: &mut PgConnection,
    org: OrgId,
    user: Uuid,
) -> Result<BTreeSet<Uuid>, sqlx::Error> {
    let query = sqlx::query_scalar(
        "select extension_id from telephony.extension_assigned_staffs where org_id = $1 and user_id = $2",
    );
    let extensions: Vec<Uuid> = query.bind(org.0).bind(user).fetch_all(c).await?;
    Ok(extensions.into_iter().chain([user]).collect())
}

/// Whom events about each of these were about: changes to one have no audience, and take nobody's away.
pub(super) async fn audiences(
    c: &mut PgConnection,
    org: OrgId,
    subjects: Vec<Uuid>,
) -> Result<Vec<(Uuid, Vec<Uuid>)>, sqlx::Error> {
    sqlx::query_as(
        "select subject_id, array_agg(distinct one) from platform.events cross join unnest(audience) one
         where org_id = $1 and subject_id = any ($2) group by subject_id",
    )
    .bind(org.0)
    .bind(subjects)
    .fetch_all(c)
    .await
}
