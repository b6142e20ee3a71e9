//! Momentary orders to the switch: a call for somebody, and what is to become of one that goes on. Not configuration (HOUSE 4d).

pub mod http;
pub mod model;
