//! Calls and what they are routed by.

pub mod calls;
pub mod mails;
