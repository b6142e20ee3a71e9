//! The keys of one m-line of a leg: which ones are told, and what an answer or an offer makes of them (RFC 4568 §7,
//! RFC 5763 §5).
//!
//! | the far end | is answered, or |
//! |---|---|
//! | offers `RTP/SAVP`, or `RTP/AVP` with keys that we support | a key of ours under the same tag: it says what it can, and means it |
//! | offers `UDP/TLS/RTP/SAVP`, or `RTP/AVP` with a fingerprint (RFC 8643) | our fingerprint, and that it may begin |
//! | offers `RTP/AVP` without either | without, unless SRTP is required of it |
//! | offers `UDP/TLS/RTP/SAVPF` with ICE and one port for RTP and RTCP | that, from the port that browsers share (`over_ice`) |
//! | is offered media by us | the profiles of [`Terms::profiles`], the next one when it refuses the one before |
//!
//! Whether a line has early feedback (the F of a profile) is told as its far end says it: in its own offer, in its answer
//! to ours; we ask for it only with pictures that somebody sends with it.
//!
//! Where anybody may read the signalling no key is told or taken, unless the operator says so
//! ([`SrtpPolicy`]). A fingerprint may be told anywhere: who only reads it hears nothing. Once agreed, a line keeps what
//! it has; who brings a new key or fingerprint gets a new one. Handshakes are the relay's business.

use serde::{Deserialize, Serialize};
use sip::{Flow, Transport};
use streams::{
    dtls::{self, Fingerprint, Role},
    media::Protection,
    sdp::{Dtls, Profile, Setup, Stream, crypto::Crypto},
    srtp::{MasterKey, SrtpKeys, Suite},
};

use crate::{
    config::{DtlsPolicy, Srtp, SrtpPolicy, SwitchboardConfig},
    means::Random,
};

/// What browsers are offered, and nobody else: it comes with ICE (RFC 8829 §5.1.2).
pub(crate) const OVER_ICE: Profile = Profile::TlsSavpf;
/// Bytes of a `tls-id` before it is written in digits (RFC 8842 §5: 120 bits at least).
const TLS_ID_BYTES: usize = 16;

/// What keys are told and made with.
pub(crate) struct Ink<'a> {
    pub(crate) random: &'a mut Random,
    /// Of our certificate.
    pub(crate) fingerprint: Option<&'a Fingerprint>,
}

/// What SRTP means for a leg: its configuration and who may read its signalling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Terms {
    told: ToldKeys,
    dtls: DtlsTerms,
    ice: IceTerms,
}

/// Keys in descriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum ToldKeys {
    /// None are told or taken.
    Never,
    /// The far end chooses.
    Optional,
    /// Without SRTP nothing is carried.
    Required,
}

/// Keys of handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum DtlsTerms {
    Never,
    /// With who asks for them, or takes nothing else.
    Answered,
    /// With everybody who can.
    Offered,
}

/// The port that browsers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum IceTerms {
    /// There is none.
    Never,
    /// For whoever offers what browsers do, or refuses everything else.
    Possible,
    /// Nothing else: who signals over WebSocket is a browser.
    Alone,
}

/// Where the keys of a line come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Plain,
    Told,
    Shaken,
}

impl Terms {
    pub(crate) fn of(flow: Flow, config: &SwitchboardConfig) -> Self {
        let Srtp { policy, in_clear, dtls } = config.srtp;
        let told = match policy {
            _ if !flow.transport.is_secure() && !in_clear => ToldKeys::Never,
            SrtpPolicy::Off => ToldKeys::Never,
            SrtpPolicy::Optional => ToldKeys::Optional,
            SrtpPolicy::Required => ToldKeys::Required,
        };
        let dtls = match dtls {
            _ if config.dtls_fingerprint.is_none() => DtlsTerms::Never,
            DtlsPolicy::Off => DtlsTerms::Never,
            DtlsPolicy::Answer => DtlsTerms::Answered,
            DtlsPolicy::Offer => DtlsTerms::Offered,
        };
        let ice = match flow.transport {
            _ if config.shared_addresses.is_empty() || dtls == DtlsTerms::Never => IceTerms::Never,
            Transport::Ws | Transport::Wss => IceTerms::Alone,
            Transport::Udp | Transport::Tcp | Transport::Tls => IceTerms::Possible,
        };
        Self { told, dtls, ice }
    }

    /// Whether an offer of this is answered with ICE.
    pub(crate) fn takes_ice(self, stream: &Stream) -> bool {
        self.ice != IceTerms::Never && stream.is_browsers()
    }

