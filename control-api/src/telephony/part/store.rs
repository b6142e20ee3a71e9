//! What the statements about them share.

use sqlx::{PgConnection, Row as _, postgres::PgRow};

use super::Place;
use crate::http::error::{ApiError, referred};

/// Takes away what a statement says.
pub(crate) async fn delete(
    c: &mut PgConnection,
    statement: &'static str,
    (org, id): Place,
) -> Result<(), ApiError> {
    sqlx::query(statement).bind(org.0).bind(id).execute(c).await.map(drop).map_err(referred)
}

/// A number of a row. The columns have checks: what does not fit is of a newer release.
pub(crate) fn small(row: &PgRow, column: &str) -> Result<u16, sqlx::Error> {
    Ok(u16::try_from(row.try_get::<i32, _>(column)?).unwrap_or(u16::MAX))
}
