//! Trunks and the numbers that people outside dial, in a description.

use std::net::IpAddr;

use contract::{
    id::{DidId, ExtensionId, TrunkId, UserId},
    outside,
};
use ipnet::IpNet;

use super::{Description, Extension, Staff, check_name, id, person, rules::extension};
use crate::organisation::reader::{At, Reader};

pub(super) const EXPECTED_NUMBER: &str = "expected a number with its country, such as \"+62215550100\"";
pub(super) const EXPECTED_NARROW: &str = "holds too many addresses: whoever sends from there would be believed to be the provider (at least /16, or /32 of IPv6)";
/// Calls at once on a trunk that does not say how many.
const CHANNELS_DEFAULT: i64 = 30;

/// `[[trunk]]`
#[derive(Debug)]
pub(crate) struct Trunk {
    pub(crate) name: At<String>,
    /// Networks as Postgres writes them.
    pub(crate) sources: Vec<String>,
    pub(crate) channels_max: u16,
    pub(crate) is_trusted: bool,
    pub(crate) is_active: bool,
}

/// `[[did]]`
#[derive(Debug)]
pub(crate) struct Did {
    pub(crate) number: At<String>,
    /// A place among the extensions.
    pub(crate) extension: Option<usize>,
    /// A place among the staff.
    pub(crate) staff: Option<usize>,
}

/// All `[[trunk]]`.
pub(super) fn trunks<'a>(reader: &mut Reader<'a>, root: &mut toml::de::DeTable<'a>) -> Vec<Trunk> {
    let mut all: Vec<Trunk> = Vec::new();
    for mut section in reader.tables(root, "trunk") {
        let name = section.required(reader, "name");
        check_name(reader, "trunk.name", name.as_ref());
        let mut sources = Vec::new();
        for text in section.texts(reader, "sources") {
            let address = || text.value.parse::<IpAddr>().map(IpNet::from);
            match text.value.parse::<IpNet>().or_else(|_| address()) {
                Ok(net) => sources.push(net.trunc().to_string()),
                Err(_) => {
                    let expected = "expected an address or a network, such as \"203.0.113.0/28\"";
                    reader.wrong(text.line, "trunk.sources", expected);
                }
            }
        }
        let channels_max = section.number(reader, "channels_max").map_or(CHANNELS_DEFAULT, |at| at.value);
        let is_trusted = section.flag(reader, "trusted", true);
        let is_active = section.flag(reader, "active", true);
        section.finish(reader, "name, sources, channels_max, trusted and active");
        let Some(name) = name else { continue };
        if let Some(same) = all.iter().find(|other| other.name.value == name.value) {
            let reason = format!("stands in line {} already", same.name.line);
            reader.wrong(name.line, "trunk.name", reason);
        }
        // Out of range either way is for the compiler to say.
        let channels_max = u16::try_from(channels_max).unwrap_or(0);
        all.push(Trunk { name, sources, channels_max, is_trusted, is_active });
    }
    all
}

/// All `[[did]]`.
pub(super) fn dids<'a>(
    reader: &mut Reader<'a>,
    root: &mut toml::de::DeTable<'a>,
    (people, extensions): (&[Staff], &[Extension]),
) -> Vec<Did> {
    let mut all = Vec::new();
    for mut section in reader.tables(root, "did") {
        let number = section.required(reader, "number");
        let (of, whose) = (section.text(reader, "extension"), section.text(reader, "staff"));
        if of.is_some() == whose.is_some() {
            let reason = "needs either extension or staff: what the number stands for";
            reader.wrong(section.line, "did", reason);
        }
        let extension = of.and_then(|of| extension(reader, "did.extension", &of, extensions));
        let staff = whose.and_then(|of| person(reader, "did.staff", &of, people));
        section.finish(reader, "number, extension and staff");
        // One that leads nowhere has been said to.
        if let Some(number) = number.filter(|_| extension.is_some() != staff.is_some()) {
            all.push(Did { number, extension, staff });
        }
    }
    all
}

/// For the compiler, with made-up ids.
pub(super) fn rows(description: &Description) -> outside::Outside {
    let trunks = description.trunks.iter().enumerate().map(|(at, trunk)| outside::Trunk {
        id: TrunkId(id(at)),
        name: trunk.name.value.clone(),
        sources: trunk.sources.clone(),
        channels_max: trunk.channels_max,
        is_trusted: trunk.is_trusted,
        is_active: trunk.is_active,
    });
    let dids = description.dids.iter().enumerate().map(|(at, did)| outside::Did {
        id: DidId(id(at)),
        number: did.number.value.clone(),
        extension: did.extension.map(|at| ExtensionId(id(at))),
        user: did.staff.map(|at| UserId(id(at))),
    });
    outside::Outside {
        country_code: description.country_code.value.clone(),
        trunks: trunks.collect(),
        dids: dids.collect(),
    }
}
