//! `*97`: the owner of a mailbox hears its messages (decision 0036).
//!
//! ```text
//! Choosing ── 1 ──▶ Fetching ── it is there ──▶ Playing ── over ──▶ Choosing ── * or nothing left ──▶ Leaving ──▶ Over
//! ```
//!
//! Whose mailbox it is says the account that calls; there is no PIN. New messages come first, the oldest of them first. Keys
//! are taken at any time: 1 the next message, 2 once more, 3 away with it, * the end; 9, 7 and # are what others use for these.
//! A message lies locked in the store, so it has to be brought to the relay first, which is not done here.

use std::time::Duration;

use contract::{
    id::{OrgId, RecordingId, UserId},
    journal::{Fact, MessageMark, MessageStep},
    language::Language,
};
use serde::{Deserialize, Serialize};
use streams::{
    keys::Key,
    media::{LeaseId, MediaCommand, SoundName},
};

use super::Next;
use crate::{
    call::{
        events::Record,
        spoken::{self, SPOKEN_MAX},
    },
    means::Means,
    output::{MessageFetch, Output},
};

/// Who presses nothing for so long has gone, all that is said included.
const CHOICE_MAX: Duration = Duration::from_secs(60);
/// How long the store may take.
const FETCH_MAX: Duration = Duration::from_secs(15);
/// Longer than any message (`dialplan::limits::MAILBOX_MESSAGE_SECS`).
const MESSAGE_MAX: Duration = Duration::from_secs(660);
/// Longer than what is said at the end.
const GOODBYE_MAX: Duration = Duration::from_secs(15);
/// Messages of one call; who has more calls again.
const MESSAGES_MAX: usize = 100;

/// Somebody hears messages.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Listening {
    org: OrgId,
    user: UserId,
    language: Language,
    /// Those that have not come yet, the next one last.
    waiting: Vec<RecordingId>,
    /// The one that keys are about.
    current: Option<RecordingId>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Choosing,
    Fetching,
    Playing,
    Leaving,
}

impl Listening {
    pub(super) fn new(org: OrgId, user: UserId, language: Language) -> Self {
        Self { org, user, language, waiting: Vec::new(), current: None, stage: Stage::Choosing }
    }

    pub(super) fn begin(&mut self, lease: LeaseId, record: &Record, means: &mut Means<'_>) -> Duration {
        let count = means.mailboxes.count(self.org, self.user);
        self.waiting = means.mailboxes.in_order(self.org, self.user).take(MESSAGES_MAX).collect();
        self.waiting.reverse();
        if self.waiting.is_empty() {
            return self.leave(lease, "voicemail-empty", record, means);
        }
        let mut words = Vec::new();
        for (name, number) in [("voicemail-new", count.new), ("voicemail-old", count.old)] {
            if number > 0 {
                words.push(name.to_owned());
                let number = u16::try_from(number).unwrap_or(u16::MAX);
                words.extend(spoken::number(number.min(SPOKEN_MAX)));
            }
        }
        words.push("voicemail-menu".to_owned());
        record.say(lease, (self.language, &words), means);
        CHOICE_MAX
    }

    /// The caller has pressed a key.
    pub(super) fn key(
        &mut self,
        lease: LeaseId,
        key: Key,
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> Next {
        if self.stage == Stage::Leaving {
            return Next::Stay;
        }
        match key.sign() {
            '1' | '9' => self.next(lease, record, means),
            '2' => self.fetch(lease, record, means),
            '3' | '7' => self.delete(lease, record, means),
            '*' | '#' => Next::For(self.leave(lease, "goodbye", record, means)),
            _ => Next::Stay,
        }
    }

    fn next(&mut self, lease: LeaseId, record: &Record, means: &mut Means<'_>) -> Next {
        match self.waiting.pop() {
            Some(next) => {
                self.current = Some(next);
                self.fetch(lease, record, means)
            }
            None => Next::For(self.leave(lease, "voicemail-no-more", record, means)),
        }
    }

    /// Has the current message brought to the relay, however often it was before.
    fn fetch(&mut self, lease: LeaseId, record: &Record, means: &mut Means<'_>) -> Next {
        let Some(current) = self.current else { return Next::Stay };
        let Some(message) = means.mailboxes.message(self.org, self.user, current) else {
            // Somebody else has deleted it.
            return self.next(lease, record, means);
        };
        let fetch = MessageFetch { call: record.call(), recording: current, key: message.key.clone() };
        means.out.push(Output::FetchMessage(fetch));
        means.media(MediaCommand::Stop { lease });
        self.stage = Stage::Fetching;
        Next::For(FETCH_MAX)
    }

    /// It can be played, or cannot be.
    pub(super) fn fetched(
        &mut self,
        lease: LeaseId,
        (recording, is_there): (RecordingId, bool),
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> Next {
        if self.stage != Stage::Fetching || self.current != Some(recording) {
            return Next::Stay;
        }
        if !is_there {
            return self.choose(lease, &["voicemail-unreadable", "voicemail-menu"], record, means);
        }
        self.stage = Stage::Playing;
        let sounds = [SoundName::new(&message_sound(recording))].into();
        means.media(MediaCommand::Play { lease, sounds, repeat: false });
        self.mark(MessageStep::Heard, record, means);
        Next::For(MESSAGE_MAX)
    }

    fn delete(&mut self, lease: LeaseId, record: &mut Record, means: &mut Means<'_>) -> Next {
        if self.current.is_none() {
            return Next::Stay;
        }
        self.mark(MessageStep::Deleted, record, means);
        self.current = None;
        self.choose(lease, &["voicemail-deleted", "voicemail-menu"], record, means)
    }

    fn mark(&self, step: MessageStep, record: &mut Record, means: &mut Means<'_>) {
        let Some(recording) = self.current else { return };
        if means.mailboxes.mark((self.org, self.user), recording, step) {
            record.facts().fact(Fact::Message(MessageMark { recording, step }), means);
        }
    }

    /// What was played is over. Told again when a relay has come back that knows nothing of what was to be played.
    pub(super) fn played(&mut self, lease: LeaseId, record: &Record, means: &mut Means<'_>) -> Next {
        match self.stage {
            Stage::Choosing => Next::Stay,
            Stage::Fetching => self.fetch(lease, record, means),
            Stage::Playing => self.choose(lease, &["voicemail-menu"], record, means),
            Stage::Leaving => Next::End("mailbox_left"),
        }
    }

    pub(super) fn timed_out(
        &mut self,
        lease: Option<LeaseId>,
        record: &Record,
        means: &mut Means<'_>,
    ) -> Next {
        let Some(lease) = lease else { return Next::End("time_limit") };
        match self.stage {
            Stage::Choosing => Next::For(self.leave(lease, "goodbye", record, means)),
            Stage::Fetching => self.choose(lease, &["voicemail-unreadable", "voicemail-menu"], record, means),
            Stage::Playing => self.choose(lease, &["voicemail-menu"], record, means),
            Stage::Leaving => Next::End("mailbox_left"),
        }
    }

    fn choose(&mut self, lease: LeaseId, words: &[&str], record: &Record, means: &mut Means<'_>) -> Next {
        self.stage = Stage::Choosing;
        record.say(lease, (self.language, words), means);
        Next::For(CHOICE_MAX)
    }

    fn leave(&mut self, lease: LeaseId, words: &str, record: &Record, means: &mut Means<'_>) -> Duration {
        self.stage = Stage::Leaving;
        record.say(lease, (self.language, &[words]), means);
        GOODBYE_MAX
    }
}

/// What the relay calls a message.
pub fn message_sound(recording: RecordingId) -> String {
    format!("message/{recording}")
}
