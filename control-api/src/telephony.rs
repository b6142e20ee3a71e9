//! Calls and what they are routed by.

pub mod calls;
pub mod extensions;
pub mod mails;
pub mod plan;
pub mod route;
