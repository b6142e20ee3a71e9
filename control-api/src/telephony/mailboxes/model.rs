//! A person's mailbox as clients see and describe it.

use contract::language::Language;
use dialplan::limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::fields::Fields,
    instant::Instant,
    telephony::{action::SOUND, part, words},
};

/// Where callers leave messages for a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Mailbox {
    /// Whose.
    pub user_id: Uuid,
    /// All that can be changed.
    #[serde(flatten)]
    pub described: Description,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// All that can be said of it. What is left out is as for a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = MailboxDescription)]
pub struct Description {
    /// False: it takes no messages, and keeps those that it has
    #[schema(default = true)]
    pub is_enabled: bool,
    /// What callers hear first, by the name of a sound; null: the common greeting
    #[schema(pattern = "^[a-z0-9_-]{1,40}$")]
    pub greeting: Option<String>,
    /// Messages that it holds
    #[schema(minimum = 1, maximum = 500, default = 50)]
    pub messages_max: u16,
    /// Seconds of one message
    #[schema(minimum = 10, maximum = 600, default = 180)]
    pub message_secs_max: u16,
    /// Where messages are mailed; null: nowhere
    #[schema(example = "sari@example.com", max_length = 254)]
    pub mail_address: Option<String>,
    /// Whether mails have the sound with them
    #[schema(default = true)]
    pub has_mail_sound: bool,
    /// Whether a message is deleted when a mail has taken its sound away
    #[schema(default = false)]
    pub is_deleted_when_mailed: bool,
    /// What mails are written in; null: as the organisation has it
    #[schema(schema_with = words::language)]
    pub mail_language: Option<Language>,
}

impl Default for Description {
    /// As the columns of `telephony.voicemail_boxes` have it.
    fn default() -> Self {
        Self {
            is_enabled: true,
            greeting: None,
            messages_max: 50,
            message_secs_max: 180,
            mail_address: None,
            has_mail_sound: true,
            is_deleted_when_mailed: false,
            mail_language: None,
        }
    }
}

impl part::Description for Description {
    fn check(&self, fields: &mut Fields) {
        fields.must(self.greeting.as_deref().is_none_or(limits::is_sound), "greeting", SOUND);
        fields.within("messages_max", &self.messages_max, &limits::MAILBOX_MESSAGES);
        fields.within("message_secs_max", &self.message_secs_max, &limits::MAILBOX_MESSAGE_SECS);
        let is_heard = self.has_mail_sound || !self.is_deleted_when_mailed;
        fields.must(is_heard, "is_deleted_when_mailed", "would delete what nobody has heard");
    }
}
