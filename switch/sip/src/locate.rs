//! Where a SIP name leads (RFC 3263 4): from a target to transports and addresses in the order they are to be tried.
//!
//! A pure machine: it says what it wants to know of DNS, is told, and comes to an end. It resolves, caches and decides
//! nothing else; a name that a peer has chosen must not come here. Which answers are permitted is [`is_special`]'s and
//! the owner's business.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::flow::Transport;
use crate::uri::{Host, Scheme, Uri};

/// Services of one name that are followed.
pub const SERVICES_MAX: usize = 8;
/// Servers of one service that are followed.
pub const SERVERS_MAX: usize = 16;
/// Addresses of one server that are tried.
pub const ADDRESSES_MAX: usize = 8;

/// What is to be located.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Target {
    /// The domain name, lower case, without a dot at its end.
    pub name: String,
    /// The port, where one is written.
    pub port: Option<u16>,
    /// The transport, where one is written.
    pub transport: Option<Transport>,
    /// `sips`: nothing but TLS will do.
    pub is_secure: bool,
}

impl Target {
    /// The target of a URI whose host is a name.
    #[must_use]
    pub fn of(uri: &Uri<'_>) -> Option<Self> {
        let Host::Name(name) = uri.host else { return None };
        let transport = match uri.param("transport") {
            None => None,
            Some(token) => Some(Transport::from_token(token)?),
        };
        let is_secure = uri.scheme == Scheme::Sips;
        // RFC 3261 26.2.2: `sips` with `transport=tcp` is TLS on TCP.
        let transport = transport.map(|transport| match transport {
            Transport::Tcp if is_secure => Transport::Tls,
            other => other,
        });
        if is_secure && transport.is_some_and(|transport| !transport.is_secure()) {
            return None;
        }
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        Some(Self { name, port: uri.port, transport, is_secure })
    }
}

/// Something to ask DNS.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Question {
    /// The services of a domain (RFC 3403).
    Naptr(String),
    /// The servers of a service (RFC 2782).
    Srv(String),
    /// The addresses of a host, A and AAAA.
    Addresses(String),
}

/// A service of a domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// Lower is first.
    pub order: u16,
    /// Lower is first among the same order.
    pub preference: u16,
    /// `SIP+D2U` and its like.
    pub service: String,
    /// Where to ask for its servers.
    pub replacement: String,
}

/// A server of a service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Server {
    /// Lower is first.
    pub priority: u16,
    /// Its share of what goes to servers of the same priority.
    pub weight: u16,
    /// Its port.
    pub port: u16,
    /// Its name; `.` means that there is no such service.
    pub host: String,
}

/// What DNS says. No such name, no such record, and no answer are all nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// To [`Question::Naptr`].
    Services(Vec<Service>),
    /// To [`Question::Srv`].
    Servers(Vec<Server>),
    /// To [`Question::Addresses`].
    Addresses(Vec<IpAddr>),
}

/// A server that may be tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// How.
    pub transport: Transport,
    /// Lower is first.
    pub rank: usize,
    /// Its share among those of the same rank.
    pub weight: u16,
    /// Where, in order.
    pub addresses: Vec<SocketAddr>,
}

/// A search for one target.
#[derive(Debug)]
pub struct Locate {
    target: Target,
    /// What we speak, the best first.
    speaks: Vec<Transport>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Services,
    /// The services in their order, and the servers of those that have answered.
    Servers(Vec<(Transport, String, Option<Vec<Server>>)>),
    Hosts(Vec<Wanted>),
    Done(Vec<Choice>),
}

/// A host whose addresses are wanted.
#[derive(Debug)]
struct Wanted {
    transport: Transport,
    rank: usize,
    weight: u16,
    port: u16,
    host: String,
    addresses: Option<Vec<IpAddr>>,
}

