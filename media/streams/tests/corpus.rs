//! Replays the committed fuzz corpora through the same checks as the fuzz targets, so that a finding stays fixed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "a test reads its corpus")]

#[path = "../../../fuzz/checks/media.rs"]
mod checks;

#[path = "../../../fuzz/checks/path.rs"]
mod path;

#[path = "../../../fuzz/checks/replay.rs"]
mod replay;

#[path = "../../../fuzz/checks/script.rs"]
mod script;

#[path = "../../../fuzz/checks/srtp.rs"]
mod srtp;

use replay::replay;

#[test]
fn sdp() {
    replay("sdp", checks::sdp);
}

#[test]
fn rtp_rtcp() {
    replay("rtp_rtcp", checks::rtp_rtcp);
}

#[test]
fn relay_path() {
    replay("relay_path", path::relay_path);
}

#[test]
fn srtp_stories() {
    replay("srtp", srtp::srtp);
}
