//! Rows of budgets.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{OutsideBudget, OutsideBudgetDescription};
use crate::{
    database::Work,
    http::{
        error::{ApiError, Broken, broken},
        page::Cursor,
    },
    telephony::resource::{
        Resource,
        store::{Statements, statements},
    },
};

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[
    Broken::taken("outside_budgets_key", "there is a budget for the same already"),
    Broken::unknown("outside_budgets_staff_fkey", "user_id", "names somebody who is no member"),
    Broken::unknown("outside_budgets_account_fkey", "account_id", "names no account"),
    Broken::unknown("outside_budgets_hours_fkey", "hours_extension_id", "names no extension"),
];

const INSERT: &str = "insert into telephony.outside_budgets (org_id, id, user_id, account_id, destinations, calls_at_once_max, \
       calls_per_minute_max, calls_per_hour_max, calls_per_day_max, minutes_per_day_max, rupiah_per_day_max, \
       hours_extension_id) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const UPDATE: &str = "update telephony.outside_budgets set user_id = $3, account_id = $4, destinations = $5, calls_at_once_max = $6, \
       calls_per_minute_max = $7, calls_per_hour_max = $8, calls_per_day_max = $9, minutes_per_day_max = $10, \
       rupiah_per_day_max = $11, hours_extension_id = $12 \
     where org_id = $1 and id = $2";

impl Resource for OutsideBudget {
    type Description = OutsideBudgetDescription;
    const PATH: &'static str = "/api/telephony/outside-budgets";
    const ACTIONS: [&'static str; 3] =
        ["outside_budget.created", "outside_budget.changed", "outside_budget.deleted"];
    const STATEMENTS: Statements = statements!(
        "telephony.outside_budgets",
        "id, user_id, account_id, destinations, calls_at_once_max, calls_per_minute_max, calls_per_hour_max, \
         calls_per_day_max, minutes_per_day_max, rupiah_per_day_max, hours_extension_id, created_at, updated_at, version"
    );

    fn version(&self) -> i32 {
        self.version
    }

    fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }

    fn check(new: OutsideBudgetDescription) -> Result<OutsideBudgetDescription, ApiError> {
        new.check()
    }

    fn insert<'c>(
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c OutsideBudgetDescription,
    ) -> Work<'c, (), ApiError> {
        Box::pin(run(c, INSERT, key, new))
    }

    fn update<'c>(
        &'c self,
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c OutsideBudgetDescription,
    ) -> Work<'c, (), ApiError> {
        Box::pin(run(c, UPDATE, key, new))
    }
}

async fn run(
    c: &mut PgConnection,
    query: &'static str,
    (org, id): (OrgId, Uuid),
    new: &OutsideBudgetDescription,
) -> Result<(), ApiError> {
    let done = sqlx::query(query)
        .bind(org.0)
        .bind(id)
        .bind(new.user_id)
        .bind(new.account_id)
        .bind(&new.destinations)
        .bind(i32::from(new.calls_at_once_max))
        .bind(i32::from(new.calls_per_minute_max))
        .bind(i32::from(new.calls_per_hour_max))
        .bind(i32::from(new.calls_per_day_max))
        .bind(i64::from(new.minutes_per_day_max))
        .bind(new.rupiah_per_day_max.map(i64::from))
        .bind(new.hours_extension_id)
        .execute(c)
        .await;
    done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}
