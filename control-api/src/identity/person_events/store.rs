//! Rows of `identity.person_events`, in the scope of their person or of one of the platform's staff.

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::PersonEvent;
use crate::http::page::Cursor;

/// One more of `user`, by `actor`.
pub(super) async fn add(
    c: &mut PgConnection,
    id: Uuid,
    (user, actor): (Uuid, Uuid),
    (action, reason): (&str, Option<&str>),
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "insert into identity.person_events (id, user_id, action, actor_id, reason) values ($1, $2, $3, $4, $5)",
    );
    query.bind(id).bind(user).bind(action).bind(actor).bind(reason).execute(c).await.map(drop)
}

/// Up to `limit` + 1 of `user`, newest first.
pub(super) async fn list(
    c: &mut PgConnection,
    user: Uuid,
    (limit, after): (u16, Option<Cursor>),
) -> Result<Vec<PersonEvent>, sqlx::Error> {
    sqlx::query_as(
        "select id, action, actor_id, reason, created_at from identity.person_events
         where user_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))
         order by created_at desc, id desc limit $4",
    )
    .bind(user)
    .bind(after.map(|cursor| cursor.at))
    .bind(after.map(|cursor| cursor.id))
    .bind(i64::from(limit) + 1)
    .fetch_all(c)
    .await
}

/// Where letters to `user` go.
pub(super) async fn address(c: &mut PgConnection, user: Uuid) -> Result<Option<String>, sqlx::Error> {
    let found: Option<Option<String>> = sqlx::query_scalar("select email from identity.users where id = $1")
        .bind(user)
        .fetch_optional(c)
        .await?;
    Ok(found.flatten())
}
