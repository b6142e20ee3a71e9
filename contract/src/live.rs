//! What is going on right now, as the switch socket and `sambung calls` show it. Nothing here is stored.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::{
    id::{AccountId, CallId, OrgId},
    journal::{Direction, EventKind},
    media::MediaView,
    time::Timestamp,
};

/// A call that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveCall {
    /// The call.
    pub call: CallId,
    /// Its organisation.
    pub org: OrgId,
    /// H-057.
    pub direction: Direction,
    /// Number or username of the caller.
    pub caller: String,
    /// What was dialled.
    pub dialled: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was answered, if it was.
    pub answered_at: Option<Timestamp>,
    /// Its latest event.
    pub state: EventKind,
}

/// A call with its legs, as they stand at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveCallLegs {
    /// The call.
    #[serde(flatten)]
    pub call: LiveCall,
    /// Its legs by number; empty when the call ended while it was looked at.
    pub legs: Vec<LiveLeg>,
    /// What the media of its legs is like; empty when the media thread did not answer in time.
    #[serde(default)]
    pub media: Vec<MediaView>,
}

/// One side of a call that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveLeg {
    /// From 1; the caller's is 1.
    pub no: u16,
    /// How it stands.
    pub stage: LegStage,
    /// It has put the call on hold (RFC 3264 §8.4).
    pub is_holding: bool,
    /// Transport of its signalling, lower case.
    pub transport: String,
    /// Our signalling address.
    pub local: SocketAddr,
    /// The phone's signalling address, or that of its NAT.
    pub remote: SocketAddr,
    /// When it came to be.
    pub created_at: Timestamp,
    /// When it was answered, if it was.
    pub answered_at: Option<Timestamp>,
    /// Its media, by m-line.
    pub streams: Vec<LiveStream>,
}

/// How a leg stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegStage {
    /// Its device has not rung.
    Trying,
    /// It rings.
    Ringing,
    /// It has answered.
    Answered,
    /// It is saying goodbye.
    Leaving,
}

impl LegStage {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trying => "trying",
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Leaving => "leaving",
        }
    }
}

/// One m-line of a leg that we carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveStream {
    /// Where the phone sends RTP: our advertised address and port.
    pub local: SocketAddr,
    /// Where the phone says it receives RTP; none while it has said nothing, or nothing that can be reached.
    pub remote: Option<SocketAddr>,
    /// `audio` or `video`, once the phone has said it.
    pub kind: Option<String>,
    /// `sendrecv`, `sendonly`, `recvonly` or `inactive`, as the phone said it of itself.
    pub direction: Option<String>,
    /// What the phone has offered or taken, its favourite first: `PCMU/8000`; a bare payload type without a name.
    pub formats: Vec<String>,
}

/// A contact at which an account can be reached (RFC 3261 §10.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The organisation.
    pub org: OrgId,
    /// The account.
    pub account: AccountId,
    /// Its username.
    pub username: String,
    /// The contact URI the phone gave.
    pub contact: String,
    /// Where its signalling came from, `udp/192.0.2.1:5060`.
    pub source: String,
    /// Our address on that flow (RFC 5626).
    pub local: SocketAddr,
    /// The number of the flow within the device, where the phone tells its flows apart (RFC 5626 §4.2).
    pub reg_id: Option<u32>,
    /// The device: `+sip.instance` as given.
    pub instance: Option<String>,
    /// Proxies on the way to it (RFC 3327).
    pub path: Vec<String>,
    /// What the phone calls itself, if it said.
    pub user_agent: Option<String>,
    /// When it expires unless refreshed.
    pub expires_at: Timestamp,
}
