//! Numbers of people (HX-10). Those of extensions are their own business.

pub mod http;
pub mod model;
mod store;
