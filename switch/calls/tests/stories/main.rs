//! Stories: phones scripted as text, a switchboard, and what came of it.
//!
//! `events` is the record of a call in every way it can go, `media` who hears whom,
//! `bodies` what else a message may hold, `redirects` where a call goes on,
//! `identity` whom it is shown to be from, `registrar` what phones see of their contacts, `doors` who gets in, `traces`
//! what explains a call. `desk` is the harness they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bodies;
mod desk;
mod doors;
mod events;
mod identity;
mod media;
mod redirects;
mod registrar;
mod traces;
