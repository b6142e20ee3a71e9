//! The API as its clients meet it, over HTTP, on a PostgreSQL server of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod accounts;
mod calls;
mod cancellation;
mod coverage;
mod description;
mod devices;
mod doors;
mod events;
mod extensions;
mod forged;
mod isolation;
mod jobs;
mod keys;
mod mails;
mod members;
mod orders;
mod organisations;
mod outside;
mod people;
mod record;
mod recordings;
mod route;
mod rules;
mod scene;
mod services;
mod settings;
mod sign_ins;
mod sip_accounts;
mod smtp;
mod stage;
mod startup;
mod webhooks;
