//! Signing in with Google, or whichever OpenID provider the operator names (H-007, H-009, HX-20): a browser visits the provider and comes back with
//! what proves who its person is. What a visit is known by again is made of the signing key each time, and not kept.

mod arrival;
pub mod http;
pub mod model;
mod store;
pub(super) mod visit;

pub(super) use arrival::arrive_as_guest;
