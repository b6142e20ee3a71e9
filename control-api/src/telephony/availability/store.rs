//! Rows of availability, which the switch writes.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

/// Whether somebody has a number in the organisation: nobody else can be had.
pub(super) async fn is_there(c: &mut PgConnection, org: OrgId, user: Uuid) -> Result<bool, sqlx::Error> {
    let query = "select exists (select from telephony.numbers where org_id = $1 and user_id = $2)";
    sqlx::query_scalar(query).bind(org.0).bind(user).fetch_one(c).await
}

/// Setting and value of each that somebody has ever turned on or off.
pub(super) async fn of(
    c: &mut PgConnection,
    org: OrgId,
    user: Uuid,
) -> Result<Vec<(String, String)>, sqlx::Error> {
    let query = "select setting, value from telephony.availability where org_id = $1 and user_id = $2";
    sqlx::query_as(query).bind(org.0).bind(user).fetch_all(c).await
}
