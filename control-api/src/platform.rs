//! What every context leans on: one unit of work for a change that leaves its trace, one effect for one request, and work that is
//! done while nobody waits.

pub mod audit;
pub mod change;
pub mod events;
pub mod idempotency;
pub mod jobs;
pub mod notices;
pub mod webhooks;
