//! What several benchmarks stand on. They are in `benches/`, their method in `README.md`.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a bench may stop")]

pub mod relaying;
pub mod speech;
