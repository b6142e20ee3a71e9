//! One contact of an account: where a phone can be reached, until when, and how (RFC 3261 §10.3).
//!
//! A binding remembers the flow its REGISTER came on. That is where a phone behind a NAT is reached; one that is
//! where its contact says is reached there, also after its connection is gone.

use std::{net::SocketAddr, sync::Arc};

use contract::{
    id::{AccountId, OrgId},
    live::Registration,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use sip::{Flow, NameAddr, Transport, Uri, Way};

use crate::{located::Located, means::Random};

/// A contact of an account, with all that must survive a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The organisation.
    pub org: OrgId,
    /// The account.
    pub account: AccountId,
    /// Its username.
    pub username: String,
    /// Names the binding within the account: the device's `+sip.instance` if it gave one (RFC 5626 §4.1), with the
    /// number of its flow where it keeps several; else the contact URI as first given.
    pub key: Arc<str>,
    /// The contact URI as given: the Request-URI of calls to it. Shared with `key` where that is the same text.
    pub contact: Arc<str>,
    /// `+sip.instance` as given, with its quotes.
    pub instance: Option<String>,
    /// The number of the flow within the instance, where flows are told apart (RFC 5626 §4.2).
    #[serde(default)]
    pub reg_id: Option<u32>,
    /// `q` in thousandths (RFC 3261 §10.2.1.2).
    pub q: Option<u16>,
    /// Route values towards it (RFC 3327).
    pub path: Vec<String>,
    /// Call-ID of the REGISTER that set it.
    pub call_id: String,
    /// CSeq of the REGISTER that set it.
    pub cseq: u32,
    /// What the phone calls itself.
    pub user_agent: Option<String>,
    /// Where that REGISTER came from.
    pub flow: BindingFlow,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A [`Flow`] that can be stored. A connection does not survive a restart and is stored as 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingFlow {
    /// The transport's token, lower case.
    #[serde(with = "transport_token")]
    pub transport: Transport,
    /// Our address.
    pub local: SocketAddr,
    /// The phone's address, or that of its NAT.
    pub remote: SocketAddr,
    /// The connection of a stream while it is open; 0 otherwise.
    #[serde(skip)]
    pub connection: u64,
}

impl From<Flow> for BindingFlow {
    fn from(flow: Flow) -> Self {
        let Flow { transport, local, remote, connection } = flow;
        Self { transport, local, remote, connection }
    }
}

impl From<BindingFlow> for Flow {
    fn from(flow: BindingFlow) -> Self {
        let BindingFlow { transport, local, remote, connection } = flow;
        Self { transport, local, remote, connection }
    }
}

/// How to reach a contact now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) flow: Flow,
    pub(crate) request_uri: String,
    pub(crate) routes: Vec<String>,
    /// The device's other flows, to be tried in turn when this one fails (RFC 5626 §5.3).
    pub(crate) fallbacks: Vec<Way>,
}

/// How to reach each device of an account: one way with its fallbacks for a device with several flows.
pub(super) fn devices(bindings: &[Arc<Binding>], located: &Located, random: &mut Random) -> Vec<Reach> {
    let mut devices: Vec<(Option<&str>, Reach)> = Vec::new();
    // The latest registration first: its flow was open most recently.
    let mut newest: Vec<&Binding> = bindings.iter().map(Arc::as_ref).collect();
    newest.sort_by_key(|binding| std::cmp::Reverse(binding.reg_id.map(|_| binding.expires_at)));
    for binding in newest {
        let Some(reach) = binding.located(located, random).or_else(|| binding.reach()) else { continue };
        let device = binding.reg_id.and(binding.instance.as_deref());
        match devices.iter_mut().find(|(other, _)| device.is_some() && *other == device) {
            Some((_, same)) => {
                let Reach { flow, request_uri, routes, .. } = reach;
                same.fallbacks.push(Way { flow, request_uri, routes });
            }
            None => devices.push((device, reach)),
        }
    }
    devices.into_iter().map(|(_, reach)| reach).collect()
}

impl Binding {
    /// The row that others are shown.
    #[must_use]
    pub fn registration(&self) -> Registration {
        let transport = self.flow.transport.as_str().to_ascii_lowercase();
        Registration {
            org: self.org,
            account: self.account,
            username: self.username.clone(),
            contact: self.contact.to_string(),
            source: format!("{transport}/{}", self.flow.remote),
            local: self.flow.local,
            reg_id: self.reg_id,
            instance: self.instance.clone(),
            path: self.path.clone(),
            user_agent: self.user_agent.clone(),
            expires_at: self.expires_at,
        }
    }

