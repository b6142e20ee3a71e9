//! Routes to the telephone network and budgets in a description. Routes are tried in the order in which they stand in the file.

use contract::{
    id::{AccountId, BudgetId, ExtensionId, OutboundRouteId, PriceId, TrunkId, UserId},
    outside::{self, Allowance},
};
use dialplan::Problem;

use super::{Account, Description, Extension, Staff, Trunk, check_name, id, person, rules::extension};
use crate::organisation::reader::{At, Reader, Section};

/// `[[outbound_route]]`
#[derive(Debug)]
pub(crate) struct OutboundRoute {
    pub(crate) name: At<String>,
    pub(crate) prefix: String,
    pub(crate) strip_digits: u16,
    pub(crate) prepend_digits: String,
    /// Places among the trunks.
    pub(crate) trunks: Vec<usize>,
    pub(crate) is_active: bool,
}

/// `[[budget]]`
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) line: usize,
    /// A place among the staff.
    pub(crate) staff: Option<usize>,
    /// A place among the accounts.
    pub(crate) account: Option<usize>,
    pub(crate) allowance: Allowance,
    /// A place among the extensions.
    pub(crate) hours_of: Option<usize>,
}

/// `[[price]]`
#[derive(Debug)]
pub(crate) struct Price {
    pub(crate) prefix: At<String>,
    pub(crate) rupiah_per_minute: u32,
}

pub(super) const ROUTE_KEYS: &str = "name, prefix, strip_digits, prepend_digits, trunks and active";
pub(super) const BUDGET_KEYS: &str = "staff, account, destinations, calls_at_once_max, calls_per_minute_max, calls_per_hour_max, calls_per_day_max, minutes_per_day_max, rupiah_per_day_max and hours_of";
pub(super) const PRICE_KEYS: &str = "prefix and rupiah_per_minute";

/// All `[[outbound_route]]`.
pub(super) fn routes<'a>(
    reader: &mut Reader<'a>,
    root: &mut toml::de::DeTable<'a>,
    trunks: &[Trunk],
) -> Vec<OutboundRoute> {
    let mut all: Vec<OutboundRoute> = Vec::new();
    for mut section in reader.tables(root, "outbound_route") {
        let name = section.required(reader, "name");
        check_name(reader, "outbound_route.name", name.as_ref());
        let prefix = section.text(reader, "prefix").map(|prefix| prefix.value).unwrap_or_default();
        let strip = section.number(reader, "strip_digits").map_or(0, |at| at.value);
        let prepend = section.text(reader, "prepend_digits").map(|digits| digits.value).unwrap_or_default();
        let mut places = Vec::new();
        for wanted in section.texts(reader, "trunks") {
            match trunks.iter().position(|trunk| trunk.name.value == wanted.value) {
                Some(at) => places.push(at),
                None => {
                    let reason = format!("no [[trunk]] has the name {:?}", wanted.value);
                    reader.wrong(wanted.line, "outbound_route.trunks", reason);
                }
            }
        }
        let is_active = section.flag(reader, "active", true);
        section.finish(reader, ROUTE_KEYS);
        let Some(name) = name else { continue };
        if let Some(same) = all.iter().find(|other| other.name.value == name.value) {
            let reason = format!("stands in line {} already", same.name.line);
            reader.wrong(name.line, "outbound_route.name", reason);
        }
        // Out of range either way is for the compiler to say.
        let strip_digits = u16::try_from(strip).unwrap_or(u16::MAX);
        all.push(OutboundRoute {
            name,
            prefix,
            strip_digits,
            prepend_digits: prepend,
            trunks: places,
            is_active,
        });
    }
    all
}

