//! Numbers of the telephone network (ITU-T E.164), and the trunks that calls from there come by.
//!
//! A call from outside is known by where it comes from and by the number it is for: the address must stand in a trunk of the
//! organisation that has the number. Who it says that it is from decides nothing. Several organisations may have the same
//! provider, so the same addresses; a number is one organisation's alone.

use std::{net::IpAddr, sync::Arc};

use contract::{
    id::{OrgId, TrunkId},
    outside::{Credentials, NumberFormat, Registering},
};

use crate::plan::{OrgPlan, Plan, Trust};

/// Digits of a number by E.164 §6.2.1, country code included; fewer than the least are no subscriber's.
pub(crate) const E164_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// What stands before a number in the same country, and before one abroad.
pub(crate) const NATIONAL_PREFIX: &str = "0";
pub(crate) const INTERNATIONAL_PREFIX: &str = "00";

/// A trunk that may be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Trunk {
    /// Its id.
    pub id: TrunkId,
    /// For people.
    pub name: Arc<str>,
    /// Calls at once, in both directions.
    pub channels_max: u16,
    /// [`Trust::Inside`]: its word on who calls is believed, and who calls is told to it.
    pub trust: Trust,
    /// Where calls to it go, in the order in which they are tried: URIs as [`contract::outside::Trunk::targets`] has them.
    /// None: it only brings calls.
    pub targets: Arc<[Box<str>]>,
    /// What it knows us by.
    pub credentials: Option<Arc<Credentials>>,
    /// How we register there, at the first of `targets` that takes it, as the user that `credentials` name.
    pub registration: Option<Registering>,
    /// Seconds between two OPTIONS to each target; `None`: it is not asked whether it is there.
    pub options_interval_secs: Option<u16>,
    /// How numbers are written to it.
    pub number_format: NumberFormat,
    /// Who calls, by E.164, where the caller has no number of their own.
    pub from_number: Option<Arc<str>>,
}

/// A call from outside, as far as configuration knows it.
#[derive(Clone, Debug)]
pub struct Incoming<'p> {
    /// Whose number it is for.
    pub org: &'p OrgPlan,
    /// What it comes by.
    pub trunk: &'p Trunk,
    /// The number by E.164, which [`Plan::route`] takes.
    pub number: String,
}

impl Plan {
    /// Whether a trunk sends from this address.
    pub fn is_trunk(&self, address: IpAddr) -> bool {
        self.index.trunks_at(address).next().is_some()
    }

    /// The trunks that send from this address.
    pub fn trunks_at(&self, address: IpAddr) -> impl Iterator<Item = (OrgId, TrunkId)> {
        self.index.trunks_at(address)
    }

    /// The call of this trunk for what was dialled there. `None`: it is none, and whoever sends it has to prove who they are.
    pub fn incoming(&self, (org, trunk): (OrgId, TrunkId), dialled: &str) -> Option<Incoming<'_>> {
        let org = self.organisation(org)?;
        let number = e164(dialled, &org.country_code)?;
        let is_its = self.index.did(&number) == Some(org.id());
        Some(Incoming { org, trunk: org.trunk(trunk)?, number }).filter(|_| is_its)
    }
}

impl OrgPlan {
    /// A trunk that may be used.
    pub fn trunk(&self, id: TrunkId) -> Option<&Trunk> {
        self.trunks.get(&id)
    }

    /// All of them, ordered by id.
    pub fn trunks(&self) -> impl Iterator<Item = &Trunk> {
        self.trunks.values()
    }

    /// A number as this organisation's people and providers write it, by E.164 with a plus.
    pub fn e164(&self, number: &str) -> Option<String> {
        e164(number, &self.country_code)
    }
}

/// A number without the parameters of a tel URI (RFC 3966 §5.1.5), and without what only parts its digits (§5.1.1).
pub(crate) fn plain(number: &str) -> String {
    let number = number.split(';').next().unwrap_or_default();
    number.chars().filter(|letter| !matches!(letter, '-' | '.' | '(' | ')' | ' ')).collect()
}

/// A number by E.164, from what people and providers write: `+62 21-5550100`, `006221…`, `6221…`, `021…`. Numbers without
/// their area, and what is no number, are none.
pub(crate) fn e164(number: &str, country_code: &str) -> Option<String> {
    let plain = plain(number);
    let abroad = plain.strip_prefix('+').or_else(|| plain.strip_prefix(INTERNATIONAL_PREFIX));
    let digits = match (abroad, plain.strip_prefix(NATIONAL_PREFIX)) {
        (Some(digits), _) => digits.to_owned(),
        (None, Some(digits)) => format!("{country_code}{digits}"),
        (None, None) if plain.starts_with(country_code) => plain,
        (None, None) => return None,
    };
    is_e164(&digits).then(|| format!("+{digits}"))
}

/// Whether these are the digits of a number by E.164.
pub(crate) fn is_e164(digits: &str) -> bool {
    E164_DIGITS.contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
pub(crate) mod tests;
