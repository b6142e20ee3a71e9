//! What proves the switch: the simulated world, and the harnesses for the real one.
//!
//! [`world`] runs the switch's own code on a virtual clock against simulated phones and checks it after every
//! step. [`tidy`] keeps the rules of the house. The others drive the switch as built: `demo` starts it, `phones` and
//! `sipp` call through it, `record` reads what Postgres holds of that, `load` makes more calls than it can take, `machine` installs
//! its package under a systemd. They start processes and stand behind the feature `outside` (on by default), so that
//! `bin/soak` and `bin/planted` build without them.

// A test says what it expects by stopping when it is not so; the numbers in here are small.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

#[cfg(feature = "outside")]
pub mod audio;
#[cfg(feature = "outside")]
pub mod demo;
#[cfg(feature = "outside")]
pub mod door;
#[cfg(feature = "outside")]
pub mod load;
#[cfg(feature = "outside")]
pub mod machine;
#[cfg(feature = "outside")]
pub mod phones;
#[cfg(feature = "outside")]
pub mod process;
#[cfg(feature = "outside")]
pub mod record;
#[cfg(feature = "outside")]
pub mod sipp;
#[cfg(feature = "outside")]
pub mod smtp;
#[cfg(feature = "outside")]
pub mod soak;
pub mod tidy;
pub mod world;
