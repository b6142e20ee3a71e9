//! The control plane's REST API. Contexts are folders, an aggregate is `http.rs` (the door), `model.rs` (the
//! rules) and `store.rs` (the rows); what all doors share stands in `http/`, the way to the rows in
//! `database`.
//!
//! It asks the switch only for what the switch alone knows: a message's sound, and what its plan makes of a number. Everything
//! else works while the switch is away. What is sent to people goes out through `post`, what is
//! sent to where clients have said through `egress`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod app;
pub mod config;
pub mod database;
pub mod egress;
pub mod http;
pub mod identifier;
pub mod identity;
pub mod instant;
pub mod openapi;
pub mod openid;
pub mod platform;
pub mod post;
pub mod serve;
pub mod switch;
pub mod telephony;
