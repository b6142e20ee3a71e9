//! `api.toml`: every key with its unit and bounds stands in `conf/api.toml`, which is also what a test holds
//! the defaults against. All mistakes are found in one go.

mod http;
mod mail;
mod openid;
mod reader;

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use contract::guests::Secret;
use tracing_subscriber::EnvFilter;

use self::reader::Reader;
pub use self::{
    mail::{Mail, SwitchDoor},
    openid::OpenId,
};
use crate::{database, egress::Allowed, http::layers, serve};

/// One thing that is wrong, as `KEY: reason`.
pub type Mistake = String;

/// All of it, understood.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to serve HTTP.
    pub listen: SocketAddr,
    /// Where the database's URL is.
    pub url_file: Option<PathBuf>,
    /// How much of the database to use.
    pub database: DatabaseLimits,
    /// Limits on one request.
    pub request: layers::Limits,
    /// Limits on the socket.
    pub socket: serve::Limits,
    /// The folder of the keys that tokens are signed with.
    pub keys: PathBuf,
    /// Where people reach the console, without a path.
    pub public_url: String,
    /// Whom people sign in by besides passwords, if by anybody.
    pub openid: Option<OpenId>,
    /// What the front page tells about phones.
    pub phones: Phones,
    /// Where the web client lies, and where it reaches the switch.
    pub web: Web,
    /// Where the secret is that passes of guests are proven by.
    pub pass_secret_file: Option<PathBuf>,
    /// Where clients may have events sent.
    pub webhooks: Allowed,
    /// Whom mails are from, and where they go.
    pub mail: Mail,
    /// Where the switch is, if it is to be asked.
    pub switch: Option<SwitchDoor>,
    /// What to log, and how.
    pub log: Log,
}

/// How much of the database to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseLimits {
    /// Connections at once.
    pub connections_max: u32,
    /// How long a request may wait for one.
    pub acquire_timeout: Duration,
    /// How long one statement may take.
    pub statement_timeout: Duration,
}

/// What phones are told, and the front page tells people to enter into them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phones {
    /// The switch's address.
    pub server: String,
    /// The organisation's SIP domain.
    pub domain: String,
    /// The switch's address for TLS; empty: there is none.
    pub tls_server: String,
    /// What the addresses begin with at which phones find their configuration.
    pub provisioning_url: Option<String>,
}

/// Where the web client lies, and where it reaches the switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Web {
    /// Its built files; without an `index.html` in it there is none.
    pub folder: PathBuf,
    /// Where browsers reach the switch (RFC 7118), the best first. Pages may connect to nothing else.
    pub websocket_urls: Vec<String>,
}

/// What to log, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// JSON lines instead of text.
    pub is_json: bool,
    /// `EnvFilter` directives, known to be valid.
    pub filter: String,
}

impl Config {
    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<Self, Vec<Mistake>> {
        let text = fs::read_to_string(path).map_err(|error| vec![format!("{}: {error}", path.display())])?;
        Self::parse(&text, path.parent().unwrap_or(Path::new(".")))
    }

