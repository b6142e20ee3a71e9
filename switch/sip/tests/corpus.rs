//! Replays the committed fuzz corpora through the same checks as the fuzz targets, so that a finding stays fixed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "the corpora are files; the package itself reads none")]

#[path = "../../../fuzz/checks/sip.rs"]
mod checks;

#[path = "../../../fuzz/checks/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn sip_message() {
    replay("sip_message", checks::message);
}

#[test]
fn sip_stream() {
    replay("sip_stream", checks::stream);
}

#[test]
fn sip_uri() {
    replay("sip_uri", checks::uri);
}

#[test]
fn sip_digest() {
    replay("sip_digest", checks::digest);
}
