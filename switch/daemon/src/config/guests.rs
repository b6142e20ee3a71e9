//! `[guests]`: the secret by which passes of guests are proven (H-020), read once, when the switch starts.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use contract::guests::Secret;

use super::Mistake;

/// The longest file: a secret is 64 digits.
const FILE_BYTES_MAX: u64 = 1_024;

/// `[guests]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guests {
    /// File with the secret, which the API reads too. Empty: `$CREDENTIALS_DIRECTORY/guest-secret` when that exists (systemd
    /// `LoadCredential=`), else guests cannot call.
    pub secret_file: Option<PathBuf>,
}

impl Guests {
    /// The secret; `None`: no guest can call.
    ///
    /// # Errors
    /// The file cannot be read, or holds none.
    pub fn secret(&self) -> Result<Option<Secret>, Mistake> {
        let credential =
            env::var_os("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join("guest-secret"));
        let Some(path) = self.secret_file.clone().or_else(|| credential.filter(|path| path.exists())) else {
            return Ok(None);
        };
        let wrong = |reason: &dyn std::fmt::Display| {
            Mistake::new("guests.secret_file", format!("{}: {reason}", path.display()))
        };
        let about = fs::metadata(&path).map_err(|error| wrong(&error))?;
        let text = if about.len() > FILE_BYTES_MAX {
            String::new()
        } else {
            fs::read_to_string(&path).map_err(|error| wrong(&error))?
        };
        Secret::of_digits(&text).map(Some).ok_or_else(|| wrong(&"must be 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_what_its_file_says_or_the_switch_does_not_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guest-secret");
        let guests = Guests { secret_file: Some(path.clone()) };
        assert!(guests.secret().unwrap_err().to_string().starts_with("guests.secret_file: "), "no such file");
        fs::write(&path, format!("{}\n", "0f".repeat(32))).unwrap();
        assert!(guests.secret().unwrap().is_some());
        for wrong in ["", "short", &"0".repeat(2_000)] {
            fs::write(&path, wrong).unwrap();
            assert!(guests.secret().unwrap_err().to_string().ends_with("64 hexadecimal digits"), "{wrong}");
        }
    }
}
