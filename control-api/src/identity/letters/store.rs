//! Rows of `identity.letters`, each in the scope of its own id.

use contract::language::Language;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    CONFIRM_HOURS, INVITE_DAYS, Kind, LETTERS_A_DAY_MAX, New, RESET_MINUTES, TOLD_DAYS, VERDICT_DAYS,
    job::LEASE_SECS, text::Letter,
};
use crate::database::{Scope, enter};

/// Has it sent, once this unit of work is through; of letters that are over to the same address none is kept. The unit of work is in
/// the scope of the address.
pub(crate) async fn write(c: &mut PgConnection, new: &New) -> Result<(), sqlx::Error> {
    enter(c, Scope::Letter(new.id)).await?;
    sqlx::query(
        "delete from identity.letters where address = $1 and expires_at < now() and created_at < now() - interval '1 day'",
    )
    .bind(&new.address)
    .execute(&mut *c)
    .await?;
    let (kind, user, name, password_hash) = match &new.kind {
        Kind::Confirm { name, password_hash } => ("confirm", None, Some(name), Some(password_hash)),
        Kind::Known(user) => ("known", Some(*user), None, None),
        Kind::Reset(user) => ("reset", Some(*user), None, None),
        Kind::Invite { organisation, .. } => ("invite", None, Some(organisation), None),
        Kind::Judged { organisation, verdict } => (*verdict, None, Some(organisation), None),
        Kind::Told(action) => (*action, None, None, None),
        Kind::Nobody => ("nobody", None, None, None),
    };
    let minutes = match new.kind {
        Kind::Confirm { .. } => CONFIRM_HOURS * 60,
        Kind::Invite { .. } => INVITE_DAYS * 24 * 60,
        Kind::Judged { .. } => VERDICT_DAYS * 24 * 60,
        Kind::Told(_) => TOLD_DAYS * 24 * 60,
        Kind::Known(_) | Kind::Reset(_) | Kind::Nobody => RESET_MINUTES,
    };
    let (org, membership) = match new.kind {
        Kind::Invite { org, member, .. } => (Some(org.0), Some(member)),
        _ => (None, None),
    };
    sqlx::query(
        "insert into identity.letters
             (id, kind, address, language, user_id, name, password_hash, org_id, membership_id, expires_at,
              dropped_at, reason)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(mins => $10),
             case when why is not null then now() end, why
         from (select case when $2 = 'nobody' then 'nobody'
                           when not $12 and count(*) filter (where reason is distinct from 'too_many') >= $11 then 'too_many' end as why
               from identity.letters where address = $3 and created_at > now() - interval '1 day') judged",
    )
    .bind(new.id)
    .bind(kind)
    .bind(&new.address)
    .bind(new.language.as_str())
    .bind(user)
    .bind(name)
    .bind(password_hash)
    .bind(org)
    .bind(membership)
    .bind(minutes)
    .bind(LETTERS_A_DAY_MAX)
    .bind(matches!(new.kind, Kind::Told(_)))
    .execute(c)
    .await
    .map(drop)
}

/// Letters that are due, those that wait longest first.
pub(super) async fn due(c: &mut PgConnection, most: i32) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar("select identity.letters_due($1)").bind(most).fetch_all(c).await
}

/// Takes the letter, unless somebody else has, or its token would be over when it comes.
pub(super) async fn claim(c: &mut PgConnection, id: Uuid) -> Result<Option<Letter>, sqlx::Error> {
    let found: Option<(String, String, String, Option<String>, i32, bool)> = sqlx::query_as(
        "update identity.letters set attempts = attempts + 1, due_at = now() + $2 * interval '1 second'
         where id = $1 and sent_at is null and dropped_at is null and due_at <= now()
         returning kind, address, language, name, attempts, expires_at <= now() or used_at is not null",
    )
    .bind(id)
    .bind(LEASE_SECS)
    .fetch_optional(c)
    .await?;
    Ok(found.map(|(kind, address, language, name, attempts, is_over)| Letter {
        id,
        kind,
        address,
        language: Language::of(&language).unwrap_or_default(),
        name,
        attempts,
        is_over,
    }))
}

/// What has become of it: sent without a reason, tried again after `secs`, or given up.
pub(super) async fn settle(
    c: &mut PgConnection,
    id: Uuid,
    reason: Option<String>,
    secs: Option<i32>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update identity.letters set reason = $2, sent_at = case when $2::text is null then now() end,
             dropped_at = case when $2::text is not null and $3::int4 is null then now() end,
             due_at = now() + coalesce($3, 0) * interval '1 second'
         where id = $1 and sent_at is null and dropped_at is null",
    )
    .bind(id)
    .bind(reason)
    .bind(secs)
    .execute(c)
    .await
    .map(drop)
}

/// To what a letter invites.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Invited {
    pub(crate) org_id: Uuid,
    pub(crate) membership_id: Uuid,
    pub(crate) address: String,
}

/// To what the letter invites, while its token is good. The unit of work is in its scope.
pub(crate) async fn invited(c: &mut PgConnection, id: Uuid) -> Result<Option<Invited>, sqlx::Error> {
    sqlx::query_as(
        "select org_id, membership_id, address from identity.letters
         where id = $1 and kind = 'invite' and used_at is null and expires_at > now()",
    )
    .bind(id)
    .fetch_optional(c)
    .await
}

/// What a letter's token is good for.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Presented {
    pub(crate) kind: String,
    pub(crate) address: String,
    pub(crate) user_id: Option<Uuid>,
    pub(crate) name: Option<String>,
    pub(crate) password_hash: Option<String>,
}

/// Of the password that the registration in this letter was made with. The unit of work is in its scope.
pub(crate) async fn password_hash(c: &mut PgConnection, id: Uuid) -> Result<Option<String>, sqlx::Error> {
    let found: Option<Option<String>> =
        sqlx::query_scalar("select password_hash from identity.letters where id = $1")
            .bind(id)
            .fetch_optional(c)
            .await?;
    Ok(found.flatten())
}

/// The letter whose token was presented, which is good no more from now on; none when it was not before either. The unit of work is in
/// its scope.
pub(crate) async fn spend(c: &mut PgConnection, id: Uuid) -> Result<Option<Presented>, sqlx::Error> {
    sqlx::query_as(
        "update identity.letters set used_at = now()
         where id = $1 and used_at is null and expires_at > now()
         returning kind, address, user_id, name, password_hash",
    )
    .bind(id)
    .fetch_optional(c)
    .await
}

/// No other letter for another password of `user`'s is good any more. The unit of work is in that person's scope.
pub(crate) async fn spend_resets(c: &mut PgConnection, user: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update identity.letters set used_at = now() where user_id = $1 and kind = 'reset' and used_at is null",
    )
    .bind(user)
    .execute(c)
    .await
    .map(drop)
}
