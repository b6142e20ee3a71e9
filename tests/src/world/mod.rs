//! The simulated world.

pub mod clock;
pub mod dice;
pub mod ladder;
pub mod ledger;
pub mod network;
pub mod organisation;
pub mod phone;
pub mod relay;
