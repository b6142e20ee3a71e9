//! Stories of two endpoints, and of one endpoint and a peer that speaks raw text, on a virtual clock.
//!
//! One file per part of RFC 3261; `seeds.rs` lets chance choose what is lost, doubled, late, and who hangs up when.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

mod bye;
mod cancel;
mod challenged;
mod dialog;
mod elsewhere;
mod forks;
mod info;
mod limits;
mod outside;
mod reinvite;
mod reliable;
mod repeats;
mod requests;
mod seeds;
mod session;
mod session_timer;
mod subscription;
mod transport;
mod update;
mod watch;
mod world;
