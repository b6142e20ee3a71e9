//! Rows of people as they sign in, and of where they are signed in. Each unit of work is in the scope of one person, or of what
//! somebody says they are called.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    begin::Wish,
    model::{CODE_MINUTES, Known, Membership, PersonView, Place, SIGN_IN_DAYS, SIGN_INS_MAX, Standing},
};
use crate::database::{Scope, enter, enter_login};

/// Whose password proves that they are called `login`, and its hash.
pub(super) async fn password_of(
    c: &mut PgConnection,
    login: String,
) -> Result<Option<(Uuid, String)>, sqlx::Error> {
    enter_login(c, &login).await?;
    sqlx::query_as(
        "select m.user_id, m.password_hash from identity.auth_methods m
         join identity.users u on u.id = m.user_id
         where m.provider = 'password' and m.provider_user_id = $1
           and u.status = 'active' and u.email_verified_at is not null",
    )
    .bind(login)
    .fetch_optional(c)
    .await
}

/// Whether that is still the hash of the password of `user`, whose scope it is: it may have been set anew while it was compared. Nobody
/// sets another one until this unit of work ends.
pub(in crate::identity) async fn has_password(
    c: &mut PgConnection,
    user: Uuid,
    hash: &str,
) -> Result<bool, sqlx::Error> {
    let held = sqlx::query(
        "select from identity.auth_methods
         where user_id = $1 and provider = 'password' and password_hash = $2 for share",
    );
    Ok(held.bind(user).bind(hash).fetch_optional(c).await?.is_some())
}

/// What `user`, whose scope it is, is called with a password, and its hash.
pub(in crate::identity) async fn account(
    c: &mut PgConnection,
    user: Uuid,
) -> Result<Option<(String, String)>, sqlx::Error> {
    let query = sqlx::query_as(
        "select provider_user_id, password_hash from identity.auth_methods
         where user_id = $1 and provider = 'password'",
    );
    query.bind(user).fetch_optional(c).await
}

/// The person `user`, whose scope it is.
pub(super) async fn known(c: &mut PgConnection, user: Uuid) -> Result<Option<Known>, sqlx::Error> {
    type Row = (Option<String>, Option<String>, String, bool, i32);
    let found: Option<Row> = sqlx::query_as(
        "select name, email, platform_role, status = 'active', token_epoch from identity.users where id = $1",
    )
    .bind(user)
    .fetch_optional(&mut *c)
    .await?;
    let Some((name, email, platform_role, is_active, epoch)) = found else { return Ok(None) };
    let memberships: Vec<Membership> = sqlx::query_as(
        "select m.org_id, o.name, o.status, o.reason, o.status = 'approved' as is_approved, m.role, m.granted, m.withheld, m.token_epoch
         from identity.memberships m join identity.organisations o on o.id = m.org_id
         where m.user_id = $1 and m.status = 'active' and m.removed_at is null
         order by m.created_at, m.id",
    )
    .bind(user)
    .fetch_all(c)
    .await?;
    let person = PersonView { id: user, name, email, platform_role };
    Ok(Some(Known { person, is_active, epoch, memberships }))
}

/// A new place where `user` is signed in, acting in `org`; unless it `awaits_code`: then it is none yet.
pub(super) async fn add(
    c: &mut PgConnection,
    (user, id): (Uuid, Uuid),
    (org, awaits_code): (Option<Uuid>, bool),
    wish: &Wish,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from identity.sign_ins
         where user_id = $1 and (awaits_code and expires_at < now()
             or least(expires_at, revoked_at) < now() - make_interval(days => $2))",
    )
    .bind(user)
    .bind(SIGN_IN_DAYS)
    .execute(&mut *c)
    .await?;
    sqlx::query(
        "insert into identity.sign_ins (id, user_id, org_id, user_agent, provider, awaits_code, expires_at)
         values ($1, $2, $3, $4, $5, true, now() + make_interval(mins => $6))",
    )
    .bind(id)
    .bind(user)
    .bind(org)
    .bind(wish.user_agent.as_deref())
    .bind(wish.method.as_str())
    .bind(CODE_MINUTES)
    .execute(&mut *c)
    .await?;
    if awaits_code { Ok(()) } else { complete(c, (user, id)).await }
}

