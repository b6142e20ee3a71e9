//! Mailboxes of people (voicemail), and where their messages are mailed.

pub mod http;
pub mod model;
mod store;
