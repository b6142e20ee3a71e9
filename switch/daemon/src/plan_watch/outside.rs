//! Rows of what was used of budgets.

use calls::OutsideUse;
use contract::{id::OrgId, journal, time::Timestamp};
use dialplan::{Payer, PersonKey};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

/// What was used of a budget; `None`: of one that another release knows.
pub(super) fn used(row: &PgRow) -> Result<Option<OutsideUse>, sqlx::Error> {
    let (kind, id): (&str, Uuid) = (row.try_get("payer_kind")?, row.try_get("payer_id")?);
    let payer = journal::Payer::of(kind, id).map(|payer| match payer {
        journal::Payer::User(user) => Payer::Person(PersonKey::User(user)),
        journal::Payer::Account(account) => Payer::Person(PersonKey::Account(account)),
        journal::Payer::Extension(extension) => Payer::Extension(extension),
    });
    let Some(payer) = payer else { return Ok(None) };
    let answered: Option<i64> = row.try_get("answered")?;
    let rupiah: Option<i32> = row.try_get("rupiah_per_minute")?;
    Ok(Some(OutsideUse {
        org: OrgId(row.try_get("org_id")?),
        payer,
        begun_at: Timestamp(row.try_get("created")?),
        answered_at: answered.map(Timestamp),
        ended_at: Timestamp(row.try_get("ended")?),
        rupiah_per_minute: rupiah.and_then(|rupiah| u32::try_from(rupiah).ok()),
    }))
}