    /// How an offer of this can be answered; `None`: not at all.
    fn way(self, stream: &Stream) -> Option<Way> {
        let is_told = self.told != ToldKeys::Never && !stream.crypto.is_empty() && !stream.profile.is_dtls();
        let is_shaken = self.dtls != DtlsTerms::Never && stream.dtls.as_ref().is_some_and(can_shake);
        match stream.profile {
            _ if is_told => Some(Way::Told),
            _ if is_shaken => Some(Way::Shaken),
            profile if profile.is_secure() || self.told == ToldKeys::Required => None,
            _ => Some(Way::Plain),
        }
    }

    /// Whether an offer of this can be answered.
    pub(crate) fn accept(self, stream: &Stream) -> bool {
        self.way(stream).is_some()
    }

    /// What a phone is offered, one after the other, as long as it can do nothing with the media. `is_insisted`: the
    /// caller takes SRTP with told keys and nothing else.
    pub(crate) fn profiles(self, is_insisted: bool) -> impl Iterator<Item = Profile> {
        let is_told = self.told != ToldKeys::Never;
        let is_first_savp = self.told == ToldKeys::Required || (is_insisted && is_told);
        let savp = is_told.then_some(Profile::Savp);
        let avp = (self.told != ToldKeys::Required).then_some(Profile::Avp);
        let order = if is_first_savp { [savp, avp] } else { [avp, savp] };
        let shaken = (self.dtls != DtlsTerms::Never).then_some(Profile::TlsSavp);
        let over_ice = (self.ice != IceTerms::Never).then_some(OVER_ICE);
        let is_left_out = move |profile: &Profile| self.ice == IceTerms::Alone && *profile != OVER_ICE;
        order.into_iter().chain([shaken, over_ice]).flatten().filter(move |profile| !is_left_out(profile))
    }

    /// What a refusal says of it.
    pub(crate) fn missing(self) -> &'static str {
        match (self.told, self.dtls) {
            (ToldKeys::Required, _) => "SRTP is required, with a key that is supported",
            (ToldKeys::Optional, _) => "no key for SRTP that is supported",
            (ToldKeys::Never, DtlsTerms::Never) => "SRTP is not to be had here; over TLS it may be",
            (ToldKeys::Never, _) => "SRTP is to be had here with DTLS, or over TLS",
        }
    }
}

/// Whether its author shakes hands at all.
fn can_shake(dtls: &Dtls) -> bool {
    dtls.setup != Some(Setup::HoldConn)
}

/// What a line's two ends have agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Agreed {
    Plain { profile: Profile },
    Told { profile: Profile, tag: u32, keys: SrtpKeys },
    Shaken(Box<Shaken>),
}

/// An association (RFC 8842 §4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shaken {
    profile: Profile,
    terms: dtls::Terms,
    theirs: Option<String>,
    /// What we tell of it.
    ours: Dtls,
}

impl Agreed {
    fn protection(&self) -> Protection {
        match self {
            Self::Plain { .. } => Protection::Plain,
            Self::Told { keys, .. } => Protection::Srtp(keys.clone()),
            Self::Shaken(shaken) => Protection::Dtls(shaken.terms.clone()),
        }
    }

    /// What we say of it: the profile, and our key or fingerprint.
    fn told(&self) -> Told {
        match self {
            Self::Plain { profile } => Told { profile: *profile, ..Told::default() },
            Self::Told { profile, tag, keys } => Told {
                profile: *profile,
                crypto: vec![Crypto { tag: *tag, suite: keys.suite, key: keys.send.clone() }],
                dtls: None,
            },
            Self::Shaken(shaken) => {
                Told { profile: shaken.profile, crypto: Vec::new(), dtls: Some(shaken.ours.clone()) }
            }
        }
    }
}

/// What our description says of a line's protection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) profile: Profile,
    pub(crate) crypto: Vec<Crypto>,
    pub(crate) dtls: Option<Dtls>,
}

impl Default for Told {
    fn default() -> Self {
        Self { profile: Profile::Avp, crypto: Vec::new(), dtls: None }
    }
}

/// An exchange that is going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Asked {
    /// By the far end; this will be the answer.
    ByThem(Agreed),
    /// By us.
    ByUs(Told),
}

/// The keys of one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineKeys {
    agreed: Option<Agreed>,
    asked: Option<Asked>,
}

