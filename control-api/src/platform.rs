//! What every context's changes go through: one unit of work that leaves its trace, and one effect for one request.

pub mod audit;
pub mod change;
pub mod idempotency;
