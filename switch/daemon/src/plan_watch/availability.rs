//! Rows of what people have turned on and off.

use calls::StoredAvailability;
use contract::{
    availability::{Availability, Person},
    id::OrgId,
    time::Timestamp,
};
use sqlx::{Row, postgres::PgRow};

/// What somebody has turned on or off; `None`: in words of another release.
pub(super) fn stored(row: &PgRow) -> Result<Option<StoredAvailability>, sqlx::Error> {
    let person = Person::of((row.try_get("user_id")?, row.try_get("account_id")?));
    let availability = Availability::of(row.try_get("setting")?, row.try_get("value")?);
    let Some((person, availability)) = person.zip(availability) else { return Ok(None) };
    Ok(Some(StoredAvailability {
        org: OrgId(row.try_get("org_id")?),
        person,
        availability,
        changed_at: Timestamp(row.try_get("changed_micros")?),
    }))
}
