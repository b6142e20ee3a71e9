//! The statements about routes to the telephone network and budgets. The caller acts as the switch to read them and as the
//! API to change them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use contract::outside::Allowance;
use sqlx::{PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{Budget, OutboundRoute, Price};
use crate::organisation::{
    Account, Rows,
    outside::Trunk,
    store::{Extensions, People, email, number_of},
    write::store::take_away,
};

type Done = Result<(), sqlx::Error>;

/// Routes by name; `trunks` are those of the organisation.
pub(crate) async fn routes(
    c: &mut PgConnection,
    organisation: Uuid,
    trunks: &BTreeMap<String, Trunk>,
) -> anyhow::Result<BTreeMap<String, OutboundRoute>> {
    let rows = sqlx::query(
        "select id, name, prefix, strip_digits, prepend_digits, is_active,
             array(select t.trunk_id from telephony.outbound_route_trunks t
                   where t.org_id = r.org_id and t.route_id = r.id order by t.position) as trunks
         from telephony.outbound_routes r where org_id = $1 order by position",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    let name_of = |id: &Uuid| trunks.iter().find(|(_, trunk)| trunk.id == *id).map(|(name, _)| name.clone());
    let mut routes = BTreeMap::new();
    for (position, row) in (1..).zip(rows) {
        let ids: Vec<Uuid> = row.try_get("trunks")?;
        let route = OutboundRoute {
            id: row.try_get("id")?,
            position,
            prefix: row.try_get("prefix")?,
            strip_digits: u16::try_from(row.try_get::<i32, _>("strip_digits")?)?,
            prepend_digits: row.try_get("prepend_digits")?,
            trunks: ids.iter().filter_map(name_of).collect(),
            is_active: row.try_get("is_active")?,
        };
        routes.insert(row.try_get("name")?, route);
    }
    Ok(routes)
}

/// Budgets by whose they are.
pub(crate) async fn budgets(
    c: &mut PgConnection,
    organisation: Uuid,
    (people, extensions): (&People, &Extensions),
    accounts: &BTreeMap<String, Account>,
) -> anyhow::Result<BTreeMap<String, Budget>> {
    let rows = sqlx::query(
        "select id, user_id, account_id, destinations, calls_at_once_max, calls_per_minute_max, calls_per_hour_max,
             calls_per_day_max, minutes_per_day_max, rupiah_per_day_max, hours_extension_id
         from telephony.outside_budgets where org_id = $1",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    let mut budgets = BTreeMap::new();
    for row in rows {
        let (user, account): (Option<Uuid>, Option<Uuid>) =
            (row.try_get("user_id")?, row.try_get("account_id")?);
        let username =
            |id: Uuid| accounts.iter().find(|(_, account)| account.id == id).map(|(name, _)| name.clone());
        let account = account.map(|id| username(id).context("a budget of no account")).transpose()?;
        let hours_of: Option<Uuid> = row.try_get("hours_extension_id")?;
        let budget = Budget {
            id: row.try_get("id")?,
            staff: user.map(|user| email(people, user)).transpose()?,
            account,
            allowance: allowance(&row)?,
            hours_of: hours_of.and_then(|id| number_of(extensions, id)),
        };
        budgets.insert(budget.key(), budget);
    }
    Ok(budgets)
}

/// Prices by what numbers begin with.
pub(crate) async fn prices(
    c: &mut PgConnection,
    organisation: Uuid,
) -> anyhow::Result<BTreeMap<String, Price>> {
    let rows =
        sqlx::query("select id, prefix, rupiah_per_minute from telephony.outbound_prices where org_id = $1")
            .bind(organisation)
            .fetch_all(c)
            .await?;
    let price = |row: &PgRow| {
        let rupiah_per_minute = u32::try_from(row.try_get::<i32, _>("rupiah_per_minute")?)?;
        Ok((row.try_get("prefix")?, Price { id: row.try_get("id")?, rupiah_per_minute }))
    };
    rows.iter().map(price).collect()
}

fn allowance(row: &PgRow) -> anyhow::Result<Allowance> {
    let number = |column| anyhow::Ok(u16::try_from(row.try_get::<i32, _>(column)?)?);
    Ok(Allowance {
        destinations: row.try_get("destinations")?,
        calls_at_once_max: number("calls_at_once_max")?,
        calls_per_minute_max: number("calls_per_minute_max")?,
        calls_per_hour_max: number("calls_per_hour_max")?,
        calls_per_day_max: number("calls_per_day_max")?,
        minutes_per_day_max: u32::try_from(row.try_get::<i32, _>("minutes_per_day_max")?)?,
        rupiah_per_day_max: row
            .try_get::<Option<i32>, _>("rupiah_per_day_max")?
            .map(u32::try_from)
            .transpose()?,
    })
}

/// All routes at once: their positions belong together. Their trunks go with them.
pub(crate) async fn delete_routes(c: &mut PgConnection, organisation: Uuid) -> Done {
    sqlx::query("delete from telephony.outbound_routes where org_id = $1")
        .bind(organisation)
        .execute(c)
        .await
        .map(drop)
}

pub(crate) async fn add_route(c: &mut PgConnection, rows: &Rows, name: &str, route: &OutboundRoute) -> Done {
    sqlx::query(
        "insert into telephony.outbound_routes
           (id, org_id, position, name, prefix, strip_digits, prepend_digits, is_active)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(route.id)
    .bind(rows.id)
    .bind(i32::from(route.position))
    .bind(name)
    .bind(&route.prefix)
    .bind(i32::from(route.strip_digits))
    .bind(&route.prepend_digits)
    .bind(route.is_active)
    .execute(&mut *c)
    .await?;
    let trunk = |name: &String| rows.outside.trunks.get(name).map(|trunk| trunk.id);
    let trunks: Vec<Uuid> = route.trunks.iter().filter_map(trunk).collect();
    sqlx::query(
        "insert into telephony.outbound_route_trunks (org_id, route_id, trunk_id, position)
         select $1, $2, trunk_id, position from unnest($3::uuid[]) with ordinality as trunks (trunk_id, position)",
    )
    .bind(rows.id)
    .bind(route.id)
    .bind(trunks)
    .execute(c)
    .await
    .map(drop)
}

pub(crate) async fn delete_budget(c: &mut PgConnection, organisation: Uuid, id: Uuid) -> Done {
    take_away(c, "delete from telephony.outside_budgets where org_id = $1 and id = $2", (organisation, id))
        .await
}

pub(crate) async fn add_budget(c: &mut PgConnection, rows: &Rows, budget: &Budget) -> Done {
    let Allowance { destinations, minutes_per_day_max, .. } = &budget.allowance;
    let staff = budget.staff.as_ref().and_then(|email| rows.staff.get(email));
    let account = budget.account.as_ref().and_then(|username| rows.accounts.get(username));
    let extension = budget.hours_of.as_ref().and_then(|number| rows.extensions.get(number));
    sqlx::query(
        "insert into telephony.outside_budgets (id, org_id, user_id, account_id, destinations, calls_at_once_max,
           calls_per_minute_max, calls_per_hour_max, calls_per_day_max, minutes_per_day_max, hours_extension_id,
           rupiah_per_day_max)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(budget.id)
    .bind(rows.id)
    .bind(staff.map(|staff| staff.user))
    .bind(account.map(|account| account.id))
    .bind(destinations)
    .bind(i32::from(budget.allowance.calls_at_once_max))
    .bind(i32::from(budget.allowance.calls_per_minute_max))
    .bind(i32::from(budget.allowance.calls_per_hour_max))
    .bind(i32::from(budget.allowance.calls_per_day_max))
    .bind(i32::try_from(*minutes_per_day_max).unwrap_or(i32::MAX))
    .bind(extension.map(|extension| extension.id))
    .bind(budget.allowance.rupiah_per_day_max.map(|most| i32::try_from(most).unwrap_or(i32::MAX)))
    .execute(c)
    .await
    .map(drop)
}

/// All prices at once: a list of them is replaced as a whole.
pub(crate) async fn delete_prices(c: &mut PgConnection, organisation: Uuid) -> Done {
    sqlx::query("delete from telephony.outbound_prices where org_id = $1")
        .bind(organisation)
        .execute(c)
        .await
        .map(drop)
}

pub(crate) async fn add_prices(c: &mut PgConnection, rows: &Rows) -> Done {
    let prices = &rows.outside.prices;
    let (ids, rupiah): (Vec<Uuid>, Vec<i32>) = prices
        .values()
        .map(|price| (price.id, i32::try_from(price.rupiah_per_minute).unwrap_or(i32::MAX)))
        .unzip();
    sqlx::query(
        "insert into telephony.outbound_prices (org_id, id, prefix, rupiah_per_minute)
         select $1, id, prefix, rupiah from unnest($2::uuid[], $3::text[], $4::int[]) as row (id, prefix, rupiah)",
    )
    .bind(rows.id)
    .bind(ids)
    .bind(prices.keys().cloned().collect::<Vec<String>>())
    .bind(rupiah)
    .execute(c)
    .await
    .map(drop)
}
