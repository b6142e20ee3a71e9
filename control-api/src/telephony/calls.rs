//! The record of calls (H-057 … H-060). Read only: calls are facts, and only the switch adds any.

pub mod http;
pub mod intake;
pub mod model;
mod store;
