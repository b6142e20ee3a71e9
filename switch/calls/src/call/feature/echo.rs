//! The echo test: whoever calls hears what it is, and then itself. A digit that is pressed is said.
//!
//! It proves both ways of the media path to somebody who has one phone only, and that the switch knows the phone's keys.

use std::time::Duration;

use contract::language::Language;
use serde::{Deserialize, Serialize};
use streams::{
    keys::Key,
    media::{LeaseId, MediaCommand},
};

use super::super::events::Record;
use crate::means::Means;

/// A phone that was forgotten echoes no longer than this.
pub(super) const ECHO_MAX: Duration = Duration::from_secs(600);
/// What is said first.
const INTRODUCTION: &str = "echo-intro";

/// An echo test, in this language.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Echo(Language);

impl Echo {
    pub(super) fn new(language: Language) -> Self {
        Self(language)
    }

    pub(super) fn begin(&self, lease: LeaseId, record: &Record, means: &mut Means<'_>) {
        record.say(lease, (self.0, &[INTRODUCTION]), means);
    }

    /// What was said is over. Told again when a relay has come back that had not heard of the echo.
    pub(super) fn played(&self, lease: LeaseId, means: &mut Means<'_>) {
        means.media(MediaCommand::Echo { lease });
    }

    /// Says a digit, in place of what is said or heard; for the other keys there are no words.
    pub(super) fn key(&self, lease: LeaseId, key: Key, record: &Record, means: &mut Means<'_>) {
        if key.sign().is_ascii_digit() {
            record.say(lease, (self.0, &[format!("digits/{}", key.sign())]), means);
        }
    }
}
