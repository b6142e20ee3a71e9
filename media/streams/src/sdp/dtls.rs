//! What a description says of DTLS-SRTP: `a=fingerprint` (RFC 8122), `a=setup` (RFC 4145, RFC 5763 §5) and `a=tls-id`
//! (RFC 8842).
//!
//! Fingerprints and setup may stand above all m-lines and hold for each, unless it says its own.

use sdp_types::Attribute;
use serde::{Deserialize, Serialize};

use crate::dtls::Fingerprint;

/// Most fingerprints of an m-line that are looked at.
pub const FINGERPRINTS_MAX: usize = 8;
/// Lengths that a `tls-id` may have (RFC 8842 §5).
const TLS_ID_BYTES: std::ops::RangeInclusive<usize> = 20..=255;

/// Who begins the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setup {
    /// The author.
    Active,
    /// The other one.
    Passive,
    /// The author does either; the answer says which.
    ActPass,
    /// Nobody for now.
    HoldConn,
}

impl Setup {
    const ALL: [Self; 4] = [Self::Active, Self::Passive, Self::ActPass, Self::HoldConn];

    /// The attribute's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
            Self::HoldConn => "holdconn",
        }
    }
}

/// How the author of an m-line can shake hands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dtls {
    /// Of its certificate, those that we trust; at least one.
    pub fingerprints: Vec<Fingerprint>,
    /// Who begins, if it says so.
    pub setup: Option<Setup>,
    /// Names the association: another one is another handshake.
    pub tls_id: Option<String>,
}

impl Dtls {
    /// Of an m-line and of what stands above all of them.
    pub(super) fn read(session: &[Attribute], media: &[Attribute]) -> Option<Self> {
        let own = fingerprints(media);
        let fingerprints = if own.is_empty() { fingerprints(session) } else { own };
        let setup = value(media, "setup").or_else(|| value(session, "setup"));
        let tls_id = value(media, "tls-id");
        (!fingerprints.is_empty()).then(|| Self {
            fingerprints,
            setup: setup
                .and_then(|word| Setup::ALL.into_iter().find(|one| word.eq_ignore_ascii_case(one.as_str()))),
            tls_id: tls_id.filter(|id| TLS_ID_BYTES.contains(&id.len())).map(str::to_owned),
        })
    }

    /// Its attributes.
    pub(super) fn attributes(&self) -> impl Iterator<Item = Attribute> + '_ {
        let fingerprints = self.fingerprints.iter().map(ToString::to_string);
        let setup = self.setup.map(|setup| Attribute::with_value("setup", setup.as_str()));
        let tls_id = self.tls_id.as_ref().map(|id| Attribute::with_value("tls-id", id.clone()));
        fingerprints.map(|value| Attribute::with_value("fingerprint", value)).chain(setup).chain(tls_id)
    }
}

/// What the first attribute of this name says.
pub(super) fn value<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|a| a.attribute.eq_ignore_ascii_case(name))?;
    found.value.as_deref().map(str::trim)
}

fn fingerprints(attributes: &[Attribute]) -> Vec<Fingerprint> {
    let told = attributes.iter().filter(|a| a.attribute.eq_ignore_ascii_case("fingerprint"));
    told.take(FINGERPRINTS_MAX).filter_map(|a| Fingerprint::read(a.value.as_deref()?)).collect()
}
