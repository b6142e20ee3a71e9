//! Trunks: providers of calls to and from the telephone network, and gateways.

pub mod http;
pub mod model;
mod store;
