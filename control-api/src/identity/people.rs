//! People as the platform's staff see them (H-014 … H-016): listed, suspended and re-activated, with an owner what is theirs, and let in
//! who have lost their second factor.

pub mod http;
pub mod model;
mod store;
