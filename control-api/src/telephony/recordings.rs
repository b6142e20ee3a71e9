//! Recordings of calls, links by which they are heard (decision 0057), and their end before their time (decision 0068). Their sound stays
//! with the switch, which has the store and, unless somebody has taken it away, the key.

pub mod http;
pub mod links;
pub mod model;
mod store;
