//! Rows of webhooks, and of the jobs that are their deliveries.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    deliver::Target,
    model::{Order, Secret, Webhook, WebhookDelivery, WebhookDescription},
};
use crate::{
    database::one_at_a_time,
    http::{error::ApiError, page::Cursor},
};

/// Webhooks of an organisation.
const WEBHOOKS_MAX: i64 = 20;
/// How long a secret that has made way for another is still signed with.
const OVERLAP_HOURS: i32 = 24;
/// Deliveries to one webhook that wait.
const WAITING_MAX: i64 = 5_000;
/// A webhook that has taken nothing for so long is turned off.
const FAILING_DAYS_MAX: i32 = 5;
/// How long deliveries that were given up are kept: as long as their events.
const DEAD_KEPT_DAYS: i32 = 7;
/// The receiver says that it never wants anything again.
pub(super) const GONE: &str = "status_410";

macro_rules! webhooks {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " id, url, description, kinds, is_active, previous_expires_at, failing_since, disabled_at, disabled_reason, \
              created_at, updated_at, version ",
            $after
        )
    };
}

/// Whether the webhook `w` is to have the event `e`: it wants its kind, or is tested by it.
macro_rules! is_wanted {
    () => {
        "(e.kind = any (w.kinds) or split_part(e.kind, '.', 1) || '.*' = any (w.kinds) \
          or (e.kind = 'webhook.tested' and e.subject_id = w.id))"
    };
}

/// Up to `limit` + 1 webhooks, newest first.
pub(super) async fn list(
    c: &mut PgConnection,
    org: OrgId,
    (limit, after): (u16, Option<Cursor>),
) -> Result<Vec<Webhook>, sqlx::Error> {
    sqlx::query_as(webhooks!(
        "select",
        "from platform.webhooks
         where org_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))
         order by created_at desc, id desc limit $4"
    ))
    .bind(org.0)
    .bind(after.map(|cursor| cursor.at))
    .bind(after.map(|cursor| cursor.id))
    .bind(i64::from(limit) + 1)
    .fetch_all(c)
    .await
}

/// The webhook `id`.
pub(super) async fn one(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
) -> Result<Option<Webhook>, sqlx::Error> {
    let query = sqlx::query_as(webhooks!("select", "from platform.webhooks where org_id = $1 and id = $2"));
    query.bind(org.0).bind(id).fetch_optional(c).await
}

/// The webhook `id`, which nobody else changes until this unit of work ends, if it is still the version that the client has read, or
/// whatever version it is.
pub(super) async fn hold(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    version: Option<i32>,
) -> Result<Webhook, ApiError> {
    let query = sqlx::query_as(webhooks!(
        "select",
        "from platform.webhooks where org_id = $1 and id = $2 for update"
    ));
    let held: Option<Webhook> = query.bind(org.0).bind(id).fetch_optional(c).await?;
    match held {
        None => Err(ApiError::NotFound),
        Some(held) if version.is_some_and(|version| version != held.version) => Err(ApiError::Stale),
        Some(held) => Ok(held),
    }
}

pub(super) async fn insert(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    (new, secret): (&WebhookDescription, &Secret),
) -> Result<Webhook, ApiError> {
    one_at_a_time(c, org).await?;
    let made = sqlx::query_as(webhooks!(
        "insert into platform.webhooks (id, org_id, url, description, kinds, is_active, secret)
         select $2, $1, $3, $4, $5, $6, $7 where (select count(*) from platform.webhooks where org_id = $1) < $8
         returning",
        ""
    ))
    .bind(org.0)
    .bind(id)
    .bind(&new.url)
    .bind(&new.description)
    .bind(&new.kinds)
    .bind(new.is_active)
    .bind(secret.0.as_slice())
    .bind(WEBHOOKS_MAX)
    .fetch_optional(c)
    .await?;
    made.ok_or(ApiError::Conflict("there are too many webhooks: take one away first"))
}

/// Makes of a webhook what is `new`. One that is said to be active begins anew.
pub(super) async fn update(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    new: &WebhookDescription,
) -> Result<Webhook, sqlx::Error> {
    sqlx::query_as(webhooks!(
        "update platform.webhooks set url = $3, description = $4, kinds = $5, is_active = $6,
           disabled_at = case when not $6 then disabled_at end,
           disabled_reason = case when not $6 then disabled_reason end,
           failing_since = case when not $6 then failing_since end
         where org_id = $1 and id = $2 returning",
        ""
    ))
    .bind(org.0)
    .bind(id)
    .bind(&new.url)
    .bind(&new.description)
    .bind(&new.kinds)
    .bind(new.is_active)
    .fetch_one(c)
    .await
}

/// Signs with `secret` from now on, and with the one before for [`OVERLAP_HOURS`].
pub(super) async fn rotate(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    secret: &Secret,
) -> Result<Webhook, sqlx::Error> {
    sqlx::query_as(webhooks!(
        "update platform.webhooks
         set secret = $3, previous_secret = secret, previous_expires_at = now() + make_interval(hours => $4)
         where org_id = $1 and id = $2 returning",
        ""
    ))
    .bind(org.0)
    .bind(id)
    .bind(secret.0.as_slice())
    .bind(OVERLAP_HOURS)
    .fetch_one(c)
    .await
}

pub(super) async fn delete(c: &mut PgConnection, (org, id): (OrgId, Uuid)) -> Result<(), sqlx::Error> {
    let query = sqlx::query("delete from platform.webhooks where org_id = $1 and id = $2");
    query.bind(org.0).bind(id).execute(c).await.map(drop)
}

/// Before the webhook is held: whoever settles a delivery takes both in this order.
pub(super) async fn delete_deliveries(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
) -> Result<(), sqlx::Error> {
    let query = sqlx::query("delete from platform.jobs where org_id = $1 and webhook_id = $2");
    query.bind(org.0).bind(id).execute(c).await.map(drop)
}

