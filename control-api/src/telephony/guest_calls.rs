//! Calls of guests (H-020): each is begun with a pass ([`contract::guests`]) that nobody stores.

pub mod http;
pub mod model;
