//! Feature codes: what the switch does by itself for whoever dials them, and what is dialled in front of a number. Where a
//! code leads is `route`'s business, what becomes of it the switch's.

use serde::{Deserialize, Serialize};

use crate::plan::Host;

/// What the switch does by itself for whoever dials a feature code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// The caller hears itself.
    Echo,
    /// The caller answers what rings at a colleague's.
    PickUp,
    /// The caller hears the messages in its mailbox.
    Voicemail,
    /// No queue asks the caller any more, or they do again.
    Pause,
    /// The caller listens to a call of somebody whom it supervises.
    Supervise,
    /// Nothing of the caller's rings any more, or it does again.
    DoNotDisturb(bool),
    /// A second call rings at the caller's who is in one, or finds them busy.
    CallWaiting(bool),
    /// Whoever is sent there waits; a caller takes who waits there, or anywhere.
    Park(Option<Slot>),
}

/// Dialled in front of a number: what rings there is answered.
pub const PICK_UP_AT: &str = "**";
/// Dialled in front of a person's number: a message is left for them, and nobody rings.
pub const LEAVE_MESSAGE: &str = "*";
/// Dialled in front of a number: the phones there answer by themselves.
pub const INTERCOM: &str = "*80";
/// Dialled in front of a number: a call is listened to that is being held there.
pub const SUPERVISE: &str = "*33";

/// A place where one call can be parked; it shows as its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot(u8);

impl Slot {
    /// All there are, where the organisation has not given the number to anybody.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=9).map(Self)
    }

    pub(crate) fn of(number: &str) -> Option<Self> {
        Self::all().find(|slot| slot.to_string() == number)
    }
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "70{}", self.0)
    }
}

/// What somebody wants to answer who does not ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickUp {
    /// Whatever rings at a colleague's.
    Colleagues,
    /// What rings there.
    At(Host),
}

impl Feature {
    /// The codes that every organisation has. They begin with a star, as no number of an organisation can.
    pub const BUILT_IN: [(&'static str, Self); 8] = [
        ("*43", Self::Echo),
        ("*46", Self::Pause),
        ("*70", Self::CallWaiting(true)),
        ("*71", Self::CallWaiting(false)),
        ("*78", Self::DoNotDisturb(true)),
        ("*79", Self::DoNotDisturb(false)),
        ("*8", Self::PickUp),
        (Self::VOICEMAIL_CODE, Self::Voicemail),
    ];
    /// The code of [`Feature::Voicemail`], which phones are told too (RFC 3842).
    pub const VOICEMAIL_CODE: &'static str = "*97";
    /// The number of [`Feature::Park`] without a slot.
    pub const PARK_NUMBER: &'static str = "700";

    /// The stable word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::PickUp => "pickup",
            Self::Voicemail => "voicemail",
            Self::Pause => "pause",
            Self::Supervise => "supervise",
            Self::DoNotDisturb(true) => "do_not_disturb",
            Self::DoNotDisturb(false) => "do_not_disturb_off",
            Self::CallWaiting(true) => "call_waiting",
            Self::CallWaiting(false) => "call_waiting_off",
            Self::Park(_) => "park",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the chapter's table has in its first column.
    fn dialled() -> Vec<&'static str> {
        let operating = include_str!("../../docs/operating.md");
        let chapter = operating.split("\n## ").find_map(|chapter| chapter.strip_prefix("What phones dial\n"));
        let rows = chapter.unwrap().lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
        rows.flat_map(|first| first.split('`').step_by(2)).collect()
    }

    #[test]
    fn every_code_stands_in_what_phones_dial() {
        let before_numbers =
            [PICK_UP_AT, LEAVE_MESSAGE, INTERCOM, SUPERVISE].map(|code| format!("{code}NUMBER"));
        let places: Vec<String> = Slot::all().map(|slot| slot.to_string()).collect();
        let ends = [places.first(), places.last()].into_iter().flatten().cloned();
        let codes = Feature::BUILT_IN.map(|(code, _)| code.to_owned()).into_iter();
        let dialled = dialled();
        for code in codes.chain(before_numbers).chain(ends).chain([Feature::PARK_NUMBER.to_owned()]) {
            assert!(dialled.contains(&&*code), "{code} in {dialled:?}");
        }
    }
}
