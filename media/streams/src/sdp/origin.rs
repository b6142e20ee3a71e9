//! The o= line of the descriptions that we write to one leg (RFC 8866 §5.2, RFC 3264 §5 and §8).
//!
//! A session id lives as long as the leg's dialog. The version goes up by one exactly when the text differs from
//! the one sent before: a peer that compares versions must see every change and no change that is none.

use std::net::IpAddr;

use sdp_types::Session;
use serde::{Deserialize, Serialize};

use super::{Description, Kept};

/// Our authorship towards one leg. Keep one for each dialog and use it for offers and answers alike.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Origin {
    id: u64,
    version: u64,
    address: IpAddr,
    /// What was written last, as version 0 of it.
    last: Option<Kept>,
}

impl Origin {
    /// `id` should be random; its top bits are cleared so that id and version stay in the range that RFC 3264 §5
    /// asks for. `address` is the advertised address that the leg sees us at.
    pub fn new(id: u64, address: IpAddr) -> Self {
        let id = id & ((1 << 62) - 1);
        Self { id, version: id, address, last: None }
    }

    /// The advertised address in the o= line.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Gives `session` our o= line, with a new version if its text is new.
    pub(super) fn publish(&mut self, mut session: Session) -> Description {
        session.origin = sdp_types::Origin::with_ip_addr(self.id, 0, self.address);
        let mut published = Description(Box::new(session));
        let text = Kept::of(&published);
        if self.last.as_ref().is_some_and(|last| *last != text) {
            self.version = self.version.saturating_add(1);
        }
        self.last = Some(text);
        published.0.origin.sess_version = self.version;
        published
    }
}