    /// The ways to it through a proxy whose name the operator trusts (RFC 3327 §5.3, RFC 3263), in the order for one
    /// request. `None` where there is no such name, or it leads nowhere we can send to. All ways are of one family, that
    /// of the registration where there are such: an INVITE names one address for its media, whichever way it takes.
    fn located(&self, located: &Located, random: &mut Random) -> Option<Reach> {
        let route = NameAddr::parse(self.path.first()?).ok()?;
        let heard_on_ipv4 = self.flow.remote.is_ipv4();
        let flows = located.trusted(&Uri::parse(route.uri).ok()?, Some(heard_on_ipv4), random);
        let mut ways = flows.into_iter().map(|flow| Way {
            flow,
            request_uri: self.contact.to_string(),
            routes: self.path.clone(),
        });
        let Way { flow, request_uri, routes } = ways.next()?;
        Some(Reach { flow, request_uri, routes, fallbacks: ways.collect() })
    }

    /// How to reach it now; `None` when its connection is gone and a new one cannot be opened to it.
    pub(crate) fn reach(&self) -> Option<Reach> {
        let target = match self.path.first() {
            Some(route) => NameAddr::parse(route).map(|route| route.uri.to_owned()).unwrap_or_default(),
            None => self.contact.to_string(),
        };
        let flow = match (self.reg_id, self.flow.into()) {
            // RFC 5626 §5.3: a flow that is named is the only way; the phone opens another when it is gone.
            (Some(_), Flow { transport, connection: 0, .. }) if transport.is_reliable() => return None,
            (Some(_), flow) => flow,
            (None, flow) => next_hop(flow, &target)?,
        };
        let (request_uri, routes) = (self.contact.to_string(), self.path.clone());
        Some(Reach { flow, request_uri, routes, fallbacks: Vec::new() })
    }

    /// Seconds left, rounded up: a contact that is still there never reads as gone.
    pub(crate) fn expires_in_secs(&self, wall: Timestamp) -> u64 {
        u64::try_from(self.expires_at.0.saturating_sub(wall.0)).unwrap_or(0).div_ceil(1_000_000)
    }

    /// Whether it is the contact of this URI (RFC 3261 §19.1.4).
    pub(crate) fn is_at(&self, uri: &Uri<'_>) -> bool {
        Uri::parse(&self.contact).is_ok_and(|own| own.is_equivalent(uri))
    }

    /// The value of a Contact header in a response to REGISTER (RFC 3261 §10.3 step 8).
    pub(crate) fn contact_value(&self, wall: Timestamp) -> String {
        let mut value = format!("<{}>;expires={}", self.contact, self.expires_in_secs(wall));
        if let Some(q) = self.q {
            value.push_str(&format!(";q={}.{:03}", q / 1_000, q % 1_000));
        }
        if let Some(instance) = &self.instance {
            value.push_str(&format!(";+sip.instance={instance}"));
        }
        if let Some(reg_id) = self.reg_id {
            value.push_str(&format!(";reg-id={reg_id}"));
        }
        value
    }
}

/// A target whose host is the address its REGISTER came from is where it says it is; any other is behind a NAT or
/// has a name, and is reached the way its REGISTER came, as long as that way is open. Nothing is resolved here.
fn next_hop(flow: Flow, target: &str) -> Option<Flow> {
    let is_stream = flow.transport.is_reliable();
    if is_stream && flow.connection != 0 {
        return Some(flow);
    }
    let named = Uri::parse(target)
        .ok()
        .filter(|uri| uri.host.ip().map(|ip| ip.to_canonical()) == Some(flow.remote.ip().to_canonical()))
        .map(|uri| {
            let transport = uri.param("transport").and_then(Transport::from_token).unwrap_or(flow.transport);
            let port = uri.port.unwrap_or(transport.default_port());
            Flow { transport, remote: flow.remote_at(port), ..flow }
        });
    match named {
        // A WebSocket client takes no connections (RFC 7118 §5), and nothing leads out of an encrypted leg.
        Some(hop) if matches!(hop.transport, Transport::Ws | Transport::Wss) => None,
        Some(hop) if flow.transport.is_secure() && !hop.transport.is_secure() => None,
        Some(hop) => Some(hop),
        None => (!is_stream).then_some(flow),
    }
}

