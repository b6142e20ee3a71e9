//! The page group of an extension: its people's phones all hear whoever calls it, in place of ringing.

pub mod http;
pub mod model;
mod store;
