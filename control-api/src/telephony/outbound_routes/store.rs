//! Rows of routes to the telephone network, of their trunks, and the version of the list.

use std::collections::BTreeMap;

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{OutboundRoute, OutboundRouteDescription, OutboundRoutes, OutboundRoutesDescription};
use crate::{
    http::error::{ApiError, FieldError},
    identifier,
};

/// All of them.
pub(super) async fn all(c: &mut PgConnection, org: OrgId) -> Result<OutboundRoutes, sqlx::Error> {
    let version: Option<i32> =
        sqlx::query_scalar("select version from telephony.outbound_route_lists where org_id = $1")
            .bind(org.0)
            .fetch_optional(&mut *c)
            .await?;
    let routes: Vec<OutboundRoute> = sqlx::query_as(
        "select r.id, r.name, r.prefix, r.strip_digits, r.prepend_digits, r.is_active, \
           array(select t.trunk_id from telephony.outbound_route_trunks t \
                 where t.org_id = r.org_id and t.route_id = r.id order by t.position) as trunks \
         from telephony.outbound_routes r where r.org_id = $1 order by r.position",
    )
    .bind(org.0)
    .fetch_all(c)
    .await?;
    Ok(OutboundRoutes { routes, version: version.unwrap_or(0) })
}

/// Makes of `old` what is `new`. Whoever keeps the name keeps the id.
pub(super) async fn replace(
    c: &mut PgConnection,
    org: OrgId,
    (old, new): (&OutboundRoutes, &OutboundRoutesDescription),
) -> Result<(), ApiError> {
    known_trunks(c, org, new).await?;
    sqlx::query("delete from telephony.outbound_routes where org_id = $1")
        .bind(org.0)
        .execute(&mut *c)
        .await?;
    let ids: BTreeMap<&str, Uuid> = old.routes.iter().map(|route| (route.name.as_str(), route.id)).collect();
    for (route, position) in new.routes.iter().zip(1_i32..) {
        let id = ids.get(route.name.as_str()).copied();
        let id = id.map_or_else(identifier::fresh, Ok)?;
        add(c, (org, id), (route, position)).await?;
    }
    Ok(())
}

async fn add(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    (route, position): (&OutboundRouteDescription, i32),
) -> Result<(), ApiError> {
    sqlx::query(
        "insert into telephony.outbound_routes \
           (org_id, id, position, name, prefix, strip_digits, prepend_digits, is_active) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(org.0)
    .bind(id)
    .bind(position)
    .bind(&route.name)
    .bind(&route.prefix)
    .bind(i32::from(route.strip_digits))
    .bind(&route.prepend_digits)
    .bind(route.is_active)
    .execute(&mut *c)
    .await?;
    sqlx::query(
        "insert into telephony.outbound_route_trunks (org_id, route_id, trunk_id, position) \
         select $1, $2, trunk, place from unnest($3::uuid[]) with ordinality as named (trunk, place)",
    )
    .bind(org.0)
    .bind(id)
    .bind(&route.trunks)
    .execute(c)
    .await?;
    Ok(())
}

/// Refuses trunks that there are not, nor will be when this unit of work is carried through: nobody else changes any meanwhile.
async fn known_trunks(
    c: &mut PgConnection,
    org: OrgId,
    new: &OutboundRoutesDescription,
) -> Result<(), ApiError> {
    let known: Vec<Uuid> = sqlx::query_scalar("select id from telephony.trunks where org_id = $1 for share")
        .bind(org.0)
        .fetch_all(c)
        .await?;
    let is_unknown =
        |route: &OutboundRouteDescription| route.trunks.iter().any(|trunk| !known.contains(trunk));
    let wrong = new.routes.iter().enumerate().filter(|(_, route)| is_unknown(route));
    let wrong: Vec<FieldError> = wrong
        .map(|(at, _)| FieldError::new(format!("routes[{at}].trunks"), "names a trunk that there is not"))
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(ApiError::Unprocessable(wrong)) }
}
