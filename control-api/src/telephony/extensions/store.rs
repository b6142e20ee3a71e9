//! Rows of extensions, of their numbers and of who belongs to them.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Description, Extension, Filter};
use crate::http::error::{ApiError, Broken, broken, referred};

macro_rules! extensions {
    ($rest:literal) => {
        concat!(
            "select e.id, n.number, e.name, e.is_active, e.recording, e.takes_intercom, e.created_at, e.updated_at, \
                    e.version, \
                    array(select a.user_id from telephony.extension_assigned_staffs a \
                          where a.org_id = e.org_id and a.extension_id = e.id order by a.user_id) as staff, \
                    array(select s.user_id from telephony.extension_supervisors s \
                          where s.org_id = e.org_id and s.extension_id = e.id order by s.user_id) as supervisors \
             from telephony.extensions e \
             join telephony.numbers n on n.org_id = e.org_id and n.extension_id = e.id ",
            $rest
        )
    };
}

/// Up to `filter.limit` + 1 extensions, newest first.
pub(super) async fn list(
    c: &mut PgConnection,
    org: OrgId,
    filter: Filter,
) -> Result<Vec<Extension>, sqlx::Error> {
    sqlx::query_as(extensions!(
        "where e.org_id = $1 and ($2::text is null or n.number = $2) \
           and ($3::timestamptz is null or (e.created_at, e.id) < ($3, $4::uuid)) \
         order by e.created_at desc, e.id desc limit $5"
    ))
    .bind(org.0)
    .bind(filter.number)
    .bind(filter.after.map(|cursor| cursor.at))
    .bind(filter.after.map(|cursor| cursor.id))
    .bind(i64::from(filter.limit) + 1)
    .fetch_all(c)
    .await
}

/// The extension `id`.
pub(super) async fn one(
    c: &mut PgConnection,
    org: OrgId,
    id: Uuid,
) -> Result<Option<Extension>, sqlx::Error> {
    sqlx::query_as(extensions!("where e.org_id = $1 and e.id = $2"))
        .bind(org.0)
        .bind(id)
        .fetch_optional(c)
        .await
}

/// The extension `id`, which nobody else changes until this unit of work ends, if it is still the version that the client has read.
pub(super) async fn hold(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    version: i32,
) -> Result<Extension, ApiError> {
    let held: Option<i32> = sqlx::query_scalar(
        "select version from telephony.extensions where org_id = $1 and id = $2 for update",
    )
    .bind(org.0)
    .bind(id)
    .fetch_optional(&mut *c)
    .await?;
    match held {
        None => Err(ApiError::NotFound),
        Some(held) if held != version => Err(ApiError::Stale),
        Some(_) => one(c, org, id).await?.ok_or(ApiError::NotFound),
    }
}

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[
    Broken::taken("numbers_pkey", "the number is taken"),
    Broken::unknown("extension_assigned_staffs_staff_fkey", "staff", "names somebody who is no member"),
    Broken::unknown("extension_supervisors_staff_fkey", "supervisors", "names somebody who is no member"),
];

pub(super) async fn insert(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    new: &Description,
) -> Result<Extension, ApiError> {
    sqlx::query(
        "insert into telephony.extensions (id, org_id, name, is_active, recording, takes_intercom) \
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(org.0)
    .bind(&new.name)
    .bind(new.is_active)
    .bind(new.recording)
    .bind(new.takes_intercom)
    .execute(&mut *c)
    .await?;
    add_number(c, (org, id), &new.number).await?;
    put_people(c, (org, id), new).await?;
    one(c, org, id).await?.ok_or(ApiError::NotFound)
}

/// Makes of `old` what is `new`.
pub(super) async fn update(
    c: &mut PgConnection,
    org: OrgId,
    old: &Extension,
    new: &Description,
) -> Result<Extension, ApiError> {
    sqlx::query(
        "update telephony.extensions set name = $3, is_active = $4, recording = $5, takes_intercom = $6 \
         where org_id = $1 and id = $2",
    )
    .bind(org.0)
    .bind(old.id)
    .bind(&new.name)
    .bind(new.is_active)
    .bind(new.recording)
    .bind(new.takes_intercom)
    .execute(&mut *c)
    .await?;
    if old.number != new.number {
        run(c, "delete from telephony.numbers where org_id = $1 and extension_id = $2", (org, old.id))
            .await?;
        add_number(c, (org, old.id), &new.number).await?;
    }
    put_people(c, (org, old.id), new).await?;
    one(c, org, old.id).await?.ok_or(ApiError::NotFound)
}

/// Takes it away with its number, hours and rules. What has settings of its own is not taken away with it.
pub(super) async fn delete(c: &mut PgConnection, org: OrgId, id: Uuid) -> Result<(), ApiError> {
    let leads_on: bool = sqlx::query_scalar(
        "select exists (select from telephony.queues where org_id = $1 and extension_id = $2) \
             or exists (select from telephony.menus where org_id = $1 and extension_id = $2) \
             or exists (select from telephony.conferences where org_id = $1 and extension_id = $2) \
             or exists (select from telephony.page_groups where org_id = $1 and extension_id = $2)",
    )
    .bind(org.0)
    .bind(id)
    .fetch_one(&mut *c)
    .await?;
    if leads_on {
        return Err(ApiError::Conflict(
            "its queue, menu, conference or page group has to be taken away first",
        ));
    }
    run(c, "delete from telephony.extensions where org_id = $1 and id = $2", (org, id)).await
}

async fn run(c: &mut PgConnection, query: &'static str, (org, id): (OrgId, Uuid)) -> Result<(), ApiError> {
    sqlx::query(query).bind(org.0).bind(id).execute(c).await.map(drop).map_err(referred)
}

async fn add_number(c: &mut PgConnection, (org, id): (OrgId, Uuid), number: &str) -> Result<(), ApiError> {
    let done =
        sqlx::query("insert into telephony.numbers (org_id, number, extension_id) values ($1, $2, $3)")
            .bind(org.0)
            .bind(number)
            .bind(id)
            .execute(c)
            .await;
    done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}

/// Who stays is left alone: what else there is of them here (their place in a queue) goes with their row.
async fn put_people(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    new: &Description,
) -> Result<(), ApiError> {
    let tables = [
        (
            "delete from telephony.extension_assigned_staffs
             where org_id = $1 and extension_id = $2 and user_id <> all ($3)",
            &new.staff,
        ),
        (
            "insert into telephony.extension_assigned_staffs (org_id, extension_id, user_id)
             select $1, $2, unnest($3::uuid[]) on conflict do nothing",
            &new.staff,
        ),
        (
            "delete from telephony.extension_supervisors
             where org_id = $1 and extension_id = $2 and user_id <> all ($3)",
            &new.supervisors,
        ),
        (
            "insert into telephony.extension_supervisors (org_id, extension_id, user_id)
             select $1, $2, unnest($3::uuid[]) on conflict do nothing",
            &new.supervisors,
        ),
    ];
    for (query, people) in tables {
        let done = sqlx::query(query).bind(org.0).bind(id).bind(people).execute(&mut *c).await;
        done.map_err(|error| broken(error, CONSTRAINTS))?;
    }
    Ok(())
}
