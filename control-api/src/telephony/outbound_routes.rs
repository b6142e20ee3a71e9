//! Which calls go to the telephone network by which trunks: one list, tried in order, that is read and written as a whole.

pub mod http;
pub mod model;
mod store;
