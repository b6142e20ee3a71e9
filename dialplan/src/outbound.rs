//! Calls to the telephone network: which number is meant, by which trunks it goes, and whether whoever pays for it may call it.
//!
//! Routes are tried in order and the first that fits decides. A budget says here where and when its owner may call; how much of
//! it is used up is the switch's business. Numbers of the emergency services pass whatever routes and budgets say.

use std::{fmt, str::FromStr, sync::Arc};

use contract::{
    id::{ExtensionId, TrunkId},
    outside::Allowance,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    follow::Following,
    hours,
    outside::{INTERNATIONAL_PREFIX, NATIONAL_PREFIX, e164, is_e164, plain},
    plan::{Host, OrgPlan, PersonKey, Ring},
    route::{Refusal, Step},
};

/// Digits of a number that is known inside a country alone: of services, and of the emergency services.
const SHORT_DIGITS: std::ops::RangeInclusive<usize> = 2..=8;

/// A number in the telephone network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct OutsideNumber {
    digits: u64,
    length: u8,
    /// Known inside the country alone; by E.164 without.
    is_short: bool,
}

impl OutsideNumber {
    /// Whether it is known inside the country alone, as numbers of services are.
    pub fn is_short(self) -> bool {
        self.is_short
    }
}

impl fmt::Display for OutsideNumber {
    /// `+62812…`, or `112`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digits, length, is_short } = *self;
        let plus = if is_short { "" } else { "+" };
        write!(f, "{plus}{digits:0width$}", width = usize::from(length))
    }
}

/// What was taken for a number in the telephone network is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no number in the telephone network")]
pub struct NoOutsideNumber;

impl FromStr for OutsideNumber {
    type Err = NoOutsideNumber;

    fn from_str(text: &str) -> Result<Self, NoOutsideNumber> {
        let (digits, is_short) = text.strip_prefix('+').map_or((text, true), |digits| (digits, false));
        let is_plain = digits.bytes().all(|digit| digit.is_ascii_digit());
        let fits = if is_short { is_plain && SHORT_DIGITS.contains(&digits.len()) } else { is_e164(digits) };
        let number = digits.parse().ok().filter(|_| fits).zip(u8::try_from(digits.len()).ok());
        number.map(|(digits, length)| Self { digits, length, is_short }).ok_or(NoOutsideNumber)
    }
}

impl TryFrom<String> for OutsideNumber {
    type Error = NoOutsideNumber;

    fn try_from(text: String) -> Result<Self, NoOutsideNumber> {
        text.parse()
    }
}

impl From<OutsideNumber> for String {
    fn from(number: OutsideNumber) -> Self {
        number.to_string()
    }
}

/// Whose budget a call to the telephone network is counted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payer {
    /// Of somebody who calls, or sends a call on.
    Person(PersonKey),
    /// Of an extension whose rule sends it on.
    Extension(ExtensionId),
}

/// A call that leaves for the telephone network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// What is called.
    pub number: OutsideNumber,
    /// The trunks that are tried, in order.
    pub trunks: Vec<TrunkId>,
    /// Whose budget it is counted on; `None`: a call to the emergency services, which nothing limits.
    pub payer: Option<Payer>,
    /// Rupiah for each minute that begins; `None`: nobody has said.
    pub rupiah_per_minute: Option<u32>,
}

/// Why a call may not go to the telephone network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Barred {
    /// Not to this number.
    Destination,
    /// Not at this time.
    Hours,
    /// As many calls as may be are up.
    AtOnce,
    /// As many calls as may be have begun within a minute.
    PerMinute,
    /// Within an hour.
    PerHour,
    /// Within a day.
    PerDay,
    /// The minutes of a day are used up.
    Minutes,
    /// The money of a day is used up, or the next minute would cost more than is left.
    Money,
    /// Nobody knows what the number costs, and it may not cost whatever it does.
    Price,
}

impl Barred {
    /// The stable word for programs, as in `contract::journal::Detail::reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Destination => "destination_not_allowed",
            Self::Hours => "outside_not_at_this_time",
            Self::AtOnce => "outside_calls_at_once",
            Self::PerMinute => "outside_calls_per_minute",
            Self::PerHour => "outside_calls_per_hour",
            Self::PerDay => "outside_calls_per_day",
            Self::Minutes => "outside_minutes_per_day",
            Self::Money => "outside_money_per_day",
            Self::Price => "outside_price_unknown",
        }
    }
}

/// How much of the telephone network somebody may use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Budget {
    /// What it allows.
    pub allowance: Allowance,
    /// Only while this extension is open.
    pub(crate) hours_of: Option<ExtensionId>,
}

