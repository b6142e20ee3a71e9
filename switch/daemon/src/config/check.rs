//! What one key alone cannot tell: mistakes that show only when keys are read together.

use std::net::{IpAddr, SocketAddr};

use super::{Config, Mistake, Sip};

/// The longest User-Agent: it stands in every message of ours.
const USER_AGENT_BYTES_MAX: usize = 64;
/// Networks in one list.
const NETWORKS_MAX: usize = 1_024;
/// Names in one list that every request is compared with.
const NAMES_MAX: usize = 64;
/// The longest of them.
const NAME_BYTES_MAX: usize = 64;
/// Targets that are kept located, and DNS servers.
const TARGETS_MAX: usize = 64;
/// Listeners of one transport.
const LISTENERS_MAX: usize = 16;

/// Adds the mistakes of a configuration whose keys are sound by themselves.
pub(super) fn across_keys(config: &Config, mistakes: &mut Vec<Mistake>) {
    let sip = &config.sip;
    let all = [("sip.udp", &sip.udp)].into_iter().chain(streams(sip));
    for (key, listeners) in all.clone() {
        check_listeners(key, listeners, sip, mistakes);
    }
    if all.into_iter().all(|(_, listeners)| listeners.is_empty()) {
        let reason =
            "none of sip.udp, sip.tcp, sip.tls, sip.ws and sip.wss has an address: nobody could call";
        mistakes.push(Mistake::new("sip.udp", reason));
    }
    check_streams(sip, mistakes);
    check_targets(sip, mistakes);
    one_per_family("sip.advertised_addresses", &sip.advertised_addresses, mistakes);
    let visible = sip.user_agent.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !visible || sip.user_agent.trim().is_empty() || sip.user_agent.len() > USER_AGENT_BYTES_MAX {
        let reason = format!("expected 1 to {USER_AGENT_BYTES_MAX} printable ASCII characters");
        mistakes.push(Mistake::new("sip.user_agent", reason));
    }
    if sip.session_expires_secs != 0 && sip.session_expires_secs < sip.min_se_secs {
        mistakes.push(Mistake::new("sip.session_expires_secs", "is less than min_se_secs"));
    }
    check_guard(config, mistakes);
    let algorithms = &sip.digest_algorithms;
    if algorithms.is_empty()
        || algorithms.len() > 2
        || (algorithms.len() == 2 && algorithms.first() == algorithms.last())
    {
        let reason = "expected [\"MD5\"], [\"SHA-256\"] or both in either order";
        mistakes.push(Mistake::new("sip.digest_algorithms", reason));
    }
    check_media(config, mistakes);
    if !config.switch_api.listen.ip().is_loopback() {
        mistakes.push(Mistake::new(
            "switch_api.listen",
            "only a loopback address is safe here: 127.0.0.1 or [::1]",
        ));
    }
    let limits = &config.limits;
    let (shortest, longest) = (limits.register_expires_min_secs, limits.register_expires_max_secs);
    if shortest > longest {
        mistakes
            .push(Mistake::new("limits.register_expires_min_secs", "is more than register_expires_max_secs"));
    } else if !(shortest..=longest).contains(&limits.register_expires_default_secs) {
        let reason = "is not between register_expires_min_secs and register_expires_max_secs";
        mistakes.push(Mistake::new("limits.register_expires_default_secs", reason));
    }
    super::observe::check(config, mistakes);
    super::recording::check(config, mistakes);
    if let Some(problem) = crate::logging::problem_of(&config.log.filter) {
        mistakes.push(Mistake::new("log.filter", problem));
    }
}

