//! ICE of one m-line of a leg: what its two ends have told each other (RFC 8839 §4.4).
//!
//! A line has it from its first description to its last, or never, because its lease is one of the shared port. Whoever
//! brings other credentials than before begins anew, and is told new ones of ours. Checks are the relay's business.

use serde::{Deserialize, Serialize};
use streams::{
    ice::{Credentials, Terms},
    media::LeaseId,
    sdp::{Ice, OurIce, Stream},
};

use crate::{SwitchboardConfig, means::Random};

/// The name of the line in offers of ours, which have one.
const MID: &str = "0";

/// ICE of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineIce {
    ours: Credentials,
    theirs: Option<Ice>,
    /// The far end wants to begin anew: this will be the answer, to that.
    asked: Option<(Credentials, Ice)>,
}

impl LineIce {
    pub(crate) fn new(lease: LeaseId, theirs: Option<Ice>, random: &mut Random) -> Self {
        Self { ours: Credentials::new(lease, random.bytes()), theirs, asked: None }
    }

    /// The far end offers this line again.
    pub(crate) fn offered(&mut self, lease: LeaseId, stream: &Stream, random: &mut Random) {
        let theirs = stream.ice.as_ref().filter(|_| self.is_restarted_by(stream));
        self.asked = theirs.map(|theirs| (Credentials::new(lease, random.bytes()), theirs.clone()));
    }

    /// Whether the far end begins anew with this (RFC 8839 §4.4.1.1.1).
    pub(crate) fn is_restarted_by(&self, stream: &Stream) -> bool {
        let known = self.theirs.as_ref().map(|known| &known.credentials);
        stream.ice.as_ref().is_some_and(|theirs| Some(&theirs.credentials) != known)
    }

    /// What the far end says is agreed: what the relay is to go by.
    pub(crate) fn learn(&mut self, stream: &Stream) -> Terms {
        match self.asked.take() {
            Some((ours, theirs)) => (self.ours, self.theirs) = (ours, Some(theirs)),
            None => self.theirs = stream.ice.clone().or(self.theirs.take()),
        }
        self.terms()
    }

    /// What the relay is to go by now.
    pub(crate) fn terms(&self) -> Terms {
        let theirs = self.theirs.as_ref().map(|theirs| theirs.credentials.ufrag.clone());
        Terms { ours: self.ours.clone(), theirs }
    }

    /// What our description says of it.
    pub(crate) fn told(&self, config: &SwitchboardConfig) -> OurIce {
        let (ours, theirs) = match &self.asked {
            Some((ours, theirs)) => (ours, Some(theirs)),
            None => (&self.ours, self.theirs.as_ref()),
        };
        let (mid, is_bundled) =
            theirs.map_or_else(|| (Some(MID.to_owned()), true), |said| (said.mid.clone(), said.is_bundled));
        let ice = Ice { credentials: ours.clone(), mid, is_bundled };
        OurIce { ice, candidates: config.shared_addresses.clone(), is_over_tcp: config.is_shared_over_tcp }
    }

    /// The exchange is over, or has come to nothing.
    pub(crate) fn give_up(&mut self) {
        self.asked = None;
    }
}
