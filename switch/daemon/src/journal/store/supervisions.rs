//! The SQL of who has listened to whom.

use contract::journal::Supervision;
use sqlx::PgConnection;

use super::{Key, column, keys};

pub(super) async fn insert_steps(
    unit: &mut PgConnection,
    rows: &[(Key, &Supervision)],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let (orgs, calls, instants) = keys(rows);
    sqlx::query(
        "insert into telephony.supervision_steps \
           (org_id, call_id, created_at, no, supervisor_id, supervised_id, supervised_call_id, step, reason) \
         select org, call, timestamptz 'epoch' + at * interval '1 microsecond', no, supervisor, supervised, \
           supervised_call, step, reason \
         from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::int[], $5::uuid[], $6::uuid[], $7::uuid[], \
           $8::text[], $9::text[]) \
           as row (org, call, at, no, supervisor, supervised, supervised_call, step, reason) \
         on conflict (org_id, call_id, no) do nothing",
    )
    .bind(orgs)
    .bind(calls)
    .bind(instants)
    .bind(column(rows, |row| i32::from(row.no)))
    .bind(column(rows, |row| row.supervisor.0))
    .bind(column(rows, |row| row.supervised.0))
    .bind(column(rows, |row| row.supervised_call.0))
    .bind(column(rows, |row| row.step()))
    .bind(column(rows, |row| row.reason.as_str()))
    .execute(unit)
    .await?;
    Ok(())
}
