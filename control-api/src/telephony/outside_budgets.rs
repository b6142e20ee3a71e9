//! How much of the telephone network may be used, and by whom (decision 0040).

pub mod http;
pub mod model;
mod store;