impl Locate {
    /// Begins. `speaks`: the transports we can send by, the best first.
    #[must_use]
    pub fn new(target: Target, speaks: &[Transport]) -> Self {
        let speaks: Vec<Transport> =
            speaks.iter().copied().filter(|speaks| speaks.is_secure() || !target.is_secure).collect();
        let mut locate = Self { target, speaks, stage: Stage::Services };
        let Target { port, transport, .. } = locate.target;
        match (port, transport) {
            // 4.1 and 4.2: what is written decides, and a port means that there is nothing to ask for.
            (_, Some(transport)) if !locate.speaks.contains(&transport) => {
                locate.stage = Stage::Done(Vec::new());
            }
            (Some(port), transport) => {
                let transport = transport.unwrap_or(locate.default_transport());
                locate.ask_target(transport, port);
            }
            (None, Some(transport)) => locate.ask_servers(&[transport]),
            (None, None) => {}
        }
        locate
    }

    /// What has to be known to get on. Empty once it is over.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        let mut questions: Vec<Question> = match &self.stage {
            Stage::Services => vec![Question::Naptr(self.target.name.clone())],
            Stage::Servers(services) => {
                let open = services.iter().filter(|(_, _, servers)| servers.is_none());
                open.map(|(_, name, _)| Question::Srv(name.clone())).collect()
            }
            Stage::Hosts(hosts) => {
                let open = hosts.iter().filter(|host| host.addresses.is_none());
                open.map(|host| Question::Addresses(host.host.clone())).collect()
            }
            Stage::Done(_) => Vec::new(),
        };
        questions.sort_unstable();
        questions.dedup();
        questions
    }

    /// Takes an answer to one of [`Self::questions`]; others are ignored.
    pub fn answer(&mut self, question: &Question, answer: Answer) {
        match (&mut self.stage, question, answer) {
            (Stage::Services, Question::Naptr(_), Answer::Services(services)) => {
                self.choose_services(services);
            }
            (Stage::Servers(services), Question::Srv(name), Answer::Servers(servers)) => {
                for (_, _, known) in services.iter_mut().filter(|(_, own, _)| own == name) {
                    *known = Some(servers.clone());
                }
                if services.iter().all(|(_, _, known)| known.is_some()) {
                    self.choose_servers();
                }
            }
            (Stage::Hosts(hosts), Question::Addresses(name), Answer::Addresses(addresses)) => {
                for host in hosts.iter_mut().filter(|host| host.host == *name) {
                    host.addresses = Some(addresses.clone());
                }
                if hosts.iter().all(|host| host.addresses.is_some()) {
                    self.finish();
                }
            }
            _ => {}
        }
    }

    /// What was found, once it is over. Empty: the target cannot be reached.
    #[must_use]
    pub fn choices(&self) -> Option<&[Choice]> {
        match &self.stage {
            Stage::Done(choices) => Some(choices),
            Stage::Services | Stage::Servers(_) | Stage::Hosts(_) => None,
        }
    }

    fn default_transport(&self) -> Transport {
        if self.target.is_secure { Transport::Tls } else { Transport::Udp }
    }

    /// 4.1: the services that we speak, in the order the domain wants; where it names none, those it may have.
    fn choose_services(&mut self, mut services: Vec<Service>) {
        services.sort_by_key(|service| (service.order, service.preference));
        let ours = services.into_iter().filter_map(|Service { service, replacement, .. }| {
            let transport = match &*service.to_ascii_uppercase() {
                "SIP+D2U" => Transport::Udp,
                "SIP+D2T" => Transport::Tcp,
                "SIPS+D2T" => Transport::Tls,
                _ => return None,
            };
            self.speaks.contains(&transport).then(|| (transport, plain(&replacement), None))
        });
        let ours: Vec<_> = ours.take(SERVICES_MAX).collect();
        if ours.is_empty() {
            let speaks = self.speaks.clone();
            self.ask_servers(&speaks);
        } else {
            self.stage = Stage::Servers(ours);
        }
    }

    fn ask_servers(&mut self, transports: &[Transport]) {
        let name = &self.target.name;
        let service = |transport: &Transport| {
            let prefix = match transport {
                Transport::Udp => "_sip._udp",
                Transport::Tcp => "_sip._tcp",
                Transport::Tls => "_sips._tcp",
                Transport::Ws | Transport::Wss => return None,
            };
            Some((*transport, format!("{prefix}.{name}"), None))
        };
        self.stage = Stage::Servers(transports.iter().filter_map(service).collect());
        if matches!(&self.stage, Stage::Servers(services) if services.is_empty()) {
            self.choose_servers();
        }
    }

    /// 4.2: the servers of all services in order; where there are none, the target itself.
    fn choose_servers(&mut self) {
        let Stage::Servers(services) = &mut self.stage else { return };
        let mut hosts = Vec::new();
        let mut ranks = 0;
        let mut is_denied = false;
        for (transport, _, servers) in std::mem::take(services) {
            let mut servers = servers.unwrap_or_default();
            servers.sort_by_key(|server| server.priority);
            let mut last = None;
            for server in servers.into_iter().take(SERVERS_MAX) {
                let host = plain(&server.host);
                if host.is_empty() {
                    is_denied = true;
                    continue;
                }
                if last.replace(server.priority) != Some(server.priority) {
                    ranks += 1;
                }
                let Server { weight, port, .. } = server;
                hosts.push(Wanted { transport, rank: ranks, weight, port, host, addresses: None });
            }
        }
        if !hosts.is_empty() {
            self.stage = Stage::Hosts(hosts);
        } else if is_denied {
            self.stage = Stage::Done(Vec::new());
        } else {
            let transport = self.target.transport.unwrap_or(self.default_transport());
            self.ask_target(transport, transport.default_port());
        }
    }

    fn ask_target(&mut self, transport: Transport, port: u16) {
        if !self.speaks.contains(&transport) {
            self.stage = Stage::Done(Vec::new());
            return;
        }
        let host = self.target.name.clone();
        self.stage =
            Stage::Hosts(vec![Wanted { transport, rank: 0, weight: 0, port, host, addresses: None }]);
    }

    fn finish(&mut self) {
        let Stage::Hosts(hosts) = &mut self.stage else { return };
        let choices = std::mem::take(hosts).into_iter().map(|host| {
            let Wanted { transport, rank, weight, port, addresses, .. } = host;
            let addresses = addresses.unwrap_or_default().into_iter().take(ADDRESSES_MAX);
            let addresses = addresses.map(|ip| SocketAddr::new(ip.to_canonical(), port)).collect();
            Choice { transport, rank, weight, addresses }
        });
        self.stage = Stage::Done(choices.filter(|choice| !choice.addresses.is_empty()).collect());
    }
}

