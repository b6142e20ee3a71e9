//! `[mail]` and `[switch]` of `api.toml`: where mails go, and where the switch is, which unlocks the sounds that go with them.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use lettre::message::Mailbox;

use super::{Mistake, credential, reader::Reader};
use crate::{
    post::{Post, Security, Server},
    switch::Switch,
};

/// Whom mails are from, and where they go.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Whom they are from.
    pub from: Mailbox,
    /// Where to; none: into the folder.
    pub server: Option<Server>,
    /// Where the password for it is.
    pub password_file: Option<PathBuf>,
    /// Where mails lie as files without a server.
    pub folder: PathBuf,
}

/// Where the switch is.
#[derive(Clone, Debug)]
pub struct SwitchDoor {
    /// Without a path.
    pub url: String,
    /// With its bearer token.
    pub token_file: PathBuf,
}

pub(super) fn mail(root: &mut Reader, base: &Path) -> Option<Mail> {
    let mut table = root.table("mail");
    let from = table.parsed(
        "from",
        "sambung <sambung@localhost>",
        "must be an address, such as PBX <pbx@example.com>",
    );
    let server = table.text("server", "");
    let word = table.text("security", "starttls");
    let security = Security::of(&word);
    table.check("security", security.is_some(), "must be \"starttls\", \"tls\" or \"none\"");
    let ca_file = file(base, table.text("ca_file", ""));
    let username = table.text("username", "");
    table.check(
        "username",
        username.is_empty() || security != Some(Security::Nothing),
        "goes nowhere in the clear: security is \"none\"",
    );
    let password_file = file(base, table.text("password_file", ""));
    let folder = base.join(table.text("folder", "/var/lib/sambung-api/mails"));
    let address = server.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let is_address = address.is_some_and(|(host, port): (&str, u16)| !host.is_empty() && port != 0);
    table.check(
        "server",
        server.is_empty() || is_address,
        "must be a name and a port, such as smtp.example.com:587",
    );
    let is_at_localhost = from.as_ref().is_some_and(|from: &Mailbox| from.email.domain() == "localhost");
    table.check(
        "from",
        server.is_empty() || security == Some(Security::Nothing) || !is_at_localhost,
        "is at localhost, which no server elsewhere takes mails from",
    );
    root.absorb(table);
    let server = address.zip(security).map(|((host, port), security)| {
        // An IPv6 address stands in brackets before a port, and without them everywhere else.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Server { host, port, security, ca_file, username }
    });
    from.map(|from| Mail { from, server, password_file, folder })
}

pub(super) fn switch(root: &mut Reader, base: &Path) -> Option<SwitchDoor> {
    let mut table = root.table("switch");
    let url = table.text("url", "");
    let token_file = file(base, table.text("token_file", ""));
    table.check("url", url.is_empty() || url.starts_with("http://"), "must begin with http://");
    table.check(
        "token_file",
        url.is_empty() || token_file.is_some(),
        "is missing: the switch opens to nobody without",
    );
    root.absorb(table);
    let url = Some(url.trim_end_matches('/').to_owned()).filter(|url| !url.is_empty());
    url.zip(token_file).map(|(url, token_file)| SwitchDoor { url, token_file })
}

fn file(base: &Path, text: String) -> Option<PathBuf> {
    (!text.is_empty()).then(|| base.join(text))
}

impl Mail {
    /// The way out for mails, with the secrets that belong to it.
    ///
    /// # Errors
    /// The password or the authorities are missing or cannot be read.
    pub fn open(&self) -> Result<Post, Mistake> {
        let Some(server) = &self.server else {
            tracing::info!(folder = %self.folder.display(), "no mail server is configured: mails are files");
            return Ok(Post::to_folder(self.from.clone(), self.folder.clone()));
        };
        let password = if server.username.is_empty() { None } else { Some(self.password()?) };
        Post::to_server(self.from.clone(), server, password)
            .map_err(|reason| format!("mail.ca_file: {reason}"))
    }

    fn password(&self) -> Result<String, Mistake> {
        let password = match self.password_file.clone().or_else(|| credential("smtp-password")) {
            Some(path) => fs::read_to_string(&path)
                .map_err(|error| format!("mail.password_file: {}: {error}", path.display()))?,
            None => env::var("SMTP_PASSWORD").map_err(|_| {
                "mail.password_file: is empty, and SMTP_PASSWORD is not set either".to_owned()
            })?,
        };
        Ok(password.trim().to_owned())
    }
}

impl SwitchDoor {
    /// The way to it.
    ///
    /// # Errors
    /// No HTTP client could be made.
    pub fn open(&self) -> Result<Switch, Mistake> {
        Switch::new(self.url.clone(), self.token_file.clone()).map_err(|error| format!("switch: {error}"))
    }
}