/// It is proven whose sign-in it is: it is a place from now on. Of too many, the one used least lately ends.
pub(super) async fn complete(c: &mut PgConnection, (user, id): (Uuid, Uuid)) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update identity.sign_ins set revoked_at = now(), revoked_for = 'too_many'
         where user_id = $1 and revoked_at is null and id in (
             select id from identity.sign_ins
             where user_id = $1 and revoked_at is null and expires_at > now() and not awaits_code
             order by used_at desc, id desc offset $2)",
    )
    .bind(user)
    .bind(SIGN_INS_MAX - 1)
    .execute(&mut *c)
    .await?;
    sqlx::query(
        "update identity.sign_ins set awaits_code = false, used_at = now(),
             expires_at = now() + make_interval(days => $2) where id = $1",
    )
    .bind(id)
    .bind(SIGN_IN_DAYS)
    .execute(&mut *c)
    .await?;
    sqlx::query(
        "update identity.auth_methods m set last_login_at = now()
         from identity.sign_ins s where s.id = $2 and m.user_id = $1 and m.provider = s.provider",
    )
    .bind(user)
    .bind(id)
    .execute(c)
    .await
    .map(drop)
}

/// The organisation that a sign-in is to act in which waits for a code; nobody else completes it until this unit of work ends.
pub(super) async fn hold_waiting(
    c: &mut PgConnection,
    sign_in: Uuid,
) -> Result<Option<Option<Uuid>>, sqlx::Error> {
    sqlx::query_scalar(
        "select org_id from identity.sign_ins
         where id = $1 and awaits_code and revoked_at is null and expires_at > now() for update",
    )
    .bind(sign_in)
    .fetch_optional(c)
    .await
}

/// Whose sign-in it is; from here on the unit of work is in that person's scope.
pub(super) async fn whose(c: &mut PgConnection, sign_in: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    enter(c, Scope::SignIn(sign_in)).await?;
    let user: Option<Uuid> = sqlx::query_scalar("select user_id from identity.sign_ins where id = $1")
        .bind(sign_in)
        .fetch_optional(&mut *c)
        .await?;
    if let Some(user) = user {
        enter(c, Scope::Person(user)).await?;
    }
    Ok(user)
}

/// The number of the refresh token that is good, and the organisation it acts in; nobody else refreshes until this unit of work
/// ends.
pub(super) async fn hold(
    c: &mut PgConnection,
    sign_in: Uuid,
) -> Result<Option<(i32, Option<Uuid>)>, sqlx::Error> {
    sqlx::query_as(
        "select refresh_no, org_id from identity.sign_ins
         where id = $1 and not awaits_code and revoked_at is null and expires_at > now() for update",
    )
    .bind(sign_in)
    .fetch_optional(c)
    .await
}

/// The next refresh token is the good one from now on.
pub(super) async fn refreshed(
    c: &mut PgConnection,
    sign_in: Uuid,
    org: Option<Uuid>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update identity.sign_ins set refresh_no = refresh_no + 1, org_id = $2, used_at = now() where id = $1",
    )
    .bind(sign_in)
    .bind(org)
    .execute(c)
    .await
    .map(drop)
}

/// Ends those of `user`'s that are `sign_in`, or all; how many.
pub(super) async fn revoke(
    c: &mut PgConnection,
    user: Uuid,
    sign_in: Option<Uuid>,
    why: &'static str,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "update identity.sign_ins set revoked_at = now(), revoked_for = $3
         where user_id = $1 and ($2::uuid is null or id = $2) and revoked_at is null and expires_at > now()",
    )
    .bind(user)
    .bind(sign_in)
    .bind(why)
    .execute(c)
    .await?;
    Ok(done.rows_affected())
}

/// Where `user` is signed in, the one used last first.
pub(super) async fn list(c: &mut PgConnection, user: Uuid, current: Uuid) -> Result<Vec<Place>, sqlx::Error> {
    sqlx::query_as(
        "select id, org_id as organisation, provider as method, user_agent, created_at, used_at, expires_at, id = $2 as is_current
         from identity.sign_ins where user_id = $1 and not awaits_code and revoked_at is null and expires_at > now()
         order by used_at desc, id desc",
    )
    .bind(user)
    .bind(current)
    .fetch_all(c)
    .await
}

/// How `user`'s sign-in stands; none when it is revoked or over, or they may not sign in.
pub(super) async fn standing(
    c: &mut PgConnection,
    user: Uuid,
    sign_in: Uuid,
) -> Result<Option<Standing>, sqlx::Error> {
    sqlx::query_as(
        "select s.org_id, u.platform_role = 'super_admin' as is_staff, u.token_epoch as person_epoch, m.token_epoch as member_epoch,
                coalesce(m.status = 'active' and m.removed_at is null and o.status = 'approved', false) as is_open,
                m.role, m.granted, m.withheld
         from identity.sign_ins s
         join identity.users u on u.id = s.user_id
         left join identity.memberships m on m.user_id = s.user_id and m.org_id = s.org_id
         left join identity.organisations o on o.id = s.org_id
         where s.id = $1 and s.user_id = $2 and not s.awaits_code and s.revoked_at is null and s.expires_at > now()
           and u.status = 'active'",
    )
    .bind(sign_in)
    .bind(user)
    .fetch_optional(c)
    .await
}
