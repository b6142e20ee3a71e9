//! Numbers of the organisation in the telephone network (direct inward dialling), and what each stands for.

pub mod http;
pub mod model;
mod store;
