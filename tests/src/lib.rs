//! What proves the switch: the simulated world, and the harnesses for the real one.
//!
//! [`world`] runs the switch's own code on a virtual clock against simulated phones and checks it after every
//! step. [`tidy`] keeps the rules of the house. Modules that start processes, databases or sockets stand
//! behind the feature `outside` (on by default), so that `bin/soak` and `bin/planted` build without them.

// A test says what it expects by stopping when it is not so; the numbers in here are small.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

pub mod tidy;
pub mod world;
