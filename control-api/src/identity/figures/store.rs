//! Rows counted in the scope of one of the platform's staff.

use sqlx::PgConnection;

use super::model::{Figures, OrganisationFigures, PeopleFigures};

/// As of one instant, that of the unit of work.
pub(super) async fn figures(c: &mut PgConnection) -> Result<Figures, sqlx::Error> {
    let organisations: OrganisationFigures = sqlx::query_as(
        "select count(*) filter (where status = 'pending') as pending,
                count(*) filter (where status = 'approved') as approved,
                count(*) filter (where status = 'rejected') as rejected,
                count(*) filter (where status = 'suspended') as suspended,
                count(*) filter (where created_at > now() - interval '30 days') as registered_lately,
                min(created_at) filter (where status = 'pending') as pending_since
         from identity.organisations",
    )
    .fetch_one(&mut *c)
    .await?;
    let people: PeopleFigures = sqlx::query_as(
        "select count(*) filter (where status = 'active') as active,
                count(*) filter (where status = 'suspended') as suspended,
                count(*) filter (where created_at > now() - interval '30 days') as registered_lately
         from identity.users where email is not null",
    )
    .fetch_one(c)
    .await?;
    Ok(Figures { organisations, people })
}
