//! The SQL of what people have turned on and off. The latest by its instant counts, in whatever order it comes and how often.

use std::collections::BTreeMap;

use contract::{
    availability::{Availability, Person, Setting},
    id::OrgId,
    journal::PersonAvailability,
    time::Timestamp,
};
use sqlx::PgConnection;

pub(super) async fn upsert(
    unit: &mut PgConnection,
    facts: &[(OrgId, Timestamp, PersonAvailability)],
) -> Result<(), sqlx::Error> {
    // A row cannot be touched twice by one statement: of what has changed several times the last one goes.
    let mut rows: BTreeMap<(OrgId, Person, Setting), (Timestamp, Availability)> = BTreeMap::new();
    for (org, at, PersonAvailability { person, availability }) in facts {
        let row = rows.entry((*org, *person, availability.setting())).or_insert((*at, *availability));
        if *at >= row.0 {
            *row = (*at, *availability);
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let (users, accounts): (Vec<_>, Vec<_>) = rows.keys().map(|(_, person, _)| person.row()).unzip();
    sqlx::query(
        "insert into telephony.availability (org_id, user_id, account_id, setting, value, changed_at) \
         select org, person, account, setting, value, timestamptz 'epoch' + at * interval '1 microsecond' \
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bigint[]) \
           as row (org, person, account, setting, value, at) \
         on conflict on constraint availability_key do update \
           set value = excluded.value, changed_at = excluded.changed_at \
           where availability.changed_at < excluded.changed_at",
    )
    .bind(rows.keys().map(|(org, ..)| org.0).collect::<Vec<_>>())
    .bind(users)
    .bind(accounts)
    .bind(rows.keys().map(|(.., setting)| setting.as_str()).collect::<Vec<_>>())
    .bind(rows.values().map(|(_, availability)| availability.value()).collect::<Vec<_>>())
    .bind(rows.values().map(|(at, _)| at.0).collect::<Vec<_>>())
    .execute(unit)
    .await?;
    Ok(())
}
