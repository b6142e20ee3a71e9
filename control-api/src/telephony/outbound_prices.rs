//! What minutes cost that are talked with numbers in the telephone network.

pub mod http;
pub mod model;
mod store;
