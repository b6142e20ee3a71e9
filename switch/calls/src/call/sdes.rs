//! The keys of one m-line of a leg: which ones are told, and what an answer or an offer makes of them (RFC 4568 §7).
//!
//! | the far end | is answered, or |
//! |---|---|
//! | offers `RTP/SAVP` with a key that we support | one of ours under the same tag |
//! | offers `RTP/AVP` with keys | the same: it says what it can, and means it |
//! | offers `RTP/AVP` without | without, unless SRTP is required of it |
//! | is offered media by us | is told a key for each suite, in `RTP/SAVP` where SRTP is required or the other side insists on it, and in `RTP/AVP` where it may choose |
//!
//! Where anybody may read the signalling no key is told or taken, unless the operator says so ([`SrtpPolicy`]). Once
//! agreed, a line keeps suite and key; who brings a new key gets a new one.

use serde::{Deserialize, Serialize};
use sip::Flow;
use streams::{
    media::Protection,
    sdp::{Stream, crypto::Crypto},
    srtp::{MasterKey, SrtpKeys, Suite},
};

use crate::{
    config::{Srtp, SrtpPolicy},
    means::Random,
};

/// What SRTP means for a leg: its configuration and who may read its signalling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Terms {
    /// No keys are told or taken.
    Never,
    /// The far end chooses.
    Optional,
    /// Without SRTP nothing is carried.
    Required,
}

impl Terms {
    pub(crate) fn of(flow: Flow, srtp: Srtp) -> Self {
        match srtp.policy {
            _ if !flow.transport.is_secure() && !srtp.in_clear => Self::Never,
            SrtpPolicy::Off => Self::Never,
            SrtpPolicy::Optional => Self::Optional,
            SrtpPolicy::Required => Self::Required,
        }
    }

    /// Whether an offer of this can be answered.
    pub(crate) fn accept(self, stream: &Stream) -> bool {
        let has_key = !stream.crypto.is_empty();
        match self {
            Self::Never => !stream.profile.is_secure(),
            Self::Optional => has_key || !stream.profile.is_secure(),
            Self::Required => has_key,
        }
    }
}

/// What a line's two ends have agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Agreed {
    Plain,
    Srtp { is_savp: bool, tag: u32, keys: SrtpKeys },
}

impl Agreed {
    fn protection(&self) -> Protection {
        match self {
            Self::Plain => Protection::Plain,
            Self::Srtp { keys, .. } => Protection::Srtp(keys.clone()),
        }
    }

    /// What we say of it: the profile, and our key.
    fn told(&self) -> Told {
        match self {
            Self::Plain => Told::default(),
            Self::Srtp { is_savp, tag, keys } => Told {
                is_savp: *is_savp,
                crypto: vec![Crypto { tag: *tag, suite: keys.suite, key: keys.send.clone() }],
            },
        }
    }
}

/// What our description says of a line's protection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) is_savp: bool,
    pub(crate) crypto: Vec<Crypto>,
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
    pub(crate) fn offered(
        &mut self,
        stream: &Stream,
        terms: Terms,
        random: &mut Random,
    ) -> Option<Protection> {
        let answer = self.answer(stream, terms, random)?;
        let protection = answer.protection();
        // A first offer is what the relay is told at once.
        match &self.agreed {
            None => self.agreed = Some(answer),
            Some(_) => self.asked = Some(Asked::ByThem(answer)),
        }
        Some(protection)
    }

    fn answer(&self, stream: &Stream, terms: Terms, random: &mut Random) -> Option<Agreed> {
        if !terms.accept(stream) {
            return None;
        }
        let before = match &self.agreed {
            Some(Agreed::Srtp { keys, .. }) => Some(keys),
            _ => None,
        };
        let cryptos = || stream.crypto.iter().filter(|_| terms != Terms::Never);
        let same = before.and_then(|keys| cryptos().find(|one| one.suite == keys.suite));
        let Some(theirs) = same.or_else(|| cryptos().next()) else { return Some(Agreed::Plain) };
        let unchanged = before.filter(|keys| keys.suite == theirs.suite && keys.receive == theirs.key);
        let send = match unchanged {
            Some(keys) => keys.send.clone(),
            None => MasterKey::random(theirs.suite, random.bytes())?,
        };
        let keys = SrtpKeys { suite: theirs.suite, send, receive: theirs.key.clone() };
        Some(Agreed::Srtp { is_savp: stream.profile.is_secure(), tag: theirs.tag, keys })
    }

    /// We offer this line to the far end. `is_insisted`: the other side takes SRTP and nothing else.
    pub(crate) fn offer(&mut self, is_insisted: bool, terms: Terms, random: &mut Random) {
        let told = match (&self.agreed, terms) {
            (Some(agreed), _) => agreed.told(),
            (None, Terms::Never) => Told::default(),
            (None, Terms::Optional | Terms::Required) => {
                let crypto = (1..).zip(Suite::ALL).filter_map(|(tag, suite)| {
                    Some(Crypto { tag, suite, key: MasterKey::random(suite, random.bytes())? })
                });
                Told { is_savp: is_insisted || terms == Terms::Required, crypto: crypto.collect() }
            }
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
        if self.told().crypto.is_empty() { Protection::Plain } else { Protection::Unkeyed }
    }

    /// What the far end's description comes to; `None` when it is no answer to ours.
    fn heard(&self, stream: &Stream, terms: Terms) -> Option<Agreed> {
        if let Some(Asked::ByThem(agreed)) = &self.asked {
            return Some(agreed.clone());
        }
        let told = self.told();
        let mut pairs = stream.crypto.iter().filter_map(|theirs| {
            let ours =
                told.crypto.iter().find(|ours| (ours.tag, ours.suite) == (theirs.tag, theirs.suite))?;
            Some((ours, theirs))
        });
        match pairs.next() {
            Some((ours, theirs)) => {
                let keys =
                    SrtpKeys { suite: ours.suite, send: ours.key.clone(), receive: theirs.key.clone() };
                Some(Agreed::Srtp { is_savp: told.is_savp, tag: ours.tag, keys })
            }
            None if told.is_savp || stream.profile.is_secure() || terms == Terms::Required => None,
            None => Some(Agreed::Plain),
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