    /// Understands `text`; relative paths count from `base`.
    pub fn parse(text: &str, base: &Path) -> Result<Self, Vec<Mistake>> {
        let mut root = Reader::parse(text)?;
        let listen =
            root.parsed("listen", "127.0.0.1:8080", "must be an address with port, such as 127.0.0.1:8080");
        let mut table = root.table("database");
        let url_file = table.text("url_file", "");
        let database = DatabaseLimits {
            connections_max: table.number("connections_max", 10, 1..=1_000),
            acquire_timeout: table.seconds("acquire_timeout_secs", 5, 1..=60),
            statement_timeout: table.seconds("statement_timeout_secs", 10, 1..=300),
        };
        root.absorb(table);
        let (request, socket) = http::http(&mut root);
        let mut table = root.table("identity");
        let keys = base.join(table.text("keys", "/var/lib/sambung-api/keys"));
        let public_url = table.text("public_url", "http://127.0.0.1:8080").trim_end_matches('/').to_owned();
        let is_url = ["http://", "https://"].iter().any(|scheme| public_url.starts_with(scheme));
        table.check("public_url", is_url, "must begin with http:// or https://");
        root.absorb(table);
        let openid = openid::openid(&mut root, base, &public_url);
        let mut table = root.table("phones");
        let provisioning_url = table.text("provisioning_url", "");
        let is_https = provisioning_url.is_empty() || provisioning_url.starts_with("https://");
        table.check("provisioning_url", is_https, "must begin with https://");
        let phones = Phones {
            server: table.text("server", "127.0.0.1:5060"),
            domain: table.text("domain", "demo.sambung.test"),
            tls_server: table.text("tls_server", ""),
            provisioning_url: (!provisioning_url.is_empty())
                .then(|| provisioning_url.trim_end_matches('/').to_owned()),
        };
        root.absorb(table);
        let web = http::web(&mut root, base);
        let mut table = root.table("guests");
        let pass_secret_file = table.text("secret_file", "");
        root.absorb(table);
        let webhooks = http::webhooks(&mut root);
        let mail = mail::mail(&mut root, base);
        let switch = mail::switch(&mut root, base);
        let log = log(&mut root);
        let (listen, mail) = root.finish(listen.zip(mail))?;
        let url_file = (!url_file.is_empty()).then(|| base.join(url_file));
        Ok(Self {
            listen,
            url_file,
            database,
            request,
            socket,
            keys,
            public_url,
            openid,
            phones,
            web,
            pass_secret_file: (!pass_secret_file.is_empty()).then(|| base.join(pass_secret_file)),
            webhooks,
            mail,
            switch,
            log,
        })
    }

