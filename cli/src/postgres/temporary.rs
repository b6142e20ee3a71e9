//! Folders of servers that are thrown away. Each is locked by the process that uses it, so that others can
//! tell a living one from one that was left behind.

use std::{
    env,
    fs::{self, File},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Error, at};
use crate::secret;

const PREFIX: &str = "sambung-pg-";

/// Younger folders are left alone: their owner may be about to lock them.
const YOUNG: Duration = Duration::from_secs(60);

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
    let path = env::temp_dir().join(format!("{PREFIX}{}", secret::hex(&secret::bytes::<8>()?)));
    at(&path, fs::DirBuilder::new().mode(0o711).create(&path))?;
    let lock = at(&path, File::create(path.join("lock")))?;
    at(&path, lock.lock())?;
    Ok(Home { path, _lock: lock })
}

fn is_left_behind(path: &Path) -> bool {
    let Ok(lock) = File::open(path.join("lock")) else { return false };
    let age = lock.metadata().and_then(|lock| lock.modified()).ok().and_then(|made| made.elapsed().ok());
    age.is_some_and(|age| age > YOUNG) && lock.try_lock().is_ok()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_was_left_behind_is_swept_up_and_what_is_used_stays() {
        let (used, left, young) = (claim().unwrap(), claim().unwrap(), claim().unwrap());
        let long_ago = SystemTime::now() - 2 * YOUNG;
        for home in [&used, &left] {
            home._lock.set_modified(long_ago).unwrap();
        }
        for home in [&left, &young] {
            home._lock.unlock().unwrap();
        }
        let fourth = claim().unwrap();
        assert_eq!(
            [&used, &left, &young, &fourth].map(|home| home.path().exists()),
            [true, false, true, true]
        );
    }
}
