//! SIP for the switch (RFC 3261 and friends), without I/O: bytes and instants come in as values, messages and
//! timers go out as values.
//!
//! The wire part: [`parse`] reads a message in place into a reusable [`Index`], [`Message`] is the typed view of
//! it, [`MessageWriter`] is the only way to make bytes, [`StreamFramer`] cuts a TCP/TLS stream into messages,
//! [`digest`] challenges, verifies and answers. Above it, [`Endpoint`] is one shard's transactions, dialogs and INVITE
//! sessions. Nothing here opens sockets, reads clocks or keeps a map without a limit.

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
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod boxed_map;
pub mod branch;
pub mod content;
mod dialog;
pub mod digest;
pub mod endpoint;
mod flow;
mod header;
mod image;
pub mod limits;
pub mod locate;
mod message;
mod method;
mod nat;
mod outside;
mod parse;
mod replaces;
mod session;
mod status;
mod stream;
pub mod stun;
mod subscription;
mod timer;
pub mod transaction;
pub mod uri;
pub mod write;

pub use endpoint::{
    ANSWERS_MAX, Body, BodyHeaders, Cause, Counts, DropReason, EndedBy, Endpoint, EndpointConfig, Event,
    ExtraHeaders, Input, Invite, Knock, Lapse, NewRequest, Output, Outputs, OutsideRequest, Party,
    PeerAbilities, Provisional, REASONS_MAX, Reason, ReasonValue, Refused, Reliability, Reply, RequestKey,
    ServerKey, Way, Why,
};
pub use flow::{Flow, Transport};
pub use header::HeaderName;
pub use image::SessionsImage;
pub use message::fields::{
    CSeq, ContactValue, FieldError, FieldProblem, Malformed, NameAddr, Params, Via, unquoted,
};
pub use message::index::Index;
pub use message::valid::Invalid;
pub use message::{Headers, Message, OwnedMessage, Values};
pub use method::Method;
pub use parse::{ParseError, parse, parse_head};
pub use replaces::Replaces;
pub use session::SessionKey;
pub use status::reason_phrase_of;
pub use stream::{Frame, FrameError, StreamFramer};
pub use subscription::{
    EventPackage, Grant, SubscriptionEnd, SubscriptionKey, SubscriptionState, Termination, WATCHES_MAX,
    Watch, WatchEnd, WatchKey,
};
pub use transaction::Timers;
pub use uri::{Host, Scheme, Uri, UriError};
pub use write::{MessageWriter, WriteError};
