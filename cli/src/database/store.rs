//! Acting as one of the roles, and how far the switch has followed: what every command with a database needs.

use migrations::Role;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

/// Acts as `role` for the rest of the transaction, in `organisation`'s scope if one is given.
pub(crate) async fn act_as(
    c: &mut PgConnection,
    role: Role,
    organisation: Option<Uuid>,
) -> Result<(), sqlx::Error> {
    // Safe: the name is one of three words.
    let statement = format!("set local role {}", role.as_str());
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *c).await?;
    let scope = organisation.map(|id| id.to_string()).unwrap_or_default();
    sqlx::query("select set_config('app.org', $1, true)").bind(scope).execute(c).await.map(drop)
}

/// Acts as the owner of everything for the rest of the transaction.
pub(crate) async fn act_as_owner(c: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("set local role sambung_owner").execute(c).await.map(drop)
}

/// The newest configuration, and the one that the switch says it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Revisions {
    pub(crate) revision: i64,
    pub(crate) applied: i64,
}

impl Revisions {
    /// Whether the switch runs the newest configuration.
    pub(crate) fn is_applied(self) -> bool {
        self.applied >= self.revision
    }
}

/// How far the switch has followed. Not inside a transaction.
pub(crate) async fn revisions(c: &mut PgConnection) -> Result<Revisions, sqlx::Error> {
    use sqlx::Connection as _;
    let mut unit = c.begin().await?;
    act_as(&mut unit, Role::Switch, None).await?;
    let found =
        sqlx::query_as("select revision, applied from telephony.revisions").fetch_one(&mut *unit).await?;
    unit.rollback().await?;
    Ok(found)
}
