//! A REGISTER taken apart and judged before anything changes (RFC 3261 §10.3 steps 6 and 7).

use std::ops::RangeInclusive;

use sip::{ContactValue, HeaderName, Message, NameAddr, Reply, Scheme, Uri};

use crate::config::Limits;

/// Numbers a flow may have (RFC 5626 §4.2).
const REG_IDS: RangeInclusive<u32> = 1..=0x7fff_ffff;

/// What a REGISTER asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Registration {
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) user_agent: Option<String>,
    pub(crate) path: Vec<String>,
    /// Flows are told apart (RFC 5626 §6): the phone asked for it and is heard directly or through an edge that knows.
    pub(crate) is_outbound: bool,
    pub(crate) wish: Wish,
}

/// What is to become of the contacts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing: they are asked for.
    Fetch,
    /// All of them go (`Contact: *` with `Expires: 0`).
    RemoveAll,
    /// These are set or removed.
    Update(Vec<Contact>),
}

/// One contact of an update.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) uri: String,
    pub(crate) instance: Option<String>,
    /// The flow's number within the instance (RFC 5626 §4.2); only with an instance, and only where flows count.
    pub(crate) reg_id: Option<u32>,
    pub(crate) q: Option<u16>,
    /// Within bounds; 0 removes.
    pub(crate) expires_secs: u32,
}

/// Why a REGISTER is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    /// Peer: a field cannot be read, or `*` stands with other contacts or another expiry.
    #[error("malformed registration")]
    Malformed,
    /// Peer: a contact is no `sip` or `sips` URI.
    #[error("contact of another scheme")]
    Scheme,
    /// Peer: an expiry below the least.
    #[error("expiry below {0} s")]
    TooBrief(u32),
    /// Peer: a later request of the same Call-ID has been carried out (step 7).
    #[error("out of order")]
    OutOfOrder,
    /// Limit: more contacts in one request than an account may have.
    #[error("too many contacts")]
    TooManyContacts,
    /// Peer: a proxy wrote `Path`, and the phone does not know what that means (RFC 3327 §5.3).
    #[error("path not supported by the phone")]
    PathUnsupported,
    /// Peer: it asks for flows through a proxy that does not keep them (RFC 5626 §6).
    #[error("first hop lacks outbound support")]
    FirstHopLacksOutbound,
    /// Limit: the registrar is full.
    #[error("registrar full")]
    Full,
}

impl Rejection {
    pub(crate) fn reply(self, retry_after_secs: u32) -> Reply {
        match self {
            Self::Malformed => Reply::new(400),
            Self::Scheme => Reply::new(400).phrase("Contact Scheme Not Supported"),
            Self::TooBrief(min) => Reply::new(423).header("Min-Expires", min.to_string()),
            Self::OutOfOrder => Reply::new(500).phrase("CSeq Out Of Order"),
            Self::TooManyContacts => Reply::new(403).phrase("Too Many Contacts"),
            Self::PathUnsupported => Reply::new(421).header("Require", "path"),
            Self::FirstHopLacksOutbound => Reply::new(439).phrase("First Hop Lacks Outbound Support"),
            Self::Full => Reply::new(503).header("Retry-After", retry_after_secs.to_string()),
        }
    }
}

impl Registration {
    pub(crate) fn read(message: &Message<'_>, limits: &Limits) -> Result<Self, Rejection> {
        let path: Vec<String> = message.values(HeaderName::Path).map(str::to_owned).collect();
        let is_path_readable = path.iter().all(|route| NameAddr::parse(route).is_ok());
        if !is_path_readable || path.len() > limits.path_values_max {
            return Err(Rejection::Malformed);
        }
        let knows = |tag: &str| {
            let mut tags = message.values(HeaderName::Supported).chain(message.values(HeaderName::Require));
            tags.any(|known| known.eq_ignore_ascii_case(tag))
        };
        if !path.is_empty() && !knows("path") {
            return Err(Rejection::PathUnsupported);
        }
        let mut wish = wish(message, limits)?;
        let is_outbound = knows("outbound") && wish.names_flows();
        if !is_outbound {
            wish.forget_flows();
        } else if !keeps_flows(message, &path) {
            return Err(Rejection::FirstHopLacksOutbound);
        }
        Ok(Self {
            call_id: message.call_id().map_err(|_| Rejection::Malformed)?.to_owned(),
            cseq: message.cseq().map_err(|_| Rejection::Malformed)?.number,
            user_agent: message.first(HeaderName::UserAgent).map(str::to_owned),
            path,
            is_outbound,
            wish,
        })
    }
}

impl Wish {
    fn names_flows(&self) -> bool {
        matches!(self, Self::Update(contacts) if contacts.iter().any(|contact| contact.reg_id.is_some()))
    }

    fn forget_flows(&mut self) {
        if let Self::Update(contacts) = self {
            contacts.iter_mut().for_each(|contact| contact.reg_id = None);
        }
    }
}

/// RFC 5626 §6: we are the first hop ourselves, or the first one says with `ob` that it keeps flows.
fn keeps_flows(message: &Message<'_>, path: &[String]) -> bool {
    let first = path.last().and_then(|route| NameAddr::parse(route).ok());
    let says_so =
        first.and_then(|route| Uri::parse(route.uri).ok()).is_some_and(|uri| uri.param("ob").is_some());
    says_so || (path.is_empty() && message.values(HeaderName::Via).nth(1).is_none())
}

fn wish(message: &Message<'_>, limits: &Limits) -> Result<Wish, Rejection> {
    let expires = message.expires().map_err(|_| Rejection::Malformed)?;
    let mut contacts = Vec::new();
    let mut is_all = false;
    for contact in message.contacts() {
        match contact.map_err(|_| Rejection::Malformed)? {
            ContactValue::All => is_all = true,
            ContactValue::Address(address) => contacts.push(read_contact(&address, expires, limits)?),
        }
        if contacts.len() > limits.bindings_per_account_max {
            return Err(Rejection::TooManyContacts);
        }
    }
    // RFC 5626 §6: a flow is one contact; several in one request cannot share it.
    let set = contacts.iter().filter(|contact| contact.expires_secs > 0);
    if set.clone().count() > 1 && set.clone().any(|contact| contact.reg_id.is_some()) {
        return Err(Rejection::Malformed);
    }
    match (is_all, contacts.is_empty()) {
        (true, true) if expires == Some(0) => Ok(Wish::RemoveAll),
        (true, _) => Err(Rejection::Malformed),
        (false, true) => Ok(Wish::Fetch),
        (false, false) => Ok(Wish::Update(contacts)),
    }
}

fn read_contact(address: &NameAddr<'_>, expires: Option<u32>, limits: &Limits) -> Result<Contact, Rejection> {
    let uri = Uri::parse(address.uri).map_err(|_| Rejection::Malformed)?;
    if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) {
        return Err(Rejection::Scheme);
    }
    let asked = address.expires().or(expires).unwrap_or(limits.expires_default_secs);
    if asked > 0 && asked < limits.expires_min_secs {
        return Err(Rejection::TooBrief(limits.expires_min_secs));
    }
    let instance = address.param("+sip.instance").filter(|instance| !instance.is_empty());
    let reg_id = match address.param("reg-id").filter(|_| instance.is_some()) {
        None => None,
        Some(number) => {
            Some(number.parse().ok().filter(|id| REG_IDS.contains(id)).ok_or(Rejection::Malformed)?)
        }
    };
    Ok(Contact {
        uri: address.uri.to_owned(),
        reg_id,
        instance: instance.map(str::to_owned),
        q: address.q(),
        expires_secs: asked.min(limits.expires_max_secs),
    })
}
