//! The echo test: whoever calls hears what it is, and then itself.
//!
//! It proves both ways of the media path to somebody who has one phone only.

use std::time::Duration;

use contract::language::Language;
use serde::{Deserialize, Serialize};
use streams::media::{LeaseId, MediaCommand};

use super::super::events::Record;
use crate::means::Means;

/// A phone that was forgotten echoes no longer than this.
pub(super) const ECHO_MAX: Duration = Duration::from_secs(600);
/// What is said first.
const INTRODUCTION: &str = "echo-intro";

/// An echo test.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Echo {
    /// It is being explained, or will be.
    Introducing(Language),
    /// The caller hears itself.
    Echoing,
}

impl Echo {
    pub(super) fn new(language: Language) -> Self {
        Self::Introducing(language)
    }

    pub(super) fn begin(&mut self, lease: LeaseId, record: &Record, means: &mut Means<'_>) {
        if let Self::Introducing(language) = self {
            record.play(lease, (*language, INTRODUCTION), means);
        }
    }

    /// Told again when a relay has come back that had not heard of the echo.
    pub(super) fn played(&mut self, lease: LeaseId, means: &mut Means<'_>) {
        *self = Self::Echoing;
        means.media(MediaCommand::Echo { lease });
    }
}
