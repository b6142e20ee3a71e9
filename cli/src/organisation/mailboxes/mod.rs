//! Mails about messages in mailboxes: as they are compared and written. What a mailbox is otherwise the switch knows too
//! ([`contract::snapshot::Mailbox`]); of these it knows nothing.

pub(crate) mod store;

use contract::language::Language;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toml::Value as Toml;

/// Where messages in a mailbox are mailed, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mails {
    pub(crate) address: String,
    /// With the sound.
    pub(crate) has_sound: bool,
    /// The message is deleted when the sound has been sent.
    pub(crate) is_deleted: bool,
    /// None: the organisation's.
    pub(crate) language: Option<Language>,
}

impl Mails {
    /// As the columns of `telephony.voicemail_boxes` have it.
    pub(crate) fn to(address: String) -> Self {
        Self { address, has_sound: true, is_deleted: false, language: None }
    }

    /// As the keys of a file.
    pub(crate) fn text(&self) -> String {
        let Self { address, has_sound, is_deleted, language } = self;
        let language =
            language.map(|language| format!("voicemail_email_language = \"{}\"\n", language.as_str()));
        format!(
            "voicemail_email = {}\nvoicemail_email_sound = {has_sound}\nvoicemail_email_delete = {is_deleted}\n{}",
            Toml::String(address.clone()),
            language.unwrap_or_default()
        )
    }
}

/// As a difference tells them.
pub(crate) fn fields(mails: Option<&Mails>) -> [(&'static str, Value); 4] {
    [
        ("voicemail_email", json!(mails.map(|mails| &mails.address))),
        ("voicemail_email_sound", json!(mails.map(|mails| mails.has_sound))),
        ("voicemail_email_delete", json!(mails.map(|mails| mails.is_deleted))),
        ("voicemail_email_language", json!(mails.and_then(|mails| mails.language))),
    ]
}