/// All `[[budget]]`.
pub(super) fn budgets<'a>(
    reader: &mut Reader<'a>,
    root: &mut toml::de::DeTable<'a>,
    (people, accounts, extensions): (&[Staff], &[Account], &[Extension]),
) -> Vec<Budget> {
    let mut all = Vec::new();
    for mut section in reader.tables(root, "budget") {
        let (staff, account) = (section.text(reader, "staff"), section.text(reader, "account"));
        if staff.is_some() && account.is_some() {
            reader.wrong(
                section.line,
                "budget",
                "is of staff or of an account, and with neither everybody's",
            );
        }
        let staff = staff.and_then(|of| person(reader, "budget.staff", &of, people));
        let account = account.and_then(|of| bare(reader, &of, accounts));
        let allowance = allowance(reader, &mut section);
        let hours_of = section.text(reader, "hours_of");
        let hours_of = hours_of.and_then(|of| extension(reader, "budget.hours_of", &of, extensions));
        let line = section.line;
        section.finish(reader, BUDGET_KEYS);
        all.push(Budget { line, staff, account, allowance, hours_of });
    }
    all
}

/// All `[[price]]`.
pub(super) fn prices<'a>(reader: &mut Reader<'a>, root: &mut toml::de::DeTable<'a>) -> Vec<Price> {
    let mut all = Vec::new();
    for mut section in reader.tables(root, "price") {
        let prefix = section.required(reader, "prefix");
        let line = section.line;
        let rupiah = section.number(reader, "rupiah_per_minute");
        if rupiah.is_none() {
            reader.wrong(line, "price.rupiah_per_minute", "is missing: a whole number, 0 where it is free");
        }
        section.finish(reader, PRICE_KEYS);
        // Out of range either way is for the compiler to say.
        let rupiah = rupiah.map(|rupiah| u32::try_from(rupiah.value).unwrap_or(u32::MAX));
        all.extend(prefix.zip(rupiah).map(|(prefix, rupiah_per_minute)| Price { prefix, rupiah_per_minute }));
    }
    all
}

/// The account with that username, which is nobody's.
fn bare(reader: &mut Reader<'_>, wanted: &At<String>, accounts: &[Account]) -> Option<usize> {
    let found = accounts.iter().position(|account| account.username.value == wanted.value);
    let is_bare = found.and_then(|at| accounts.get(at)).is_some_and(|account| account.owner.is_none());
    if !is_bare {
        let reason = format!("no [[account]] without staff has the username {:?}", wanted.value);
        reader.wrong(wanted.line, "budget.account", reason);
    }
    found.filter(|_| is_bare)
}

fn allowance<'a>(reader: &mut Reader<'a>, section: &mut Section<'a>) -> Allowance {
    let mut allowance = Allowance::default();
    if section.has("destinations") {
        let destinations = section.texts(reader, "destinations");
        allowance.destinations = destinations.into_iter().map(|destination| destination.value).collect();
    }
    let numbers: [(&str, &mut u16); 4] = [
        ("calls_at_once_max", &mut allowance.calls_at_once_max),
        ("calls_per_minute_max", &mut allowance.calls_per_minute_max),
        ("calls_per_hour_max", &mut allowance.calls_per_hour_max),
        ("calls_per_day_max", &mut allowance.calls_per_day_max),
    ];
    // Out of range either way is for the compiler to say.
    for (key, value) in numbers {
        if let Some(number) = section.number(reader, key) {
            *value = u16::try_from(number.value).unwrap_or(u16::MAX);
        }
    }
    if let Some(minutes) = section.number(reader, "minutes_per_day_max") {
        allowance.minutes_per_day_max = u32::try_from(minutes.value).unwrap_or(u32::MAX);
    }
    let rupiah = section.number(reader, "rupiah_per_day_max");
    allowance.rupiah_per_day_max = rupiah.map(|rupiah| u32::try_from(rupiah.value).unwrap_or(u32::MAX));
    allowance
}

/// The organisation's `emergency_numbers`. One that somebody of the organisation has would ring there.
pub(super) fn emergency_numbers<'a>(
    reader: &mut Reader<'a>,
    head: &mut Section<'a>,
    (staff, extensions): (&[Staff], &[Extension]),
) -> Vec<String> {
    let numbers = match head.has("emergency_numbers") {
        true => {
            let numbers = head.texts(reader, "emergency_numbers");
            numbers.into_iter().map(|number| number.value).collect()
        }
        false => outside::default_emergency_numbers(),
    };
    let own =
        staff.iter().map(|staff| &staff.number).chain(extensions.iter().map(|extension| &extension.number));
    for own in own.filter(|own| numbers.contains(&own.value)) {
        let reason = format!(
            "{0} reaches the emergency services: choose another number, or set emergency_numbers in [organisation] without {0}",
            own.value
        );
        reader.wrong(own.line, "number", reason);
    }
    numbers
}

