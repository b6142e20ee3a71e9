//! Routes to the telephone network, how much of it who may use and what it costs, by names: as they are compared and written.

pub(crate) mod store;

use std::collections::BTreeMap;

use contract::{
    id::{AccountId, BudgetId, ExtensionId, OutboundRouteId, PriceId, TrunkId, UserId},
    outside::{self, Allowance},
};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::{Rows, description::Description};
use crate::database::new_id;

/// The key of the budget of everybody who has none of their own: no e-mail and no username has a space.
pub(crate) const EVERYBODY: &str = "everybody else";

/// Which calls go out by which trunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutboundRoute {
    pub(crate) id: Uuid,
    /// From 1, in the order in which they are tried.
    pub(crate) position: u16,
    pub(crate) prefix: String,
    pub(crate) strip_digits: u16,
    pub(crate) prepend_digits: String,
    /// Names, in order.
    pub(crate) trunks: Vec<String>,
    pub(crate) is_active: bool,
}

/// How much of the telephone network somebody may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Budget {
    pub(crate) id: Uuid,
    /// The e-mail of somebody with a number.
    pub(crate) staff: Option<String>,
    /// The username of a bare account.
    pub(crate) account: Option<String>,
    pub(crate) allowance: Allowance,
    /// The number of an extension.
    pub(crate) hours_of: Option<String>,
}

impl Budget {
    /// By what it is found again.
    pub(crate) fn key(&self) -> String {
        let name = self.staff.as_ref().or(self.account.as_ref());
        name.cloned().unwrap_or_else(|| EVERYBODY.to_owned())
    }
}

/// Budgets of an application, by the keys of this release: an older one may have called everybody's otherwise.
pub(super) fn by_owner<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Budget>, D::Error> {
    let budgets = BTreeMap::<String, Budget>::deserialize(deserializer)?;
    Ok(budgets.into_values().map(|budget| (budget.key(), budget)).collect())
}

/// What a minute costs that is talked with some numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Price {
    pub(crate) id: Uuid,
    pub(crate) rupiah_per_minute: u32,
}

/// The routes that `description` asks for, by name.
pub(super) fn routes(
    description: &Description,
    current: Option<&Rows>,
) -> anyhow::Result<BTreeMap<String, OutboundRoute>> {
    let mut routes = BTreeMap::new();
    for (position, described) in (1..).zip(&description.routes) {
        let name = &described.name.value;
        let known = current.and_then(|rows| rows.outside.routes.get(name));
        let trunks = described.trunks.iter().filter_map(|at| description.trunks.get(*at));
        let route = OutboundRoute {
            id: known.map_or_else(new_id, |known| Ok(known.id))?,
            position,
            prefix: described.prefix.clone(),
            strip_digits: described.strip_digits,
            prepend_digits: described.prepend_digits.clone(),
            trunks: trunks.map(|trunk| trunk.name.value.clone()).collect(),
            is_active: described.is_active,
        };
        routes.insert(name.clone(), route);
    }
    Ok(routes)
}

/// The budgets that `description` asks for, by whose they are.
pub(super) fn budgets(
    description: &Description,
    current: Option<&Rows>,
) -> anyhow::Result<BTreeMap<String, Budget>> {
    let mut budgets = BTreeMap::new();
    for described in &description.budgets {
        let staff = described.staff.and_then(|at| description.staff.get(at));
        let account = described.account.and_then(|at| description.accounts.get(at));
        let extension = described.hours_of.and_then(|at| description.extensions.get(at));
        let mut budget = Budget {
            id: Uuid::nil(),
            staff: staff.map(|staff| staff.email.clone()),
            account: account.map(|account| account.username.value.clone()),
            allowance: described.allowance.clone(),
            hours_of: extension.map(|extension| extension.number.value.clone()),
        };
        let known = current.and_then(|rows| rows.outside.budgets.get(&budget.key()));
        budget.id = known.map_or_else(new_id, |known| Ok(known.id))?;
        budgets.insert(budget.key(), budget);
    }
    Ok(budgets)
}

/// The prices that `description` asks for, by what numbers begin with.
pub(super) fn prices(
    description: &Description,
    current: Option<&Rows>,
) -> anyhow::Result<BTreeMap<String, Price>> {
    let mut prices = BTreeMap::new();
    for described in &description.prices {
        let prefix = &described.prefix.value;
        let known = current.and_then(|rows| rows.outside.prices.get(prefix));
        let id = known.map_or_else(new_id, |known| Ok(known.id))?;
        prices.insert(prefix.clone(), Price { id, rupiah_per_minute: described.rupiah_per_minute });
    }
    Ok(prices)
}

impl Rows {
    /// Routes as the switch reads them, in order.
    pub(super) fn route_rows(&self) -> Vec<outside::OutboundRoute> {
        let mut routes: Vec<_> = self.outside.routes.iter().collect();
        routes.sort_by_key(|(_, route)| route.position);
        let trunk = |name: &String| self.outside.trunks.get(name).map(|trunk| TrunkId(trunk.id));
        let row = |(name, route): (&String, &OutboundRoute)| outside::OutboundRoute {
            id: OutboundRouteId(route.id),
            name: name.clone(),
            prefix: route.prefix.clone(),
            strip_digits: route.strip_digits,
            prepend_digits: route.prepend_digits.clone(),
            trunks: route.trunks.iter().filter_map(trunk).collect(),
            is_active: route.is_active,
        };
        routes.into_iter().map(row).collect()
    }

    /// Budgets as the switch reads them.
    pub(super) fn budget_rows(&self) -> Vec<outside::Budget> {
        let row = |budget: &Budget| outside::Budget {
            id: BudgetId(budget.id),
            user: budget.staff.as_ref().and_then(|it| self.staff.get(it)).map(|staff| UserId(staff.user)),
            account: budget.account.as_ref().and_then(|it| self.accounts.get(it)).map(|it| AccountId(it.id)),
            allowance: budget.allowance.clone(),
            hours_of: budget
                .hours_of
                .as_ref()
                .and_then(|it| self.extensions.get(it))
                .map(|it| ExtensionId(it.id)),
        };
        self.outside.budgets.values().map(row).collect()
    }

    /// Prices as the switch reads them.
    pub(super) fn price_rows(&self) -> Vec<outside::Price> {
        let row = |(prefix, price): (&String, &Price)| outside::Price {
            id: PriceId(price.id),
            prefix: prefix.clone(),
            rupiah_per_minute: price.rupiah_per_minute,
        };
        self.outside.prices.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::organisation::Outside;

    #[test]
    fn an_application_of_a_release_that_called_everybody_s_budget_otherwise_can_be_taken_back() {
        let budget = |staff: Option<&str>| {
            json!({
                "id": uuid::Uuid::nil(), "staff": staff, "account": null, "hours_of": null,
                "allowance": contract::outside::Allowance::default(),
            })
        };
        let older = json!({
            "country_code": "62", "trunks": {}, "dids": {},
            "budgets": { "everybody": budget(None), "sari@x": budget(Some("sari@x")) },
        });
        let read: Outside = serde_json::from_value(older).unwrap();
        assert_eq!(read.budgets.keys().collect::<Vec<_>>(), [super::EVERYBODY, "sari@x"]);
    }
}
