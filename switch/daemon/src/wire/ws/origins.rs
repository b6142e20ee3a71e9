//! Which pages' scripts may connect by WebSocket (RFC 6455 §10.2, RFC 6454).
//!
//! A browser says by itself from where the script came that wants a connection. Without this check any page in the world could have
//! the browsers of an office try passwords from inside of it. Who is no browser can write any origin, or none: against those it is
//! no protection, and for them there are the digest and the guard.

use std::net::IpAddr;

use tungstenite::http::Uri;

use crate::config;

/// The origins that may.
#[derive(Debug)]
pub(in crate::wire) struct Origins {
    /// As configured, in lower case; `*`: all.
    listed: Vec<String>,
    /// Addresses of this switch, whose pages are those of this machine.
    own: Vec<IpAddr>,
}

impl Origins {
    pub(in crate::wire) fn of(config: &config::Sip) -> Self {
        let bound = [&config.udp, &config.tcp, &config.tls, &config.ws, &config.wss].into_iter().flatten();
        let own = bound.map(|listener| config.known_as(*listener).ip()).collect();
        Self { listed: config.ws_origins.clone(), own }
    }

    /// Whether a page of this origin may connect. A name that leads to this machine is none of its addresses: whoever owns a name can
    /// have it lead anywhere (DNS rebinding).
    pub(super) fn allow(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.listed.iter().any(|listed| *listed == "*" || *listed == origin) || self.is_here(&origin)
    }

    fn is_here(&self, origin: &str) -> bool {
        let Ok(uri) = origin.parse::<Uri>() else { return false };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let address = host.parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|ip| ip.is_loopback() || self.own.contains(&ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(listed: &[&str]) -> Origins {
        let listed = listed.iter().map(|origin| (*origin).to_owned()).collect();
        Origins { listed, own: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()] }
    }

    #[test]
    fn pages_of_this_machine_may_connect_and_those_that_are_listed() {
        let ours = origins(&["https://console.example.com", "http://console.example.com:8080"]);
        for allowed in [
            "http://localhost:8080",
            "http://127.0.0.1",
            "https://[::1]:8443",
            "https://192.0.2.1",
            "http://[2001:db8::1]:8080",
            "https://console.example.com",
            "HTTPS://Console.Example.com",
            "http://console.example.com:8080",
        ] {
            assert!(ours.allow(allowed), "{allowed}");
        }
        for refused in [
            "https://evil.example",
            "https://192.0.2.2",
            "http://console.example.com",
            "https://console.example.com.evil.example",
            "https://localhost.evil.example",
            "https://127.0.0.1.evil.example",
            "https://evil.example@127.0.0.1.evil.example",
            "null",
            "file://",
            "",
        ] {
            assert!(!ours.allow(refused), "{refused}");
        }
        assert!(origins(&["*"]).allow("https://evil.example"));
    }
}
