//! Identifiers. All are UUIDs (version 7 where we make them), so that no key tells how many rows exist.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// An organisation, the tenant (H-042).
    OrgId;
    /// A person (H-040).
    UserId;
    /// A visitor without an account (H-020).
    GuestId;
    /// An extension: a number that stands for a desk or a team (H-050).
    ExtensionId;
    /// A rule of an extension (H-055).
    RuleId;
    /// A queue of an extension.
    QueueId;
    /// A menu of an extension.
    MenuId;
    /// A conference of an extension.
    ConferenceId;
    /// A page group of an extension.
    PageGroupId;
    /// A day with other hours than its weekday's (HX-15).
    HolidayId;
    /// A SIP account: one set of credentials that phones register with.
    AccountId;
    /// A trunk: a provider's switch, or a gateway.
    TrunkId;
    /// A number of an organisation in the telephone network.
    DidId;
    /// A route that calls to the telephone network take.
    OutboundRouteId;
    /// How much of the telephone network somebody may use.
    BudgetId;
    /// What minutes with some numbers of the telephone network cost.
    PriceId;
    /// A call, the whole of it (H-057).
    CallId;
    /// A recording of a call or of a part of it.
    RecordingId;
}

/// A UUIDv7 (RFC 9562 §5.7) from the instant of creation and ten random bytes.
pub fn of_a_time(at: Timestamp, random: [u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(at.unix_millis(), &random).into_uuid()
}

impl CallId {
    /// As [`of_a_time`].
    pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
        Self(of_a_time(at, random))
    }

    /// Whether it says when it was made, as those do that we make: only these are in the order of their times.
    pub fn is_of_a_time(self) -> bool {
        self.0.get_version() == Some(uuid::Version::SortRand)
            && self.0.get_variant() == uuid::Variant::RFC4122
    }
}

impl RecordingId {
    /// As [`of_a_time`].
    pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
        Self(of_a_time(at, random))
    }
}