/// Up to `limit` + 1 deliveries to a webhook, newest first.
pub(super) async fn deliveries(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    (limit, after): (u16, Option<Cursor>),
) -> Result<Vec<WebhookDelivery>, sqlx::Error> {
    sqlx::query_as(
        "select id, (payload ->> 'seq')::bigint as seq, payload ->> 'kind' as kind, attempts, reason, created_at, due_at,
                case when done_at is not null then 'done' when dead_at is not null then 'dead' else 'waiting' end as state
         from platform.jobs
         where org_id = $1 and webhook_id = $2
           and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid))
         order by created_at desc, id desc limit $5",
    )
    .bind(org.0)
    .bind(id)
    .bind(after.map(|cursor| cursor.at))
    .bind(after.map(|cursor| cursor.id))
    .bind(i64::from(limit) + 1)
    .fetch_all(c)
    .await
}

/// Which webhook the delivery `id` goes to, as long as its event is kept.
pub(super) async fn webhook_of(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "select w.id from platform.jobs j
         join platform.webhooks w on w.org_id = j.org_id and w.id = j.webhook_id
         join platform.events e on e.org_id = j.org_id and e.seq = (j.payload ->> 'seq')::bigint
         where j.org_id = $1 and j.id = $2",
    )
    .bind(org.0)
    .bind(id)
    .fetch_optional(c)
    .await
}

/// A job for each event after number `seq` and each webhook that wants its kind or is tested by it, unless too many wait. That is counted
/// once for each of these webhooks, however much has happened: whoever publishes holds others up. It is asked for in the order of the
/// index, or the planner would read what waits for everybody.
pub(super) async fn order(c: &mut PgConnection, org: OrgId, seq: i64) -> Result<(), sqlx::Error> {
    sqlx::query(concat!(
        "with wanted as materialized (
             select w.id as webhook_id, e.seq, e.kind
             from platform.events e join platform.webhooks w on w.org_id = e.org_id and w.is_active and ",
        is_wanted!(),
        "    where e.org_id = $1 and e.seq > $2),
         ready as materialized (
             select webhook_id from wanted group by webhook_id
             having (select count(*) from (
                         select from platform.jobs j
                         where j.org_id = $1 and j.webhook_id = wanted.webhook_id and j.done_at is null and j.dead_at is null
                         order by j.created_at limit $3) waiting) < $3)
         insert into platform.jobs (org_id, kind, key, payload)
         select $1, 'webhook.deliver', webhook_id || '/' || seq,
                jsonb_build_object('webhook_id', webhook_id, 'seq', seq, 'kind', kind)
         from wanted join ready using (webhook_id)",
    ))
    .bind(org.0)
    .bind(seq)
    .bind(WAITING_MAX)
    .execute(c)
    .await
    .map(drop)
}

/// Where a delivery goes, whether it does, and what it is signed with.
pub(super) async fn target(
    c: &mut PgConnection,
    org: OrgId,
    order: &Order,
) -> Result<Option<Target>, sqlx::Error> {
    sqlx::query_as(concat!(
        "select w.url, w.is_active,
                array[w.secret] || case when w.previous_expires_at > now() then array[w.previous_secret] else '{}' end as secrets, ",
        is_wanted!(),
        " as is_wanted
         from platform.webhooks w join platform.events e on e.org_id = w.org_id and e.seq = $3
         where w.org_id = $1 and w.id = $2",
    ))
    .bind(org.0)
    .bind(order.webhook_id)
    .bind(order.seq)
    .fetch_optional(c)
    .await
}

/// Forgets deliveries to this one that were given up long ago, and so were made before that; what was taken is forgotten as any job that is done.
pub(super) async fn forget(c: &mut PgConnection, (org, id): (OrgId, Uuid)) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from platform.jobs where org_id = $1 and id in (
             select id from platform.jobs
             where org_id = $1 and webhook_id = $2
               and created_at < now() - make_interval(days => $3) and dead_at < now() - make_interval(days => $3)
             for update skip locked)",
    )
    .bind(org.0)
    .bind(id)
    .bind(DEAD_KEPT_DAYS)
    .execute(c)
    .await
    .map(drop)
}

/// Writes down what came of an attempt, nothing or a `reason`; the webhook, if it is turned off by that.
pub(super) async fn settle(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    reason: Option<&str>,
) -> Result<Option<Webhook>, sqlx::Error> {
    sqlx::query(
        "update platform.webhooks set failing_since = case when $3 then now() end
         where org_id = $1 and id = $2 and is_active and (failing_since is null) = $3",
    )
    .bind(org.0)
    .bind(id)
    .bind(reason.is_some())
    .execute(&mut *c)
    .await?;
    let Some(reason) = reason else { return Ok(None) };
    sqlx::query_as(webhooks!(
        "update platform.webhooks w set is_active = false, disabled_at = now(), disabled_reason = why.reason
         from (select case when $3 then 'gone'
                           when failing_since < now() - make_interval(days => $4) then 'failing'
                           when (select count(*) from (
                                     select from platform.jobs
                                     where org_id = $1 and webhook_id = $2 and done_at is null and dead_at is null
                                     order by created_at limit $5) waiting) >= $5 then 'overflow' end as reason
               from platform.webhooks where org_id = $1 and id = $2) why
         where w.org_id = $1 and w.id = $2 and w.is_active and why.reason is not null
         returning",
        ""
    ))
    .bind(org.0)
    .bind(id)
    .bind(reason == GONE)
    .bind(FAILING_DAYS_MAX)
    .bind(WAITING_MAX)
    .fetch_optional(c)
    .await
}
