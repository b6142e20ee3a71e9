//! Trunks and the numbers that people outside dial, in a description.

use std::net::IpAddr;

use contract::{
    id::{DidId, ExtensionId, TrunkId, UserId},
    outside::{self, Credentials, NumberFormat, Registering},
};
use dialplan::Problem;
use ipnet::IpNet;

use super::{
    Description, Extension, Staff, check_name, id, outbound, password, person,
    rules::{extension, word},
};
use crate::organisation::reader::{At, Reader, Section};

pub(super) const EXPECTED_NUMBER: &str = "expected a number with its country, such as \"+62215550100\"";
const EXPECTED_NARROW: &str = "holds too many addresses: whoever sends from there would be believed to be the provider (at least /16, or /32 of IPv6)";
/// Calls at once on a trunk that does not say how many.
const CHANNELS_DEFAULT: i64 = 30;
/// Seconds of a registration that says nothing of them, as the database has it.
const REGISTRATION_SECS_DEFAULT: u32 = 3_600;
/// What providers give out is theirs to choose.
const TRUNK_PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 1..=128;
pub(super) const TRUNK_KEYS: &str = "name, sources, targets, auth_username, auth_password_file, auth_realm, register, registration_expiry_secs, options_interval_secs, number_format, from_number, channels_max, trusted and active";
pub(super) const DID_KEYS: &str = "number, extension and staff";

/// `[[trunk]]`
#[derive(Debug)]
pub(crate) struct Trunk {
    pub(crate) name: At<String>,
    /// Networks as Postgres writes them.
    pub(crate) sources: Vec<String>,
    pub(crate) targets: Vec<String>,
    pub(crate) login: Option<Login>,
    pub(crate) registration: Option<Registering>,
    pub(crate) options_interval_secs: u16,
    pub(crate) number_format: NumberFormat,
    pub(crate) from_number: Option<String>,
    pub(crate) channels_max: u16,
    pub(crate) is_trusted: bool,
    pub(crate) is_active: bool,
}

/// What a trunk knows us by.
pub(crate) struct Login {
    pub(crate) username: At<String>,
    /// When one was named.
    pub(crate) password: Option<String>,
    pub(crate) realm: Option<String>,
}

impl std::fmt::Debug for Login {
    /// Leaves the password out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
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
        let targets = section.texts(reader, "targets").into_iter().map(|target| target.value).collect();
        let (login, registration) = (login(reader, &mut section), registration(reader, &mut section));
        let options = section.number(reader, "options_interval_secs").map_or(0, |at| at.value);
        let formats = (NumberFormat::ALL, NumberFormat::as_str as fn(NumberFormat) -> &'static str);
        let number_format = word(reader, &mut section, "number_format", formats).unwrap_or_default();
        let from_number = section.text(reader, "from_number").map(|number| number.value);
        section.finish(reader, TRUNK_KEYS);
        let Some(name) = name else { continue };
        if let Some(same) = all.iter().find(|other| other.name.value == name.value) {
            let reason = format!("stands in line {} already", same.name.line);
            reader.wrong(name.line, "trunk.name", reason);
        }
        // Out of range either way is for the compiler to say.
        let channels_max = u16::try_from(channels_max).unwrap_or(0);
        let options_interval_secs = u16::try_from(options).unwrap_or(u16::MAX);
        all.push(Trunk {
            name,
            sources,
            targets,
            login,
            registration,
            options_interval_secs,
            number_format,
            from_number,
            channels_max,
            is_trusted,
            is_active,
        });
    }
    all
}

fn login<'a>(reader: &mut Reader<'a>, section: &mut Section<'a>) -> Option<Login> {
    let username = section.text(reader, "auth_username");
    let password = password(reader, section, ("auth_password_file", TRUNK_PASSWORD_CHARS));
    let realm = section.text(reader, "auth_realm");
    if username.is_none() && (password.is_some() || realm.is_some()) {
        reader.wrong(section.line, "trunk.auth_username", "is missing: there is a password or a realm");
    }
    let realm = realm.map(|realm| realm.value);
    username.map(|username| Login { username, password, realm })
}

fn registration<'a>(reader: &mut Reader<'a>, section: &mut Section<'a>) -> Option<Registering> {
    let is_registering = section.flag(reader, "register", false);
    let expiry = section.number(reader, "registration_expiry_secs");
    // Out of range either way is for the compiler to say.
    let expiry_secs = expiry.map_or(REGISTRATION_SECS_DEFAULT, |at| u32::try_from(at.value).unwrap_or(0));
    is_registering.then_some(Registering { expiry_secs })
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
        section.finish(reader, DID_KEYS);
        // One that leads nowhere has been said to.
        if let Some(number) = number.filter(|_| extension.is_some() != staff.is_some()) {
            all.push(Did { number, extension, staff });
        }
    }
    all
}

/// What a diagnostic about a trunk says.
pub(super) fn trunk_reason(problem: &Problem, field: &str) -> String {
    match (problem, field) {
        (Problem::OutOfRange, "sources") => EXPECTED_NARROW.to_owned(),
        (Problem::OutOfRange, "registration_expiry_secs") => {
            "expected a whole number from 60 to 86400".to_owned()
        }
        (Problem::OutOfRange, "options_interval_secs") => {
            "expected 0 for none, or a whole number from 10 to 3600".to_owned()
        }
        (Problem::Malformed, "targets") => {
            "expected places such as \"sip:sip.provider.example\" or \"sip:203.0.113.5:5080;transport=tcp\""
                .to_owned()
        }
        (Problem::Malformed, "from_number") => EXPECTED_NUMBER.to_owned(),
        (Problem::Missing, "sources") => {
            "is missing: say where its calls come from, or with targets where calls to it go".to_owned()
        }
        (Problem::Malformed, "auth_username") => {
            "expected a user such as \"62215550100\", with a domain where the provider has one of its own: \
             \"62215550100@ims.provider.example\""
                .to_owned()
        }
        (Problem::Missing, "targets") => "is missing: say where to register".to_owned(),
        (Problem::Missing, "auth_username") => "is missing: say as whom to register".to_owned(),
        (problem, _) => problem.to_string(),
    }
}

/// The line of a trunk, by its place.
pub(super) fn trunk_line(description: &Description, at: usize) -> usize {
    description.trunks.get(at).map_or(1, |trunk| trunk.name.line)
}

/// The line of a number, by its place.
pub(super) fn did_line(description: &Description, at: usize) -> usize {
    description.dids.get(at).map_or(1, |did| did.number.line)
}

/// For the compiler, with made-up ids.
pub(super) fn rows(description: &Description) -> outside::Outside {
    let (routes, budgets, prices) = outbound::rows(description);
    let trunks = description.trunks.iter().enumerate().map(|(at, trunk)| outside::Trunk {
        id: TrunkId(id(at)),
        name: trunk.name.value.clone(),
        sources: trunk.sources.clone(),
        targets: trunk.targets.clone(),
        credentials: trunk.login.as_ref().map(|login| Credentials {
            username: login.username.value.clone(),
            // Whichever it will be, it is one line of text.
            password: login.password.clone().unwrap_or_else(|| "kept".to_owned()),
            realm: login.realm.clone(),
        }),
        registration: trunk.registration,
        options_interval_secs: trunk.options_interval_secs,
        number_format: trunk.number_format,
        from_number: trunk.from_number.clone(),
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
        emergency_numbers: description.emergency_numbers.clone(),
        routes,
        budgets,
        prices,
    }
}
