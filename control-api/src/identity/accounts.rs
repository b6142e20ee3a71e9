//! How accounts come to be and get another password (H-003 … H-006): each in two steps, the second by the token of a letter. The first one
//! answers alike and does the same work whether there is such an account or not (HX-21).

pub mod http;
pub mod model;
pub(super) mod store;
