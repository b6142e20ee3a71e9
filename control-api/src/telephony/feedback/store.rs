//! Rows of feedback, and the calls of a guest that it can be about.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{By, Description, Feedback, GuestCall};
use crate::http::page::Cursor;

macro_rules! feedback {
    ($rest:literal) => {
        concat!(
            "select id, call_id, kind, ref_id, score, text, created_at, updated_at from telephony.call_feedback \
             where org_id = $1 and ",
            $rest
        )
    };
}

/// Up to `limit` + 1, newest first.
pub(super) async fn list(
    c: &mut PgConnection,
    org: OrgId,
    (limit, after): (u16, Option<Cursor>),
) -> Result<Vec<Feedback>, sqlx::Error> {
    sqlx::query_as(feedback!(
        "($2::timestamptz is null or (created_at, id) < ($2, $3::uuid)) order by created_at desc, id desc limit $4"
    ))
    .bind(org.0)
    .bind(after.map(|cursor| cursor.at))
    .bind(after.map(|cursor| cursor.id))
    .bind(i64::from(limit) + 1)
    .fetch_all(c)
    .await
}

/// What was said of a call, in the order in which it was said first.
pub(in crate::telephony) async fn of_call(
    c: &mut PgConnection,
    (org, call): (OrgId, Uuid),
) -> Result<Vec<Feedback>, sqlx::Error> {
    sqlx::query_as(feedback!("call_id = $2 order by created_at, id"))
        .bind(org.0)
        .bind(call)
        .fetch_all(c)
        .await
}

/// What they say of it from now on; `None`: they took no part.
pub(super) async fn put(
    c: &mut PgConnection,
    (org, call, id): (OrgId, Uuid, Uuid),
    by: By,
    said: &Description,
) -> Result<Option<Feedback>, sqlx::Error> {
    let (kind, who) = by.row();
    sqlx::query_as(
        "insert into telephony.call_feedback as f (org_id, call_id, id, kind, ref_id, score, text)
         select $1, $2, $3, $4, $5, $6, $7
         where exists (select from telephony.call_participants p
                       where p.org_id = $1 and p.call_id = $2 and p.kind = $4 and p.ref_id = $5)
         on conflict (call_id, kind, ref_id) do update set score = excluded.score, text = excluded.text
         returning id, call_id, kind, ref_id, score, text, created_at, updated_at",
    )
    .bind(org.0)
    .bind(call)
    .bind(id)
    .bind(kind)
    .bind(who)
    .bind(said.score)
    .bind(&said.text)
    .fetch_optional(c)
    .await
}

/// Up to `limit` + 1 of a guest's own calls, newest first.
pub(super) async fn calls_of(
    c: &mut PgConnection,
    (org, guest): (OrgId, Uuid),
    (limit, after): (u16, Option<Cursor>),
) -> Result<Vec<GuestCall>, sqlx::Error> {
    sqlx::query_as(
        "select k.id, k.dialled, k.created_at, f.score, f.text,
                (select max(e.created_at) from telephony.call_events e
                 where e.org_id = $1 and e.call_id = k.id and e.event_type = 'ended') as ended_at
         from telephony.calls k
         left join telephony.call_feedback f
             on f.org_id = k.org_id and f.call_id = k.id and f.kind = 'guest' and f.ref_id = $2
         where k.org_id = $1
           and k.id in (select p.call_id from telephony.call_participants p
                        where p.org_id = $1 and p.kind = 'guest' and p.ref_id = $2)
           and ($3::timestamptz is null or (k.created_at, k.id) < ($3, $4::uuid))
         order by k.created_at desc, k.id desc limit $5",
    )
    .bind(org.0)
    .bind(guest)
    .bind(after.map(|cursor| cursor.at))
    .bind(after.map(|cursor| cursor.id))
    .bind(i64::from(limit) + 1)
    .fetch_all(c)
    .await
}
