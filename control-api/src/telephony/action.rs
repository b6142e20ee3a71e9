//! What a rule, or a key of a menu, does: as clients say it, as the rows of both tables have it, and what it leads to as people name
//! it.
//!
//! A queue and a menu are named by the extension that has it.

mod store;

use dialplan::{OutsideNumber, limits};
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, postgres::PgRow};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) use store::led_to;

use crate::http::{
    error::{ApiError, FieldError},
    fields::Fields,
};

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Ring the extension's own people
    Ring {},
    /// As if another extension had been called
    ForwardExtension {
        /// Which
        extension_id: Uuid,
    },
    /// Ring one person
    ForwardStaff {
        /// Who, by the user's id
        user_id: Uuid,
    },
    /// Call a number in the telephone network
    ForwardNumber {
        /// By E.164
        #[schema(example = "+628123456789", pattern = r"^\+[1-9][0-9]{6,14}$")]
        number: String,
    },
    /// Say something and hang up
    AnnounceHangup {
        /// The name of a sound
        #[schema(example = "closed", pattern = "^[a-z0-9_-]{1,40}$")]
        sound: String,
    },
    /// Let the caller wait in a queue
    Queue {
        /// The extension whose queue it is
        extension_id: Uuid,
        /// Before those who came with less
        #[serde(default)]
        #[schema(minimum = 0, maximum = 9, default = 0)]
        priority: u16,
    },
    /// Take a message
    Voicemail {
        /// Whose mailbox, by the user's id
        user_id: Uuid,
    },
    /// Let the caller choose from a menu
    Ivr {
        /// The extension whose menu it is
        extension_id: Uuid,
    },
}

/// What the columns of a row hold of an action.
#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) word: &'static str,
    /// Also the one that has the queue or the menu.
    pub(super) extension: Option<Uuid>,
    pub(super) user: Option<Uuid>,
    pub(super) number: Option<&'a str>,
    pub(super) sound: Option<&'a str>,
    pub(super) priority: i32,
}

/// What the name of a sound must be.
pub(super) const SOUND: &str = "must be the name of a sound: lower-case letters, digits, - and _";

/// Whether a text is a number by E.164, with its `+`, as the compiler of plans has it.
fn is_e164(text: &str) -> bool {
    text.starts_with('+') && text.parse::<OutsideNumber>().is_ok()
}

impl Action {
    /// Looks at the action that stands at `field`.
    pub(super) fn check(&self, fields: &mut Fields, field: &str) {
        match self {
            Self::ForwardNumber { number } => {
                let reason = "must be a number by E.164, such as +628123456789";
                fields.must(is_e164(number), &format!("{field}.number"), reason);
            }
            Self::AnnounceHangup { sound } => {
                fields.must(limits::is_sound(sound), &format!("{field}.sound"), SOUND);
            }
            Self::Queue { priority, .. } => {
                fields.within(&format!("{field}.priority"), priority, &(0..=limits::PRIORITY_MAX));
            }
            Self::Ring {}
            | Self::ForwardExtension { .. }
            | Self::ForwardStaff { .. }
            | Self::Voicemail { .. }
            | Self::Ivr { .. } => {}
        }
    }

    pub(super) fn columns(&self) -> Columns<'_> {
        let none = Columns::default();
        match self {
            Self::Ring {} => Columns { word: "ring", ..none },
            Self::ForwardExtension { extension_id } => {
                Columns { word: "forward_extension", extension: Some(*extension_id), ..none }
            }
            Self::ForwardStaff { user_id } => Columns { word: "forward_staff", user: Some(*user_id), ..none },
            Self::ForwardNumber { number } => {
                Columns { word: "forward_number", number: Some(number), ..none }
            }
            Self::AnnounceHangup { sound } => Columns { word: "announce_hangup", sound: Some(sound), ..none },
            Self::Queue { extension_id, priority } => Columns {
                word: "queue",
                extension: Some(*extension_id),
                priority: i32::from(*priority),
                ..none
            },
            Self::Voicemail { user_id } => Columns { word: "voicemail", user: Some(*user_id), ..none },
            Self::Ivr { extension_id } => Columns { word: "ivr", extension: Some(*extension_id), ..none },
        }
    }

    /// What a row does that [`led_to`] has been selected of.
    pub(super) fn of(row: &PgRow) -> Result<Self, sqlx::Error> {
        let word: &str = row.try_get("action")?;
        let (extension, user): (Option<Uuid>, Option<Uuid>) =
            (row.try_get("led_extension_id")?, row.try_get("target_user_id")?);
        let priority = u16::try_from(row.try_get::<i32, _>("priority")?).unwrap_or(u16::MAX);
        let action = match word {
            "ring" => Some(Self::Ring {}),
            "forward_extension" => extension.map(|extension_id| Self::ForwardExtension { extension_id }),
            "forward_staff" => user.map(|user_id| Self::ForwardStaff { user_id }),
            "forward_number" => row
                .try_get::<Option<String>, _>("target_number")?
                .map(|number| Self::ForwardNumber { number }),
            "announce_hangup" => {
                row.try_get::<Option<String>, _>("target_sound")?.map(|sound| Self::AnnounceHangup { sound })
            }
            "queue" => extension.map(|extension_id| Self::Queue { extension_id, priority }),
            "voicemail" => user.map(|user_id| Self::Voicemail { user_id }),
            "ivr" => extension.map(|extension_id| Self::Ivr { extension_id }),
            _ => None,
        };
        action.ok_or_else(|| sqlx::Error::Decode(format!("an action of another release: {word}").into()))
    }
}

/// What a row says that the database refuses because of what it leads to; `field` is where its action stands.
pub(super) fn refused(error: sqlx::Error, field: &str) -> ApiError {
    let constraint = error.as_database_error().and_then(sqlx::error::DatabaseError::constraint);
    let (part, reason) = match constraint {
        Some("extension_rules_target_extension_fkey" | "menu_choices_target_extension_fkey") => {
            ("extension_id", "names no extension")
        }
        Some("extension_rules_target_staff_fkey" | "menu_choices_target_staff_fkey") => {
            ("user_id", "names nobody with a number")
        }
        Some("extension_rules_queue_check" | "extension_rules_menu_check" | "menu_choices_target_check") => {
            ("extension_id", "names no extension that has one")
        }
        Some("extension_rules_itself_check") => ("extension_id", "leads back to this extension"),
        Some("extension_rules_ring_check") => {
            ("type", "rings the extension's own people, which only the condition always can")
        }
        _ => return error.into(),
    };
    ApiError::Unprocessable(vec![FieldError::new(format!("{field}.{part}"), reason)])
}
