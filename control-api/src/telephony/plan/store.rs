//! The one row of `telephony.revisions`.

use sqlx::PgConnection;

/// The newest revision, as this unit of work sees it, and the one that the switch runs; 0 before any has.
pub(super) async fn revisions(c: &mut PgConnection) -> Result<(i64, i64), sqlx::Error> {
    sqlx::query_as("select revision, applied from telephony.revisions").fetch_one(c).await
}

/// Nobody else changes what calls are decided by until this unit of work ends.
pub(super) async fn begin(c: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select telephony.begin_change()").execute(c).await.map(drop)
}

/// Looks at deferred constraints now.
pub(super) async fn look_at_references(c: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("set constraints all immediate").execute(c).await.map(drop)
}
