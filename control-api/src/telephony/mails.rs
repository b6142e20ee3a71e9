//! Mails about messages in mailboxes (decision 0051). A row of `telephony.voicemail_mails` is written together with its message; a
//! job takes what is due, has the sound unlocked by the switch, sends, and says what came of it.

pub mod job;
mod letter;
mod store;
