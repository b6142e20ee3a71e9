//! Rows of `identity.organisations`: in the scope of the organisation itself, or of one of the platform's staff.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Description, Filter, Note, Organisation, Status};
use crate::{
    database::one_at_a_time,
    http::{
        error::{ApiError, Broken, FieldError, broken},
        page::Cursor,
    },
};

macro_rules! organisations {
    ($rest:literal) => {
        concat!(
            "select o.id, o.name, o.description, o.address, o.latitude::float8, o.longitude::float8, o.contact_name, \
               o.contact_phone, o.primary_did, o.language, o.status, o.reason, o.suspended_from, o.is_suspended_with_owner, o.created_by, o.created_at, \
               o.updated_at, o.version, \
               (select count(*) from identity.memberships m \
                where m.org_id = o.id and m.status = 'active' and m.removed_at is null) as total_members \
             from identity.organisations o ",
            $rest
        )
    };
}

/// Up to `filter.limit` + 1 of them, newest first.
pub(super) async fn list(c: &mut PgConnection, filter: Filter) -> Result<Vec<Organisation>, sqlx::Error> {
    sqlx::query_as(organisations!(
        "where ($1::text is null or o.status = $1) \
           and ($2::timestamptz is null or (o.created_at, o.id) < ($2, $3::uuid)) \
         order by o.created_at desc, o.id desc limit $4"
    ))
    .bind(filter.status.map(Status::as_str))
    .bind(filter.after.map(|cursor| cursor.at))
    .bind(filter.after.map(|cursor| cursor.id))
    .bind(i64::from(filter.limit) + 1)
    .fetch_all(c)
    .await
}

/// The one called `id`.
pub(in crate::identity) async fn one(c: &mut PgConnection, id: Uuid) -> Result<Organisation, ApiError> {
    let found = sqlx::query_as(organisations!("where o.id = $1")).bind(id).fetch_optional(c).await?;
    found.ok_or(ApiError::NotFound)
}

/// The unit of work's own, if it is still the version that the client has read; nobody else changes it meanwhile.
pub(super) async fn hold(c: &mut PgConnection, org: OrgId, version: i32) -> Result<Organisation, ApiError> {
    one_at_a_time(c, org).await?;
    let held = one(c, org.0).await?;
    if held.version == version { Ok(held) } else { Err(ApiError::Stale) }
}

/// A new one, which waits to be reviewed, and its owner.
pub(super) async fn add(
    c: &mut PgConnection,
    (org, member, user): (OrgId, Uuid, Uuid),
    new: &Description,
) -> Result<(), ApiError> {
    let made = sqlx::query(
        "insert into identity.organisations (name, description, address, latitude, longitude, contact_name,
             contact_phone, primary_did, language, id, created_by)
         values ($1, $2, $3, $4::float8, $5::float8, $6, $7, $8, $9, $10, $11)",
    );
    let made = described(made, new).bind(org.0).bind(user).execute(&mut *c).await;
    made.map_err(|error| broken(error, CONSTRAINTS))?;
    sqlx::query(
        "insert into identity.memberships (id, org_id, user_id, email, role, status)
         select $1, $2, u.id, u.email, 'owner', 'active' from identity.users u where u.id = $3",
    )
    .bind(member)
    .bind(org.0)
    .bind(user)
    .execute(c)
    .await?;
    Ok(())
}

/// Makes of it what is described.
pub(super) async fn update(c: &mut PgConnection, org: OrgId, new: &Description) -> Result<(), ApiError> {
    let done = sqlx::query(
        "update identity.organisations set name = $1, description = $2, address = $3, latitude = $4::float8,
             longitude = $5::float8, contact_name = $6, contact_phone = $7, primary_did = $8, language = $9 where id = $10",
    );
    let done = described(done, new).bind(org.0).execute(c).await;
    done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}

type Statement<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

