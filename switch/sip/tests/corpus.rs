//! Replays the committed fuzz corpora through the same checks as the fuzz targets, so that a finding stays fixed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "the corpora are files; the package itself reads none")]

#[path = "../../../fuzz/checks/endpoint.rs"]
mod endpoint;
#[path = "../../../fuzz/checks/headers.rs"]
mod headers;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;
#[path = "../../../fuzz/checks/script.rs"]
mod script;
#[path = "../../../fuzz/checks/sip.rs"]
mod sip;
#[path = "../../../fuzz/checks/story.rs"]
mod story;
#[path = "../../../fuzz/checks/stun.rs"]
mod stun_checks;

use replay::replay;

#[test]
fn sip_message() {
    replay("sip_message", sip::message);
}

#[test]
fn sip_stream() {
    replay("sip_stream", sip::stream);
}

#[test]
fn sip_uri() {
    replay("sip_uri", sip::uri);
}

#[test]
fn sip_digest() {
    replay("sip_digest", sip::digest);
}

#[test]
fn stun() {
    replay("stun", stun_checks::stun);
}

#[test]
fn header_values() {
    replay("headers", headers::headers);
}

#[test]
fn endpoint_stories() {
    replay("endpoint", endpoint::endpoint);
}
