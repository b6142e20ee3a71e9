//! Conferences of extensions, on their way into a plan.

use std::sync::Arc;

use contract::{conferences::Pin, snapshot};

use super::{Compiler, limits};
use crate::{
    diagnostic::{Problem, Row},
    plan::Conference,
};

fn is_sound(pin: &Pin) -> bool {
    limits::PIN_DIGITS.contains(&pin.0.len()) && pin.0.bytes().all(|b| b.is_ascii_digit())
}

impl Compiler<'_> {
    /// An extension's conference.
    pub(super) fn conference(&mut self, extension: &snapshot::Extension) -> Option<Arc<Conference>> {
        let conference = extension.conference.as_ref()?;
        let row = Row::Conference(conference.id);
        if !self.conference_ids.insert(conference.id) {
            self.wrong(row, "id", Problem::Taken);
        }
        if !limits::CONFERENCE_MEMBERS.contains(&conference.members_max) {
            self.wrong(row, "members_max", Problem::OutOfRange);
        }
        if conference.pin.as_ref().is_some_and(|pin| !is_sound(pin)) {
            self.wrong(row, "pin", Problem::Malformed);
        }
        Some(Arc::new(Conference {
            id: conference.id,
            extension: extension.id,
            number: extension.number.as_str().into(),
            name: extension.name.as_str().into(),
            pin: conference.pin.clone(),
            members_max: conference.members_max,
            has_tones: conference.has_tones,
        }))
    }
}
