//! Routes to the telephone network and budgets, on their way into a plan.

use std::collections::BTreeSet;

use contract::outside::OutboundRoute;

use super::{Compiler, limits};
use crate::{
    diagnostic::{Problem, Row},
    outbound::{self, Budget},
    plan::PersonKey,
};

fn is_digits(text: &str) -> bool {
    text.len() <= limits::ROUTE_DIGITS_MAX && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// `national`, `international`, or what a number by E.164 begins with.
fn is_destination(text: &str) -> bool {
    let is_prefix = |digits: &str| !digits.is_empty() && !digits.starts_with('0') && is_digits(digits);
    matches!(text, "national" | "international") || text.strip_prefix('+').is_some_and(is_prefix)
}

impl Compiler<'_> {
    /// They need nobody's number and no route.
    pub(super) fn emergency_numbers(&mut self) {
        let numbers = &self.rows.outside.emergency_numbers;
        if numbers.len() > limits::EMERGENCY_NUMBERS_MAX {
            let problem = Problem::TooMany(limits::EMERGENCY_NUMBERS_MAX);
            self.wrong(Row::Organisation, "emergency_numbers", problem);
        }
        let is_one = |number: &String| limits::EMERGENCY_DIGITS.contains(&number.len()) && is_digits(number);
        if !numbers.iter().all(is_one) {
            self.wrong(Row::Organisation, "emergency_numbers", Problem::Malformed);
        }
        self.org.emergency_numbers = numbers.iter().map(|number| number.as_str().into()).collect();
    }

    /// Which calls go out by which trunks.
    pub(super) fn routes(&mut self) {
        let routes = &self.rows.outside.routes;
        if routes.len() > limits::ROUTES_MAX {
            self.wrong(Row::Organisation, "routes", Problem::TooMany(limits::ROUTES_MAX));
        }
        let mut ids = BTreeSet::new();
        for route in routes {
            if !ids.insert(route.id) {
                self.wrong(Row::OutboundRoute(route.id), "id", Problem::Taken);
            }
            self.check_route(route);
            if !route.is_active {
                continue;
            }
            let known = &self.org.trunks;
            let trunks =
                route.trunks.iter().filter(|id| known.get(id).is_some_and(|it| !it.targets.is_empty()));
            let compiled = outbound::OutboundRoute {
                name: route.name.as_str().into(),
                prefix: route.prefix.as_str().into(),
                strip: usize::from(route.strip_digits),
                prepend: route.prepend_digits.as_str().into(),
                trunks: trunks.copied().collect(),
            };
            self.org.routes.push(compiled);
        }
    }

    fn check_route(&mut self, route: &OutboundRoute) {
        let row = Row::OutboundRoute(route.id);
        let (is_by_e164, prefix) =
            route.prefix.strip_prefix('+').map_or((false, &*route.prefix), |it| (true, it));
        if !is_digits(prefix) {
            self.wrong(row, "prefix", Problem::Malformed);
        }
        // A number by E.164 has nothing in front that could be taken off.
        let strips = usize::from(route.strip_digits);
        if strips > route.prefix.len() || (is_by_e164 && strips > 0) {
            self.wrong(row, "strip_digits", Problem::OutOfRange);
        }
        let prepend = route.prepend_digits.strip_prefix('+').unwrap_or(&route.prepend_digits);
        if !is_digits(prepend) || (is_by_e164 && !route.prepend_digits.is_empty()) {
            self.wrong(row, "prepend_digits", Problem::Malformed);
        }
        if route.trunks.is_empty() {
            self.wrong(row, "trunks", Problem::Missing);
        }
        let mut seen = BTreeSet::new();
        for trunk in &route.trunks {
            let is_known = self.rows.outside.trunks.iter().any(|known| known.id == *trunk);
            if !is_known {
                self.wrong(row, "trunks", Problem::Dangling);
            }
            if !seen.insert(trunk) {
                self.wrong(row, "trunks", Problem::Taken);
            }
        }
    }

    /// What minutes cost.
    pub(super) fn prices(&mut self) {
        let prices = &self.rows.outside.prices;
        if prices.len() > limits::PRICES_MAX {
            self.wrong(Row::Organisation, "prices", Problem::TooMany(limits::PRICES_MAX));
        }
        for price in prices {
            let row = Row::Price(price.id);
            let digits = price.prefix.strip_prefix('+').unwrap_or(&price.prefix);
            if digits.is_empty() || !is_digits(digits) {
                self.wrong(row, "prefix", Problem::Malformed);
            }
            if price.rupiah_per_minute > limits::PRICE_RUPIAH_MAX {
                self.wrong(row, "rupiah_per_minute", Problem::OutOfRange);
            }
            if self.org.prices.insert(price.prefix.as_str().into(), price.rupiah_per_minute).is_some() {
                self.wrong(row, "prefix", Problem::Taken);
            }
        }
    }

    /// How much of the telephone network who may use.
    pub(super) fn budgets(&mut self) {
        let budgets = &self.rows.outside.budgets;
        if budgets.len() > limits::BUDGETS_MAX {
            self.wrong(Row::Organisation, "budgets", Problem::TooMany(limits::BUDGETS_MAX));
        }
        for budget in budgets {
            let row = Row::Budget(budget.id);
            let allowance = &budget.allowance;
            if allowance.destinations.len() > limits::DESTINATIONS_MAX {
                self.wrong(row, "destinations", Problem::TooMany(limits::DESTINATIONS_MAX));
            }
            if !allowance.destinations.iter().all(|destination| is_destination(destination)) {
                self.wrong(row, "destinations", Problem::Malformed);
            }
            let calls = [
                ("calls_per_minute_max", allowance.calls_per_minute_max),
                ("calls_per_hour_max", allowance.calls_per_hour_max),
                ("calls_per_day_max", allowance.calls_per_day_max),
            ];
            for (field, _) in calls.into_iter().filter(|(_, calls)| *calls > limits::BUDGET_CALLS_MAX) {
                self.wrong(row, field, Problem::OutOfRange);
            }
            if allowance.calls_at_once_max > *limits::CHANNELS.end() {
                self.wrong(row, "calls_at_once_max", Problem::OutOfRange);
            }
            if allowance.minutes_per_day_max > limits::BUDGET_MINUTES_MAX {
                self.wrong(row, "minutes_per_day_max", Problem::OutOfRange);
            }
            if allowance.rupiah_per_day_max.is_some_and(|most| most > limits::BUDGET_RUPIAH_MAX) {
                self.wrong(row, "rupiah_per_day_max", Problem::OutOfRange);
            }
            if budget.hours_of.is_some_and(|extension| !self.extension_ids.contains(&extension)) {
                self.wrong(row, "hours_of", Problem::Dangling);
            }
            let known = |account| self.rows.accounts.iter().find(|known| known.id == account);
            let whose = match (budget.user, budget.account.map(known)) {
                (None, None) => Some(None),
                (Some(user), None) if self.staff.contains_key(&user) => Some(Some(PersonKey::User(user))),
                (None, Some(Some(account))) if account.user.is_none() => {
                    Some(Some(PersonKey::Account(account.id)))
                }
                _ => None,
            };
            let Some(whose) = whose else {
                self.wrong(row, "whose", Problem::Dangling);
                continue;
            };
            let compiled = Budget { allowance: allowance.clone(), hours_of: budget.hours_of };
            if self.org.budgets.insert(whose, compiled).is_some() {
                self.wrong(row, "whose", Problem::Taken);
            }
        }
    }
}
