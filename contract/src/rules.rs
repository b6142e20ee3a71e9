//! Hours and rules of extensions as rows have them (H-053, H-055, HX-9, HX-15): words and plain numbers, no meaning.
//!
//! What they come to at an instant is `dialplan`'s business, and so is which of the actions the switch can do.

use crate::{
    id::{ExtensionId, HolidayId, MenuId, QueueId, RuleId, UserId},
    words::words,
};
use serde::{Deserialize, Serialize};

/// A part of a day by the clock on the wall, from its first minute to the one before its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// Minutes since midnight, 0 … 1439.
    pub start: u16,
    /// Minutes since midnight, 0 … 1440. Not after the start: on the next day.
    pub end: u16,
}

impl std::fmt::Display for Span {
    /// `08:00–17:00`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { start, end } = self;
        write!(f, "{:02}:{:02}–{:02}:{:02}", start / 60, start % 60, end / 60, end % 60)
    }
}

/// Hours of a weekday (H-053).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// The day on which it begins: 1 Monday … 7 Sunday (ISO 8601).
    pub day: u8,
    /// Which part of it.
    pub span: Span,
}

/// Other hours than the weekday's, on one date. Rows of the same extension and date belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holiday {
    /// Its id.
    pub id: HolidayId,
    /// Whose: one extension's, or everybody's who has hours.
    pub extension: Option<ExtensionId>,
    /// `2026-12-25`
    pub date: String,
    /// For people.
    pub name: String,
    /// `None`: nothing of this row, which is closed all day if it is the only one.
    pub span: Option<Span>,
}

/// H-055 with what HX-9 adds: what becomes of a call to an extension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// The rules of an extension are tried in this order.
    pub position: u16,
    /// False: passed over.
    pub is_enabled: bool,
    /// When it holds.
    pub timescope: Timescope,
    /// In which case it holds.
    pub condition: Condition,
    /// What is done then.
    pub action: Action,
}

words! {
    /// When a rule holds.
    Timescope {
        /// Always.
        Any = "any",
        /// While the extension is open.
        WorkHours = "work_hours",
        /// While it is closed.
        OffHours = "off_hours",
    }
}

words! {
    /// In which case a rule holds.
    Condition {
        /// Before anybody rings.
        Always = "always",
        /// Whoever was rung is busy.
        Busy = "busy",
        /// Nobody answered in time.
        NoAnswer = "no_answer",
        /// No device could be reached.
        Unreachable = "unreachable",
    }
}

/// What a rule does. All that the requirements name; `dialplan` refuses what the switch has not got yet, and no row can
/// hold it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Ring the extension's own people, though it may be closed.
    Ring,
    /// As if the extension had been called.
    ForwardExtension(ExtensionId),
    /// Ring one person.
    ForwardStaff(UserId),
    /// Call a number outside.
    ForwardNumber(String),
    /// Say something, by the name of a sound, and hang up.
    AnnounceHangup(String),
    /// Let the caller wait in a queue, whatever the hours and rules of its extension.
    Queue {
        /// Which.
        queue: QueueId,
        /// Before those who came with less, 0 … 9.
        priority: u16,
    },
    /// Take a message.
    Voicemail(UserId),
    /// Let the caller choose from a menu, whatever the hours and rules of its extension.
    Ivr(MenuId),
}

impl Action {
    /// What a row says: its word with what it leads to. `None`: no action of this release, or one without its target.
    pub fn of(word: &str, to: ActionTarget) -> Option<Self> {
        let ActionTarget { extension, user, number, sound, queue, priority, menu } = to;
        match word {
            "ring" => Some(Self::Ring),
            "forward_extension" => extension.map(Self::ForwardExtension),
            "forward_staff" => user.map(Self::ForwardStaff),
            "forward_number" => number.map(Self::ForwardNumber),
            "announce_hangup" => sound.map(Self::AnnounceHangup),
            "voicemail" => user.map(Self::Voicemail),
            "queue" => queue.map(|queue| Self::Queue { queue, priority }),
            "ivr" => menu.map(Self::Ivr),
            _ => None,
        }
    }

    /// The word in rows and descriptions.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::ForwardExtension(_) => "forward_extension",
            Self::ForwardStaff(_) => "forward_staff",
            Self::ForwardNumber(_) => "forward_number",
            Self::AnnounceHangup(_) => "announce_hangup",
            Self::Queue { .. } => "queue",
            Self::Voicemail(_) => "voicemail",
            Self::Ivr(_) => "ivr",
        }
    }
}

/// What the row of a rule leads to.
#[derive(Clone, Debug, Default)]
pub struct ActionTarget {
    /// An extension.
    pub extension: Option<ExtensionId>,
    /// A person.
    pub user: Option<UserId>,
    /// A number in the telephone network, by E.164.
    pub number: Option<String>,
    /// A sound by its name.
    pub sound: Option<String>,
    /// A queue.
    pub queue: Option<QueueId>,
    /// Before whom a caller waits there.
    pub priority: u16,
    /// A menu.
    pub menu: Option<MenuId>,
}

/// A rule as people find it again: by its place among the extension's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleNamed {
    /// Its id.
    pub id: RuleId,
    /// Its place in the order in which the extension's rules are tried, from 1.
    pub place: usize,
    /// When it holds.
    pub timescope: Timescope,
    /// In which case it holds.
    pub condition: Condition,
}
