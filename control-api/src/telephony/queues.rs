//! The queue of an extension (H-065).

pub mod http;
pub mod model;
mod store;
