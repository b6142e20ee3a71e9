//! What all doors have in common: errors, limits, the key at the door, pages, and the doors of the house
//! itself (`/`, `/health`).

pub mod actor;
pub mod answer;
pub mod error;
pub mod extract;
pub mod fields;
pub mod health;
pub mod index;
pub mod layers;
pub mod page;
pub mod rate;
pub mod source;
pub mod web;
