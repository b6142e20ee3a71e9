//! The switch as built, with everything around it real: phones nobody here wrote, SIPp, Postgres, signals.
//!
//! One test starts one switch and tells several stories with it, because starting costs seconds. Stories that need
//! no process, socket or clock are told in the simulation instead, hundreds of times over.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod availability;
mod bad_input;
mod browsers;
mod conferences;
mod configurations;
mod faults;
mod forwards;
mod intercom;
mod keys;
mod menus;
mod operator;
mod organisations;
mod outside;
mod pages;
mod parking;
mod pickup;
mod queues;
mod real_phones;
mod recordings;
mod sipp_stories;
mod sounds;
mod stage;
mod supervision;
mod survival;
mod transfers;
mod trunks;
mod voicemail;
mod voices;
mod webrtc;
