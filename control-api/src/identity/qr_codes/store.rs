//! Rows of QR codes.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::Row;

/// The one that lets guests in.
pub(super) async fn live(c: &mut PgConnection, org: OrgId) -> Result<Option<Row>, sqlx::Error> {
    sqlx::query_as(
        "select id, code, created_at from identity.organisation_qr_codes where org_id = $1 and expired_at is null",
    )
    .bind(org.0)
    .fetch_optional(c)
    .await
}

/// How many were made within a day.
pub(super) async fn made_lately(c: &mut PgConnection, org: OrgId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "select count(*) from identity.organisation_qr_codes
         where org_id = $1 and created_at > now() - interval '1 day'",
    )
    .bind(org.0)
    .fetch_one(c)
    .await
}

/// This one lets guests in from now on, and no other.
pub(super) async fn replace(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    code: &str,
) -> Result<Row, sqlx::Error> {
    sqlx::query(
        "update identity.organisation_qr_codes set expired_at = now() where org_id = $1 and expired_at is null",
    )
    .bind(org.0)
    .execute(&mut *c)
    .await?;
    sqlx::query_as(
        "insert into identity.organisation_qr_codes (id, org_id, code) values ($1, $2, $3) returning id, code, created_at",
    )
    .bind(id)
    .bind(org.0)
    .bind(code)
    .fetch_one(c)
    .await
}

/// Where a code leads, and whether it lets anybody in, for whoever says it.
pub(in crate::identity) async fn presented(
    c: &mut PgConnection,
    code: &str,
) -> Result<Option<(Uuid, bool)>, sqlx::Error> {
    sqlx::query("select set_config('app.qr_code', $1, true)").bind(code).execute(&mut *c).await?;
    sqlx::query_as("select org_id, expired_at is null from identity.organisation_qr_codes where code = $1")
        .bind(code)
        .fetch_optional(c)
        .await
}
