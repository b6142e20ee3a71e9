//! Passwords: the rule for new ones (H-004), and looking whether one is right, which is dear on purpose (Argon2id, 19 MiB and two
//! passes, ASVS 5.0 appendix C). So few are looked at at once, further ones wait, and beyond those none is taken. Where there is no
//! password to compare with, the work is done all the same, so that nobody learns it by the clock (H-008).

use std::sync::Arc;

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash::phc::PasswordHash};
use tokio::sync::Semaphore;

use crate::http::{error::ApiError, fields::Fields};

/// Passwords that are looked at at the same time.
pub const CHECKS_MAX: usize = 4;
/// And that wait for it; more are refused.
pub const WAITING_MAX: usize = 64;
/// Octets of a password.
pub const PASSWORD_BYTES_MAX: usize = 200;
/// Characters of one.
const PASSWORD_CHARS_MIN: usize = 8;

/// What looks at passwords.
#[derive(Debug)]
pub struct Passwords {
    places: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// The hash of nobody's password.
    nobodys: String,
}

impl Passwords {
    /// # Errors
    /// The system gives no random bytes.
    pub fn new() -> Result<Self, String> {
        let mut nobodys = [0_u8; 32];
        getrandom::fill(&mut nobodys).map_err(|error| error.to_string())?;
        Ok(Self {
            places: Arc::new(Semaphore::new(CHECKS_MAX)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            nobodys: hash(&nobodys)?,
        })
    }

    /// Whether `password` is the one that `stored` is the hash of. Takes as long where nothing is stored.
    pub(crate) async fn matches(&self, password: String, stored: Option<String>) -> Result<bool, ApiError> {
        let is_there = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobodys.clone());
        let is_equal = self.work(move || verify(password.as_bytes(), &stored)).await?;
        Ok(is_equal && is_there)
    }

    /// The hash to be stored of a new one.
    pub async fn hash(&self, password: String) -> Result<String, ApiError> {
        self.work(move || hash(password.as_bytes())).await?.map_err(ApiError::Internal)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let lost =
            |error: &dyn std::fmt::Display| ApiError::Internal(format!("no password is looked at: {error}"));
        let waiting = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| ApiError::Busy)?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|error| lost(&error))?;
        drop(waiting);
        // Whoever goes away in the middle keeps the place until the work is done.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.map_err(|error| lost(&error))
    }
}

/// Says if `password` is none that somebody may have (H-004).
pub fn check(fields: &mut Fields, field: &str, password: &str) {
    let is_long = password.chars().count() >= PASSWORD_CHARS_MIN;
    let has_digit = password.chars().any(char::is_numeric);
    let has_symbol = password.chars().any(|character| !character.is_alphanumeric());
    let is_good = is_long && has_digit && has_symbol && password.len() <= PASSWORD_BYTES_MAX;
    let reason = format!(
        "must be at least {PASSWORD_CHARS_MIN} characters, at most {PASSWORD_BYTES_MAX} octets, with a digit and a symbol"
    );
    fields.must(is_good, field, reason);
}

fn hash(password: &[u8]) -> Result<String, String> {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
    let hash = Argon2::default().hash_password_with_salt(password, &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| error.to_string())
}

fn verify(password: &[u8], stored: &str) -> bool {
    let stored = PasswordHash::new(stored);
    stored.is_ok_and(|stored| Argon2::default().verify_password(password, &stored).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_eight_characters_a_digit_and_a_symbol() {
        let is_good = |password: &str| {
            let mut fields = Fields::default();
            check(&mut fields, "password", password);
            fields.done().is_ok()
        };
        for good in ["rahasia-1", "pässwör-7", "        1", "1!abcdef"] {
            assert!(is_good(good), "{good}");
        }
        for bad in ["", "rahas-1", "rahasia1", "rahasia-", &format!("-1{}", "x".repeat(199))] {
            assert!(!is_good(bad), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_password_is_that_of_its_own_hash_alone_and_nobodys_is_nobodys() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash("rahasia-1".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let matches = async |password: &str, stored: Option<&str>| {
            passwords.matches(password.to_owned(), stored.map(str::to_owned)).await.unwrap()
        };
        assert!(matches("rahasia-1", Some(&hash)).await);
        assert!(!matches("rahasia-2", Some(&hash)).await);
        assert!(!matches("rahasia-1", None).await);
        assert!(!matches("rahasia-1", Some("")).await);
    }

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_sent_away() {
        let passwords = Passwords::new().unwrap();
        let _places = passwords.places.acquire_many(u32::try_from(CHECKS_MAX).unwrap()).await.unwrap();
        let waiting = passwords.waiting.acquire_many(u32::try_from(WAITING_MAX).unwrap()).await.unwrap();
        let refused = passwords.matches(String::new(), None).await;
        assert!(matches!(refused, Err(ApiError::Busy)));
        drop(waiting);
        let waits = passwords.matches(String::new(), None);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), waits).await.is_err());
    }
}
