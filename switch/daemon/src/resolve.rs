//! Names that the operator trusts, located ahead of calls (RFC 3263) and again when DNS says that they may have moved.
//!
//! The only place that asks DNS, and only for names in `sip.allowed_targets` and of trunks' targets: a name that a phone has
//! chosen is never resolved. Calls use what was found last; they never wait for DNS. What leads to this machine or its link is left
//! out unless the operator allows those addresses, so a zone cannot make the switch speak to what only it can reach.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use dialplan::{OrgPlan, Plan};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::rr::{RData, RecordType},
};
use ipnet::IpNet;
use sip::{
    Transport, Uri,
    locate::{Answer, Choice, Locate, Question, Server, Service, Target, is_special},
};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::config::{self, AllowedTarget, Mistake};

/// Questions to DNS at the same time for the operator's names, and as many for those of trunks: whose zone is silent holds up
/// nobody's proxies.
const QUESTIONS_MAX: usize = 16;
/// One question, with all its repeats, takes no longer.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);
/// A target is looked for again after this at the earliest, whatever DNS says.
const AGAIN_MIN: Duration = Duration::from_secs(5);
/// And at the latest. Where nothing is found the wait doubles up to this.
const AGAIN_MAX: Duration = Duration::from_secs(300);

/// Names of trunks' targets that are kept located; further ones are not reached.
const TRUNK_NAMES_MAX: usize = 2_048;

/// Looks for the operator's targets.
#[derive(Clone)]
pub struct Resolver {
    targets: Vec<Target>,
    /// Names of the trunks' targets.
    of_trunks: watch::Sender<BTreeSet<Target>>,
    speaks: Vec<Transport>,
    allowed: Vec<IpNet>,
    own: Vec<IpAddr>,
    dns: Arc<TokioResolver>,
    room: Arc<Semaphore>,
    room_of_trunks: Arc<Semaphore>,
}

