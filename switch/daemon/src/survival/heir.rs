//! Whether the program that is started next can go on with this one's calls (decision 0014).
//!
//! After an upgrade it is another one, whose calls may be made otherwise. It is asked before anything is left to it:
//! `sambungd --reads-images KIND`, with the state file on its standard input, tries to read every image and says by its
//! exit code whether it could. An heir that cannot, that does not know the question or that is not there is none; then
//! this process ends its calls itself, with a BYE that no other process could write.

use std::{
    env,
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::FileExt,
    },
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use clap::ValueEnum;
use rustix::fs::{MemfdFlags, memfd_create};

use super::{UNREAD, state_file::StateFile};

/// An heir that does not answer within this is none.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// The state file is copied in pieces of this size.
const PIECE_BYTES: usize = 256 * 1024;

/// The kinds of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Of calls.
    Calls,
    /// Of media legs.
    Legs,
}

/// This life's state files, which its writers go on writing to.
#[derive(Debug)]
pub struct Estate {
    files: [(Kind, OwnedFd); 2],
}

impl Estate {
    pub(super) fn of(calls: &StateFile, legs: &StateFile) -> io::Result<Self> {
        let duplicate = |file: &StateFile| file.descriptor().try_clone_to_owned();
        Ok(Self { files: [(Kind::Calls, duplicate(calls)?), (Kind::Legs, duplicate(legs)?)] })
    }

    /// Whether there is an heir that reads everything; the error says why there is none.
    pub async fn has_heir(&self) -> Result<(), String> {
        let program = program().map_err(|error| format!("where it stands is not known: {error}"))?;
        for (kind, file) in &self.files {
            let name = kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            let file = file.try_clone().map_err(|error| error.to_string())?;
            let asked = tokio::process::Command::new(&program)
                .args(["--reads-images", &name])
                .env_clear()
                .stdin(Stdio::from(file))
                .kill_on_drop(true)
                .status();
            match tokio::time::timeout(ANSWER_MAX, asked).await {
                Ok(Ok(status)) if status.success() => {}
                Ok(Ok(status)) => return Err(format!("it cannot read the {name} of this one ({status})")),
                Ok(Err(error)) => return Err(format!("{}: {error}", program.display())),
                Err(_) => return Err(format!("it has not answered within {} s", ANSWER_MAX.as_secs())),
            }
        }
        Ok(())
    }
}

/// The program that whoever started this one will start again: by the path, not by the file that is running.
fn program() -> io::Result<PathBuf> {
    let named = env::args_os().next().map(PathBuf::from).filter(|path| path.is_absolute());
    named.map_or_else(env::current_exe, Ok)
}

/// The heir's answer: whether this release reads every image in `file`, which somebody else goes on writing to.
pub fn reads(kind: Kind, file: impl AsFd) -> io::Result<bool> {
    let (_, values) = StateFile::open(copy(&file.as_fd().try_clone_to_owned()?.into())?)?;
    Ok(values.iter().all(|(key, image)| match kind {
        Kind::Calls => *key < UNREAD << 1 || calls::is_image_readable(image),
        Kind::Legs => relay::is_image_readable(image),
    }))
}

fn copy(file: &File) -> io::Result<OwnedFd> {
    let copy = File::from(memfd_create("copy", MemfdFlags::CLOEXEC)?);
    let (mut piece, mut at) = (vec![0; PIECE_BYTES], 0);
    loop {
        let read = file.read_at(&mut piece, at)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { return Ok(copy.into()) };
        copy.write_all_at(bytes, at)?;
        at += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_is_none_of_this_release_is_noticed_and_the_file_stays_as_it_is() {
        let mut file = StateFile::create("test").unwrap();
        file.put(1, b"secrets are no image").unwrap();
        assert!(reads(Kind::Calls, file.descriptor()).unwrap());
        file.put(1 << 100, b"of another release").unwrap();
        assert!(!reads(Kind::Calls, file.descriptor()).unwrap());
        assert!(!reads(Kind::Legs, file.descriptor()).unwrap());
        let (_, values) = StateFile::open(file.descriptor().try_clone_to_owned().unwrap()).unwrap();
        assert_eq!(values.len(), 2);
    }

    #[test]
    fn a_file_of_another_layout_is_an_error() {
        let other = memfd_create("other", MemfdFlags::CLOEXEC).unwrap();
        assert!(reads(Kind::Legs, &other).is_err());
    }
}
