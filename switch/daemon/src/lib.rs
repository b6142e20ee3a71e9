//! The switch's daemon: the room in which the telephone side touches the world.
//!
//! Sockets, files, clocks, threads and the database stand here; what to do with a message or a timer is decided
//! by the pure crates `calls`, `sip`, `streams` and `dialplan`. One engine thread owns all calls of a shard and
//! carries what they decide out through three doors: the wire, the media relay, the journal.
//!
//! A library with a thin binary, so that tests can use each part alone.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )
)]

pub mod append_log;
pub mod atomic_file;
mod backoff;
pub mod bindings;
mod clock;
pub mod config;
pub mod daemon;
mod disk;
pub mod engine;
pub mod hep;
pub mod journal;
pub mod live;
pub mod logging;
mod messages;
mod notify;
pub mod plan_watch;
pub mod recordings;
pub mod resolve;
mod sound_files;
pub mod survival;
pub mod switch_api;
pub mod trace;
pub mod wire;
