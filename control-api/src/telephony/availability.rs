//! What people have turned on and off for themselves, and whether queues ask them (decision 0046): shown as rows say, changed by the
//! switch alone, which is ordered to.

pub mod http;
pub mod model;
mod store;
