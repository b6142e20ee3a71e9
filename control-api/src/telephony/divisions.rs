//! Divisions (HX-16): parts of an organisation, with people and extensions. Whom they keep to what is not decided here but by the database,
//! in one place for all doors (`telephony.keep_to_divisions`, migration 58).

pub mod http;
pub mod model;
mod store;
