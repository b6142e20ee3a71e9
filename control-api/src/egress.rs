//! Requests to places that clients have named (SSRF): by HTTPS, and only to addresses that anybody could reach. The address is looked at
//! when it has been resolved, and what was looked at is what is connected to. Redirects are not followed, and nothing of an answer is
//! read but its status.

use std::{error::Error, fmt, net::IpAddr, time::Duration};

use ipnet::IpNet;
use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderMap,
    redirect,
};
use tokio::net::lookup_host;

/// Until there is a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Until there is an answer.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Characters of an address.
const URL_CHARS_MAX: usize = 2_048;

/// Networks that are nobody's in the internet, or not anybody's (IANA's special-purpose registries).
const SPECIAL: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    // 2000::/3 alone is in use; what leads to IPv4 by another way is not looked into.
    "::/3",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "4000::/2",
    "8000::/1",
];

/// What the operator allows beyond that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// In the clear.
    pub http: bool,
    /// Addresses of these networks too.
    pub networks: Vec<IpNet>,
}

impl Allowed {
    fn refuses(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_special =
            SPECIAL.iter().filter_map(|net| net.parse().ok()).any(|net: IpNet| net.contains(&address));
        is_special && !self.networks.iter().any(|net| net.contains(&address))
    }
}

/// The way out.
#[derive(Clone, Debug)]
pub struct Egress {
    allowed: Allowed,
    client: Client,
}

impl Egress {
    /// With what is allowed.
    ///
    /// # Errors
    /// No HTTP client could be made.
    pub fn new(allowed: Allowed) -> Result<Self, reqwest::Error> {
        // The client asks for this; twice is as good as once.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .https_only(!allowed.http)
            .connect_timeout(CONNECT_MAX)
            .timeout(ANSWER_MAX)
            .user_agent("sambung")
            .dns_resolver(Guard(allowed.clone()))
            .build()?;
        Ok(Self { allowed, client })
    }

    /// The address that `text` is, or what it must be.
    pub fn check(&self, text: &str) -> Result<Url, &'static str> {
        if text.len() > URL_CHARS_MAX {
            return Err("must be 2048 characters at most");
        }
        let url = Url::parse(text).map_err(|_| "must be a URL, such as https://example.com/hook")?;
        if url.scheme() != "https" && !(self.allowed.http && url.scheme() == "http") {
            return Err("must begin with https://");
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err("must have no user, password or fragment");
        }
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if literal.is_ok_and(|address| self.allowed.refuses(address)) {
            return Err("must not be an address of a private or special network");
        }
        Ok(url)
    }

    /// Sends `body` there; the status, or as a word for programs why there is none.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: String) -> Result<u16, &'static str> {
        // It may have been allowed when it was named.
        let url = self.check(url).map_err(|_| "address_refused")?;
        let sent = self.client.post(url).headers(headers).body(body).send().await;
        sent.map(|answer| answer.status().as_u16()).map_err(|error| word(&error))
    }
}

fn word(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(one) = cause {
        if one.is::<Refused>() {
            return "address_refused";
        }
        cause = one.source();
    }
    if error.is_timeout() {
        "too_slow"
    } else if error.is_connect() {
        "unreachable"
    } else {
        "broken_off"
    }
}

/// Resolves names to addresses that may be connected to.
struct Guard(Allowed);

/// A name leads where nobody from outside may have us go.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to a private or special network")
    }
}

impl Error for Refused {}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0.clone();
        Box::pin(async move {
            let found: Vec<_> = lookup_host((name.as_str(), 0)).await?.collect();
            // One that is refused is reason enough: whoever named it chose what comes first.
            if found.iter().any(|address| allowed.refuses(address.ip())) {
                return Err(Refused.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Allowed {
        Allowed { http: true, networks: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()] }
    }

    #[test]
    fn only_what_is_anybody_s_is_gone_to_and_what_the_operator_lists() {
        let strict = Allowed::default();
        let special = "127.0.0.1 10.1.2.3 172.31.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 \
                       255.255.255.255 ::1 :: ::ffff:10.0.0.1 64:ff9b::a00:1 fe80::1 fc00::1 ff02::1 2002:a00:1:: 2001:db8::1";
        for address in special.split_whitespace() {
            assert!(strict.refuses(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "223.255.255.255", "2606:4700::1111", "2400:cb00::1"] {
            assert!(!strict.refuses(address.parse().unwrap()), "{address}");
        }
        for (address, is_refused) in [("127.9.9.9", false), ("::ffff:127.0.0.1", false), ("10.0.0.1", true)] {
            assert_eq!(home().refuses(address.parse().unwrap()), is_refused, "{address}");
        }
        assert!(SPECIAL.iter().all(|net| net.parse::<IpNet>().is_ok()));
    }

    #[test]
    fn an_address_is_looked_at_before_it_is_kept() {
        let check = |allowed, url: &str| Egress::new(allowed).unwrap().check(url).is_ok();
        assert!(check(Allowed::default(), "https://example.com/hook?x=1"));
        let refused = "http://example.com/ ftp://example.com/ nothing https:// https://u:p@example.com/ https://example.com/#x \
                       https://127.0.0.1/ https://2130706433/ https://0x7f.1/ https://[::1]/ https://[::ffff:7f00:1]/";
        for url in refused.split_whitespace() {
            assert!(!check(Allowed::default(), url), "{url}");
        }
        assert!(check(home(), "http://127.0.0.1:8080/hook") && !check(home(), "file:///etc/passwd"));
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused_when_it_is_resolved() {
        for (allowed, reason) in
            [(Allowed { http: true, ..Allowed::default() }, "address_refused"), (home(), "unreachable")]
        {
            let egress = Egress::new(allowed).unwrap();
            assert!(egress.check("http://localhost:1/").is_ok(), "a name alone tells nothing");
            let sent = egress.post("http://localhost:1/", HeaderMap::new(), String::new()).await;
            assert_eq!(sent, Err(reason));
        }
    }
}
