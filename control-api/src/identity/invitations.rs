//! How somebody comes to belong to an organisation (HX-23): by a letter to their address. Whoever accepts it by its token has proven the
//! address, and is a member from then on, with the account that they have or with a new one.

pub mod http;
pub mod model;
mod store;

/// Invitations that an organisation sends in a day.
pub const INVITATIONS_A_DAY_MAX: i64 = 200;
