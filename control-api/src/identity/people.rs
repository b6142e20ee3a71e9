//! People as the platform's staff see them (H-014 … H-016): listed, suspended and re-activated, and with an owner what is theirs.

pub mod http;
pub mod model;
mod store;