/// The listeners of streams, each with its key.
fn streams(sip: &Sip) -> [(&'static str, &Vec<SocketAddr>); 4] {
    [("sip.tcp", &sip.tcp), ("sip.tls", &sip.tls), ("sip.ws", &sip.ws), ("sip.wss", &sip.wss)]
}

fn check_streams(sip: &Sip, mistakes: &mut Vec<Mistake>) {
    let files = [("sip.tls_certificate", &sip.tls_certificate), ("sip.tls_key", &sip.tls_key)];
    for (key, file) in files {
        for (secure, listeners) in [("sip.tls", &sip.tls), ("sip.wss", &sip.wss)] {
            if file.is_none() && !listeners.is_empty() {
                mistakes
                    .push(Mistake::new(key, format!("{secure} has an address: name the file for it here")));
            }
        }
    }
    let all = streams(sip);
    for (at, (key, listeners)) in all.iter().enumerate() {
        let others = all.iter().take(at);
        let mut taken = others.flat_map(|(other, theirs)| theirs.iter().map(move |address| (other, address)));
        let clash = taken.find(|(_, theirs)| listeners.iter().any(|ours| cover(ours, theirs)));
        if let Some((other, address)) = clash {
            let reason = format!(
                "{address} is taken by {other}: each needs a port of its own, usually {}",
                usual(key)
            );
            mistakes.push(Mistake::new(*key, reason));
        }
    }
    if sip.ws_origins.len() > TARGETS_MAX {
        mistakes.push(Mistake::new("sip.ws_origins", format!("has more than {TARGETS_MAX} entries")));
    }
}

/// The port that is usual for a listener.
fn usual(key: &str) -> u16 {
    match key {
        "sip.tls" => 5061,
        "sip.ws" => 8088,
        "sip.wss" => 8089,
        _ => 5060,
    }
}

fn check_listeners(key: &str, listeners: &[SocketAddr], sip: &Sip, mistakes: &mut Vec<Mistake>) {
    if listeners.len() > LISTENERS_MAX {
        mistakes.push(Mistake::new(key, format!("has more than {LISTENERS_MAX} addresses")));
    }
    for (index, listener) in listeners.iter().enumerate() {
        if listener.port() == 0 {
            mistakes
                .push(Mistake::new(key, format!("{listener} needs a port: phones could not find port 0")));
        }
        let known_as = sip.known_as(*listener);
        if known_as.ip().is_unspecified() {
            let reason = format!(
                "{listener} takes every address of the machine: say in advertised_addresses which one phones know"
            );
            mistakes.push(Mistake::new(key, reason));
        }
        let mut before = listeners.iter().take(index);
        if let Some(other) = before.find(|other| sip.known_as(**other) == known_as || cover(listener, other))
        {
            let reason = format!(
                "{other} and {listener} cannot be told apart: each needs an address and port of its own"
            );
            mistakes.push(Mistake::new(key, reason));
        }
    }
}

fn check_targets(sip: &Sip, mistakes: &mut Vec<Mistake>) {
    for (key, count) in
        [("sip.resolvers", sip.resolvers.len()), ("sip.allowed_targets", sip.allowed_targets.len())]
    {
        if count > TARGETS_MAX {
            mistakes.push(Mistake::new(key, format!("has more than {TARGETS_MAX} entries")));
        }
    }
    if let Some(resolver) = sip.resolvers.iter().find(|resolver| resolver.port() == 0) {
        mistakes.push(Mistake::new("sip.resolvers", format!("{resolver} needs a port, usually 53")));
    }
}

/// Whether one of them takes what is meant for the other.
fn cover(one: &SocketAddr, other: &SocketAddr) -> bool {
    let same_ports = one.port() == other.port() && one.is_ipv4() == other.is_ipv4();
    same_ports && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
}

fn check_guard(config: &Config, mistakes: &mut Vec<Mistake>) {
    let sip = &config.sip;
    for (key, networks) in [("sip.allow", &sip.allow), ("sip.deny", &sip.deny)] {
        if networks.len() > NETWORKS_MAX {
            mistakes.push(Mistake::new(
                key,
                format!("has {} networks, at most {NETWORKS_MAX} are possible", networks.len()),
            ));
        }
    }
    for (key, names) in [
        ("sip.scanner_user_agents", &sip.scanner_user_agents),
        ("sip.emergency_numbers", &sip.emergency_numbers),
    ] {
        let is_sound = |name: &String| (1..=NAME_BYTES_MAX).contains(&name.trim().len());
        if names.len() > NAMES_MAX || !names.iter().all(is_sound) {
            let reason = format!("expected at most {NAMES_MAX} texts of 1 to {NAME_BYTES_MAX} characters");
            mistakes.push(Mistake::new(key, reason));
        }
    }
}

fn check_media(config: &Config, mistakes: &mut Vec<Mistake>) {
    let media = &config.media;
    if media.addresses.is_empty() {
        mistakes.push(Mistake::new("media.addresses", "expected at least one IP address"));
    }
    one_per_family("media.addresses", &media.addresses, mistakes);
    one_per_family("media.advertised_addresses", &media.advertised_addresses, mistakes);
    for address in &media.addresses {
        let known_as = media.advertised_addresses.iter().any(|other| other.is_ipv4() == address.is_ipv4());
        if address.is_unspecified() && !known_as {
            let reason = format!(
                "{address} takes every address of the machine: say in media.advertised_addresses which one phones know"
            );
            mistakes.push(Mistake::new("media.addresses", reason));
        }
    }
    let udp_ports = config.sip.udp.iter().map(SocketAddr::port);
    if media.browser_port.is_some_and(|port| udp_ports.clone().any(|taken| taken == port)) {
        mistakes.push(Mistake::new("media.browser_port", "is a port of sip.udp"));
    }
    if let Some(port) = media.browser_port.filter(|_| media.browser_tcp) {
        let taken =
            streams(&config.sip).into_iter().find(|(_, all)| all.iter().any(|one| one.port() == port));
        if let Some((key, _)) = taken {
            let reason = format!(
                "is a port of {key}, and browsers connect to it over TCP too: choose another one, or set browser_tcp = false"
            );
            mistakes.push(Mistake::new("media.browser_port", reason));
        }
    }
    for port in udp_ports.filter(|port| (media.ports.first..=media.ports.last).contains(port)) {
        mistakes.push(Mistake::new("media.ports", format!("contains port {port} of sip.udp")));
    }
}

fn one_per_family(key: &str, addresses: &[IpAddr], mistakes: &mut Vec<Mistake>) {
    for (family, count) in [
        ("IPv4", addresses.iter().filter(|a| a.is_ipv4()).count()),
        ("IPv6", addresses.iter().filter(|a| a.is_ipv6()).count()),
    ] {
        if count > 1 {
            mistakes
                .push(Mistake::new(key, format!("has {count} {family} addresses, at most one is possible")));
        }
    }
}
