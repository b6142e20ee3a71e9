//! Trunks and numbers of the telephone network, on their way into a plan.

use std::{collections::BTreeSet, sync::Arc};

use contract::outside::{Credentials, Did, Registering, Trunk};
use ipnet::IpNet;

use super::{Compiler, limits};
use crate::{
    diagnostic::{Problem, Row},
    outside::{self, is_e164},
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

/// `sip:host[:port][;transport=udp|tcp|tls]` in lower case.
fn is_target(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("sip:").filter(|_| text.len() <= limits::TARGET_BYTES_MAX) else {
        return false;
    };
    let (place, transport) = rest.split_once(";transport=").unwrap_or((rest, "udp"));
    is_place(place) && matches!(transport, "udp" | "tcp" | "tls")
}

/// `host[:port]` in lower case.
fn is_place(place: &str) -> bool {
    let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        Some((host, port)) => {
            (host, port.strip_prefix(':').or(if port.is_empty() { None } else { Some("") }))
        }
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let is_v6 = place.starts_with('[')
        && !host.contains(char::is_uppercase)
        && host.parse::<std::net::Ipv6Addr>().is_ok();
    let is_host = is_v6 || host.parse::<std::net::Ipv4Addr>().is_ok() || super::is_domain(host);
    let is_port = |port: &str| !port.starts_with('0') && port.parse::<u16>().is_ok();
    is_host && port.is_none_or(is_port)
}

/// What fits between quotes of a header (RFC 3261 §25.1).
fn is_quotable(text: &str) -> bool {
    (1..=limits::CREDENTIAL_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// A user, and the domain that it brings along if there is one.
fn is_username(text: &str) -> bool {
    let is_one = |(user, domain): (&str, &str)| !user.is_empty() && is_place(domain);
    is_quotable(text) && text.split_once('@').is_none_or(is_one)
}

fn is_narrow(net: &IpNet) -> bool {
    let least = if matches!(net, IpNet::V4(_)) { SOURCE_PREFIX_V4_MIN } else { SOURCE_PREFIX_V6_MIN };
    net.prefix_len() >= least
}

impl Compiler<'_> {
    /// The country, the trunks, and where they send from.
    pub(super) fn trunks(&mut self) {
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
            self.way_to(trunk);
            if !trunk.is_active {
                continue;
            }
            self.org.sources.extend(nets.iter().map(|net| (net.trunc(), trunk.id)));
            let trust = if trunk.is_trusted { Trust::Inside } else { Trust::Outside };
            let compiled = outside::Trunk {
                id: trunk.id,
                name: trunk.name.as_str().into(),
                channels_max: trunk.channels_max,
                trust,
                targets: trunk.targets.iter().map(|target| target.as_str().into()).collect(),
                credentials: trunk.credentials.clone().map(Arc::new),
                registration: trunk.registration,
                options_interval_secs: Some(trunk.options_interval_secs).filter(|secs| *secs > 0),
                number_format: trunk.number_format,
                from_number: trunk.from_number.as_deref().map(Arc::from),
            };
            self.org.trunks.insert(trunk.id, compiled);
        }
    }

    fn sources_of(&mut self, trunk: &Trunk) -> Vec<IpNet> {
        let row = Row::Trunk(trunk.id);
        if !limits::CHANNELS.contains(&trunk.channels_max) {
            self.wrong(row, "channels_max", Problem::OutOfRange);
        }
        if trunk.sources.is_empty() && trunk.targets.is_empty() {
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

    /// Where calls to a trunk go, and what it knows us by.
    fn way_to(&mut self, trunk: &Trunk) {
        let row = Row::Trunk(trunk.id);
        if trunk.targets.len() > limits::TRUNK_TARGETS_MAX {
            self.wrong(row, "targets", Problem::TooMany(limits::TRUNK_TARGETS_MAX));
        }
        if !trunk.targets.iter().all(|target| is_target(target)) {
            self.wrong(row, "targets", Problem::Malformed);
        }
        if let Some(Credentials { username, password, realm }) = &trunk.credentials {
            let realm = realm.as_deref().unwrap_or("none");
            for (field, is_sound) in [
                ("auth_username", is_username(username)),
                ("auth_password", is_quotable(password)),
                ("auth_realm", is_quotable(realm)),
            ] {
                if !is_sound {
                    self.wrong(row, field, Problem::Malformed);
                }
            }
        }
        if let Some(Registering { expiry_secs }) = trunk.registration {
            if !limits::REGISTRATION_SECS.contains(&expiry_secs) {
                self.wrong(row, "registration_expiry_secs", Problem::OutOfRange);
            }
            if trunk.targets.is_empty() {
                self.wrong(row, "targets", Problem::Missing);
            }
            if trunk.credentials.is_none() {
                self.wrong(row, "auth_username", Problem::Missing);
            }
        }
        if trunk.options_interval_secs != 0 && !limits::OPTIONS_SECS.contains(&trunk.options_interval_secs) {
            self.wrong(row, "options_interval_secs", Problem::OutOfRange);
        }
        let from = trunk.from_number.as_deref();
        if from.is_some_and(|number| !number.strip_prefix('+').is_some_and(is_e164)) {
            self.wrong(row, "from_number", Problem::Malformed);
        }
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
            let number: Arc<str> = did.number.as_str().into();
            self.org.dids.push((Arc::clone(&number), did.id));
            let Some(destination) = self.stands_for(did) else {
                self.wrong(row, "target", Problem::Dangling);
                continue;
            };
            let host = destination.host_inside();
            self.org.own_numbers.extend(host.map(|host| (host, number)));
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
