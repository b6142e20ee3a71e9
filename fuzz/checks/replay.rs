//! Plays a committed corpus through a check, every seed also cut off and with a bit turned. For the tests of the
//! packages that are fuzzed; the fuzz targets do not use it.

use std::path::Path;

/// Plays the corpus of one fuzz target.
pub fn replay(target: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 4, "{} holds no corpus", folder.display());
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
