//! The daemon against the world: a real PostgreSQL that is thrown away afterwards, sockets, signals.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

mod calls;
mod database;
mod feeder;
mod journal;
mod metrics;
mod phone;
mod plan_changes;
mod plan_watch;
mod process;
mod resolving;
mod retention;
mod switch;
