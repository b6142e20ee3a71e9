//! The conference of an extension: the room that callers come into, in place of its people. A PIN goes in and never comes out.

pub mod http;
pub mod model;
mod store;
