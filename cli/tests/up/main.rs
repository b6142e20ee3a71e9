//! Stories around `sambung up`: how it starts and ends, and what is done to what it runs. One program, so that the daemons
//! beside it are built once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod configuration;
mod site;
mod starting;
