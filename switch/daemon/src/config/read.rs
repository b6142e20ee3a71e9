//! From TOML to [`Config`], key by key, so that one mistake does not hide the next.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
};

use calls::{DtlsPolicy, Redirects, SrtpPolicy};
use ipnet::IpNet;
use sip::{digest::Algorithm, locate::Target};
use streams::codec::Codec;
use toml::{Table, Value};

use super::{AllowedTarget, Config, LogFormat, Mistake, PortRange};

/// Takes keys out of a file; what nobody takes is unknown.
pub(super) struct Reader<'a> {
    table: Table,
    folder: &'a Path,
    mistakes: Vec<Mistake>,
    /// Every key that was asked for, so that a test can compare them with the file that shows them.
    pub(super) keys: Vec<String>,
}

/// One section of the file while it is read; the name is empty for the keys at the top.
pub(super) struct Section<'a, 'b> {
    name: &'static str,
    table: Table,
    reader: &'a mut Reader<'b>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(table: Table, folder: &'a Path) -> Self {
        Self { table, folder, mistakes: Vec::new(), keys: Vec::new() }
    }

    /// Reads everything, with the default in place of whatever is absent or wrong.
    pub(super) fn config(&mut self) -> Config {
        let mut config = Config::default();
        self.read_sip(&mut config);
        self.section("calls", |s| {
            s.take("redirects", &mut config.calls.redirects, redirects);
            s.take("hold_music", &mut config.calls.hold_music, flag);
            s.take("announcements", &mut config.calls.announcements, flag);
        });
        self.section("guests", |s| s.take("secret_file", &mut config.guests.secret_file, optional_path));
        self.read_media(&mut config);
        self.read_recording(&mut config);
        self.section("database", |s| s.take("url_file", &mut config.database.url_file, optional_path));
        let folder = self.folder;
        self.section("switch_api", |s| {
            s.take("listen", &mut config.switch_api.listen, address);
            s.take("token_file", &mut config.switch_api.token_file, optional_path);
            s.take("url_file", &mut config.switch_api.url_file, optional_path);
        });
        self.read_limits(&mut config);
        self.read_observe(&mut config);
        self.section("log", |s| {
            s.take("format", &mut config.log.format, log_format);
            s.take("filter", &mut config.log.filter, text);
        });
        if let Some(value) = self.known("data_dir") {
            match text(&value) {
                Ok(path) if !path.is_empty() => config.data_dir = PathBuf::from(path),
                _ => self.mistakes.push(Mistake::new("data_dir", "expected the path of a folder")),
            }
        }
        config.data_dir = folder.join(&config.data_dir);
        for path in [
            &mut config.database.url_file,
            &mut config.switch_api.token_file,
            &mut config.switch_api.url_file,
            &mut config.sip.tls_certificate,
            &mut config.sip.tls_key,
            &mut config.sip.tls_client_ca,
            &mut config.sip.tls_ca,
            &mut config.hep.password_file,
            &mut config.guests.secret_file,
            &mut config.recording.public_key_file,
        ] {
            *path = path.take().map(|path| folder.join(path));
        }
        let store = &mut config.recording.store;
        if !store.is_empty() && !store.contains("://") {
            *store = folder.join(&*store).display().to_string();
        }
        config
    }

