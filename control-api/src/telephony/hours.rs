//! When an extension is open (H-053), all of its week at once.

pub mod http;
pub mod model;
mod store;
