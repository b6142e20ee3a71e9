//! What holds for all of an organisation's calls (H-052, HX-15, HX-22).

pub mod http;
pub mod model;
mod store;
