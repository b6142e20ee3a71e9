//! What the switch and the control plane say to each other, and nothing else.
//!
//! Five kinds of value cross the wall: [`journal::Entry`] (facts about calls and people, switch → Postgres),
//! [`snapshot::Snapshot`] (configuration rows, Postgres → switch), [`command::Command`] (momentary orders,
//! control plane → switch), [`live`] views, [`trace`]s and answers to
//! what a call would come to ([`route`]; switch → whoever asks). What guests prove themselves by ([`guests`]) goes through their
//! browsers. Identifiers and instants stand in
//! [`id`] and [`time`].
//!
//! This package has no I/O, no clock and no randomness, and depends on nothing of ours.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod availability;
pub mod command;
pub mod conferences;
pub mod credentials;
pub mod guests;
pub mod id;
pub mod join_code;
pub mod journal;
pub mod language;
pub mod live;
pub mod media;
pub mod menus;
pub mod outside;
pub mod paging;
pub mod qr_code;
pub mod queues;
pub mod route;
pub mod rules;
pub mod snapshot;
pub mod time;
pub mod trace;
mod words;