/// Which calls go out by which trunks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OutboundRoute {
    pub(crate) name: Arc<str>,
    pub(crate) prefix: Box<str>,
    pub(crate) strip: usize,
    pub(crate) prepend: Box<str>,
    /// Those that can be called, in order.
    pub(crate) trunks: Vec<TrunkId>,
}

impl OutboundRoute {
    /// The number that is meant by what was dialled, if this route is for it.
    fn number(&self, dialled: &str, country_code: &str) -> Option<OutsideNumber> {
        let Self { prefix, strip, prepend, .. } = self;
        let whole = e164(dialled, country_code);
        if prefix.starts_with('+') {
            return whole.filter(|number| number.starts_with(&**prefix))?.parse().ok();
        }
        if let Some(number) = whole.as_ref().filter(|_| dialled.starts_with('+')) {
            // A number of a contact list has neither code for a line nor national prefix; it is meant for this route where
            // the same would be if it were dialled.
            let is_line_code = !prefix.is_empty() && *strip == prefix.len() && prepend.is_empty();
            let fits = is_line_code || national(number, country_code).starts_with(&**prefix);
            return number.parse().ok().filter(|_| fits);
        }
        let rest = dialled.strip_prefix(&**prefix).and_then(|_| dialled.get(*strip..))?;
        let meant = format!("{prepend}{rest}");
        match e164(&meant, country_code) {
            Some(number) => number.parse().ok(),
            // A short number has no form of its own: a route that names what it begins with knows it. One with a zero in front
            // would be somewhere else for the provider than it is here.
            None => meant.parse().ok().filter(|_| !prefix.is_empty() && !meant.starts_with('0')),
        }
    }
}

/// A number by E.164 as it is dialled in a country: `0812…`, and `0065…` abroad.
pub(crate) fn national(number: &str, country_code: &str) -> String {
    let digits = number.strip_prefix('+').unwrap_or(number);
    match digits.strip_prefix(country_code) {
        Some(subscriber) => format!("{NATIONAL_PREFIX}{subscriber}"),
        None => format!("{INTERNATIONAL_PREFIX}{digits}"),
    }
}

impl OrgPlan {
    /// What a payer may use of the telephone network.
    pub fn budget(&self, payer: Payer) -> &Budget {
        let own = match payer {
            Payer::Person(person) => self.budgets.get(&Some(person)),
            Payer::Extension(_) => None,
        };
        own.or_else(|| self.budgets.get(&None)).unwrap_or(&self.common_budget)
    }

    /// Whether a payer may call a number at that time, whatever is used up.
    pub(crate) fn barred(&self, payer: Payer, number: OutsideNumber, now: Timestamp) -> Option<Barred> {
        let Budget { allowance, hours_of } = self.budget(payer);
        let text = number.to_string();
        let is_meant = |destination: &String| match destination.as_str() {
            "international" => true,
            "national" => {
                number.is_short()
                    || text.strip_prefix('+').is_some_and(|digits| digits.starts_with(&*self.country_code))
            }
            prefix => text.starts_with(prefix),
        };
        if !allowance.destinations.iter().any(is_meant) {
            return Some(Barred::Destination);
        }
        if allowance.rupiah_per_day_max.is_some() && self.rupiah_per_minute(number).is_none() {
            return Some(Barred::Price);
        }
        let extension = hours_of.and_then(|id| self.extensions.get(&id));
        let hours = extension.and_then(|extension| extension.hours.as_ref());
        let is_open = hours.is_none_or(|it| it.standing(hours::local(&self.zone, now)).is_open());
        (!is_open).then_some(Barred::Hours)
    }

    /// Rupiah for each minute that begins with a number, if anybody has said: what the longest prefix says that fits.
    fn rupiah_per_minute(&self, number: OutsideNumber) -> Option<u32> {
        let text = number.to_string();
        let prefixes = (1..=text.len()).rev().filter_map(|length| text.get(..length));
        prefixes.filter_map(|prefix| self.prices.get(prefix)).next().copied()
    }

    /// The number of a person, or of an extension, in the telephone network, if they have one.
    pub fn own_number(&self, host: Host) -> Option<&str> {
        self.own_numbers.iter().find(|(of, _)| *of == host).map(|(_, number)| &**number)
    }

