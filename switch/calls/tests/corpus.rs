//! Replays the committed fuzz corpus through the same check as the fuzz target, so that a finding stays fixed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "the corpus is files; the package itself reads none")]

#[path = "../../../fuzz/checks/calls.rs"]
mod checks;
#[path = "../../../fuzz/checks/replay.rs"]
mod replay;
#[path = "../../../fuzz/checks/script.rs"]
mod script;
#[path = "../../../fuzz/checks/story.rs"]
mod story;

#[test]
fn switchboard_stories() {
    replay::replay("switchboard", checks::switchboard);
}