    fn read_sip(&mut self, config: &mut Config) {
        let sip = &mut config.sip;
        self.section("sip", |s| {
            s.take("udp", &mut sip.udp, |v| list(v, address));
            s.take("tcp", &mut sip.tcp, |v| list(v, address));
            s.take("tls", &mut sip.tls, |v| list(v, address));
            s.take("ws", &mut sip.ws, |v| list(v, address));
            s.take("wss", &mut sip.wss, |v| list(v, address));
            s.take("ws_origins", &mut sip.ws_origins, |v| list(v, origin));
            s.take("tls_certificate", &mut sip.tls_certificate, optional_path);
            s.take("tls_key", &mut sip.tls_key, optional_path);
            s.take("tls_client_ca", &mut sip.tls_client_ca, optional_path);
            s.take("tls_ca", &mut sip.tls_ca, optional_path);
            s.take("tls_verify", &mut sip.tls_verify, flag);
            s.take("resolvers", &mut sip.resolvers, |v| list(v, address));
            s.take("allowed_targets", &mut sip.allowed_targets, |v| list(v, allowed_target));
            s.take("advertised_addresses", &mut sip.advertised_addresses, |v| list(v, ip_address));
            s.take("user_agent", &mut sip.user_agent, text);
            s.take("digest_algorithms", &mut sip.digest_algorithms, |v| list(v, digest_algorithm));
            s.take("reliable_provisionals", &mut sip.reliable_provisionals, flag);
            s.take("session_expires_secs", &mut sip.session_expires_secs, |v| number(v, 0, 86_400));
            s.take("min_se_secs", &mut sip.min_se_secs, |v| number(v, 90, 86_400));
            s.take("allow", &mut sip.allow, |v| list(v, network));
            s.take("deny", &mut sip.deny, |v| list(v, network));
            s.take("scanner_user_agents", &mut sip.scanner_user_agents, |v| list(v, text));
            s.take("emergency_numbers", &mut sip.emergency_numbers, |v| list(v, text));
            s.take("tcp_connections_max", &mut sip.tcp_connections_max, |v| number(v, 1, 65_536));
            let per_source = &mut sip.tcp_connections_per_source_max;
            s.take("tcp_connections_per_source_max", per_source, |v| number(v, 1, 65_536));
            s.take("tcp_idle_secs", &mut sip.tcp_idle_secs, |v| number(v, 30, 86_400));
        });
    }

    fn read_media(&mut self, config: &mut Config) {
        let media = &mut config.media;
        self.section("media", |s| {
            s.take("addresses", &mut media.addresses, |v| list(v, ip_address));
            s.take("advertised_addresses", &mut media.advertised_addresses, |v| list(v, ip_address));
            s.take("ports", &mut media.ports, port_range);
            s.take("browser_port", &mut media.browser_port, |v| {
                number(v, 0, 65_535).map(|port| Some(port).filter(|port| *port > 0))
            });
            s.take("browser_tcp", &mut media.browser_tcp, flag);
            s.take("cpu", &mut media.cpu, cpu);
            s.take("gather_micros", &mut media.gather_micros, |v| number(v, 0, 2_000));
            s.take("gather_browsers_micros", &mut media.gather_browsers_micros, |v| number(v, 0, 2_000));
            s.take("port_quarantine_secs", &mut media.port_quarantine_secs, |v| number(v, 0, 3_600));
            s.take("codecs", &mut media.codecs, |value| list(value, codec));
            s.take("srtp", &mut media.srtp, srtp_policy);
            s.take("srtp_keys_in_clear", &mut media.srtp_keys_in_clear, flag);
            s.take("dtls", &mut media.dtls, dtls_policy);
        });
    }

    fn read_limits(&mut self, config: &mut Config) {
        let limits = &mut config.limits;
        self.section("limits", |s| {
            s.take("calls_max", &mut limits.calls_max, |v| number(v, 1, 30_000));
            s.take("legs_per_call_max", &mut limits.legs_per_call_max, |v| number(v, 2, 1_000));
            s.take("transactions_max", &mut limits.transactions_max, |v| number(v, 16, 1_000_000));
            s.take("queue_delay_target_millis", &mut limits.queue_delay_target_millis, |v| {
                number(v, 1, 1_000)
            });
            s.take("auth_failures_max", &mut limits.auth_failures_max, |v| number(v, 1, 1_000));
            s.take("account_failures_max", &mut limits.account_failures_max, |v| number(v, 1, 100_000));
            s.take("auth_window_secs", &mut limits.auth_window_secs, |v| number(v, 10, 7_200));
            s.take("lock_out_secs", &mut limits.lock_out_secs, |v| number(v, 1, 86_400));
            s.take("bindings_per_account_max", &mut limits.bindings_per_account_max, |v| number(v, 1, 100));
            s.take("subscriptions_max", &mut limits.subscriptions_max, |v| number(v, 0, 1_000_000));
            s.take("subscriptions_per_account_max", &mut limits.subscriptions_per_account_max, |v| {
                number(v, 1, 10_000)
            });
            s.take("messages_per_minute_max", &mut limits.messages_per_minute_max, |v| number(v, 0, 6_000));
            let expires = |v: &Value| number(v, 1, 604_800);
            s.take("register_expires_min_secs", &mut limits.register_expires_min_secs, expires);
            s.take("register_expires_max_secs", &mut limits.register_expires_max_secs, expires);
            s.take("register_expires_default_secs", &mut limits.register_expires_default_secs, expires);
        });
    }

