//! What becomes of calls to an extension (H-055, HX-9): its rules in order, all of them at once, each also as a sentence.

pub mod http;
pub mod model;
mod sentence;
mod store;