impl LineKeys {
    /// The far end offers this stream: what the relay is to do when the answer is there. `None`: it cannot be answered
    /// on these terms.
    pub(crate) fn offered(&mut self, stream: &Stream, terms: Terms, ink: &mut Ink<'_>) -> Option<Protection> {
        let answer = match terms.way(stream)? {
            Way::Plain => Agreed::Plain { profile: stream.profile },
            Way::Told => self.answer_key(stream, ink.random)?,
            Way::Shaken => self.answer_fingerprint(stream, ink)?,
        };
        let protection = answer.protection();
        // A first offer is what the relay is told at once.
        match &self.agreed {
            None => self.agreed = Some(answer),
            Some(_) => self.asked = Some(Asked::ByThem(answer)),
        }
        Some(protection)
    }

    fn answer_key(&self, stream: &Stream, random: &mut Random) -> Option<Agreed> {
        let before = match &self.agreed {
            Some(Agreed::Told { keys, .. }) => Some(keys),
            _ => None,
        };
        let same = before.and_then(|keys| stream.crypto.iter().find(|one| one.suite == keys.suite));
        let theirs = same.or_else(|| stream.crypto.first())?;
        let unchanged = before.filter(|keys| keys.suite == theirs.suite && keys.receive == theirs.key);
        let send = match unchanged {
            Some(keys) => keys.send.clone(),
            None => MasterKey::random(theirs.suite, random.bytes())?,
        };
        let keys = SrtpKeys { suite: theirs.suite, send, receive: theirs.key.clone() };
        Some(Agreed::Told { profile: stream.profile, tag: theirs.tag, keys })
    }

    /// RFC 8842 §5.3. Whoever leaves it to us is to begin: what comes first through a NAT comes from behind it.
    fn answer_fingerprint(&self, stream: &Stream, ink: &mut Ink<'_>) -> Option<Agreed> {
        let theirs = stream.dtls.as_ref()?;
        let profile = stream.profile;
        let before = self.shaken();
        let role = match (theirs.setup, before) {
            (Some(Setup::Passive), _) => Role::Active,
            (Some(Setup::Active), _) => Role::Passive,
            (_, Some(before)) if before.is_with(theirs) => before.terms.role,
            _ => Role::Passive,
        };
        if let Some(before) = before.filter(|before| before.is_with(theirs) && before.terms.role == role) {
            let ours = Dtls { setup: Some(setup_of(role)), ..before.ours.clone() };
            return Some(Agreed::Shaken(Box::new(Shaken { profile, ours, ..before.clone() })));
        }
        let tls_id = theirs.tls_id.is_some().then(|| tls_id(ink.random));
        let ours = Dtls { fingerprints: vec![ink.fingerprint?.clone()], setup: Some(setup_of(role)), tls_id };
        Some(self.associate(profile, role, theirs, ours))
    }

    fn associate(&self, profile: Profile, role: Role, theirs: &Dtls, ours: Dtls) -> Agreed {
        let association = self.shaken().map_or(0, |before| before.terms.association).wrapping_add(1);
        let terms = dtls::Terms { association, role, fingerprints: theirs.fingerprints.clone() };
        Agreed::Shaken(Box::new(Shaken { profile, terms, theirs: theirs.tls_id.clone(), ours }))
    }

    fn shaken(&self) -> Option<&Shaken> {
        match &self.agreed {
            Some(Agreed::Shaken(shaken)) => Some(shaken),
            _ => None,
        }
    }

    /// We offer this line to the far end, in this profile unless one is agreed.
    pub(crate) fn offer(&mut self, profile: Profile, terms: Terms, ink: &mut Ink<'_>) {
        let told = match &self.agreed {
            // RFC 8842 §5.2: the roles are left open in every offer.
            Some(Agreed::Shaken(shaken)) => {
                let ours = Dtls { setup: Some(Setup::ActPass), ..shaken.ours.clone() };
                Told { profile: shaken.profile, crypto: Vec::new(), dtls: Some(ours) }
            }
            Some(agreed) => agreed.told(),
            None => first_offer(profile, terms, ink),
        };
        self.asked = Some(Asked::ByUs(told));
    }

    /// What our description says of this line now.
    pub(crate) fn told(&self) -> Told {
        match (&self.asked, &self.agreed) {
            (Some(Asked::ByUs(told)), _) => told.clone(),
            (Some(Asked::ByThem(agreed)), _) | (None, Some(agreed)) => agreed.told(),
            (None, None) => Told::default(),
        }
    }

