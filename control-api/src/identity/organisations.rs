//! Organisations themselves (H-013, H-017 … H-019, H-042 … H-046, HX-23, HX-24): registered by whoever will own them, judged by the
//! platform's staff, and kept up by those who may. How one stands decides whether anybody can do anything in it.

pub mod http;
pub mod model;
pub mod review;
pub(super) mod store;

/// Organisations of one person that wait to be reviewed.
pub const WAITING_MAX: i64 = 3;
