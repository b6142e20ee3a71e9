//! Trunks and the numbers that people outside dial, as rows by names.

use std::collections::{BTreeMap, BTreeSet};

use contract::outside::{
    Credentials, NumberFormat, Registering, default_country_code, default_emergency_numbers,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Rows,
    description::{Description, Login},
    outbound::{self, Budget, OutboundRoute, Price},
};
use crate::database::new_id;

/// An organisation's way to and from the telephone network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outside {
    /// `62`
    pub(crate) country_code: String,
    /// By name.
    pub(crate) trunks: BTreeMap<String, Trunk>,
    /// By number.
    pub(crate) dids: BTreeMap<String, Did>,
    #[serde(default = "default_emergency_numbers")]
    pub(crate) emergency_numbers: Vec<String>,
    /// By name.
    #[serde(default)]
    pub(crate) routes: BTreeMap<String, OutboundRoute>,
    /// By whose they are.
    #[serde(default, deserialize_with = "outbound::by_owner")]
    pub(crate) budgets: BTreeMap<String, Budget>,
    /// By what numbers begin with.
    #[serde(default)]
    pub(crate) prices: BTreeMap<String, Price>,
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            country_code: default_country_code(),
            trunks: BTreeMap::new(),
            dids: BTreeMap::new(),
            emergency_numbers: default_emergency_numbers(),
            routes: BTreeMap::new(),
            budgets: BTreeMap::new(),
            prices: BTreeMap::new(),
        }
    }
}

/// A provider's switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trunk {
    pub(crate) id: Uuid,
    /// Networks as Postgres writes them, `203.0.113.5/32`.
    pub(crate) sources: BTreeSet<String>,
    /// As [`contract::outside::Trunk`] has them, and what follows.
    #[serde(default)]
    pub(crate) targets: Vec<String>,
    #[serde(default)]
    pub(crate) credentials: Option<Credentials>,
    #[serde(default)]
    pub(crate) registration: Option<Registering>,
    #[serde(default)]
    pub(crate) options_interval_secs: u16,
    #[serde(default)]
    pub(crate) number_format: NumberFormat,
    #[serde(default)]
    pub(crate) from_number: Option<String>,
    pub(crate) channels_max: u16,
    pub(crate) is_trusted: bool,
    pub(crate) is_active: bool,
}

/// What a number in the telephone network stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Did {
    pub(crate) id: Uuid,
    /// An extension's number.
    pub(crate) extension: Option<String>,
    /// The e-mail of somebody with a number.
    pub(crate) staff: Option<String>,
}

/// What a trunk knows us by, with the password that the database has for this user where no other one is named. The error: there is
/// none.
fn credentials(login: &Login, known: Option<&Trunk>) -> Result<Credentials, String> {
    let known = known.and_then(|known| known.credentials.as_ref());
    let known = known.filter(|known| known.username == login.username.value);
    let password = login.password.clone().or_else(|| known.map(|known| known.password.clone()));
    let (username, realm) = (login.username.value.clone(), login.realm.clone());
    let missing = || format!("{username:?} has no password yet: name the file that holds it");
    let password = password.ok_or_else(missing)?;
    Ok(Credentials { username, password, realm })
}

/// The rows that `description` asks for, with the ids of those there are. `wrong` takes the line, the key and the reason of
/// what is missing.
pub(super) fn rows(
    description: &Description,
    current: Option<&Rows>,
    mut wrong: impl FnMut(usize, &str, String),
) -> anyhow::Result<Outside> {
    let mut outside = Outside {
        country_code: description.country_code.value.clone(),
        emergency_numbers: description.emergency_numbers.clone(),
        routes: outbound::routes(description, current)?,
        budgets: outbound::budgets(description, current)?,
        prices: outbound::prices(description, current)?,
        ..Outside::default()
    };
    for trunk in &description.trunks {
        let known = current.and_then(|rows| rows.outside.trunks.get(&trunk.name.value));
        let credentials = trunk.login.as_ref().map(|login| credentials(login, known));
        if let (Some(Err(reason)), Some(login)) = (&credentials, &trunk.login) {
            wrong(login.username.line, "trunk.auth_password_file", reason.clone());
        }
        let described = Trunk {
            id: known.map_or_else(new_id, |known| Ok(known.id))?,
            sources: trunk.sources.iter().cloned().collect(),
            targets: trunk.targets.clone(),
            credentials: credentials.and_then(Result::ok),
            registration: trunk.registration,
            options_interval_secs: trunk.options_interval_secs,
            number_format: trunk.number_format,
            from_number: trunk.from_number.clone(),
            channels_max: trunk.channels_max,
            is_trusted: trunk.is_trusted,
            is_active: trunk.is_active,
        };
        outside.trunks.insert(trunk.name.value.clone(), described);
    }
    for did in &description.dids {
        let known = current.and_then(|rows| rows.outside.dids.get(&did.number.value));
        let extension = did.extension.and_then(|at| description.extensions.get(at));
        let staff = did.staff.and_then(|at| description.staff.get(at));
        let described = Did {
            id: known.map_or_else(new_id, |known| Ok(known.id))?,
            extension: extension.map(|extension| extension.number.value.clone()),
            staff: staff.map(|staff| staff.email.clone()),
        };
        outside.dids.insert(did.number.value.clone(), described);
    }
    Ok(outside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::reader::At;

    /// Providers count wrong passwords.
    #[test]
    fn another_user_does_not_get_the_password_of_the_one_before() {
        let login = |username: &str| Login {
            username: At { value: username.to_owned(), line: 1 },
            password: None,
            realm: None,
        };
        let trunk = Trunk {
            id: Uuid::nil(),
            sources: BTreeSet::new(),
            targets: Vec::new(),
            credentials: Some(Credentials { username: "021".into(), password: "5ec2e7".into(), realm: None }),
            registration: None,
            options_interval_secs: 0,
            number_format: NumberFormat::E164,
            from_number: None,
            channels_max: 1,
            is_trusted: false,
            is_active: true,
        };
        assert_eq!(credentials(&login("021"), Some(&trunk)).unwrap().password, "5ec2e7");
        let refused = credentials(&login("022"), Some(&trunk)).unwrap_err();
        assert_eq!(refused, "\"022\" has no password yet: name the file that holds it");
    }
}
