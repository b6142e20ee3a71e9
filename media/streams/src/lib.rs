//! What media means, without a socket: packet headers, session descriptions, source learning, path logic.
//!
//! A leg is one side of a call; a path carries what one leg receives to another. This package decides
//! (accept, forward, drop, rewrite a description); `media/relay` owns the sockets and threads and asks.
//! It also holds the words that call control and relay say to each other ([`media`]).
//!
//! It deliberately has no clock, socket, thread or randomness: time comes in as microseconds.

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

pub mod audio;
pub mod capture;
pub mod classify;
pub mod codec;
pub mod conference;
pub mod diagnosis;
pub mod dtls;
pub mod framing;
pub mod ice;
pub mod keys;
pub mod leg;
pub mod media;
pub mod path;
pub mod quality;
pub mod reception;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod srtp;
pub mod tap;
pub mod voice;
