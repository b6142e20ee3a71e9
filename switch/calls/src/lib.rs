//! What a call means: who may call, who rings, who hears whom, and what is written down about it.
//!
//! A [`Switchboard`] takes datagrams, media news, plans and orders, and puts out datagrams, media orders,
//! journal entries and changes of the tables that others show. It owns a `sip::Endpoint`, which hides
//! transactions and dialogs from it, and draws ports from a stock that the relay has bound ahead of need.
//!
//! It deliberately has no clock, socket, thread or file: instants, seeds and stock come in as values
//! (RFC 3261 §10 for the registrar, RFC 3264 for offers and answers, H-057 … H-066 for the record of a call).
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )
)]

mod admission;
mod authentication;
mod availability;
mod call;
mod clock;
mod conferences;
mod config;
mod facts;
mod fraud;
mod guard;
mod guests;
mod image;
mod input;
mod joining;
mod located;
mod mailboxes;
mod means;
mod messages;
mod originations;
mod output;
mod presence;
pub mod quality;
mod queues;
mod registrar;
mod sender;
mod sights;
mod stock;
mod supervision;
mod switchboard;
mod trunks;

pub use admission::{Lanes, is_new_work};
pub use availability::StoredAvailability;
pub use call::message_sound;
pub use clock::ClockMark;
pub use config::{DtlsPolicy, Limits, Redirects, Srtp, SrtpPolicy, SwitchboardConfig, Timeouts};
pub use contract::command::{Command, Outcome};
pub use fraud::OutsideUse;
pub use guard::{Access, AccessList, GuardConfig};
pub use image::{CallImage, Continuity, is_image_readable};
pub use input::Input;
pub use mailboxes::StoredMessage;
pub use output::{
    BindingChange, ImageChange, LiveChange, MessageFetch, Notice, Offence, Output, Outputs, RecordingOrder,
    SecurityEvent, Trace, TrunkChange, TrunkNews, Why,
};
pub use registrar::{Binding, BindingFlow};
pub use switchboard::{Counts, Switchboard};
pub use trunks::TrunkCounts;
