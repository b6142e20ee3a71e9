//! Folders of servers that are thrown away. Each is locked by the process that uses it before it gets its
//! name, so that others can tell a living one from one that was left behind, at once: a test suite starts a
//! server every second, and what each leaves is as large as a small database.

use std::{
    env,
    fs::{self, File},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::{Error, at};
use crate::secret;

const PREFIX: &str = "sambung-pg-";

/// What a folder is called until it is locked. Left behind, it holds an empty file.
const UNNAMED_PREFIX: &str = "sambung-new-pg-";

/// A folder that is deleted with this value.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    _lock: File,
}

impl Home {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // A leftover in the temporary folder hurts nobody, and is swept up later.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A new folder, after what others left behind has been deleted.
pub(super) fn claim() -> Result<Home, Error> {
    let others = fs::read_dir(env::temp_dir()).into_iter().flatten().flatten();
    for other in others.filter(|other| other.file_name().to_string_lossy().starts_with(PREFIX)) {
        if is_left_behind(&other.path()) {
            let _ = fs::remove_dir_all(other.path());
        }
    }
    let name = secret::hex(&secret::bytes::<8>()?);
    let unnamed = env::temp_dir().join(format!("{UNNAMED_PREFIX}{name}"));
    at(&unnamed, fs::DirBuilder::new().mode(0o711).create(&unnamed))?;
    let lock = at(&unnamed, File::create(unnamed.join("lock")))?;
    at(&unnamed, lock.lock())?;
    let path = env::temp_dir().join(format!("{PREFIX}{name}"));
    at(&path, fs::rename(&unnamed, &path))?;
    Ok(Home { path, _lock: lock })
}

fn is_left_behind(path: &Path) -> bool {
    File::open(path.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_behind_is_swept_up_at_once_and_what_is_used_stays() {
        let (used, left) = (claim().unwrap(), claim().unwrap());
        left._lock.unlock().unwrap();
        let third = claim().unwrap();
        assert_eq!([&used, &left, &third].map(|home| home.path().exists()), [true, false, true]);
    }
}
