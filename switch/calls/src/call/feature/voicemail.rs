//! Taking a message for somebody who did not take the call (HX-9; decision 0036).
//!
//! ```text
//! Greeting ── greeting and beep are over ──▶ Recording ── as long as it may be ──▶ Thanking ──▶ Over
//! ```
//!
//! The caller is answered, greeted in the organisation's language or by a sound of its own, and recorded until it hangs up
//! or presses `#`, which also spares it the greeting.
//! The message is a recording with a word about whose mailbox it is for; that it is kept, or was too short for that, is the
//! recorder's business, so nothing of it is lost with the process. How full the mailbox is stands in `mailboxes`.

use std::{sync::Arc, time::Duration};

use contract::{
    journal::{Detail, EventKind, MessageFor},
    language::Language,
};
use dialplan::{Mailbox, Voicemail};
use serde::{Deserialize, Serialize};
use streams::{
    keys::Key,
    media::{LeaseId, MediaCommand, SoundName},
};

use super::{Next, Service, serve};
use crate::{
    call::{
        dial::Opening,
        events::{Record, because},
        leg::Leg,
        line::Line,
        outcome::{LegResult, Words},
        recording::Recording,
        state::{Head, Ringing, State},
    },
    means::Means,
};

/// Longer than any greeting, and short enough for a caller who would hear nothing.
const GREETING_MAX: Duration = Duration::from_secs(120);
/// Longer than what is said at the end.
const GOODBYE_MAX: Duration = Duration::from_secs(15);
/// What is said first where the mailbox has no greeting of its own.
const GREETING: &str = "voicemail-greeting";
/// After this the caller is recorded.
const BEEP: &str = "tone/beep";

/// A message in the making.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::call) struct Message {
    mailbox: Arc<Mailbox>,
    /// The caller's number, if it wants it shown.
    caller: Option<String>,
    language: Language,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Greeting,
    Recording,
    /// It hears that this was all, and why.
    Leaving(Reason),
}

/// Why no more is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Reason {
    Full,
    TimeLimit,
    Key,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "mailbox_full",
            Self::TimeLimit => "time_limit",
            Self::Key => "message_ended",
        }
    }
}

impl Message {
    fn new(mailbox: &Arc<Mailbox>, caller: Option<&str>, language: Language) -> Self {
        let caller = caller.map(str::to_owned);
        Self { mailbox: Arc::clone(mailbox), caller, language, stage: Stage::Greeting }
    }

    pub(super) fn begin(&mut self, lease: LeaseId, record: &Record, means: &mut Means<'_>) -> Duration {
        let held = means.mailboxes.len(record.org(), self.mailbox.user);
        if held >= usize::from(self.mailbox.messages_max) {
            return self.leave(lease, (Reason::Full, "voicemail-full"), record, means);
        }
        let language = self.language.as_str();
        let common = format!("{language}/{GREETING}");
        // One that cannot be played is the common one.
        let own = self.mailbox.greeting.as_ref().map(|own| format!("{language}/{own}|{common}"));
        let greeting = record.sound(&own.unwrap_or(common));
        let sounds = [greeting, SoundName::new(BEEP)].into();
        means.media(MediaCommand::Play { lease, sounds, repeat: false });
        GREETING_MAX
    }

