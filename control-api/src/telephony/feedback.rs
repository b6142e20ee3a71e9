//! What people say of a call when it is over (H-021, H-061, HX-14): a guest of what they were given, staff of how it went. Whoever took
//! part says it once, later if they like, and may say it again.

pub mod http;
pub mod model;
pub(super) mod store;
