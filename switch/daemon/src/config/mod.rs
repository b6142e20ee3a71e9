//! The configuration of `sambungd`: one TOML file, every key optional, unknown keys refused.
//!
//! All mistakes are found and reported together, before anything is opened. `conf/sambung.toml` shows every key
//! with its default; a test keeps the two the same. Secrets never stand in the file: they come from other files
//! or from the environment. Tenants, accounts and numbers are not configuration but rows in the database.

mod check;
mod guests;
mod observe;
mod read;
mod recording;

use std::{
    fmt, fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use calls::{DtlsPolicy, GuardConfig, Redirects, SrtpPolicy, SwitchboardConfig};
pub use guests::Guests;
use ipnet::IpNet;
pub use observe::{Events, Hep, Trace};
use read::Reader;
pub use recording::Recording;
use sip::{Transport, digest::Algorithm, locate::Target};
use streams::codec::Codec;

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where journal, bindings and the last good plan live. Made (0700) when its parent exists.
    pub data_dir: PathBuf,
    /// SIP listeners.
    pub sip: Sip,
    /// What calls may do.
    pub calls: Calls,
    /// How guests are let in.
    pub guests: Guests,
    /// RTP addresses and ports.
    pub media: Media,
    /// What recordings are written as, and where they are kept.
    pub recording: Recording,
    /// Where configuration rows come from and call records go.
    pub database: Database,
    /// The local HTTP door for the control plane and the operator's tools.
    pub switch_api: SwitchApi,
    /// How much of everything there may be at most.
    pub limits: Limits,
    /// What is logged and how.
    pub log: Log,
    /// The ladder of the last calls.
    pub trace: Trace,
    /// The mirror to Homer.
    pub hep: Hep,
    /// The event stream.
    pub events: Events,
}

/// `[sip]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sip {
    /// UDP addresses to listen on.
    pub udp: Vec<SocketAddr>,
    /// TCP addresses to listen on.
    pub tcp: Vec<SocketAddr>,
    /// TLS addresses to listen on (RFC 3261 §26.2.1).
    pub tls: Vec<SocketAddr>,
    /// Addresses to listen on for browsers (RFC 7118).
    pub ws: Vec<SocketAddr>,
    /// Addresses to listen on for browsers under TLS.
    pub wss: Vec<SocketAddr>,
    /// Origins (RFC 6454 §6.2) whose pages may connect besides those of this machine, in lower case; `*`: all.
    pub ws_origins: Vec<String>,
    /// Certificate chain of the TLS listeners (PEM, own certificate first). Read again when it changes.
    pub tls_certificate: Option<PathBuf>,
    /// Its private key (PEM).
    pub tls_key: Option<PathBuf>,
    /// Authorities whose certificates a TLS client may show instead of proving itself on the way. None: clients show
    /// no certificates.
    pub tls_client_ca: Option<PathBuf>,
    /// Authorities that sign the certificates of servers we connect to. None: those of the system.
    pub tls_ca: Option<PathBuf>,
    /// Whether a server we connect to must prove its name.
    pub tls_verify: bool,
    /// DNS servers. Empty: those of the system.
    pub resolvers: Vec<SocketAddr>,
    /// Names that are resolved (RFC 3263), and addresses names may lead to although they are this machine's own or its
    /// link's. Nothing else is ever resolved.
    pub allowed_targets: Vec<AllowedTarget>,
    /// What the switch calls itself in Via and Contact instead of a listener's own IP address: at most one IPv4
    /// and one IPv6 address. Needed when a listener is bound to 0.0.0.0 or [::].
    pub advertised_addresses: Vec<IpAddr>,
    /// User-Agent and Server header.
    pub user_agent: String,
    /// Digest algorithms phones are challenged with, in this order (RFC 8760 §2.4). Many phones give up when one of
    /// them is not MD5.
    pub digest_algorithms: Vec<Algorithm>,
    /// Whether early media is sent so that it cannot get lost, to phones that support it (RFC 3262).
    pub reliable_provisionals: bool,
    /// Seconds after which a call that nobody has refreshed is ended (RFC 4028); 0 asks for no refreshes.
    pub session_expires_secs: u32,
    /// Shortest such interval that a phone may ask for, in seconds.
    pub min_se_secs: u32,
    /// Networks that may speak to the switch and are never locked out. The most specific network of `allow` and `deny`
    /// that holds an address decides; an address in none may speak.
    pub allow: Vec<IpNet>,
    /// Networks that are not answered at all.
    pub deny: Vec<IpNet>,
    /// What the User-Agent of scanners begins with, in any case; they are not answered.
    pub scanner_user_agents: Vec<String>,
    /// Numbers that overload never turns away, besides urn:service:sos.
    pub emergency_numbers: Vec<String>,
    /// Connections of streams (TCP, TLS, WebSocket) at the same time.
    pub tcp_connections_max: usize,
    /// Connections of streams at the same time from one IPv4 address or one IPv6 network (/64).
    pub tcp_connections_per_source_max: usize,
    /// Seconds after which a silent connection is closed; one whose peer has proved nothing goes after 30.
    pub tcp_idle_secs: u64,
}

