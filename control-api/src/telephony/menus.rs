//! The menu of an extension (IVR): what callers choose from before anybody rings.

pub mod http;
pub mod model;
mod store;
