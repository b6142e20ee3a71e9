//! The checks of the fuzz targets, one file for each package; each panics when something that must hold does not.
//!
//! The committed corpora are replayed through the same files by `tests/corpus.rs` of the package concerned.

pub mod media;
pub mod sip;
