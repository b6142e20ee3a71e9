//! The folder that everything is kept in: who uses it, and files in it that hold secrets.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Locked while somebody runs from the folder; holds their process id, until they leave in good order.
const LOCK: &str = "lock";

/// A folder that nobody else runs from while this value lives.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    lock: File,
}

impl Folder {
    /// Whether [`Self::claim`] would find somebody else in the folder. Makes nothing.
    pub(super) fn must_be_free(path: &Path) -> Result<(), String> {
        match File::open(path.join(LOCK)) {
            Ok(mut lock) => must_lock(path, &mut lock),
            Err(_) => Ok(()),
        }
    }

    /// Whether the last one to run from it was killed: its children may still be ending.
    pub(super) fn is_left_behind(path: &Path) -> bool {
        fs::metadata(path.join(LOCK)).is_ok_and(|lock| lock.len() > 0)
    }

    /// Makes the folder if it is missing, and claims it. The error is for people.
    pub(super) fn claim(path: &Path) -> Result<Self, String> {
        let at = |error: io::Error| format!("--data {}: {error}", path.display());
        // PostgreSQL's user passes through; what is inside has its own mode.
        fs::DirBuilder::new().recursive(true).mode(0o711).create(path).map_err(at)?;
        let root = fs::canonicalize(path).map_err(at)?;
        must_be_ours(path, &fs::metadata(&root).map_err(at)?)?;
        let mut options = OpenOptions::new();
        let mut lock = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(root.join(LOCK))
            .map_err(at)?;
        must_lock(path, &mut lock)?;
        lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id())).map_err(at)?;
        Ok(Self { root, lock })
    }

    /// The folder, absolute.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// A path in it.
    pub(super) fn join(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// A folder in it that only we may look into.
    pub(super) fn private(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.join(name);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(path)
    }

    /// Writes a file that only we may read: whole or not at all, also when the power fails.
    pub(super) fn write_secret(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.join(name);
        let fresh = path.with_added_extension("new");
        let _ = fs::remove_file(&fresh);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // At worst the next start waits for children that are long gone.
        let _ = self.lock.set_len(0);
    }
}

/// Whoever else may write in the folder could put a link where we are about to write a secret.
fn must_be_ours(path: &Path, found: &fs::Metadata) -> Result<(), String> {
    let us = rustix::process::geteuid().as_raw();
    let reason = if found.uid() != us {
        format!("belongs to user {}, not to user {us} who runs this", found.uid())
    } else if found.mode() & 0o002 != 0 {
        String::from("may be written by everybody")
    } else {
        return Ok(());
    };
    Err(format!(
        "--data {}: the folder {reason}; name another one, or one that does not exist yet",
        path.display()
    ))
}

fn must_lock(path: &Path, lock: &mut File) -> Result<(), String> {
    match lock.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // Without it the sentence is a little poorer.
            let _ = lock.read_to_string(&mut pid);
            Err(format!("--data {}: another sambung up (process {pid}) runs from it", path.display()))
        }
        Err(TryLockError::Error(error)) => Err(format!("--data {}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_that_everybody_may_write_in_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let claimed = |mode| {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            Folder::claim(folder.path()).map(drop)
        };
        assert!(claimed(0o777).unwrap_err().contains("written by everybody"));
        assert!(!folder.path().join(LOCK).exists());
        assert_eq!(claimed(0o755), Ok(()));
    }
}
