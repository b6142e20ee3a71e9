//! Calls and what they are routed by.

pub mod calls;
pub mod did_numbers;
pub mod extensions;
pub mod live;
pub mod mails;
pub mod orders;
pub mod outbound_prices;
pub mod outbound_routes;
mod outside;
pub mod outside_budgets;
pub mod plan;
pub mod recordings;
mod resource;
pub mod route;
pub mod trunks;