/// `[calls]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// What becomes of a call whose phone says that its person is elsewhere (3xx).
    pub redirects: Redirects,
    /// Whether whoever is put on hold hears music of the switch; else a hold is passed on as it is.
    pub hold_music: bool,
    /// Whether people who cannot be connected hear why, before they are refused. Each organisation may do without.
    pub announcements: bool,
}

/// An entry of `sip.allowed_targets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedTarget {
    /// A name, with port and transport where they are written.
    Name(Target),
    /// Addresses.
    Addresses(IpNet),
}

/// `[media]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Addresses RTP ports are bound on, at most one IPv4 and one IPv6.
    pub addresses: Vec<IpAddr>,
    /// What stands in SDP instead, at most one per family; needed for 0.0.0.0 and [::].
    pub advertised_addresses: Vec<IpAddr>,
    /// RTP and RTCP ports, first and last.
    pub ports: PortRange,
    /// The UDP port of each address that all browsers share, outside `ports`; `None`: no browser calls or is called.
    pub browser_port: Option<u16>,
    /// Whether browsers may connect to the same port over TCP, where their network lets no UDP through.
    pub browser_tcp: bool,
    /// Processor that the media thread is pinned to; `None` leaves it to the kernel.
    pub cpu: Option<usize>,
    /// Microseconds that packets may be let gather under load; 0 is never.
    pub gather_micros: u64,
    /// The same of packets of browsers, from much less load on.
    pub gather_browsers_micros: u64,
    /// Seconds a port rests after a call before another call gets it.
    pub port_quarantine_secs: u64,
    /// Codecs that are turned into each other, the most wanted first. Empty: phones without a common one cannot talk.
    pub codecs: Vec<Codec>,
    /// Whether phones that signal over TLS may or must use SRTP (RFC 4568).
    pub srtp: SrtpPolicy,
    /// Whether the same holds for phones whose signalling others can read, and with it the keys.
    pub srtp_keys_in_clear: bool,
    /// With which phones hands are shaken for SRTP (RFC 5763), whatever their signalling.
    pub dtls: DtlsPolicy,
}

impl Media {
    /// Each address that media ports are bound on, with what phones know it as.
    pub fn known_as(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> + '_ {
        self.addresses.iter().map(|bind| {
            let advertised = self.advertised_addresses.iter().find(|other| other.is_ipv4() == bind.is_ipv4());
            (*bind, *advertised.unwrap_or(bind))
        })
    }
}

/// Ports from `first` (even) to `last` (odd), both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest port, even: RTP (RFC 3550 §11).
    pub first: u16,
    /// The highest port, odd: RTCP of the last pair.
    pub last: u16,
}

/// `[database]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Database {
    /// File that holds the URL on one line. Empty: `$CREDENTIALS_DIRECTORY/database-url` when that exists
    /// (systemd `LoadCredential=`), else the environment variable `DATABASE_URL`.
    pub url_file: Option<PathBuf>,
}

