//! Devices: desk phones with the accounts on their lines, and the configuration files that they fetch by themselves over HTTPS
//! (decision 0061).

pub mod fetch;
mod files;
pub mod http;
pub mod model;
mod sheet;
mod store;
