//! Replays the committed fuzz corpora through the same checks as the fuzz targets, so that a finding stays fixed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "the corpora are files; the package itself reads none")]

#[path = "../../../fuzz/checks/sip.rs"]
mod checks;

use std::path::Path;

fn replay(target: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "{} holds no corpus", folder.display());
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        check(&bytes);
        // A seed that was cut off or has a bit turned is one more.
        for at in 0..bytes.len().min(2_048) {
            check(&bytes[..at]);
            let mut turned = bytes.clone();
            turned[at] ^= 1 << (at % 8);
            check(&turned);
        }
    }
}

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