    /// What passes of guests are proven by, from where the configuration says; `None`: nowhere.
    pub fn pass_secret(&self) -> Result<Option<Secret>, Mistake> {
        let Some(path) = self.pass_secret_file.clone().or_else(|| credential("guest-secret")) else {
            return Ok(None);
        };
        let wrong =
            |reason: &dyn std::fmt::Display| format!("guests.secret_file: {}: {reason}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| wrong(&error))?;
        Secret::of_digits(&text).map(Some).ok_or_else(|| wrong(&"must be 64 hexadecimal digits"))
    }

    /// The database's URL from where the configuration says, with the limits.
    pub fn database_options(&self) -> Result<database::Options, Mistake> {
        let url = match self.url_file.clone().or_else(|| credential("database-url")) {
            Some(path) => fs::read_to_string(&path)
                .map_err(|error| format!("database.url_file: {}: {error}", path.display()))?,
            None => env::var("DATABASE_URL")
                .map_err(|_| "database.url_file: is empty, and DATABASE_URL is not set either".to_owned())?,
        };
        let DatabaseLimits { connections_max, acquire_timeout, statement_timeout } = self.database;
        Ok(database::Options {
            url: url.trim().to_owned(),
            connections_max,
            acquire_timeout,
            statement_timeout,
        })
    }
}

fn log(root: &mut Reader) -> Log {
    let mut table = root.table("log");
    let format = table.text("format", "text");
    table.check("format", format == "text" || format == "json", "must be \"text\" or \"json\"");
    let filter = table.text("filter", "info");
    table.check("filter", EnvFilter::builder().parse(&filter).is_ok(), "is no tracing filter");
    root.absorb(table);
    Log { is_json: format == "json", filter }
}

/// What systemd's `LoadCredential=NAME:…` provides.
fn credential(name: &str) -> Option<PathBuf> {
    let path = Path::new(&env::var_os("CREDENTIALS_DIRECTORY")?).join(name);
    path.exists().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<Mistake> {
        Config::parse(text, Path::new("/etc/sambung")).err().unwrap_or_default()
    }

    #[test]
    fn the_shipped_file_says_what_holds_without_it() {
        let shipped = include_str!("../../conf/api.toml");
        let from_file = Config::parse(shipped, Path::new("/etc/sambung")).unwrap();
        let from_nothing = Config::parse("", Path::new("/etc/sambung")).unwrap();
        assert_eq!(format!("{from_file:?}"), format!("{from_nothing:?}"));
    }

    #[test]
    fn all_mistakes_come_together() {
        let text = "listen = 8080\nlisten_on = \"\"\n[database]\nconnections_max = 0\n[http]\nshutdown_secs = \"8\"\n\
                    [log]\nformat = \"xml\"\nfilter = \"a=b=c\"\n[nonsense]\nx = 1";
        assert_eq!(
            mistakes(text),
            [
                "listen: must be text",
                "database.connections_max: must be a whole number, 1 … 1000",
                "http.shutdown_secs: must be a whole number, 0 … 300",
                "log.format: must be \"text\" or \"json\"",
                "log.filter: is no tracing filter",
                "listen_on: unknown key",
                "nonsense: unknown key",
            ]
        );
    }

    #[test]
    fn what_is_no_toml_says_where() {
        let found = mistakes("listen = \n");
        assert!(found.len() == 1 && found[0].contains("line 1"), "{found:?}");
    }

    #[test]
    fn a_mail_server_is_named_whole_and_told_nothing_in_the_clear() {
        let base = "[mail]\nfrom = \"PBX <pbx@example.com>\"\nserver = \"smtp.example.com:587\"\n";
        let server = |text: &str| Config::parse(text, Path::new("/etc")).unwrap().mail.server.unwrap();
        let plain = server(base);
        assert_eq!((plain.host.as_str(), plain.port, plain.username.as_str()), ("smtp.example.com", 587, ""));
        assert_eq!(server(&base.replace("smtp.example.com:", "[2001:db8::25]:")).host, "2001:db8::25");
        let local = "[mail]\nserver = \"127.0.0.1:25\"\nsecurity = \"none\"\n";
        assert_eq!(server(local).port, 25);
        for (text, expected) in [
            (base.replace("PBX <pbx@example.com>", "PBX"), "mail.from: must be an address"),
            (base.replace("pbx@example.com", "pbx@localhost"), "mail.from: is at localhost"),
            (local.replace("security = \"none\"", ""), "mail.from: is at localhost"),
            (base.replace(":587", ""), "mail.server: must be a name and a port"),
            (base.replace(":587", ":0"), "mail.server: must be a name and a port"),
            (base.replace("smtp.example.com", ""), "mail.server: must be a name and a port"),
            (format!("{base}security = \"ssl\""), "mail.security: must be"),
            (format!("{local}username = \"pbx\""), "mail.username: goes nowhere in the clear"),
            (format!("{base}port = 25"), "mail.port: unknown key"),
            ("[switch]\nurl = \"127.0.0.1:5090\"\ntoken_file = \"t\"".to_owned(), "switch.url: must begin"),
            ("[switch]\nurl = \"http://127.0.0.1:5090\"".to_owned(), "switch.token_file: is missing"),
        ] {
            let said = mistakes(&text);
            assert!(matches!(said.as_slice(), [one] if one.starts_with(expected)), "{expected}: {said:?}");
        }
    }

    #[test]
    fn a_password_or_an_authority_that_cannot_be_read_is_a_mistake() {
        let open = |text: &str| {
            let server = "[mail]\nfrom = \"pbx@example.com\"\nserver = \"smtp.example.com:587\"\n";
            let config = Config::parse(&format!("{server}{text}"), Path::new("/nowhere")).unwrap();
            config.mail.open().err().unwrap_or_default()
        };
        assert_eq!(open(""), "");
        let password = open("username = \"pbx\"\npassword_file = \"none\"");
        assert!(password.starts_with("mail.password_file: /nowhere/none: "), "{password}");
        let authority = open("ca_file = \"none\"");
        assert!(authority.starts_with("mail.ca_file: /nowhere/none: "), "{authority}");
    }

    #[test]
    fn relative_paths_count_from_the_file() {
        let config =
            Config::parse("[database]\nurl_file = \"secret/url\"", Path::new("/etc/sambung")).unwrap();
        assert_eq!(config.url_file, Some(PathBuf::from("/etc/sambung/secret/url")));
    }
}
