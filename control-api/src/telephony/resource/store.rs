//! The statements that are the same for every thing that is one row. The organisation stands in each.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Resource;
use crate::http::{
    error::{ApiError, Broken, broken, referred},
    page::Cursor,
};

/// Of one table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statements {
    /// A page by $2 and $3, where the last one ended, of $4 rows.
    pub(crate) list: &'static str,
    /// The row $2.
    pub(crate) one: &'static str,
    /// Its version; nobody else changes it meanwhile.
    pub(crate) hold: &'static str,
    /// No such row any more.
    pub(crate) delete: &'static str,
}

/// The [`Statements`] of a table, with the columns of the view.
macro_rules! statements {
    ($table:literal, $columns:literal) => {
        $crate::telephony::resource::store::Statements {
            list: concat!(
                "select ",
                $columns,
                " from ",
                $table,
                " where org_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid)) \
                 order by created_at desc, id desc limit $4"
            ),
            one: concat!("select ", $columns, " from ", $table, " where org_id = $1 and id = $2"),
            hold: concat!("select version from ", $table, " where org_id = $1 and id = $2 for update"),
            delete: concat!("delete from ", $table, " where org_id = $1 and id = $2"),
        }
    };
}
pub(crate) use statements;

/// Up to `limit` + 1 rows, newest first.
pub(super) async fn list<R: Resource>(
    c: &mut PgConnection,
    org: OrgId,
    (limit, after): (u16, Option<Cursor>),
) -> Result<Vec<R>, sqlx::Error> {
    sqlx::query_as(R::STATEMENTS.list)
        .bind(org.0)
        .bind(after.map(|cursor| cursor.at))
        .bind(after.map(|cursor| cursor.id))
        .bind(i64::from(limit) + 1)
        .fetch_all(c)
        .await
}

/// The row `id`.
pub(super) async fn one<R: Resource>(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
) -> Result<Option<R>, sqlx::Error> {
    sqlx::query_as(R::STATEMENTS.one).bind(org.0).bind(id).fetch_optional(c).await
}

/// The row `id`, which nobody else changes until this unit of work ends, if it is still the version that the client has read.
pub(super) async fn hold<R: Resource>(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    version: i32,
) -> Result<R, ApiError> {
    let held: Option<i32> =
        sqlx::query_scalar(R::STATEMENTS.hold).bind(org.0).bind(id).fetch_optional(&mut *c).await?;
    match held {
        None => Err(ApiError::NotFound),
        Some(held) if held != version => Err(ApiError::Stale),
        Some(_) => one(c, (org, id)).await?.ok_or(ApiError::NotFound),
    }
}

/// Takes the row `id` away, unless something refers to it.
pub(crate) async fn delete<R: Resource>(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
) -> Result<(), ApiError> {
    sqlx::query(R::STATEMENTS.delete).bind(org.0).bind(id).execute(c).await.map(drop).map_err(referred)
}

/// Makes lists of ids that belong to the row `id` what they are to be: statements of the organisation, the row and the ids.
pub(crate) async fn put_lists(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    lists: &[(&'static str, &[Uuid])],
    constraints: &[Broken],
) -> Result<(), ApiError> {
    for (query, ids) in lists {
        let done = sqlx::query(*query).bind(org.0).bind(id).bind(*ids).execute(&mut *c).await;
        done.map_err(|error| broken(error, constraints))?;
    }
    Ok(())
}
