//! Organisations, people, what they may do and what they prove themselves with.

pub mod accounts;
pub mod api_keys;
pub mod letters;
pub mod password;
pub mod permission;
mod presented;
pub mod sign_ins;
pub mod signing;

use std::{num::NonZeroU32, path::Path};

use sha2::{Digest as _, Sha256};

use crate::http::{
    error::ApiError,
    rate::{Allowance, Counted},
};

/// Tries that an address has at first, and at most; one more comes back each minute.
pub const TRIES_MAX: u32 = 20;

/// What people prove themselves by, besides the rows.
#[derive(Debug)]
pub struct Proofs {
    /// What tokens are signed with.
    pub signing: signing::Signing,
    /// Who looks at passwords.
    pub passwords: password::Passwords,
    tries: Counted<[u8; 32]>,
}

impl Proofs {
    /// With the signing keys in `folder`.
    ///
    /// # Errors
    /// There are none and none can be made, or one of them is wrong.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let burst = NonZeroU32::new(TRIES_MAX).unwrap_or(NonZeroU32::MIN);
        Ok(Self {
            signing: signing::Signing::open(folder)?,
            passwords: password::Passwords::new()?,
            tries: Counted::new("try", Allowance { per_minute: NonZeroU32::MIN, burst }),
        })
    }

    /// Takes one of the tries of whoever is called `login`, whether there is such a one or not.
    pub(crate) fn spend_try(&self, login: &str) -> Result<(), ApiError> {
        self.tries.count(Sha256::digest(login).into()).check()
    }
}
