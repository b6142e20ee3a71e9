//! SIP accounts: what phones register and call with. A password is made here and shown once. What is kept are the digests that a
//! phone proves it by (RFC 8760), and of which key it was made, for phones that fetch it by themselves (decision 0061).

pub mod browser;
pub mod http;
pub mod model;
mod store;