    fn known(&mut self, key: &str) -> Option<Value> {
        self.keys.push(key.to_owned());
        self.table.remove(key)
    }

    pub(super) fn section(&mut self, name: &'static str, read: impl FnOnce(&mut Section<'_, 'a>)) {
        let table = match self.table.remove(name) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(_) => {
                self.mistakes.push(Mistake::new(name, format!("is a section, written [{name}]")));
                Table::new()
            }
        };
        let mut section = Section { name, table, reader: self };
        read(&mut section);
        for key in section.table.keys() {
            section.reader.mistakes.push(Mistake::new(format!("{name}.{key}"), "no such key"));
        }
    }

    /// The mistakes found on the way; what is left over is unknown.
    pub(super) fn finish(mut self) -> Vec<Mistake> {
        let unknown = self.table.keys().map(|key| Mistake::new(key.as_str(), "no such key or section"));
        self.mistakes.extend(unknown);
        self.mistakes
    }
}

impl Section<'_, '_> {
    pub(super) fn take<T>(
        &mut self,
        key: &str,
        into: &mut T,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) {
        let full_key = format!("{}.{key}", self.name);
        if let Some(value) = self.table.remove(key) {
            match read(&value) {
                Ok(value) => *into = value,
                Err(reason) => self.reader.mistakes.push(Mistake::new(full_key.as_str(), reason)),
            }
        }
        self.reader.keys.push(full_key);
    }
}

pub(super) fn text(value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("expected a text in quotes, found {value}"))
}

pub(super) fn optional_path(value: &Value) -> Result<Option<PathBuf>, String> {
    let path = text(value)?;
    Ok(Some(path).filter(|path| !path.is_empty()).map(PathBuf::from))
}

fn flag(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("expected true or false, found {value}"))
}

fn allowed_target(value: &Value) -> Result<AllowedTarget, String> {
    let text = text(value)?;
    if let Ok(net) = text.parse() {
        return Ok(AllowedTarget::Addresses(net));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(AllowedTarget::Addresses(address.into()));
    }
    let has_scheme = ["sip:", "sips:"].iter().any(|scheme| text.starts_with(scheme));
    let uri = if has_scheme { text } else { format!("sip:{text}") };
    let target =
        sip::Uri::parse(&uri).ok().and_then(|uri| Target::of(&uri)).filter(|found| found.name.contains('.'));
    target.map(AllowedTarget::Name).ok_or_else(|| {
        format!("expected a name like \"edge.example.com\" or \"sip:edge.example.com;transport=tls\", or addresses like \"10.0.0.0/8\", found {value}")
    })
}

/// An origin as browsers write it, or `*`.
fn origin(value: &Value) -> Result<String, String> {
    let text = text(value)?.to_ascii_lowercase();
    let host = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let is_origin =
        host.is_some_and(|host| !host.is_empty() && !host.contains(['/', ' ', '@', '?', '#', '*']));
    if is_origin || text == "*" {
        return Ok(text);
    }
    Err(format!("expected an origin like \"https://console.example.com\" or \"*\", found {value}"))
}

fn list<T>(value: &Value, item: impl Fn(&Value) -> Result<T, String>) -> Result<Vec<T>, String> {
    let values = value.as_array().ok_or_else(|| format!("expected a list in [ ], found {value}"))?;
    values.iter().map(item).collect()
}

fn address(value: &Value) -> Result<SocketAddr, String> {
    without_zone(value)?;
    let address: SocketAddr =
        parsed(value, "an address with a port, like \"127.0.0.1:5060\" or \"[::1]:5060\"")?;
    Ok(SocketAddr::new(reachable(address.ip(), value)?, address.port()))
}

