//! What the command `sambung` is made of, as far as others use it too: a private PostgreSQL server
//! ([`postgres::Cluster`], also the throw-away database of tests), children that die with their parent ([`child`]), and
//! ports for both ([`ports`]).
//!
//! The commands themselves stand in the binary.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation)
)]

pub mod child;
pub mod fd_store;
pub mod ports;
pub mod postgres;
pub mod secret;
