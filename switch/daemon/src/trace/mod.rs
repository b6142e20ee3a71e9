//! The ladder of the last calls: every SIP message, fact and route of a call, in memory, bounded by bytes.
//!
//! The engine owns the [`Recorder`] and feeds it as messages come and go, so nothing here waits, locks or reads a
//! clock. Which messages are a call's is known by their Call-IDs, which the switchboard names before the first message
//! of a leg leaves. What has no call lands in a lobby of a fixed size: a flood of requests that nobody has
//! authenticated flushes that and no call. No packet of media comes here, and what leaves is masked ([`mask`]).

mod call_id;
mod lobby;
pub mod mask;
pub mod pcapng;
mod recorder;
mod tape;
mod text;
mod view;

use contract::{id::CallId, time::Timestamp, trace::CallSummary, trace::Way};
use sip::Flow;
use uuid::Uuid;

pub use recorder::{Counters, Recorder};
pub use tape::Tape;

/// One message, as it goes by.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// When.
    pub at: Timestamp,
    /// To us or from us.
    pub way: Way,
    /// Between which addresses.
    pub flow: Flow,
    /// The whole of it.
    pub bytes: &'a [u8],
}

/// Which call is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one that began last.
    Last,
    /// Those whose ids lie between the two, both included.
    Between(CallId, CallId),
}

/// What became of a question.
#[derive(Debug)]
pub enum Found {
    /// It.
    One(Box<Tape>),
    /// More than one; these are some of them, the latest first.
    Many(Vec<CallSummary>),
    /// None that is remembered.
    None,
}

impl Which {
    /// Reads `last`, an id, or the beginning of one; `None` when it is none of them.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "last" {
            return Some(Self::Last);
        }
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        if digits.is_empty() || digits.len() > 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let id = |padded: &str| u128::from_str_radix(padded, 16).ok().map(|id| CallId(Uuid::from_u128(id)));
        Some(Self::Between(id(&format!("{digits:0<32}"))?, id(&format!("{digits:f<32}"))?))
    }
}

#[cfg(test)]
mod tests;
