//! What the daemon does with PostgreSQL, against a real server that is thrown away afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

mod feeder;
mod fixture;
mod plan_watch;