    /// A relay that has come back tells it of every leg that hears nothing: who is being recorded goes on.
    pub(super) fn played(
        &mut self,
        recording: &mut Recording,
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> Next {
        match self.stage {
            Stage::Greeting => self.record(recording, record, means),
            Stage::Recording => Next::Stay,
            Stage::Leaving(reason) => Next::End(reason.as_str()),
        }
    }

    pub(super) fn timed_out(
        &mut self,
        lease: Option<LeaseId>,
        (recording, record): (&mut Recording, &mut Record),
        means: &mut Means<'_>,
    ) -> Next {
        match (self.stage, lease) {
            (Stage::Leaving(reason), _) => Next::End(reason.as_str()),
            (_, Some(lease)) => self.end_stage(lease, Reason::TimeLimit, (recording, record), means),
            (_, None) => Next::End(Reason::TimeLimit.as_str()),
        }
    }

    /// The greeting is over before its end, or the message is.
    fn end_stage(
        &mut self,
        lease: LeaseId,
        reason: Reason,
        (recording, record): (&mut Recording, &mut Record),
        means: &mut Means<'_>,
    ) -> Next {
        if self.stage == Stage::Greeting {
            means.media(MediaCommand::Stop { lease });
            return self.record(recording, record, means);
        }
        recording.end_message(reason.as_str(), lease, record.facts(), means);
        Next::For(self.leave(lease, (reason, "voicemail-saved"), record, means))
    }

    /// `#`: that was the message, or no more of the greeting.
    pub(super) fn key(
        &mut self,
        (lease, key): (LeaseId, Key),
        on: (&mut Recording, &mut Record),
        means: &mut Means<'_>,
    ) -> Next {
        match (key.sign(), self.stage) {
            ('#', Stage::Greeting | Stage::Recording) => self.end_stage(lease, Reason::Key, on, means),
            _ => Next::Stay,
        }
    }

    fn record(&mut self, recording: &mut Recording, record: &mut Record, means: &mut Means<'_>) -> Next {
        self.stage = Stage::Recording;
        let message = MessageFor { user: self.mailbox.user, caller: self.caller.clone() };
        recording.begin_message(message, record.facts(), means);
        Next::For(Duration::from_secs(u64::from(self.mailbox.message_secs_max)))
    }

    fn leave(
        &mut self,
        lease: LeaseId,
        (reason, words): (Reason, &str),
        record: &Record,
        means: &mut Means<'_>,
    ) -> Duration {
        self.stage = Stage::Leaving(reason);
        record.say(lease, (self.language, &[words]), means);
        GOODBYE_MAX
    }
}

/// A rule has a message taken before anybody rings.
pub(in crate::call) fn open(
    opening: &Opening<'_>,
    voicemail: &Voicemail,
    on_line: (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let line = match Line::take(opening, on_line, head, means) {
        Ok(line) => line,
        Err(refused) => return refused,
    };
    let caller = opening.caller.shown_number();
    let message = Message::new(&voicemail.mailbox, caller, opening.org.language());
    begin(line, voicemail, message, means)
}

/// A caller who has waited on the line may leave a message instead.
pub(in crate::call) fn take_over(
    mut line: Line,
    voicemail: &Voicemail,
    (caller, language): (Option<&str>, Language),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let message = Message::new(&voicemail.mailbox, caller, language);
    forwarded(&mut line, voicemail, means);
    super::answered(&mut line, "voicemail", means);
    super::attend(line, Service::Message(Box::new(message)), head, means)
}

/// Writes down where the call goes; its caller has been answered.
fn begin(mut line: Line, voicemail: &Voicemail, message: Message, means: &mut Means<'_>) -> State {
    forwarded(&mut line, voicemail, means);
    serve(line, (Service::Message(Box::new(message)), Some("voicemail")), means)
}

fn forwarded(line: &mut Line, voicemail: &Voicemail, means: &mut Means<'_>) {
    let number = Some(voicemail.mailbox.number.to_string());
    let forward = Detail { number, ..because(voicemail.reason) };
    line.record.event(EventKind::Forward, None, forward, means);
    let detail = Detail { leg: Some(line.caller.no), ..because("voicemail") };
    line.record.event(EventKind::ForwardAnswered, None, detail, means);
}

impl Ringing {
    /// Nobody has taken the call: its caller may leave a message, if it speaks anything that we do.
    pub(in crate::call) fn leave_message(
        self: Box<Self>,
        head: &mut Head,
        voicemail: &Voicemail,
        came_to: (LegResult, Words),
        means: &mut Means<'_>,
    ) -> State {
        let (line, invitation) = match self.take_line(head, came_to, means) {
            Ok(answered) => answered,
            Err(refused) => return refused,
        };
        let language = means.language(invitation.org);
        let caller = invitation.caller.shown_number();
        let message = Message::new(&voicemail.mailbox, caller, language);
        begin(line, voicemail, message, means)
    }
}
