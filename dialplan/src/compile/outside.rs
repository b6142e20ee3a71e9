//! Trunks and numbers of the telephone network, on their way into a plan.

use std::collections::BTreeSet;

use contract::outside::{Did, Trunk};
use ipnet::IpNet;

use super::{Compiler, limits};
use crate::{
    diagnostic::{Problem, Row},
    outside::{self, Sources, is_e164},
    plan::{Destination, Trust},
};

/// Shortest prefixes of networks that a trunk sends from: who is believed by the address alone is not half the world.
const SOURCE_PREFIX_V4_MIN: u8 = 16;
const SOURCE_PREFIX_V6_MIN: u8 = 32;

/// A network, or one address.
fn network(text: &str) -> Option<IpNet> {
    let net = text.parse().or_else(|_| text.parse().map(|address: std::net::IpAddr| IpNet::from(address)));
    net.ok()
}

fn is_narrow(net: &IpNet) -> bool {
    let least = if matches!(net, IpNet::V4(_)) { SOURCE_PREFIX_V4_MIN } else { SOURCE_PREFIX_V6_MIN };
    net.prefix_len() >= least
}

impl Compiler<'_> {
    /// The country, the trunks, and where they send from.
    pub(super) fn trunks(&mut self, sources: &mut Sources) {
        let outside = &self.rows.outside;
        let code = &outside.country_code;
        if !(1..=3).contains(&code.len())
            || !code.bytes().all(|b| b.is_ascii_digit())
            || code.starts_with('0')
        {
            self.wrong(Row::Organisation, "country_code", Problem::Malformed);
        }
        self.org.country_code = code.as_str().into();
        if outside.trunks.len() > limits::TRUNKS_MAX {
            self.wrong(Row::Organisation, "trunks", Problem::TooMany(limits::TRUNKS_MAX));
        }
        let mut ids = BTreeSet::new();
        for trunk in &outside.trunks {
            if !ids.insert(trunk.id) {
                self.wrong(Row::Trunk(trunk.id), "id", Problem::Taken);
            }
            let nets = self.sources_of(trunk);
            if !trunk.is_active {
                continue;
            }
            for net in nets {
                sources.add(net, (self.rows.id, trunk.id));
            }
            let trust = if trunk.is_trusted { Trust::Inside } else { Trust::Outside };
            let compiled = outside::Trunk {
                id: trunk.id,
                name: trunk.name.as_str().into(),
                channels_max: trunk.channels_max,
                trust,
            };
            self.org.trunks.insert(trunk.id, compiled);
        }
    }

    fn sources_of(&mut self, trunk: &Trunk) -> Vec<IpNet> {
        let row = Row::Trunk(trunk.id);
        if !limits::CHANNELS.contains(&trunk.channels_max) {
            self.wrong(row, "channels_max", Problem::OutOfRange);
        }
        if trunk.sources.is_empty() {
            self.wrong(row, "sources", Problem::Missing);
        }
        if trunk.sources.len() > limits::SOURCES_MAX {
            self.wrong(row, "sources", Problem::TooMany(limits::SOURCES_MAX));
        }
        let mut nets = Vec::new();
        for source in &trunk.sources {
            match network(source) {
                None => self.wrong(row, "sources", Problem::Malformed),
                Some(net) if !is_narrow(&net) => self.wrong(row, "sources", Problem::OutOfRange),
                Some(net) => nets.push(net),
            }
        }
        nets
    }

    /// Numbers that people outside dial. They are among the organisation's numbers: whoever dials one inside gets there too.
    pub(super) fn dids(&mut self) {
        let dids = &self.rows.outside.dids;
        if dids.len() > limits::DIDS_MAX {
            self.wrong(Row::Organisation, "dids", Problem::TooMany(limits::DIDS_MAX));
        }
        for did in dids {
            let row = Row::Did(did.id);
            if !did.number.strip_prefix('+').is_some_and(is_e164) {
                self.wrong(row, "number", Problem::Malformed);
            }
            let Some(destination) = self.stands_for(did) else {
                self.wrong(row, "target", Problem::Dangling);
                continue;
            };
            if self.org.numbers.insert(did.number.as_str().into(), destination).is_some() {
                self.wrong(row, "number", Problem::Taken);
            }
        }
    }

    fn stands_for(&self, did: &Did) -> Option<Destination> {
        match (did.extension, did.user) {
            (Some(extension), None) => {
                self.org.extensions.get(&extension).map(|extension| Destination::Extension(extension.clone()))
            }
            (None, Some(user)) => self.staff.contains_key(&user).then_some(Destination::Person(user)),
            _ => None,
        }
    }
}
