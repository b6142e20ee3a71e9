//! Mails on their way out: to the SMTP server that is configured, else as files into a folder. What they say, and what becomes of
//! one that was not taken, is for whoever sends them. What a server says may name people, so only its codes are told.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{
        Error,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};
use tokio::time;

/// One step of the SMTP conversation.
const STEP_MAX: Duration = Duration::from_secs(30);
/// All of it.
const SEND_MAX: Duration = Duration::from_secs(120);

/// How the conversation with a server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS after STARTTLS, or nothing is sent (RFC 3207).
    Starttls,
    /// TLS from the first octet (RFC 8314).
    Tls,
    /// In the clear, for a server on this machine.
    Nothing,
}

impl Security {
    /// By its word in the configuration.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "starttls" => Some(Self::Starttls),
            "tls" => Some(Self::Tls),
            "none" => Some(Self::Nothing),
            _ => None,
        }
    }
}

/// A server to hand mails to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name, which its certificate must have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the conversation is protected.
    pub security: Security,
    /// More than the system's authorities (PEM).
    pub ca_file: Option<PathBuf>,
    /// Who we are there; empty: nobody.
    pub username: String,
}

/// Where mails go, and whom they are from.
#[derive(Debug)]
pub struct Post {
    from: Mailbox,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Server(Box<AsyncSmtpTransport<Tokio1Executor>>),
    Folder(PathBuf),
}

/// Why a mail was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// Nobody is there, or not who should be; so it is for every mail now. A word for programs.
    Away(&'static str),
    /// The server does not take it now, by this code (RFC 5321 §4.2).
    NotNow(u16),
    /// The server will never take it.
    Never(u16),
}

impl Post {
    /// To a server, with the password where a username is given.
    ///
    /// # Errors
    /// The authorities cannot be read or are none.
    pub fn to_server(from: Mailbox, server: &Server, password: Option<String>) -> Result<Self, String> {
        let parameters = || {
            let mut builder = TlsParameters::builder(server.host.clone());
            if let Some(path) = &server.ca_file {
                let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
                let pem = fs::read(path).map_err(|error| wrong(&error))?;
                let authority = Certificate::from_pem(&pem).map_err(|error| wrong(&error))?;
                builder = builder.add_root_certificate(authority);
            }
            builder.build_rustls().map_err(|error| error.to_string())
        };
        let tls = match server.security {
            Security::Starttls => Tls::Required(parameters()?),
            Security::Tls => Tls::Wrapper(parameters()?),
            Security::Nothing => Tls::None,
        };
        let hello = ClientId::Domain(from.email.domain().to_owned());
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.clone())
            .port(server.port)
            .hello_name(hello)
            .timeout(Some(STEP_MAX))
            .tls(tls);
        if let Some(password) = password {
            builder = builder.credentials(Credentials::new(server.username.clone(), password));
        }
        Ok(Self { from, way: Way::Server(Box::new(builder.build())) })
    }

    /// As files `NAME.eml` into a folder, which is made when it is needed first.
    pub fn to_folder(from: Mailbox, folder: PathBuf) -> Self {
        Self { from, way: Way::Folder(folder) }
    }

    /// Whom mails are from.
    pub fn from(&self) -> &Mailbox {
        &self.from
    }

    /// Hands a mail over; `name` is its file's in a folder, where it replaces one of the same name.
    pub async fn send(&self, name: &str, mail: &Message) -> Result<(), NotSent> {
        match &self.way {
            Way::Server(server) => match time::timeout(SEND_MAX, server.send(mail.clone())).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(sort(&error)),
                Err(_) => Err(NotSent::Away("smtp_timeout")),
            },
            Way::Folder(folder) => {
                let (folder, name, octets) = (folder.clone(), format!("{name}.eml"), mail.formatted());
                let written = tokio::task::spawn_blocking(move || write(&folder, &name, &octets)).await;
                match written {
                    Ok(Ok(())) => Ok(()),
                    _ => Err(NotSent::Away("folder_refuses")),
                }
            }
        }
    }
}

/// Whole or not at all.
fn write(folder: &Path, name: &str, octets: &[u8]) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let part = folder.join(format!("{name}.part"));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(octets)?;
    file.sync_all()?;
    fs::rename(part, folder.join(name))
}

fn sort(error: &Error) -> NotSent {
    match error.status().map(u16::from) {
        // About the mail or whom it is for. What is left of 5xx is about us, and somebody may mend it: a login, a relay's rules.
        Some(code @ 550..=559) => NotSent::Never(code),
        Some(code) => NotSent::NotNow(code),
        None if error.is_tls() => NotSent::Away("smtp_tls"),
        None if error.is_timeout() => NotSent::Away("smtp_timeout"),
        None => NotSent::Away("smtp_unreachable"),
    }
}
