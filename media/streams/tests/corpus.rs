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

#[path = "../../../fuzz/checks/dtls.rs"]
mod dtls;

#[path = "../../../fuzz/checks/ice.rs"]
mod ice;

#[path = "../../../fuzz/checks/framing.rs"]
mod framing;

#[path = "../../../fuzz/checks/voice.rs"]
mod voice;

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

#[test]
fn voice_stories() {
    replay("voice", voice::voice_story);
}

/// Stories that nobody has chosen: the seed is the story.
#[test]
fn voice_stories_by_seed() {
    for seed in 0..60_u64 {
        let mut state = seed;
        let story: Vec<u8> = (0..200)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state.to_le_bytes()[7]
            })
            .collect();
        voice::voice_story(&story);
    }
}

#[test]
fn ice() {
    replay("ice", ice::ice);
}

#[test]
fn dtls_stories() {
    replay("dtls", dtls::dtls);
}

#[test]
fn framing() {
    replay("framing", framing::framing);
}
