//! Recordings of calls, and links by which they are heard (decision 0057). Their sound stays with the switch, which has the store and, unless
//! somebody has taken it away, the key.

pub mod http;
pub mod model;
mod store;
