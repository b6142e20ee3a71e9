//! Dates with other hours than their weekday's (HX-15), all of an organisation's at once.

pub mod http;
pub mod model;
mod store;