impl Resolver {
    /// `None` where there is no way to ask DNS, and nothing that has to be looked for.
    pub fn open(config: &config::Sip) -> Result<Option<Self>, Vec<Mistake>> {
        let targets: Vec<Target> = config.allowed_names().cloned().collect();
        let allowed = config.allowed_targets.iter().filter_map(|target| match target {
            AllowedTarget::Name(_) => None,
            AllowedTarget::Addresses(net) => Some(*net),
        });
        let builder = if config.resolvers.is_empty() {
            match TokioResolver::builder_tokio() {
                Ok(builder) => builder,
                Err(error) if targets.is_empty() => {
                    tracing::warn!(%error, "trunks are not found by name: the system's resolver cannot be read");
                    return Ok(None);
                }
                Err(error) => {
                    return Err(vec![Mistake::new("sip.resolvers", format!("the system's: {error}"))]);
                }
            }
        } else {
            let servers = config.resolvers.iter().map(|address| {
                let at_port = |mut connection: ConnectionConfig| {
                    connection.port = address.port();
                    connection
                };
                let connections = vec![at_port(ConnectionConfig::udp()), at_port(ConnectionConfig::tcp())];
                NameServerConfig::new(address.ip(), true, connections)
            });
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let dns = builder.build().map_err(|error| vec![Mistake::new("sip.resolvers", error)])?;
        let listeners = config.listeners();
        let bound =
            [&config.udp, &config.tcp, &config.tls, &config.ws, &config.wss].into_iter().flatten().copied();
        let mut speaks: Vec<Transport> = listeners.iter().map(|(transport, _)| *transport).collect();
        speaks.sort_by_key(|transport| std::cmp::Reverse(*transport));
        speaks.dedup();
        Ok(Some(Self {
            targets,
            of_trunks: watch::Sender::default(),
            speaks,
            allowed: allowed.collect(),
            own: listeners.iter().map(|(_, known_as)| *known_as).chain(bound).map(|ours| ours.ip()).collect(),
            dns: Arc::new(dns),
            room: Arc::new(Semaphore::new(QUESTIONS_MAX)),
            room_of_trunks: Arc::new(Semaphore::new(QUESTIONS_MAX)),
        }))
    }

    /// Looks for the targets of this plan's trunks from now on.
    pub fn follow(&self, plan: &Plan) {
        let (names, left_out) = names_of(plan);
        self.of_trunks.send_if_modified(|known| {
            let is_news = *known != names;
            if is_news && left_out > 0 {
                tracing::warn!(
                    left_out,
                    most = TRUNK_NAMES_MAX,
                    "names of trunks' targets are not looked for"
                );
            }
            *known = names;
            is_news
        });
    }

    /// Looks for all of them, again and again, and tells what was found. Never done.
    pub async fn run(self, tell: impl Fn(Target, Vec<Choice>) -> bool + Clone + Send + 'static) {
        let mut wanted = self.of_trunks.subscribe();
        let (mut all, mut tasks) = (JoinSet::new(), BTreeMap::new());
        loop {
            let mut names = wanted.borrow_and_update().clone();
            names.extend(self.targets.iter().cloned());
            tasks.retain(|target, task: &mut tokio::task::AbortHandle| {
                let is_wanted = names.contains(target);
                if !is_wanted {
                    task.abort();
                    // An engine that is too busy to hear it knows one name more than it needs.
                    tell(target.clone(), Vec::new());
                }
                is_wanted
            });
            for target in names {
                let is_operators = self.targets.contains(&target);
                let room = Arc::clone(if is_operators { &self.room } else { &self.room_of_trunks });
                let own = Self { room, ..self.clone() };
                let begin = || all.spawn(own.keep(target.clone(), tell.clone()));
                tasks.entry(target.clone()).or_insert_with(begin);
            }
            // The sender is our own, so there is no end.
            if wanted.changed().await.is_err() {
                return std::future::pending().await;
            }
            while all.try_join_next().is_some() {}
        }
    }

    /// Keeps one target located.
    async fn keep(self, target: Target, tell: impl Fn(Target, Vec<Choice>) -> bool) {
        let mut known: Option<Vec<Choice>> = None;
        let mut fruitless = 0;
        loop {
            let (choices, until) = self.locate(target.clone()).await;
            let is_news = known.as_ref() != Some(&choices);
            // Nobody home now does not mean that they have moved: what was found before may still work.
            let mut wait = until.saturating_duration_since(Instant::now());
            fruitless = if choices.is_empty() { fruitless + 1 } else { 0 };
            if choices.is_empty() {
                if fruitless == 1 {
                    tracing::warn!(name = %target.name, "a name of the configuration leads nowhere");
                }
                wait = wait.max(after_fruitless(fruitless));
            } else if is_news && tell(target.clone(), choices.clone()) {
                tracing::info!(name = %target.name, servers = choices.len(), "located");
                known = Some(choices);
            } else if is_news {
                // The engine is busy.
                wait = AGAIN_MIN;
            }
            tokio::time::sleep(wait.clamp(AGAIN_MIN, AGAIN_MAX)).await;
        }
    }

    /// What DNS says now, and how long that is good for.
    async fn locate(&self, target: Target) -> (Vec<Choice>, Instant) {
        let mut search = Locate::new(target, &self.speaks);
        let mut until = Instant::now() + AGAIN_MAX;
        loop {
            if let Some(choices) = search.choices() {
                return (self.permitted(choices), until);
            }
            for question in search.questions() {
                let (answer, good_until) = self.ask(&question).await;
                until = until.min(good_until);
                search.answer(&question, answer);
            }
        }
    }

    fn permitted(&self, choices: &[Choice]) -> Vec<Choice> {
        let is_permitted = |address: &SocketAddr| {
            let ip = address.ip();
            let is_ours = self.own.contains(&ip);
            (!is_special(ip) && !is_ours) || self.allowed.iter().any(|net| net.contains(&ip))
        };
        let permitted = choices.iter().map(|choice| Choice {
            addresses: choice.addresses.iter().copied().filter(is_permitted).collect(),
            ..choice.clone()
        });
        permitted.filter(|choice| !choice.addresses.is_empty()).collect()
    }

    async fn ask(&self, question: &Question) -> (Answer, Instant) {
        match question {
            Question::Naptr(name) => {
                let (data, until) = self.look_up(name, RecordType::NAPTR).await;
                let services = data.into_iter().filter_map(|data| match data {
                    RData::NAPTR(found) if found.flags.eq_ignore_ascii_case(b"s") => Some(Service {
                        order: found.order,
                        preference: found.preference,
                        service: String::from_utf8_lossy(&found.services).into_owned(),
                        replacement: found.replacement.to_ascii(),
                    }),
                    _ => None,
                });
                (Answer::Services(services.collect()), until)
            }
            Question::Srv(name) => {
                let (data, until) = self.look_up(name, RecordType::SRV).await;
                let servers = data.into_iter().filter_map(|data| match data {
                    RData::SRV(found) => Some(Server {
                        priority: found.priority,
                        weight: found.weight,
                        port: found.port,
                        host: found.target.to_ascii(),
                    }),
                    _ => None,
                });
                (Answer::Servers(servers.collect()), until)
            }
            Question::Addresses(name) => {
                let (four, until) = self.look_up(name, RecordType::A).await;
                let (six, until_too) = self.look_up(name, RecordType::AAAA).await;
                let addresses = six.into_iter().chain(four).filter_map(|data| match data {
                    RData::A(found) => Some(IpAddr::V4(found.0)),
                    RData::AAAA(found) => Some(IpAddr::V6(found.0)),
                    _ => None,
                });
                (Answer::Addresses(addresses.collect()), until.min(until_too))
            }
        }
    }

    /// The records of a name. No such name, no such record and no answer are all none.
    async fn look_up(&self, name: &str, kind: RecordType) -> (Vec<RData>, Instant) {
        let soon = Instant::now() + AGAIN_MIN;
        let Ok(_room) = self.room.acquire().await else { return (Vec::new(), soon) };
        // With a dot at its end: never a name of the search list.
        let lookup = self.dns.lookup(format!("{name}."), kind);
        match tokio::time::timeout(QUESTION_TIMEOUT, lookup).await {
            Ok(Ok(found)) => {
                let data = found.answers().iter().map(|record| record.data.clone()).collect();
                (data, found.valid_until())
            }
            Ok(Err(error)) if error.is_no_records_found() => (Vec::new(), Instant::now() + AGAIN_MAX),
            Ok(Err(error)) => {
                tracing::debug!(name, %kind, %error, "DNS does not say");
                (Vec::new(), soon)
            }
            Err(_) => (Vec::new(), soon),
        }
    }
}

/// The names of the targets of a plan's trunks, and how many are beyond the limit.
fn names_of(plan: &Plan) -> (BTreeSet<Target>, usize) {
    let uris = plan.organisations().flat_map(OrgPlan::trunks).flat_map(|trunk| trunk.targets.iter());
    let mut names: BTreeSet<Target> = uris.filter_map(|uri| Target::of(&Uri::parse(uri).ok()?)).collect();
    let left_out = names.len().saturating_sub(TRUNK_NAMES_MAX);
    for _ in 0..left_out {
        names.pop_last();
    }
    (names, left_out)
}

/// The wait after so many rounds in a row in which nothing was found.
fn after_fruitless(rounds: u32) -> Duration {
    AGAIN_MIN.saturating_mul(1 << rounds.saturating_sub(1).min(16)).min(AGAIN_MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::{net::UdpSocket, sync::mpsc};
    use uuid::Uuid;

    use super::*;

    /// A plan with a trunk that has this target, or with none.
    fn plan(target: Option<&str>) -> Plan {
        let trunk = |target| {
            json!({
                "id": Uuid::from_u128(61), "name": "provider", "sources": [], "targets": [target],
                "channels_max": 2, "is_trusted": false, "is_active": true,
            })
        };
        let trunks: Vec<_> = target.into_iter().map(trunk).collect();
        let rows = json!({ "revision": 1, "organisations": [{
            "id": Uuid::from_u128(1), "sip_domain": "demo.test", "is_default": true, "ring_timeout_secs": 30,
            "outside": { "country_code": "62", "trunks": trunks, "dids": [] },
            "staff": [], "extensions": [], "accounts": [],
        }] });
        dialplan::compile(&serde_json::from_value(rows).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_trunk_s_name_is_looked_for_as_long_as_a_plan_has_it() {
        let zone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let config =
            config::Sip { resolvers: vec![zone.local_addr().unwrap()], ..config::Config::default().sip };
        let resolver = Resolver::open(&config).unwrap().unwrap();
        let (told, mut tells) = mpsc::unbounded_channel();
        let run =
            tokio::spawn(resolver.clone().run(move |target, choices| told.send((target, choices)).is_ok()));
        resolver.follow(&plan(Some("sip:provider.test")));
        let mut question = [0; 512];
        let (length, _) = zone.recv_from(&mut question).await.unwrap();
        let asked = String::from_utf8_lossy(&question[..length]).to_lowercase();
        assert!(asked.contains("\u{8}provider\u{4}test"), "{asked:?}");
        assert_eq!(*resolver.of_trunks.borrow(), names_of(&plan(Some("sip:provider.test"))).0);
        resolver.follow(&plan(None));
        let (target, choices) = tells.recv().await.unwrap();
        assert_eq!(
            (target.name.as_str(), choices),
            ("provider.test", Vec::new()),
            "nobody wants it any more"
        );
        run.abort();
    }

    /// A bug: a name whose zone is silent was asked for every five seconds for ever.
    #[test]
    fn a_name_that_leads_nowhere_is_asked_for_ever_more_seldom() {
        let waits: Vec<u64> = (1..=8).map(|rounds| after_fruitless(rounds).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(after_fruitless(u32::MAX), AGAIN_MAX);
    }
}
