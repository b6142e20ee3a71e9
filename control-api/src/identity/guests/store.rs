//! Rows of guests' sessions, and of guests.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    SESSION_HOURS,
    model::{Face, Session},
};
use crate::database::{Scope, enter};

macro_rules! sessions {
    ($rest:literal) => {
        concat!(
            "select s.id, s.org_id, s.user_id, u.name, s.expires_at, o.status = 'approved' as is_approved \
             from identity.guest_sessions s \
             join identity.users u on u.id = s.user_id and u.status = 'active' \
             join identity.organisations o on o.id = s.org_id \
             where s.ended_at is null and s.expires_at > now() and ",
            $rest
        )
    };
}

/// What guests see of an organisation, whose scope it is.
pub(super) async fn face(c: &mut PgConnection, org: OrgId) -> Result<Option<Face>, sqlx::Error> {
    sqlx::query_as(
        "select name, description, address, latitude::float8, longitude::float8, status = 'approved' as is_approved
         from identity.organisations where id = $1",
    )
    .bind(org.0)
    .fetch_optional(c)
    .await
}

/// A new guest of that name.
pub(in crate::identity) async fn add(
    c: &mut PgConnection,
    user: Uuid,
    name: &str,
) -> Result<(), sqlx::Error> {
    enter(c, Scope::Person(user)).await?;
    let made = sqlx::query("insert into identity.users (id, name) values ($1, $2)");
    made.bind(user).bind(name).execute(c).await.map(drop)
}

/// `user` is a guest of an organisation, whose scope it is, from now on.
pub(in crate::identity) async fn begin(
    c: &mut PgConnection,
    (org, session, user): (OrgId, Uuid, Uuid),
) -> Result<Option<Session>, sqlx::Error> {
    sqlx::query(
        "insert into identity.guest_sessions (id, org_id, user_id, expires_at)
         values ($1, $2, $3, now() + make_interval(hours => $4))",
    )
    .bind(session)
    .bind(org.0)
    .bind(user)
    .bind(SESSION_HOURS)
    .execute(&mut *c)
    .await?;
    sqlx::query_as(sessions!("s.id = $1")).bind(session).fetch_optional(c).await
}

/// `user`, whose scope it is, is a guest nowhere else any more.
pub(super) async fn leave_others(
    c: &mut PgConnection,
    (org, user): (OrgId, Uuid),
) -> Result<(), sqlx::Error> {
    let done = sqlx::query(
        "update identity.guest_sessions set ended_at = now() where user_id = $1 and org_id <> $2 and ended_at is null",
    );
    done.bind(user).bind(org.0).execute(c).await.map(drop)
}

/// The session that was presented, if it goes on, and it goes on for longer now.
pub(super) async fn used(c: &mut PgConnection, id: Uuid) -> Result<Option<Session>, sqlx::Error> {
    let org: Option<Uuid> = sqlx::query_scalar("select org_id from identity.guest_sessions where id = $1")
        .bind(id)
        .fetch_optional(&mut *c)
        .await?;
    let Some(org) = org else { return Ok(None) };
    enter(c, Scope::Organisation(OrgId(org))).await?;
    // To the minute: most requests only look.
    sqlx::query(
        "update identity.guest_sessions set used_at = now(), expires_at = now() + make_interval(hours => $2)
         where id = $1 and ended_at is null and expires_at > now() and used_at < now() - interval '1 minute'",
    )
    .bind(id)
    .bind(SESSION_HOURS)
    .execute(&mut *c)
    .await?;
    sqlx::query_as(sessions!("s.id = $1")).bind(id).fetch_optional(c).await
}

/// The guest has left.
pub(super) async fn end(c: &mut PgConnection, (org, id): (OrgId, Uuid)) -> Result<(), sqlx::Error> {
    let done =
        sqlx::query("update identity.guest_sessions set ended_at = now() where org_id = $1 and id = $2");
    done.bind(org.0).bind(id).execute(c).await.map(drop)
}