    /// A number as it is written to a trunk.
    pub fn written(&self, number: OutsideNumber, format: contract::outside::NumberFormat) -> String {
        use contract::outside::NumberFormat;
        let text = number.to_string();
        match (text.strip_prefix('+'), format) {
            (None, _) | (_, NumberFormat::E164) => text,
            (Some(digits), NumberFormat::Digits) => digits.to_owned(),
            (Some(_), NumberFormat::National) => national(&text, &self.country_code),
        }
    }

    /// Where what was dialled leads outside; `None`: nowhere.
    pub(crate) fn outside(
        &self,
        dialled: &str,
        payer: Option<Payer>,
        following: &mut Following<'_>,
    ) -> Option<Result<Arc<Ring>, Refusal>> {
        let dialled = plain(dialled);
        if let Some(ring) = self.emergency(&dialled, following) {
            return Some(Ok(ring));
        }
        let payer = payer.filter(|payer| !matches!(payer, Payer::Person(person) if person.is_outside()))?;
        let (route, number) = self.meant(&dialled).find(|(route, _)| !route.trunks.is_empty())?;
        let trunks = route.trunks.clone();
        let names = trunks.iter().filter_map(|id| self.trunks.get(id)).map(|trunk| Arc::clone(&trunk.name));
        following.trace.0.push(Step::Outside {
            number,
            route: Some(Arc::clone(&route.name)),
            trunks: names.collect(),
        });
        if let Some(why) = self.barred(payer, number, following.now()) {
            following.trace.0.push(Step::Barred(why));
            return Some(Err(Refusal::Barred(why)));
        }
        let rupiah_per_minute = self.rupiah_per_minute(number);
        Some(Ok(self.calling(Outbound { number, trunks, payer: Some(payer), rupiah_per_minute })))
    }

    /// What each route that is for it takes this for.
    fn meant(&self, plain: &str) -> impl Iterator<Item = (&OutboundRoute, OutsideNumber)> {
        self.routes.iter().filter_map(|route| Some((route, route.number(plain, &self.country_code)?)))
    }

    /// The organisation's own number in the telephone network that is meant by what was dialled, however it was, by E.164.
    pub(crate) fn own(&self, dialled: &str) -> Option<String> {
        let is_own = |number: &String| self.numbers.contains_key(number.as_str());
        let behind_code = || {
            let plain = plain(dialled);
            let meant = self.meant(&plain).filter(|(_, number)| !number.is_short());
            meant.map(|(_, number)| number.to_string()).find(is_own)
        };
        self.e164(dialled).filter(is_own).or_else(behind_code)
    }

    /// The number of the emergency services that was dialled, with or without the code for a line.
    fn emergency_number<'d>(&self, plain: &'d str) -> Option<&'d str> {
        let is_one = |number: &&str| self.emergency_numbers.contains(*number);
        let codes = self.routes.iter().filter(|route| route.strip > 0 && route.strip == route.prefix.len());
        let behind_code = || codes.filter_map(|route| plain.strip_prefix(&*route.prefix)).find(is_one);
        Some(plain).filter(is_one).or_else(behind_code)
    }

    /// Whether what was dialled is a number of the emergency services.
    pub fn is_emergency(&self, dialled: &str) -> bool {
        self.emergency_number(&plain(dialled)).is_some()
    }

    /// A call to the emergency services. All trunks are tried, those of routes first.
    fn emergency(&self, dialled: &str, following: &mut Following<'_>) -> Option<Arc<Ring>> {
        let number = self.emergency_number(dialled)?;
        let mut trunks: Vec<TrunkId> = Vec::new();
        let of_routes = self.routes.iter().flat_map(|route| &route.trunks);
        let all = self.trunks.values().filter(|trunk| !trunk.targets.is_empty()).map(|trunk| &trunk.id);
        for id in of_routes.chain(all) {
            if !trunks.contains(id) {
                trunks.push(*id);
            }
        }
        let number: OutsideNumber = number.parse().ok().filter(|_| !trunks.is_empty())?;
        let names = trunks.iter().filter_map(|id| self.trunks.get(id)).map(|trunk| Arc::clone(&trunk.name));
        following.trace.0.push(Step::Outside { number, route: None, trunks: names.collect() });
        Some(self.calling(Outbound { number, trunks, payer: None, rupiah_per_minute: None }))
    }

    fn calling(&self, outbound: Outbound) -> Arc<Ring> {
        let number: Arc<str> = outbound.number.to_string().into();
        Arc::new(Ring {
            host: Host::Outside(outbound.number),
            name: Arc::clone(&number),
            number,
            targets: Vec::new(),
            ring_timeout_secs: self.outside_ring_secs,
            outbound: Some(Arc::new(outbound)),
        })
    }
}

#[cfg(test)]
mod tests;
