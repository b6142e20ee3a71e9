//! The checks of the fuzz targets, one file for each machine; each panics when something that must hold does not.
//!
//! The committed corpora are replayed through the same files by `tests/corpus.rs` of the package concerned.

pub mod calls;
pub mod dtls;
pub mod endpoint;
pub mod framing;
pub mod headers;
pub mod ice;
pub mod media;
pub mod path;
pub mod script;
pub mod sip;
pub mod srtp;
pub mod story;
pub mod stun;
pub mod voice;