/// An IPv4 address in IPv6 clothes is the IPv4 address that it is.
fn reachable(address: IpAddr, value: &Value) -> Result<IpAddr, String> {
    match address.to_canonical() {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Err(format!(
            "{value} is link-local: phones would need its zone, which neither SIP nor SDP can write; use another address"
        )),
        address => Ok(address),
    }
}

fn without_zone(value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some(text) if text.contains('%') => {
            Err(format!("{value} has a zone (%), which neither SIP nor SDP can write; use another address"))
        }
        _ => Ok(()),
    }
}

fn network(value: &Value) -> Result<IpNet, String> {
    parsed(value, "a network, like \"192.0.2.0/24\" or \"2001:db8::/32\"; one address is \"192.0.2.1/32\"")
}

fn ip_address(value: &Value) -> Result<IpAddr, String> {
    without_zone(value)?;
    reachable(parsed(value, "an IP address, like \"192.0.2.1\" or \"2001:db8::1\"")?, value)
}

fn parsed<T: FromStr>(value: &Value, expected: &str) -> Result<T, String> {
    let parsed = value.as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| format!("expected {expected}, found {value}"))
}

pub(super) fn number<T: TryFrom<i64>>(value: &Value, lowest: i64, highest: i64) -> Result<T, String> {
    let fits = value.as_integer().filter(|number| (lowest..=highest).contains(number));
    let number = fits.and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| format!("expected a whole number from {lowest} to {highest}, found {value}"))
}

fn cpu(value: &Value) -> Result<Option<usize>, String> {
    let number: i64 = number(value, -1, 4_095)?;
    Ok(usize::try_from(number).ok())
}

fn port_range(value: &Value) -> Result<PortRange, String> {
    let split = value.as_str().and_then(|text| text.split_once('-'));
    let ports = split.and_then(|(first, last)| {
        Some(PortRange { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? })
    });
    let sound = ports.filter(|p| p.first >= 1_024 && p.first < p.last && p.first % 2 == 0 && p.last % 2 == 1);
    sound.ok_or_else(|| {
        format!("expected \"FIRST-LAST\" with an even first port from 1024 and an odd last port above it, found {value}")
    })
}

fn digest_algorithm(value: &Value) -> Result<Algorithm, String> {
    let all = [Algorithm::Md5, Algorithm::Sha256];
    let named = value.as_str().and_then(|name| all.into_iter().find(|algorithm| algorithm.as_str() == name));
    named.ok_or_else(|| format!("expected \"MD5\" or \"SHA-256\", found {value}"))
}

fn redirects(value: &Value) -> Result<Redirects, String> {
    match value.as_str() {
        Some("refuse") => Ok(Redirects::Refuse),
        Some("own_numbers") => Ok(Redirects::OwnNumbers),
        Some("numbers") => Ok(Redirects::Numbers),
        _ => Err(format!("expected \"refuse\", \"own_numbers\" or \"numbers\", found {value}")),
    }
}

fn codec(value: &Value) -> Result<Codec, String> {
    match text(value)?.as_str() {
        "opus" => Ok(Codec::Opus),
        "g722" => Ok(Codec::G722),
        "pcma" => Ok(Codec::Pcma),
        "pcmu" => Ok(Codec::Pcmu),
        other => Err(format!("expected \"opus\", \"g722\", \"pcma\" or \"pcmu\", found {other:?}")),
    }
}

fn srtp_policy(value: &Value) -> Result<SrtpPolicy, String> {
    match value.as_str() {
        Some("off") => Ok(SrtpPolicy::Off),
        Some("optional") => Ok(SrtpPolicy::Optional),
        Some("required") => Ok(SrtpPolicy::Required),
        _ => Err(format!("expected \"off\", \"optional\" or \"required\", found {value}")),
    }
}

fn dtls_policy(value: &Value) -> Result<DtlsPolicy, String> {
    match value.as_str() {
        Some("off") => Ok(DtlsPolicy::Off),
        Some("answer") => Ok(DtlsPolicy::Answer),
        Some("offer") => Ok(DtlsPolicy::Offer),
        _ => Err(format!("expected \"off\", \"answer\" or \"offer\", found {value}")),
    }
}

fn log_format(value: &Value) -> Result<LogFormat, String> {
    match value.as_str() {
        Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        _ => Err(format!("expected \"text\" or \"json\", found {value}")),
    }
}
