//! Load on the switch as built: many lean phones on a few sockets, as fast as asked.
//!
//! [`switch`] starts `sambungd` alone, on a loopback address of its own and with its rows on disk; [`callers`] makes calls
//! at a rate and tells what became of them, [`callee`] answers all of them, [`media`] listens whether running calls lose
//! a packet meanwhile, [`lamps`] how soon keys show it; [`stories`] puts them together. [`browsers`] holds calls of browsers, with a
//! [`crowd`] that talks in them. Deliberately lean: whatever these do costs the machine that the switch runs on. What they send is
//! right; what they do not need they do not read.

pub mod browsers;
pub mod callee;
pub mod callers;
pub mod crowd;
pub mod lamps;
pub mod media;
pub mod message;
pub mod socket;
pub mod sources;
pub mod stories;
pub mod switch;
