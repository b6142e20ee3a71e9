//! Extensions (H-050, H-051): numbers that ring the desk or team they stand for.

pub mod http;
pub mod model;
mod store;
