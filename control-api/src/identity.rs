//! Organisations, people and what they prove themselves with.

pub mod api_keys;