    /// What the relay is to do as long as the far end has not answered.
    pub(crate) fn until_answered(&self) -> Protection {
        let told = self.told();
        let may_be_plain = told.crypto.is_empty() && told.dtls.is_none();
        if may_be_plain { Protection::Plain } else { Protection::Unkeyed }
    }

    /// What the far end's description comes to; `None` when it is no answer to ours.
    fn heard(&self, stream: &Stream, terms: Terms) -> Option<Agreed> {
        if let Some(Asked::ByThem(agreed)) = &self.asked {
            return Some(agreed.clone());
        }
        let told = self.told();
        let profile = told.profile.with_feedback_of(stream.profile);
        let mut pairs = stream.crypto.iter().filter_map(|theirs| {
            let ours =
                told.crypto.iter().find(|ours| (ours.tag, ours.suite) == (theirs.tag, theirs.suite))?;
            Some((ours, theirs))
        });
        if let Some((ours, theirs)) = pairs.next() {
            let keys = SrtpKeys { suite: ours.suite, send: ours.key.clone(), receive: theirs.key.clone() };
            return Some(Agreed::Told { profile, tag: ours.tag, keys });
        }
        match (&told.dtls, &stream.dtls) {
            (Some(ours), Some(theirs)) if can_shake(theirs) => {
                Some(self.heard_fingerprint(profile, ours, theirs))
            }
            _ if told.profile.is_secure() || stream.profile.is_secure() => None,
            _ if terms.told == ToldKeys::Required => None,
            _ => Some(Agreed::Plain { profile }),
        }
    }

    /// RFC 5763 §5: an answer says who begins; one that does not leaves it to its author.
    fn heard_fingerprint(&self, profile: Profile, ours: &Dtls, theirs: &Dtls) -> Agreed {
        let role = if theirs.setup == Some(Setup::Passive) { Role::Active } else { Role::Passive };
        let before = self.shaken().filter(|before| before.is_with(theirs) && before.terms.role == role);
        let ours = Dtls { setup: Some(setup_of(role)), ..ours.clone() };
        match before {
            Some(before) => Agreed::Shaken(Box::new(Shaken { profile, ours, ..before.clone() })),
            None => self.associate(profile, role, theirs, ours),
        }
    }

    /// Whether the far end's description can be used: as an answer where we have offered, else as an offer.
    pub(crate) fn take(&self, stream: &Stream, terms: Terms) -> bool {
        match &self.asked {
            Some(Asked::ByUs(_)) => self.heard(stream, terms).is_some(),
            _ => terms.accept(stream),
        }
    }

    /// Takes what the far end's description comes to as agreed, and says what the relay is to do. The exchange goes on: a
    /// device that was heard early may answer with other keys.
    pub(crate) fn learn(&mut self, stream: &Stream, terms: Terms) -> Protection {
        if let Some(agreed) = self.heard(stream, terms) {
            self.agreed = Some(agreed);
        }
        self.agreed.as_ref().map_or(Protection::Unkeyed, Agreed::protection)
    }

    /// The exchange is over, or has come to nothing.
    pub(crate) fn give_up(&mut self) {
        self.asked = None;
    }
}

impl Shaken {
    /// Whether a description means this association and no new one.
    fn is_with(&self, theirs: &Dtls) -> bool {
        self.terms.fingerprints == theirs.fingerprints && self.theirs == theirs.tls_id
    }
}

fn setup_of(role: Role) -> Setup {
    match role {
        Role::Active => Setup::Active,
        Role::Passive => Setup::Passive,
    }
}

fn tls_id(random: &mut Random) -> String {
    random.bytes::<TLS_ID_BYTES>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `RTP/AVP` carries everything that the far end may choose from (RFC 8643), the others what they are for.
fn first_offer(profile: Profile, terms: Terms, ink: &mut Ink<'_>) -> Told {
    let is_told = terms.told != ToldKeys::Never && !profile.is_dtls();
    let is_shaken = profile.is_dtls() || (terms.dtls == DtlsTerms::Offered && !profile.is_secure());
    let crypto = (1..).zip(Suite::ALL).filter(|_| is_told).filter_map(|(tag, suite)| {
        Some(Crypto { tag, suite, key: MasterKey::random(suite, ink.random.bytes())? })
    });
    let crypto = crypto.collect();
    let fingerprint = ink.fingerprint.filter(|_| is_shaken);
    let dtls = fingerprint.map(|fingerprint| Dtls {
        fingerprints: vec![fingerprint.clone()],
        setup: Some(Setup::ActPass),
        tls_id: Some(tls_id(ink.random)),
    });
    Told { profile, crypto, dtls }
}
