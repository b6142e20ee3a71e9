//! Organisations, people, what they may do and what they prove themselves with.

pub mod accounts;
pub mod api_keys;
pub mod figures;
pub mod google;
pub mod guests;
pub mod invitations;
pub mod letters;
pub mod members;
pub mod organisations;
pub mod password;
pub mod people;
pub mod permission;
pub mod person_events;
mod presented;
pub mod qr_codes;
pub mod second_factors;
mod shown;
pub mod sign_ins;
pub mod signing;
mod unhurried;

use std::{net::IpAddr, num::NonZeroU32, path::Path};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::http::{
    error::ApiError,
    rate::{Allowance, Counted},
    source::Source,
};

/// Tries that a source has at an address at first, and at most; one more comes back each minute.
pub const TRIES_MAX: u32 = 20;
/// The same of all sources together, so that many of them do not make a guess easier; ten more come back each minute.
pub const LOGIN_TRIES_MAX: u32 = 200;
/// The same of one source at all addresses together, and with a provider of sign-ins; ten more come back each minute.
pub const SOURCE_TRIES_MAX: u32 = 60;
/// Letters that a source can have sent at first, and at most; one more comes back each minute.
pub const SOURCE_LETTERS_MAX: u32 = 10;

/// Codes and passwords that a person who is known tries at first, and at most; one more comes back each minute.
pub const CODES_MAX: u32 = 10;

/// Times that a device can ask for its configuration at first, and at most; six more come back each minute.
pub const DEVICE_FETCHES_MAX: u32 = 30;

/// What people and devices prove themselves by, besides the rows.
#[derive(Debug)]
pub struct Proofs {
    /// What tokens are signed with.
    pub signing: signing::Signing,
    /// Who looks at passwords.
    pub passwords: password::Passwords,
    tries: Counted<[u8; 32]>,
    logins: Counted<[u8; 32]>,
    sources: Counted<IpAddr>,
    letters: Counted<IpAddr>,
    codes: Counted<Uuid>,
    fetches: Counted<Uuid>,
    pub(crate) guests: guests::rates::Rates,
}

impl Proofs {
    /// With the signing keys in `folder`.
    ///
    /// # Errors
    /// There are none and none can be made, or one of them is wrong.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let allowance = |burst, per_minute| {
            let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
            Allowance { per_minute: number(per_minute), burst: number(burst) }
        };
        Ok(Self {
            signing: signing::Signing::open(folder)?,
            passwords: password::Passwords::new()?,
            tries: Counted::new("try", allowance(TRIES_MAX, 1)),
            logins: Counted::new("login", allowance(LOGIN_TRIES_MAX, 10)),
            sources: Counted::new("source", allowance(SOURCE_TRIES_MAX, 10)),
            letters: Counted::new("letter", allowance(SOURCE_LETTERS_MAX, 1)),
            codes: Counted::new("code", allowance(CODES_MAX, 1)),
            fetches: Counted::new("device", allowance(DEVICE_FETCHES_MAX, 6)),
            guests: guests::rates::Rates::default(),
        })
    }

    /// Takes one of the tries of this source at whoever is called `login`, whether there is such a one or not: a stranger elsewhere locks
    /// nobody out by what they try.
    pub(crate) fn spend_try(&self, source: &Source, login: &str) -> Result<(), ApiError> {
        let place = source.neighbourhood();
        self.sources.count(place).check()?;
        let both = Sha256::new().chain_update(place.to_string()).chain_update([0]).chain_update(login);
        self.tries.count(both.finalize().into()).check()?;
        self.logins.count(Sha256::digest(login).into()).check()
    }

    /// Takes one of the tries at `user`'s second factor, whoever it is that tries.
    pub(crate) fn spend_code(&self, user: Uuid) -> Result<(), ApiError> {
        self.codes.count(user).check()
    }

    /// Takes one of the times that whatever device is called so can ask for its configuration.
    pub(crate) fn spend_fetch(&self, device: Uuid) -> Result<(), ApiError> {
        self.fetches.count(device).check()
    }

    /// Takes one of the tries of this source, at nobody that is known yet.
    pub(crate) fn spend_visit(&self, source: &Source) -> Result<(), ApiError> {
        self.sources.count(source.neighbourhood()).check()
    }

    /// Takes one of the letters that this source can have sent, to whomever.
    pub(crate) fn spend_letter(&self, source: &Source, login: &str) -> Result<(), ApiError> {
        self.spend_try(source, login)?;
        self.letters.count(source.neighbourhood()).check()
    }
}