/// The order for one request: by rank, and within it each server as often as its weight says (RFC 2782).
/// `dice(n)` throws a number below n.
pub fn in_order(choices: &[Choice], mut dice: impl FnMut(u32) -> u32) -> Vec<(Transport, SocketAddr)> {
    let mut ranks: BTreeMap<usize, Vec<&Choice>> = BTreeMap::new();
    for choice in choices {
        ranks.entry(choice.rank).or_default().push(choice);
    }
    let mut order = Vec::new();
    for mut rest in ranks.into_values() {
        // Those without a weight have the smallest chance, but one.
        rest.sort_by_key(|choice| choice.weight);
        while !rest.is_empty() {
            let total: u32 = rest.iter().map(|choice| u32::from(choice.weight)).sum();
            let throw = dice(total.saturating_add(1));
            let mut sum = 0;
            let chosen = rest.iter().position(|choice| {
                sum += u32::from(choice.weight);
                sum >= throw
            });
            let choice = rest.remove(chosen.unwrap_or(0));
            order.extend(choice.addresses.iter().map(|address| (choice.transport, *address)));
        }
    }
    order
}

/// Addresses that no name of the world should lead to: this machine, its link, everybody at once. A name that leads
/// there, by mistake or by malice of whoever runs its zone, would make the switch speak to what only it can reach.
#[must_use]
pub fn is_special(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast()
                // "This network" (RFC 791) and what is reserved (RFC 1112).
                || v4.octets().first().is_some_and(|first| *first == 0 || *first >= 240)
        }
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || v6.is_unicast_link_local()
        }
    }
}

/// A DNS name as we write it.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
#[path = "locate/tests.rs"]
mod tests;