/// `[switch_api]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchApi {
    /// Loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// File with the bearer token, made when missing. Empty: `switch_api.token` in the data directory.
    pub token_file: Option<PathBuf>,
    /// File the bound URL is written to. Empty: `switch_api.url` in the data directory.
    pub url_file: Option<PathBuf>,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at the same time; more get 503.
    pub calls_max: usize,
    /// Phones one call may ring at the same time, plus the caller.
    pub legs_per_call_max: usize,
    /// SIP transactions at the same time.
    pub transactions_max: usize,
    /// How long messages may wait for us, in milliseconds, until new calls are turned away (503).
    pub queue_delay_target_millis: u64,
    /// Wrong passwords from one source in `auth_window_secs` until it is locked out.
    pub auth_failures_max: u32,
    /// Wrong passwords for one account in `auth_window_secs`, from everywhere, until strangers are refused.
    pub account_failures_max: u32,
    /// Seconds in which counts of wrong passwords fade.
    pub auth_window_secs: u64,
    /// Seconds of a first lock-out; every further one within a day is twice as long.
    pub lock_out_secs: u64,
    /// Contacts one account may register at the same time.
    pub bindings_per_account_max: usize,
    /// Subscriptions of all phones at the same time; more get 503.
    pub subscriptions_max: usize,
    /// Subscriptions of one account; the one not heard of for longest makes room for a new one.
    pub subscriptions_per_account_max: usize,
    /// Messages one account may send in a minute; more get 480.
    pub messages_per_minute_max: u32,
    /// Shortest registration; shorter ones get 423 (RFC 3261 §10.2.8).
    pub register_expires_min_secs: u32,
    /// Longest registration; longer ones are shortened.
    pub register_expires_max_secs: u32,
    /// Registration without an expiry.
    pub register_expires_default_secs: u32,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// How lines look on stderr.
    pub format: LogFormat,
    /// Which lines are written, in the syntax of tracing's `EnvFilter`: `info,sambungd::wire=debug`.
    pub filter: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Something wrong in the configuration, or in what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The key, `sip.udp`.
    pub key: String,
    /// What is wrong and, where it helps, what would be right.
    pub reason: String,
}

impl Mistake {
    /// A mistake at `key`.
    pub fn new(key: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { key: key.into(), reason: reason.to_string() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)
    }
}

impl Default for Sip {
    fn default() -> Self {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            udp: vec![SocketAddr::new(loopback, 5060)],
            tcp: vec![SocketAddr::new(loopback, 5060)],
            tls: Vec::new(),
            ws: Vec::new(),
            wss: Vec::new(),
            ws_origins: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            tls_client_ca: None,
            tls_ca: None,
            tls_verify: true,
            resolvers: Vec::new(),
            allowed_targets: Vec::new(),
            advertised_addresses: Vec::new(),
            user_agent: "sambung".into(),
            digest_algorithms: vec![Algorithm::Md5],
            reliable_provisionals: true,
            session_expires_secs: 1_800,
            min_se_secs: 90,
            allow: Vec::new(),
            deny: Vec::new(),
            scanner_user_agents: GuardConfig::default().scanner_user_agents,
            emergency_numbers: SwitchboardConfig::default().emergency_numbers,
            tcp_connections_max: 4096,
            tcp_connections_per_source_max: 64,
            tcp_idle_secs: 600,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            data_dir: PathBuf::from("/var/lib/sambung"),
            sip: Sip::default(),
            calls: Calls { redirects: Redirects::default(), hold_music: true, announcements: true },
            guests: Guests::default(),
            media: Media {
                addresses: vec![loopback],
                advertised_addresses: Vec::new(),
                ports: PortRange { first: 20_000, last: 29_999 },
                browser_port: None,
                browser_tcp: true,
                cpu: None,
                gather_micros: 0,
                gather_browsers_micros: 2_000,
                port_quarantine_secs: 5,
                codecs: vec![Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu],
                srtp: SrtpPolicy::default(),
                srtp_keys_in_clear: false,
                dtls: DtlsPolicy::default(),
            },
            recording: Recording::default(),
            database: Database::default(),
            switch_api: SwitchApi { listen: SocketAddr::new(loopback, 0), token_file: None, url_file: None },
            limits: Limits {
                calls_max: 2_000,
                legs_per_call_max: 64,
                transactions_max: 200_000,
                queue_delay_target_millis: 2,
                auth_failures_max: 10,
                account_failures_max: 50,
                auth_window_secs: 600,
                lock_out_secs: 600,
                subscriptions_max: 50_000,
                subscriptions_per_account_max: 200,
                messages_per_minute_max: 60,
                bindings_per_account_max: 10,
                register_expires_min_secs: 60,
                register_expires_max_secs: 7_200,
                register_expires_default_secs: 3_600,
            },
            log: Log { format: LogFormat::Text, filter: "info".into() },
            trace: Trace::default(),
            hep: Hep::default(),
            events: Events::default(),
        }
    }
}

