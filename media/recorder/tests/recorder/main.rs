//! The recorder as its owner uses it: orders and packets in, files out, which programs read that nobody here wrote.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

mod deaths;
mod disk;
mod files;
#[cfg(feature = "store")]
mod handing_over;
mod messages;
mod orders;
mod studio;
