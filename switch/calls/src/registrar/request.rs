//! A REGISTER taken apart and judged before anything changes (RFC 3261 §10.3 steps 6 and 7).

use sip::{ContactValue, HeaderName, Message, NameAddr, Reply, Scheme, Uri};

use crate::config::Limits;

/// What a REGISTER asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Registration {
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) user_agent: Option<String>,
    pub(crate) path: Vec<String>,
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
        let is_known = |name| message.values(name).any(|tag| tag.eq_ignore_ascii_case("path"));
        if !path.is_empty() && !is_known(HeaderName::Supported) && !is_known(HeaderName::Require) {
            return Err(Rejection::PathUnsupported);
        }
        Ok(Self {
            call_id: message.call_id().map_err(|_| Rejection::Malformed)?.to_owned(),
            cseq: message.cseq().map_err(|_| Rejection::Malformed)?.number,
            user_agent: message.first(HeaderName::UserAgent).map(str::to_owned),
            path,
            wish: wish(message, limits)?,
        })
    }
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
    Ok(Contact {
        uri: address.uri.to_owned(),
        instance: instance.map(str::to_owned),
        q: address.q(),
        expires_secs: asked.min(limits.expires_max_secs),
    })
}