fn described<'q>(statement: Statement<'q>, new: &'q Description) -> Statement<'q> {
    statement
        .bind(&new.name)
        .bind(&new.description)
        .bind(&new.address)
        .bind(new.latitude)
        .bind(new.longitude)
        .bind(&new.contact_name)
        .bind(&new.contact_phone)
        .bind(&new.primary_did)
        .bind(new.language.as_str())
}

/// How many of `user`'s, whose scope it is, wait to be reviewed.
pub(super) async fn waiting(c: &mut PgConnection, user: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "select count(*) from identity.organisations where created_by = $1 and status = 'pending'",
    )
    .bind(user)
    .fetch_one(c)
    .await
}

/// It stands so from now on, by one of the staff, whose scope it is.
pub(super) async fn judge(
    c: &mut PgConnection,
    old: &Organisation,
    status: Status,
    reason: Option<&str>,
) -> Result<(), ApiError> {
    let done: bool = sqlx::query_scalar("select identity.judge_organisation($1, $2, $3, $4)")
        .bind(old.id)
        .bind(old.version)
        .bind(status.as_str())
        .bind(reason)
        .fetch_one(c)
        .await?;
    if done { Ok(()) } else { Err(ApiError::Conflict("somebody else has just changed it")) }
}

/// What the database says when settings do not fit those of others.
const CONSTRAINTS: &[Broken] = &[
    Broken::unknown("organisation_settings_sip_domain_key", "sip_domain", "is another organisation's"),
    Broken::unknown(
        "organisations_primary_did_fkey",
        "primary_did",
        "is none of the organisation's numbers outside",
    ),
];

/// It has settings for its calls (H-043): those that it had, or fresh ones with the domain.
pub(super) async fn settle(c: &mut PgConnection, org: OrgId, domain: Option<&str>) -> Result<(), ApiError> {
    let made = sqlx::query(
        "insert into telephony.organisation_settings (org_id, sip_domain) select $1, $2 where $2::text is not null
         on conflict (org_id) do nothing",
    );
    let made = made.bind(org.0).bind(domain).execute(&mut *c).await;
    made.map_err(|error| broken(error, CONSTRAINTS))?;
    let has: bool =
        sqlx::query_scalar("select exists (select from telephony.organisation_settings where org_id = $1)")
            .bind(org.0)
            .fetch_one(c)
            .await?;
    let missing = || FieldError::new("sip_domain", "must be there: the organisation has no settings yet");
    if has { Ok(()) } else { Err(ApiError::Unprocessable(vec![missing()])) }
}

/// The addresses of those whose organisation it is.
pub(super) async fn owners(c: &mut PgConnection, org: OrgId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "select email from identity.memberships
         where org_id = $1 and role = 'owner' and status = 'active' and removed_at is null order by email",
    )
    .bind(org.0)
    .fetch_all(c)
    .await
}

/// Up to `limit` + 1 notes about an organisation, newest first, for one of the staff, whose scope it is.
pub(super) async fn notes(
    c: &mut PgConnection,
    org: Uuid,
    (limit, after): (u16, Option<Cursor>),
) -> Result<Vec<Note>, sqlx::Error> {
    sqlx::query_as(
        "select id, text, written_by, created_at from identity.organisation_notes
         where org_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))
         order by created_at desc, id desc limit $4",
    )
    .bind(org)
    .bind(after.map(|cursor| cursor.at))
    .bind(after.map(|cursor| cursor.id))
    .bind(i64::from(limit) + 1)
    .fetch_all(c)
    .await
}

/// One more note, of one of the staff, whose scope it is.
pub(super) async fn add_note(
    c: &mut PgConnection,
    (org, id, writer): (Uuid, Uuid, Uuid),
    text: &str,
) -> Result<Note, sqlx::Error> {
    sqlx::query_as(
        "insert into identity.organisation_notes (id, org_id, text, written_by) values ($1, $2, $3, $4)
         returning id, text, written_by, created_at",
    )
    .bind(id)
    .bind(org)
    .bind(text)
    .bind(writer)
    .fetch_one(c)
    .await
}