mod transport_token {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use sip::Transport;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(transport: &Transport, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&transport.as_str().to_ascii_lowercase())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Transport, D::Error> {
        let token = String::deserialize(from)?;
        Transport::from_token(&token).ok_or_else(|| D::Error::custom("unknown transport"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(transport: Transport, connection: u64) -> Flow {
        let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "198.51.100.7:40000".parse().unwrap());
        Flow { transport, local, remote, connection }
    }

    fn check(transport: Transport, connection: u64, contact: &str, expected: Option<(Transport, &str, u64)>) {
        let hop = next_hop(flow(transport, connection), contact);
        let expected =
            expected.map(|(transport, remote, connection)| (transport, remote.parse().unwrap(), connection));
        assert_eq!(hop.map(|hop| (hop.transport, hop.remote, hop.connection)), expected, "{contact}");
    }

    #[test]
    fn a_phone_is_reached_at_its_contact_or_behind_its_nat() {
        use Transport::{Tcp, Udp};
        check(Udp, 0, "sip:1001@198.51.100.7:5070", Some((Udp, "198.51.100.7:5070", 0)));
        check(Udp, 0, "sip:1001@198.51.100.7", Some((Udp, "198.51.100.7:5060", 0)));
        check(Udp, 0, "sip:1001@198.51.100.7:5070;transport=tcp", Some((Tcp, "198.51.100.7:5070", 0)));
        check(Udp, 0, "sip:1001@10.0.0.7:5070", Some((Udp, "198.51.100.7:40000", 0)));
        check(Udp, 0, "sip:1001@phone.example", Some((Udp, "198.51.100.7:40000", 0)));
    }

    #[test]
    fn a_stream_is_used_while_it_is_open_and_replaced_where_that_can_work() {
        use Transport::{Tcp, Tls, Ws};
        check(Tcp, 7, "sip:1001@10.0.0.7;transport=tcp", Some((Tcp, "198.51.100.7:40000", 7)));
        check(Tcp, 0, "sip:1001@198.51.100.7:5070;transport=tcp", Some((Tcp, "198.51.100.7:5070", 0)));
        check(Tcp, 0, "sip:1001@10.0.0.7:5070;transport=tcp", None);
        check(Tls, 0, "sip:1001@198.51.100.7:5070;transport=udp", None);
        check(Ws, 0, "sip:1001@198.51.100.7;transport=ws", None);
    }

    fn behind(path: &str, heard_from: &str) -> Binding {
        let flow = Flow::udp("192.0.2.1:5060".parse().unwrap(), heard_from.parse().unwrap());
        Binding {
            org: OrgId(uuid::Uuid::nil()),
            account: AccountId(uuid::Uuid::nil()),
            username: "1001".into(),
            key: "1001".into(),
            contact: "sip:1001@10.0.0.7".into(),
            instance: None,
            reg_id: None,
            q: None,
            path: vec![path.into()],
            call_id: "c".into(),
            cseq: 1,
            user_agent: None,
            flow: flow.into(),
            expires_at: Timestamp(0),
        }
    }

    fn check_located(path: &str, heard_from: &str, expected: &[(Transport, &str)]) {
        let known = crate::located::tests::located("sip:edge.example");
        let reach = behind(path, heard_from).located(&known, &mut Random::new([1; 32]));
        let first = reach.iter().map(|reach| reach.flow);
        let flows: Vec<Flow> =
            first.chain(reach.iter().flat_map(|reach| reach.fallbacks.iter().map(|way| way.flow))).collect();
        let expected: Vec<(Transport, SocketAddr)> =
            expected.iter().map(|(transport, remote)| (*transport, remote.parse().unwrap())).collect();
        assert_eq!(
            flows.iter().map(|flow| (flow.transport, flow.remote)).collect::<Vec<_>>(),
            expected,
            "{path}"
        );
        assert!(flows.iter().all(|flow| flow.local.is_ipv4() == flow.remote.is_ipv4()));
    }

    #[test]
    fn rfc_3263_a_proxy_that_the_operator_trusts_is_reached_at_its_servers() {
        use Transport::{Tcp, Udp};
        let edge = "<sip:edge.example;lr>";
        // Nobody listens on TLS here, and one INVITE has its media in one family.
        check_located(edge, "203.0.113.5:5060", &[(Tcp, "198.51.100.1:5060"), (Udp, "198.51.100.2:5060")]);
        check_located(edge, "[2001:db8::5]:5060", &[(Tcp, "[2001:db8::1]:5060")]);
        for other in [
            "<sip:edge.example:5070;lr>",
            "<sip:other.example;lr>",
            "<sip:203.0.113.5;lr>",
            "<sips:edge.example;lr>",
        ] {
            check_located(other, "203.0.113.5:5060", &[]);
        }
    }
}
