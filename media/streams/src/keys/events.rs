//! Keys as events in packets of their own (RFC 4733 §2): many packets say the same one, and some of them are lost.
//!
//! An event is known by the instant of its beginning, its timestamp. It is told when the first of its packets is here, so
//! that none of the others is needed. One that lasts so long that it is said in segments (§2.5.1.3) is still one.

use serde::{Deserialize, Serialize};

use super::{Key, LATE_PACKETS_MAX};
use crate::rtp::Header;

/// The latest event of one leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events(Option<Latest>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Latest {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    code: u8,
    /// So far, in units of its clock.
    duration: u16,
    has_ended: bool,
}

impl Events {
    /// A packet of events. The key that begins with it, if one does; other events (flash, fax) are none.
    pub fn hear(&mut self, header: &Header, payload: &[u8]) -> Option<Key> {
        let [code, flags, high, low] = *payload.first_chunk()?;
        let new = Latest {
            ssrc: header.ssrc,
            sequence: header.sequence,
            timestamp: header.timestamp,
            code,
            duration: u16::from_be_bytes([high, low]),
            has_ended: flags & 0x80 != 0,
        };
        let Some(latest) = self.0.as_mut().filter(|latest| latest.ssrc == header.ssrc) else {
            return self.begin(new);
        };
        let behind = latest.sequence.wrapping_sub(header.sequence);
        let is_same = latest.timestamp == new.timestamp && latest.code == code;
        if behind <= LATE_PACKETS_MAX {
            // It may be the one that says that it was the end.
            latest.has_ended |= is_same && new.has_ended;
            return None;
        }
        let next_segment = latest.timestamp.wrapping_add(u32::from(latest.duration));
        let goes_on = !latest.has_ended
            && !header.marker
            && latest.code == code
            && latest.duration > 0
            && new.timestamp == next_segment;
        if is_same || goes_on {
            *latest = Latest { has_ended: new.has_ended || is_same && latest.has_ended, ..new };
            return None;
        }
        self.begin(new)
    }

    fn begin(&mut self, new: Latest) -> Option<Key> {
        self.0 = Some(new);
        Key::of_event(new.code)
    }
}
