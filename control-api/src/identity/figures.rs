//! The figures on the first page of the platform's staff (H-013): how many organisations and people there are and how they stand, and what
//! waits for them. Of what an organisation does nothing is counted here: the staff see no calls.

pub mod http;
pub mod model;
mod store;
