//! What was made once and must stay the same: passwords, tokens, ids, ports. Kept in `state.json`, readable
//! only for us, written before anything in it is used.

use std::fs;

use anyhow::Context as _;
use migrations::Role;
use sambung::secret;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::folder::Folder;
use crate::database::new_id;

const FILE: &str = "state.json";

/// The demo organisation's SIP domain.
pub(super) const DOMAIN: &str = "demo.sambung.test";
/// Whoever dials it meets the others who have.
pub(super) const CONFERENCE_NUMBER: &str = "8000";

/// The first person's number.
const FIRST_NUMBER: usize = 1001;

/// Common Indonesian first names; after the last one they come again with a number.
const NAMES: [&str; 24] = [
    "Sari", "Budi", "Dewi", "Agus", "Rina", "Eko", "Wati", "Joko", "Ayu", "Hadi", "Lestari", "Bayu", "Indah",
    "Rudi", "Putri", "Dedi", "Maya", "Slamet", "Nur", "Yanto", "Fitri", "Andi", "Tuti", "Wahyu",
];

/// Everything that a second start needs to be the same as the first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) postgres_port: u16,
    pub(super) postgres_password: String,
    api_role_password: String,
    switch_role_password: String,
    pub(super) switch_api_port: u16,
    pub(super) organisation: Uuid,
    pub(super) super_admin: Person,
    pub(super) owner: Person,
    pub(super) staff: Vec<Staff>,
    pub(super) extensions: [Extension; 2],
    pub(super) api_key: ApiKey,
}

/// Somebody who can sign in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) user: Uuid,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) password: String,
}

/// Somebody who can be called.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Staff {
    pub(super) person: Person,
    pub(super) number: String,
    pub(super) account: Uuid,
    pub(super) sip_password: String,
}

/// A number for a team.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Extension {
    pub(super) id: Uuid,
    pub(super) number: String,
    pub(super) name: String,
}

/// A key for programs; its secret as 64 hexadecimal digits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ApiKey {
    pub(super) id: Uuid,
    pub(super) secret: String,
}

impl ApiKey {
    /// As a client presents it.
    pub(super) fn token(&self) -> String {
        format!("sambung_{}{}", self.id.simple(), self.secret)
    }
}

impl State {
    /// What the folder holds, or something new; with at least `staff` people, never fewer than before. It is
    /// not saved yet: the ports are still open.
    pub(super) fn load_or_make(folder: &Folder, staff: usize) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let mut state = match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::new()?,
            Err(error) => return Err(error).context(format!("cannot read {}", path.display())),
        };
        for at in state.staff.len()..staff {
            state.staff.push(Staff::new(at)?);
        }
        Ok(state)
    }

    /// Writes it down.
    pub(super) fn save(&self, folder: &Folder) -> anyhow::Result<()> {
        folder.write_secret(FILE, &serde_json::to_string_pretty(self)?).context("cannot write state.json")?;
        Ok(())
    }

    /// The passwords of the daemons' roles.
    pub(super) fn role_passwords(&self) -> [(Role, &str); 2] {
        [(Role::Api, &self.api_role_password), (Role::Switch, &self.switch_role_password)]
    }

    /// The extension that the person at `at` is assigned to: every other one, so that two phones registered
    /// as the first two people can already call each other through both.
    pub(super) fn extension_of(&self, at: usize) -> &Extension {
        let [first, second] = &self.extensions;
        if at.is_multiple_of(2) { first } else { second }
    }

    fn new() -> anyhow::Result<Self> {
        let extension = |number: &str, name: &str| {
            anyhow::Ok(Extension { id: new_id()?, number: number.to_owned(), name: name.to_owned() })
        };
        Ok(Self {
            postgres_port: 0,
            postgres_password: secret::password(24)?,
            api_role_password: secret::password(24)?,
            switch_role_password: secret::password(24)?,
            switch_api_port: 0,
            organisation: new_id()?,
            super_admin: Person::new("Admin", "admin")?,
            owner: Person::new("Pemilik", "owner")?,
            staff: Vec::new(),
            extensions: [extension("100", "Resepsionis")?, extension("200", "Support")?],
            api_key: ApiKey { id: new_id()?, secret: secret::hex(&secret::bytes::<32>()?) },
        })
    }
}

impl Person {
    /// The password satisfies H-004: eight characters or more, a symbol, a digit.
    fn new(name: &str, mailbox: &str) -> anyhow::Result<Self> {
        Ok(Self {
            user: new_id()?,
            name: name.to_owned(),
            email: format!("{mailbox}@{DOMAIN}"),
            password: format!("{}-{}", secret::password(12)?, 10 + u16::from(secret::bytes::<1>()?[0]) % 90),
        })
    }
}

impl Staff {
    fn new(at: usize) -> anyhow::Result<Self> {
        let (round, name) = (at / NAMES.len(), NAMES.get(at % NAMES.len()).unwrap_or(&"Staf"));
        let name = if round == 0 { (*name).to_owned() } else { format!("{name} {}", round + 1) };
        let mailbox = name.to_lowercase().replace(' ', "");
        Ok(Self {
            person: Person::new(&name, &mailbox)?,
            number: (FIRST_NUMBER + at).to_string(),
            account: new_id()?,
            sip_password: secret::password(12)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn people_have_their_own_names_addresses_and_numbers() {
        let staff: Vec<Staff> = (0..60).map(|at| Staff::new(at).unwrap()).collect();
        assert_eq!((staff[0].person.name.as_str(), staff[0].number.as_str()), ("Sari", "1001"));
        assert_eq!(staff[24].person.email, "sari2@demo.sambung.test");
        let emails: BTreeSet<&str> = staff.iter().map(|staff| staff.person.email.as_str()).collect();
        assert_eq!(emails.len(), 60);
    }

    #[test]
    fn passwords_keep_the_rule_for_passwords() {
        let password = Person::new("a", "a").unwrap().password;
        assert!(
            password.len() >= 8 && password.contains('-') && password.contains(|c: char| c.is_ascii_digit())
        );
    }
}
