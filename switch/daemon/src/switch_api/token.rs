//! The bearer token: read from its file, or made at random and written there (mode 0600).

use std::{fmt, fs, io, path::Path};

use subtle::ConstantTimeEq;

use crate::atomic_file;

/// Bytes of randomness in a token of ours.
const RANDOM_BYTES: usize = 32;
/// The shortest token taken from a file.
const TOKEN_BYTES_MIN: usize = 16;

/// A secret that opens the switch API.
pub struct Token(String);

impl Token {
    /// Reads the token from `path`, or makes one and writes it there when there is no such file.
    pub fn read_or_make(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => {
                let token = text.trim();
                let is_sound =
                    token.len() >= TOKEN_BYTES_MIN && token.bytes().all(|byte| byte.is_ascii_graphic());
                is_sound.then(|| Self(token.to_owned())).ok_or_else(|| {
                    let reason =
                        format!("expected one line with at least {TOKEN_BYTES_MIN} visible characters");
                    io::Error::new(io::ErrorKind::InvalidData, reason)
                })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = Self::random()?;
                atomic_file::replace(path, format!("{}\n", token.0).as_bytes())?;
                Ok(token)
            }
            Err(error) => Err(error),
        }
    }

    fn random() -> io::Result<Self> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Whether an Authorization header's value is this token (RFC 6750 §2.1). Takes the same time for every value
    /// of the right length.
    pub fn is_in(&self, value: &[u8]) -> bool {
        let Some((scheme, token)) = value.split_at_checked(7) else { return false };
        scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(token.ct_eq(self.0.as_bytes()))
    }
}

impl fmt::Debug for Token {
    /// Does not show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_read_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let made = Token::read_or_make(&path).unwrap();
        let read = Token::read_or_make(&path).unwrap();
        assert_eq!((made.0.len(), &made.0), (64, &read.0));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(read.is_in(format!("Bearer {}", made.0).as_bytes()));
        assert!(read.is_in(format!("bearer {}", made.0).as_bytes()));
        for wrong in
            ["", "Bearer", "Bearer ", &made.0, &format!("Basic {}", made.0), &format!("Bearer {}x", made.0)]
        {
            assert!(!read.is_in(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn a_file_without_a_usable_token_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for text in ["", "short", "two words in one file"] {
            fs::write(&path, text).unwrap();
            Token::read_or_make(&path).unwrap_err();
        }
    }
}