/// For the compiler, with made-up ids.
pub(super) fn rows(
    description: &Description,
) -> (Vec<outside::OutboundRoute>, Vec<outside::Budget>, Vec<outside::Price>) {
    let routes = description.routes.iter().enumerate().map(|(at, route)| outside::OutboundRoute {
        id: OutboundRouteId(id(at)),
        name: route.name.value.clone(),
        prefix: route.prefix.clone(),
        strip_digits: route.strip_digits,
        prepend_digits: route.prepend_digits.clone(),
        trunks: route.trunks.iter().map(|at| TrunkId(id(*at))).collect(),
        is_active: route.is_active,
    });
    let budgets = description.budgets.iter().enumerate().map(|(at, budget)| outside::Budget {
        id: BudgetId(id(at)),
        user: budget.staff.map(|at| UserId(id(at))),
        account: budget.account.map(|at| AccountId(id(at))),
        allowance: budget.allowance.clone(),
        hours_of: budget.hours_of.map(|at| ExtensionId(id(at))),
    });
    let prices = description.prices.iter().enumerate().map(|(at, price)| outside::Price {
        id: PriceId(id(at)),
        prefix: price.prefix.value.clone(),
        rupiah_per_minute: price.rupiah_per_minute,
    });
    (routes.collect(), budgets.collect(), prices.collect())
}

/// The line of a route, by its place.
pub(super) fn route_line(description: &Description, at: usize) -> usize {
    description.routes.get(at).map_or(1, |route| route.name.line)
}

/// The line of a budget, by its place.
pub(super) fn budget_line(description: &Description, at: usize) -> usize {
    description.budgets.get(at).map_or(1, |budget| budget.line)
}

/// The line of a price, by its place.
pub(super) fn price_line(description: &Description, at: usize) -> usize {
    description.prices.get(at).map_or(1, |price| price.prefix.line)
}

/// What a diagnostic about a price says.
pub(super) fn price_reason(problem: &Problem, field: &str) -> String {
    match (problem, field) {
        (Problem::Malformed, "prefix") => {
            "expected digits, with a plus or as numbers of services have them".to_owned()
        }
        (Problem::Taken, "prefix") => "is a second one for the same numbers".to_owned(),
        (Problem::OutOfRange, _) => "expected a whole number from 0 to 1000000".to_owned(),
        (problem, _) => problem.to_string(),
    }
}

/// What a diagnostic about a route or a budget says.
pub(super) fn reason(problem: &Problem, field: &str) -> String {
    match (problem, field) {
        (Problem::Malformed, "prefix") => {
            "expected digits such as \"0\" or \"9\", or with a plus \"+65\"".to_owned()
        }
        (Problem::OutOfRange, "strip_digits") => {
            "expected a whole number from 0 to the length of a prefix without a plus".to_owned()
        }
        (Problem::Malformed, "prepend_digits") => {
            "expected digits, and none where the prefix has a plus".to_owned()
        }
        (Problem::Missing, "trunks") => "is missing: name the [[trunk]] that are tried, in order".to_owned(),
        (Problem::Taken, "trunks") => "names one twice".to_owned(),
        (Problem::Malformed, "destinations") => {
            "expected \"national\", \"international\" or what numbers begin with, such as \"+65\"".to_owned()
        }
        (Problem::OutOfRange, "rupiah_per_day_max") => {
            "expected a whole number from 0 to 1000000000".to_owned()
        }
        (Problem::OutOfRange, "minutes_per_day_max") => "expected a whole number from 0 to 100000".to_owned(),
        (Problem::OutOfRange, "calls_at_once_max") => "expected a whole number from 0 to 2000".to_owned(),
        (Problem::OutOfRange, _) => "expected a whole number from 0 to 1000".to_owned(),
        (Problem::Taken, "whose") => "is a second one for the same".to_owned(),
        (problem, _) => problem.to_string(),
    }
}
