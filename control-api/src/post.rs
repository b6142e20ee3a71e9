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
/// Octets of the files in a folder.
pub const FOLDER_BYTES_MAX: u64 = 1 << 30;

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

/// Why a mail was not taken, in a word for programs: `smtp_` and the server's code (RFC 5321 §4.2) where it has said one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// Nobody is there, or not who should be, or whoever is there does not let us in: so it is for every mail now.
    Away(String),
    /// It is not taken now, or something about us has to be mended first.
    NotNow(String),
    /// It is larger than it may be.
    TooLarge(String),
    /// It will never be taken.
    Never(String),
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

    /// Whether what is sent goes to somebody. Files lie where nobody has been told of them.
    pub fn is_delivered(&self) -> bool {
        matches!(self.way, Way::Server(_))
    }

    /// Hands a mail over; `name` is its file's in a folder, where it replaces one of the same name.
    pub async fn send(&self, name: &str, mail: &Message) -> Result<(), NotSent> {
        match &self.way {
            Way::Server(server) => match time::timeout(SEND_MAX, server.send(mail.clone())).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(sort(&error)),
                Err(_) => Err(NotSent::Away("smtp_timeout".to_owned())),
            },
            Way::Folder(folder) => {
                let (folder, name, octets) = (folder.clone(), format!("{name}.eml"), mail.formatted());
                let written = tokio::task::spawn_blocking(move || write(&folder, &name, &octets)).await;
                match written {
                    Ok(Ok(true)) => Ok(()),
                    Ok(Ok(false)) => Err(NotSent::Away("folder_full".to_owned())),
                    _ => Err(NotSent::Away("folder_refuses".to_owned())),
                }
            }
        }
    }
}

/// Whole or not at all; false: there is no room for it.
fn write(folder: &Path, name: &str, octets: &[u8]) -> std::io::Result<bool> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut room = FOLDER_BYTES_MAX;
    for file in fs::read_dir(folder)? {
        room = room.saturating_sub(file?.metadata()?.len());
    }
    if u64::try_from(octets.len()).is_ok_and(|length| length > room) {
        return Ok(false);
    }
    let part = folder.join(format!("{name}.part"));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(octets)?;
    file.sync_all()?;
    fs::rename(part, folder.join(name))?;
    Ok(true)
}

fn sort(error: &Error) -> NotSent {
    let said = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    match error.status().map(u16::from) {
        Some(code) => refused(code, &said),
        None if error.is_tls() => NotSent::Away("smtp_tls".to_owned()),
        None if error.is_timeout() => NotSent::Away("smtp_timeout".to_owned()),
        None => NotSent::Away("smtp_unreachable".to_owned()),
    }
}

/// What it means that a server says `code` with these words, which begin with an enhanced code (RFC 3463) where it knows them.
fn refused(code: u16, said: &str) -> NotSent {
    let reason = format!("smtp_{code}");
    let enhanced = said.split_whitespace().next().unwrap_or_default();
    let words = said.to_ascii_lowercase();
    // Rules of a relay, who may send, and the sender's address: somebody may mend it.
    let is_about_us = match enhanced.starts_with("5.") {
        true => enhanced.starts_with("5.7.") || ["5.1.7", "5.1.8"].contains(&enhanced),
        false => ["relay", "sender"].iter().any(|word| words.contains(word)),
    };
    // Larger than the server or the mailbox takes (RFC 3463); RFC 1870 alone says so by 552, RFC 5321 by the same that a mailbox is full.
    let is_too_large = match enhanced.starts_with("5.") {
        true => ["5.3.4", "5.2.3"].contains(&enhanced),
        false => code == 552 && !["full", "quota", "storage"].iter().any(|word| words.contains(word)),
    };
    // RFC 3463 §3.2: about the one address, whatever the code.
    let is_about_address = enhanced.starts_with("5.1.") && !is_about_us;
    match code {
        501..=549 if is_about_address => NotSent::Never(reason),
        421 | 500..=549 => NotSent::Away(reason),
        _ if is_too_large => NotSent::TooLarge(reason),
        552 => NotSent::NotNow(reason),
        550..=559 if !is_about_us => NotSent::Never(reason),
        _ => NotSent::NotNow(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_about_the_mail_or_whom_it_is_for_is_for_good() {
        let away = |code| NotSent::Away(format!("smtp_{code}"));
        let not_now = |code| NotSent::NotNow(format!("smtp_{code}"));
        let never = |code| NotSent::Never(format!("smtp_{code}"));
        for (code, said, expected) in [
            (421, "4.3.2 shutting down", away(421)),
            (451, "4.7.1 greylisted", not_now(451)),
            (530, "5.7.0 authentication required", away(530)),
            (501, "5.1.3 bad recipient address syntax", never(501)),
            (501, "5.1.7 bad sender address syntax", away(501)),
            (535, "5.7.8 no such login", away(535)),
            (550, "5.1.1 no such user", never(550)),
            (550, "5.1.1 no such user: ask the sender", never(550)),
            (550, "no such user", never(550)),
            (550, "5.7.26 unauthenticated mail", not_now(550)),
            (554, "5.7.1 <sari@example.test>: Relay access denied", not_now(554)),
            (550, "Relaying denied", not_now(550)),
            (553, "5.1.8 domain of sender does not exist", not_now(553)),
            (550, "5.1.7 bad address", not_now(550)),
            (553, "sender rejected", not_now(553)),
            (552, "5.3.4 too large", NotSent::TooLarge("smtp_552".to_owned())),
            (554, "5.2.3 longer than administrative limit", NotSent::TooLarge("smtp_554".to_owned())),
            (552, "message size exceeds fixed limit", NotSent::TooLarge("smtp_552".to_owned())),
            (552, "5.2.2 mailbox full", not_now(552)),
            (552, "mailbox is over its quota", not_now(552)),
            (554, "5.6.0 no mail", never(554)),
            (554, "", never(554)),
        ] {
            assert_eq!(refused(code, said), expected, "{code} {said}");
        }
    }
}
