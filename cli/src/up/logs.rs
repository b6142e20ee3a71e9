//! Bounds the logs of what `sambung up` runs: a log that has grown too long is copied to `NAME.log.1` and emptied.
//!
//! The programs write to open files and know nothing of it; they append, so an emptied file begins anew. What is written
//! between copy and emptying is lost: for a machine that somebody looks after, journald keeps the logs instead.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// A longer log is moved away; with the one before, a program's logs take twice this at most.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Looks at every log in the folder.
pub(super) fn bound(folder: &Path) -> io::Result<()> {
    bound_to(folder, LOG_BYTES_MAX)
}

fn bound_to(folder: &Path, bytes_max: u64) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_log = path.extension().is_some_and(|extension| extension == "log");
        if is_log && fs::metadata(&path)?.len() > bytes_max {
            fs::copy(&path, path.with_extension("log.1"))?;
            File::options().write(true).open(&path)?.set_len(0)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_long_log_is_emptied_under_its_writer_and_the_last_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sambungd.log");
        let mut writer = File::options().append(true).create(true).open(&path).unwrap();
        let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        for round in 0..3 {
            writer.write_all(format!("{round} {}\n", "x".repeat(100)).as_bytes()).unwrap();
            bound_to(folder.path(), 50).unwrap();
            assert_eq!(text("sambungd.log"), "");
            assert!(text("sambungd.log.1").starts_with(&round.to_string()));
        }
        writer.write_all(b"short\n").unwrap();
        bound_to(folder.path(), 50).unwrap();
        assert_eq!(text("sambungd.log"), "short\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
