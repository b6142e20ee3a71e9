//! Recordings of calls, from the packets of tapped legs to the object in the store.
//!
//! The media thread copies what recorded legs send into a ring of octets and does no more. [`Recorder`] makes of it, on a
//! thread of its own, a stereo file for each recording: the caller left, the callee right, locked from the first octet on
//! and good whatever happens to the process ([`sealed`]). `HandOver` brings finished files to the store and says what
//! became of them. Which calls are recorded, and when, is decided by `calls`; nothing here knows SIP (decision 0026).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )
)]

mod counters;
mod form;
#[cfg(feature = "store")]
mod hand_over;
pub mod key;
mod ogg;
mod recorder;
mod ring;
pub mod sealed;
mod spool;
#[cfg(feature = "store")]
mod store;
mod take;
mod track;
mod wav;

pub use counters::Counters;
pub use form::{Format, Progress};
#[cfg(feature = "store")]
pub use hand_over::HandOver;
pub use recorder::{Parts, Recorder, WAKE_EVERY};
pub use sealed::{About, Message};
pub use spool::Spool;
#[cfg(feature = "store")]
pub use store::{Store, StoreConfig, StoreError};

use uuid::Uuid;

/// A recording that begins, or goes on in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begin {
    /// What it is of. Where its file is there already, the file's own word counts.
    pub about: About,
    /// It is paused.
    pub is_paused: bool,
}

/// An order to the recorder. Instants are microseconds on the legs' time line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Record, before the first leg is tapped.
    Begin(Box<Begin>),
    /// Silence from here on.
    Pause {
        /// [`About::number`].
        number: u32,
        /// When.
        at_micros: u64,
    },
    /// Sound again.
    Resume {
        /// [`About::number`].
        number: u32,
        /// When.
        at_micros: u64,
    },
    /// That was all.
    End {
        /// [`About::number`].
        number: u32,
        /// When.
        at_micros: u64,
    },
    /// It is written down that the store has this one: it need not be kept here.
    Recorded(Uuid),
    /// All recordings that go on from a former process have been begun: the rest is to be brought to its end. Nothing is
    /// heard before.
    Settled,
}

/// What became of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It has ended before its time, or never began.
    Failed {
        /// What it is of.
        about: About,
        /// Why.
        reason: Reason,
    },
    /// The store has it.
    Stored(Box<Stored>),
}

/// A recording that is in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What it is of.
    pub about: About,
    /// Where it is: the name of the object.
    pub key: String,
    /// How long it lasts, in milliseconds.
    pub length_ms: u64,
    /// Octets of the object.
    pub bytes: u64,
    /// Of the object, as it is stored.
    pub sha256: [u8; 32],
    /// How often the process that made it has died meanwhile; each time up to 200 ms are missing before the gap.
    pub interruptions: u32,
}

/// Why a recording has ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The disk is full.
    DiskFull,
    /// The disk refuses for another reason.
    Disk,
    /// What waits for the store has reached its limit.
    SpoolFull,
    /// There are too many.
    TooMany,
    /// It has lasted a day.
    TooLong,
    /// Another one has its number.
    NumberTaken,
    /// It had ended before, in a process that died before it could say so; what there is of it is kept.
    Ended,
}

impl Reason {
    /// A stable word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::Disk => "disk_refuses",
            Self::SpoolFull => "spool_full",
            Self::TooMany => "too_many_recordings",
            Self::TooLong => "too_long",
            Self::NumberTaken => "number_taken",
            Self::Ended => "ended_before",
        }
    }

    fn of(error: &sealed::SealedError) -> Self {
        match error {
            sealed::SealedError::Io(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
                ) =>
            {
                Self::DiskFull
            }
            _ => Self::Disk,
        }
    }
}