impl Sip {
    /// All listeners from which we can reach others, by what they call themselves, in the order of the file. Nobody connects to a
    /// browser, so those for WebSocket are not among them (RFC 7118 §5).
    pub fn listeners(&self) -> Vec<(Transport, SocketAddr)> {
        let of = |transport, addresses: &[SocketAddr]| {
            addresses.iter().map(|address| (transport, self.known_as(*address))).collect::<Vec<_>>()
        };
        [of(Transport::Udp, &self.udp), of(Transport::Tcp, &self.tcp), of(Transport::Tls, &self.tls)].concat()
    }

    /// The names among `allowed_targets`.
    pub fn allowed_names(&self) -> impl Iterator<Item = &Target> {
        self.allowed_targets.iter().filter_map(|target| match target {
            AllowedTarget::Name(target) => Some(target),
            AllowedTarget::Addresses(_) => None,
        })
    }

    /// What a listener calls itself in Via and Contact.
    pub fn known_as(&self, listener: SocketAddr) -> SocketAddr {
        let ours = self.advertised_addresses.iter().find(|address| address.is_ipv4() == listener.is_ipv4());
        SocketAddr::new(*ours.unwrap_or(&listener.ip()), listener.port())
    }
}

impl Config {
    /// Reads and checks the file at `path`. Relative paths in it count from its folder.
    pub fn load(path: &Path) -> Result<Self, Vec<Mistake>> {
        let text = fs::read_to_string(path)
            .map_err(|error| vec![Mistake::new(path.display().to_string(), error)])?;
        Self::parse(&text, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads and checks a file's text; `folder` is what relative paths count from.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Vec<Mistake>> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            vec![Mistake::new("syntax", error.to_string().replace('\n', " ").trim().to_owned())]
        })?;
        let mut reader = Reader::new(table, folder);
        let config = reader.config();
        let mut mistakes = reader.finish();
        check::across_keys(&config, &mut mistakes);
        if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
    }

    /// Where the call journal lies.
    pub fn journal_dir(&self) -> PathBuf {
        self.data_dir.join("journal")
    }

    /// Where the registrar's bindings lie.
    pub fn bindings_dir(&self) -> PathBuf {
        self.data_dir.join("bindings")
    }

    /// Sounds in place of those that the switch brings along.
    pub fn sounds_dir(&self) -> PathBuf {
        self.data_dir.join("sounds")
    }

    /// Sounds that organisations have uploaded, as the database had them last.
    pub fn own_sounds_dir(&self) -> PathBuf {
        self.data_dir.join("own-sounds")
    }

    /// Where recordings are made, and kept unless there is another place for them.
    pub fn recordings_dir(&self) -> PathBuf {
        self.data_dir.join("recordings")
    }

    /// The last good configuration rows.
    pub fn plan_file(&self) -> PathBuf {
        self.data_dir.join("plan.json")
    }

    /// The file with the bearer token of the switch API.
    pub fn token_file(&self) -> PathBuf {
        self.switch_api.token_file.clone().unwrap_or_else(|| self.data_dir.join("switch_api.token"))
    }

    /// The file the URL of the switch API is written to.
    pub fn switch_api_url_file(&self) -> PathBuf {
        self.switch_api.url_file.clone().unwrap_or_else(|| self.data_dir.join("switch_api.url"))
    }
}

#[cfg(test)]
mod tests;
